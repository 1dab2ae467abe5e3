"""``cnndsl check``: diagnostics, then the layer table."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cnndsl.analysis.lint import GROUPS
from cnndsl.cli.options import add_batch, add_file, add_shapes, add_source_arguments, natural
from cnndsl.cli.terminal import checked, exit_status, given_settings, say, source_files
from cnndsl.errors import CnnError, Diagnostic, visible

EXAMPLE = "cnndsl check examples/lenet.cnn --input 1@32x32"


class Found(NamedTuple):
    """What checking one file gave; only diagnostics if it could not be read."""

    file: str
    diagnostics: Sequence[Diagnostic]
    sources: Mapping[str, str]
    networks: Sequence[Any]


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command, several=True)
    add_source_arguments(command)
    add_shapes(command)
    add_batch(command)
    depth_help = "folds blocks nested deeper than N into one line"
    command.add_argument("--depth", type=natural, metavar="N", help=depth_help)
    strict_help = "warnings count as errors, and so do window divisions with a remainder"
    command.add_argument("--strict", action="store_true", help=strict_help)
    several = f"codes and groups ({', '.join(GROUPS)}), separated by commas; may be repeated"
    command.add_argument("--select", action="append", default=[], metavar="CODES", help=f"more warnings: {several}")
    command.add_argument("--ignore", action="append", default=[], metavar="CODES", help=f"fewer warnings: {several}")
    targets_help = (
        "warnings of the group portability: what of the network means something else in these, or does not exist "
        "there; onnx, torch, keras, onnxruntime, tflite, separated by commas; may be repeated"
    )
    command.add_argument("--for", action="append", default=[], dest="targets", metavar="TARGETS", help=targets_help)
    command.add_argument("--quiet", action="store_true", help="nothing but diagnostics")
    format_help = (
        "text: for people (default); concise: a line for each diagnostic; json: one object; github: workflow commands, "
        "shown beside the code in pull requests; sarif: for code scanning; csv: a line for each layer; keras: the "
        "table as Keras prints it; torchinfo: as torchinfo does"
    )
    command.add_argument("--format", choices=FORMATS, default="text", help=format_help)
    command.add_argument("--fix", action="store_true", help="mends what has a safe fix, in place")
    diff_help = "with --fix: shows the changes and writes nothing; exit status 1 if there are any"
    command.add_argument("--diff", action="store_true", help=diff_help)


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
    options.files = source_files(options.files)
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
            if not result.ok or (settings["strict"] and any(one.severity != "note" for one in result.diagnostics)):
                status = max(status, 1)
            found.append(Found(file, result.diagnostics, result.sources, result.networks))
        if options.format == "text":
            _show_text(found.pop(), options)
        elif options.format in TABLES:
            say(found[-1].diagnostics, found[-1].sources)
    if options.format in TABLES:
        shown = [(one.file, network) for one in found for network in _asked(one)]
        sys.stdout.write("" if options.quiet else TABLES[options.format](shown, options))
    elif options.format != "text":
        sys.stdout.write(REPORTS[options.format](found, options.batch))
    return status


def fixed(file: str, settings: Mapping[str, Any], diff: bool) -> int:
    """Mends a file; says how much changed, unless the changes themselves are shown."""
    from cnndsl.cli.fix import fix_file
    from cnndsl.cli.terminal import complain

    changed = fix_file(file, settings, diff)
    if changed and not diff:
        complain(f"{file}: {changed} line{'' if changed == 1 else 's'} fixed")
    return changed


def _concise(found: Sequence[Found], batch: int) -> str:
    from cnndsl.report.annotations import concise

    return "".join(concise(one.file, one.diagnostics) for one in found)


def _json(found: Sequence[Found], batch: int) -> str:
    from cnndsl.report import as_json

    files = [as_json.file_to_json(one.file, one.diagnostics, one.networks, batch) for one in found]
    return _dumped(as_json.report(files))


def _github(found: Sequence[Found], batch: int) -> str:
    from cnndsl.report.annotations import github

    return "".join(github(one.file, one.diagnostics) for one in found)


def _sarif(found: Sequence[Found], batch: int) -> str:
    from cnndsl.report.sarif import sarif
    from cnndsl.version import VERSION

    return _dumped(sarif({one.file: one.diagnostics for one in found}, VERSION))


def _dumped(report: object) -> str:
    import json

    return json.dumps(report, indent=1) + "\n"


REPORTS: dict[str, Callable[[Sequence[Found], int], str]] = {
    "concise": _concise,
    "json": _json,
    "github": _github,
    "sarif": _sarif,
}
"""The formats for other programs, and what writes the report on all files; the batch is for the memory."""


def _csv(networks: Sequence[tuple[str, Any]], options: argparse.Namespace) -> str:
    from cnndsl.report.summaries import as_csv

    return as_csv(networks)


def _keras(networks: Sequence[tuple[str, Any]], options: argparse.Namespace) -> str:
    from cnndsl.report.summaries import keras

    return "\n".join(keras(network, options.depth) for _, network in networks)


def _torchinfo(networks: Sequence[tuple[str, Any]], options: argparse.Namespace) -> str:
    from cnndsl.report.summaries import torchinfo

    return "\n".join(torchinfo(network, options.depth, options.batch) for _, network in networks)


TABLES: dict[str, Callable[[Sequence[tuple[str, Any]], argparse.Namespace], str]] = {
    "csv": _csv,
    "keras": _keras,
    "torchinfo": _torchinfo,
}
"""The layer table in other looks, of all networks with their files; diagnostics go to standard error."""

FORMATS = ("text", *REPORTS, *TABLES)


def _asked(one: Found) -> Sequence[Any]:
    """The networks, unless they are other than what was asked for: with a setting that is none."""
    refused = any(diagnostic.severity == "error" and diagnostic.span is None for diagnostic in one.diagnostics)
    return () if refused else one.networks


def _show_text(one: Found, options: argparse.Namespace) -> None:
    """One file's diagnostics and networks for a person."""
    say(one.diagnostics, one.sources)
    if options.quiet:
        return
    networks = _asked(one)
    if len(options.files) == 1:
        sys.stdout.write("\n".join(network.summary(options.depth, options.batch) for network in networks))
        return
    from cnndsl.report.table import one_line

    errors = sum(diagnostic.severity == "error" for diagnostic in one.diagnostics)
    verdict = f"{errors} error{'' if errors == 1 else 's'}" if errors else "fine, no networks"
    lines = [one_line(network) for network in networks] or [verdict]
    print("\n".join(f"{visible(one.file)}: {line}" for line in lines))
