"""The same network with other values of its params: what of it follows from them."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cnndsl.cli.terminal import given_settings
from cnndsl.errors import CnnError
from cnndsl.ir import Graph

MOST_PARAMS = 8


def variants(file: str, options: argparse.Namespace) -> dict[str, tuple[int, int, Graph]]:
    """For every whole param of a .cnn file: its value, another one, and the network with that.

    One that may be a fraction is a factor, of numbers that are rounded: it is left out. Expectations, which are for
    the value in the file, are not checked.
    """
    from cnndsl import api
    from cnndsl.lang.text import syntax
    from cnndsl.lang.text.parser import parse

    if file == "-" or Path(file).suffix.lower() != ".cnn":
        return {}
    tree = parse(Path(file).read_text(encoding="utf-8"), file)
    settings = given_settings(options)
    text = tree.text
    found: dict[str, tuple[int, int, Graph]] = {}
    params = {node.name: node.value for node in _inside(tree) if isinstance(node, syntax.Param)}
    for node in _inside(tree):
        if isinstance(node, syntax.Expect):
            text = text[: node.start] + " " * (node.end - node.start) + text[node.end :]
    for name, default in [*params.items()][:MOST_PARAMS]:
        value = settings["params"].get(name, default.value if isinstance(default, syntax.Number) else None)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        for other in (value + 0.25, value + 1, 2 * value):
            changed: Mapping[str, Any] = {**settings, "params": {**settings["params"], name: other}}
            try:
                network = api.loads(text, file=file, resolver=api.folder_resolver(Path(file).parent), **changed)
            except CnnError:
                continue
            if isinstance(other, int):
                found[name] = (value, other, network.graph)
            break
    return found


def _inside(node: object) -> Iterator[Any]:
    """The nodes of a tree."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, tuple):
            if hasattr(part, "start"):
                yield part
            pending.extend(reversed(part))
