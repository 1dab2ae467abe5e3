"""``cnndsl check``: diagnostics, then the layer table."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnndsl.cli.numbers import natural, positive
from cnndsl.cli.terminal import add_source_arguments, checked, exit_status, given_settings, say
from cnndsl.errors import CnnError, Diagnostic

EXAMPLE = "cnndsl check examples/lenet.cnn --input 1@32x32"

FORMATS = ("text", "concise", "json", "github", "sarif")


class Found(NamedTuple):
    """What checking one file gave; only diagnostics if it could not be read."""

    file: str
    diagnostics: Sequence[Diagnostic]
    sources: Mapping[str, str]
    networks: Sequence[Any]


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="a .cnn or .onnx file, or - for standard input")
    add_source_arguments(command)
    shape_help = "replace the (named) input's shape"
    command.add_argument("--input", action="append", default=[], metavar="[NAME=]SHAPE", help=shape_help)
    command.add_argument("--batch", type=positive, default=1, metavar="N", help="examples a batch, for the memory")
    command.add_argument("--depth", type=natural, metavar="N", help="fold blocks nested deeper than N into one line")
    strict_help = "warnings count as errors, and so do divisions with a remainder"
    command.add_argument("--strict", action="store_true", help=strict_help)
    select_help = "report these warnings too: codes and groups (teach, extra, all), separated by commas"
    command.add_argument("--select", action="append", default=[], metavar="CODES", help=select_help)
    ignore_help = "leave these warnings out: codes and groups (default, all), separated by commas"
    command.add_argument("--ignore", action="append", default=[], metavar="CODES", help=ignore_help)
    command.add_argument("--quiet", action="store_true", help="say nothing but diagnostics")
    command.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    command.add_argument("--fix", action="store_true", help="mend what has a safe fix, in place")
    command.add_argument("--diff", action="store_true", help="with --fix: show the changes and write nothing")


def execute(options: argparse.Namespace) -> int:
    """0 if all is fine; 1 with errors, or warnings under --strict; 2 if a file cannot be read."""
    if options.diff and not options.fix:
        raise CnnError.of("bad-setting", "--diff shows what --fix would change", "give both")
    if options.fix and "-" in options.files:
        raise CnnError.of("bad-setting", "--fix writes files; standard input is none")
    from cnndsl.cli.config import chosen, configured

    status = 0
    given, choice = given_settings(options, options.input, options.strict), chosen(options)
    found: list[Found] = []
    for file in options.files:
        try:
            settings = configured(file, given, choice)
            if options.fix:
                changed = fixed(file, settings, options.diff)
                status = max(status, 1 if changed and options.diff else 0)
            result = checked(file, settings)
        except CnnError as error:
            status = max(status, exit_status(error))
            found.append(Found(file, error.diagnostics, error.sources, ()))
        else:
            if not result.ok or (settings["strict"] and result.diagnostics):
                status = max(status, 1)
            found.append(Found(file, result.diagnostics, result.sources, result.networks))
        if options.format == "text":
            _show_text(found.pop(), options)
    if options.format != "text":
        sys.stdout.write(_in_format(found, options))
    return status


def fixed(file: str, settings: Mapping[str, Any], diff: bool) -> int:
    """Mends a file; says how much changed, unless the changes themselves are shown."""
    from cnndsl.cli.fix import fix_file
    from cnndsl.cli.terminal import complain

    changed = fix_file(file, settings, diff)
    if changed and not diff:
        complain(f"{file}: {changed} line{'' if changed == 1 else 's'} fixed")
    return changed


def _in_format(found: Sequence[Found], options: argparse.Namespace) -> str:
    """The report on all files for other programs."""
    if options.format in ("concise", "github"):
        from cnndsl.report import annotations

        write = annotations.github if options.format == "github" else annotations.concise
        return "".join(write(one.file, one.diagnostics) for one in found)
    import json

    if options.format == "sarif":
        from cnndsl.report.sarif import sarif
        from cnndsl.version import VERSION

        report = sarif({one.file: one.diagnostics for one in found}, VERSION)
    else:
        from cnndsl.report import as_json

        files = [as_json.file_to_json(one.file, one.diagnostics, one.networks, options.batch) for one in found]
        report = as_json.report(files)
    return json.dumps(report, indent=1) + "\n"


def _show_text(one: Found, options: argparse.Namespace) -> None:
    """One file's diagnostics and networks for a person."""
    say(one.diagnostics, one.sources)
    if options.quiet:
        return
    if len(options.files) == 1:
        sys.stdout.write("\n".join(network.summary(options.depth, options.batch) for network in one.networks))
        return
    from cnndsl.report.diagnostics import visible
    from cnndsl.report.table import one_line

    errors = sum(diagnostic.severity == "error" for diagnostic in one.diagnostics)
    verdict = f"{errors} error{'' if errors == 1 else 's'}" if errors else "fine, no networks"
    lines = [one_line(network) for network in one.networks] or [verdict]
    print("\n".join(f"{visible(one.file)}: {line}" for line in lines))
