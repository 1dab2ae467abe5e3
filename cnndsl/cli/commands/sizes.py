"""``cnndsl sizes``: the input sizes that a network takes, and what comes out for each."""

import argparse
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnndsl.cli import terminal
from cnndsl.cli.options import add_file, add_source_arguments
from cnndsl.errors import CnnError, quoted

if TYPE_CHECKING:
    from cnndsl.analysis.network_sizes import NetworkSizes
    from cnndsl.extents.periodic import PeriodicSet

EXAMPLE = "cnndsl sizes examples/zoo/unet.cnn"
WORK = "working out sizes"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    near_help = "the next allowed sizes below and above one: 500, or of each axis, 500x600"
    command.add_argument("--near", metavar="SIZE", help=near_help)
    out_help = "the input sizes that give an output of that size: 388, or 388x200"
    command.add_argument("--out", metavar="SIZE", help=out_help)
    command.add_argument("--exact", action="store_true", help="only sizes whose every division (W - K + 2P)/S is whole")
    command.add_argument("--list", metavar="FIRST..LAST", help="every allowed size in a range, such as 1..700")
    format_help = "how the answer is printed: text (default), or json, one object"
    command.add_argument("--format", choices=("text", "json"), default="text", help=format_help)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    from cnndsl.analysis.network_sizes import NetworkSizes

    span = _range(options.list)
    settings = {**terminal.given_settings(options), "select": (), "ignore": ("all",)}
    result = terminal.checked(options.file, settings)
    if not result.ok:
        raise CnnError(result.diagnostics, result.sources)
    if not result.networks:
        raise CnnError.of("no-network", f"{quoted(options.file)} has no network")
    found = [NetworkSizes(network.graph) for network in result.networks]
    with terminal.speaking():
        if options.format == "json":
            networks = [_json(one, options, span) for one in found]
            print(json.dumps({"version": 1, "networks": networks}, indent=1))
        else:
            print("\n".join(_text(one, options, span, len(found) > 1) for one in found), end="")
    return 0


def _text(found: "NetworkSizes", options: argparse.Namespace, span: tuple[int, int] | None, title: bool) -> str:
    """The answer; with one of the questions, the answer to that."""
    from cnndsl.report.sizes import sizes_text

    lines = [*_near(found, options.near), *_giving(found, options), *_listed(found, span, options.exact)]
    if options.exact and span is None and options.out is None:
        lines += _sets({one.name: one.exact for one in found.symbols})
    if options.near is None and options.out is None and span is None and not options.exact:
        return sizes_text(found, title)
    return "\n".join([f"network {found.graph.name}"] * title + lines) + "\n"


def _json(found: "NetworkSizes", options: argparse.Namespace, span: tuple[int, int] | None) -> dict[str, Any]:
    from cnndsl.report.sizes import sizes_json

    return sizes_json(found, _members(found, span, options.exact) if span else None)


def _members(found: "NetworkSizes", span: tuple[int, int], exact: bool) -> dict[str, list[int]]:
    members = {one.name: found.values(one.name, *span) for one in found.symbols}
    if not exact:
        return members
    return {one.name: [size for size in members[one.name] if size in one.exact] for one in found.symbols}


def _listed(found: "NetworkSizes", span: tuple[int, int] | None, exact: bool) -> Iterator[str]:
    if span is not None:
        for name, sizes in _members(found, span, exact).items():
            yield f"{name}: {', '.join(map(str, sizes)) or 'none'}"


def _near(found: "NetworkSizes", given: str | None) -> Iterator[str]:
    if given is None:
        return
    names = [one.name for one in found.symbols]
    sizes = _sizes(given, "--near")
    if len(sizes) not in (1, len(names)):
        raise CnnError.of("bad-setting", f"--near has {len(sizes)} sizes, but the network has {len(names)} symbols")
    wanted = sizes * len(names) if len(sizes) == 1 else sizes
    for name, (below, above) in found.near(dict(zip(names, wanted, strict=True))).items():
        if below == above:
            yield f"{name}: {below}"
        else:
            yield f"{name}: {'none' if below is None else below} below, {'none' if above is None else above} above"


def _giving(found: "NetworkSizes", options: argparse.Namespace) -> Iterator[str]:
    if options.out is None:
        return
    giving = found.giving(_sizes(options.out, "--out"))
    if options.exact:
        giving = {one.name: giving[one.name] & one.exact for one in found.symbols}
    yield from _sets(giving)


def _sets(sets: "dict[str, PeriodicSet]") -> Iterator[str]:
    from cnndsl.extents.words import described

    for name, sizes in sets.items():
        yield f"{name}: {described(sizes)}"


def _sizes(given: str, option: str) -> list[int]:
    parts = given.split("x")
    if not all(re.fullmatch("[1-9][0-9]{0,8}", part) for part in parts):
        message = f"{option} takes whole numbers from 1 on, as in 500 or 500x600, not {quoted(given)}"
        raise CnnError.of("bad-setting", message)
    return [int(part) for part in parts]


def _range(given: str | None) -> tuple[int, int] | None:
    if given is None:
        return None
    ends = re.fullmatch(r"([1-9][0-9]{0,8})\.\.([1-9][0-9]{0,8})", given)
    if ends is None or int(ends[1]) > int(ends[2]):
        raise CnnError.of("bad-setting", f"--list takes a range such as 1..700, not {quoted(given)}")
    return int(ends[1]), int(ends[2])
