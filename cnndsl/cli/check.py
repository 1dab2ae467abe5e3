"""``cnndsl check``: diagnostics, then the layer table."""

import argparse
import sys
from typing import Any

from cnndsl.cli.terminal import add_source_arguments, checked, exit_status, given_settings, say
from cnndsl.errors import CnnError

HELP = "check files and show every layer's shape and numbers"
EXAMPLE = "cnndsl check examples/lenet.cnn --input 1@32x32"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="a .cnn file, or - for standard input")
    add_source_arguments(command)
    shape_help = "replace the (named) input's shape"
    command.add_argument("--input", action="append", default=[], metavar="[NAME=]SHAPE", help=shape_help)
    command.add_argument("--batch", type=positive, default=1, metavar="N", help="examples a batch, for the memory")
    command.add_argument("--depth", type=natural, metavar="N", help="fold blocks nested deeper than N into one line")
    strict_help = "warnings count as errors, and so do divisions with a remainder"
    command.add_argument("--strict", action="store_true", help=strict_help)
    command.add_argument("--quiet", action="store_true", help="say nothing but diagnostics")
    command.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: text")


def natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    if len(text) > 9:
        raise argparse.ArgumentTypeError("must be below 1,000,000,000")
    return int(text)


def positive(text: str) -> int:
    if natural(text) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def execute(options: argparse.Namespace) -> int:
    """0 if all is fine; 1 with errors, or warnings under --strict; 2 if a file cannot be read."""
    status = 0
    settings = given_settings(options, options.input, options.strict)
    reports: list[dict[str, Any]] = []
    for file in options.files:
        try:
            result = checked(file, settings)
        except CnnError as error:
            status = max(status, exit_status(error))
            _show(options, file, error, (), reports)
            continue
        if not result.ok or (options.strict and result.diagnostics):
            status = max(status, 1)
        _show(options, file, result, result.networks, reports)
    if options.format == "json":
        import json

        from cnndsl.report.as_json import report

        json.dump(report(reports), sys.stdout, indent=1)
        print()
    return status


def _show(options: argparse.Namespace, file: str, found: Any, networks: Any, reports: list[dict[str, Any]]) -> None:
    """One file's diagnostics and networks in the format asked for."""
    if options.format == "json":
        from cnndsl.report.as_json import file_to_json

        reports.append(file_to_json(file, found.diagnostics, networks, options.batch))
        return
    if options.format == "github":
        from cnndsl.report.annotations import github

        sys.stdout.write(github(file, found.diagnostics))
        return
    say(found.diagnostics, found.sources)
    if options.quiet:
        return
    from cnndsl.report.diagnostics import visible
    from cnndsl.report.table import one_line

    if len(options.files) > 1:
        errors = sum(diagnostic.severity == "error" for diagnostic in found.diagnostics)
        verdict = f"{errors} error{'' if errors == 1 else 's'}" if errors else "fine, no networks"
        lines = [f"{visible(file)}: {line}" for line in map(one_line, networks)] or [f"{visible(file)}: {verdict}"]
        print("\n".join(lines))
        return
    sys.stdout.write("\n".join(network.summary(options.depth, options.batch) for network in networks))
