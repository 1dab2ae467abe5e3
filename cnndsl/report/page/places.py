"""Which layers a source line makes: those written on it, and those of the blocks that it calls."""

from collections.abc import Sequence
from typing import NamedTuple

from cnndsl.analysis.measured import Layer
from cnndsl.ir import Instance


class Place(NamedTuple):
    """Layers made at one place of a line by one instance of the body around it; the last is what flows out."""

    line: int
    column: int
    body: tuple[str, ...]
    layers: tuple[Layer, ...]


def places(file: str, layers: Sequence[Layer], instances: Sequence[Instance]) -> list[Place]:
    """Every place of a file that made layers, in the order of the layers that flow out."""
    found = [
        Place(layer.span.line, layer.span.column, layer.node.path, (layer,))
        for layer in layers
        if layer.span and layer.span.file == file
    ]
    inside: dict[tuple[str, ...], list[Layer]] = {}
    for layer in layers:
        for depth in range(1, len(layer.node.path) + 1):
            inside.setdefault(layer.node.path[:depth], []).append(layer)
    for instance in instances:
        span, made = instance.span, inside.get(instance.path)
        if span and made and span.file == file:
            found.append(Place(span.line, span.column, instance.path[:-1], tuple(made)))
    order = {layer.name: index for index, layer in enumerate(layers)}
    return sorted(found, key=lambda place: order[place.layers[-1].name])
