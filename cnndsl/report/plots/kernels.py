"""How a layer's weights are drawn: one picture a filter, a picture for every filter and channel, a matrix, or bars."""

from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from typing import TYPE_CHECKING, Any

from cnndsl.analysis.measured import Measured
from cnndsl.ir import Node
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.dense import Dense, Embedding, Rbf
from cnndsl.report.plots import panels
from cnndsl.report.plots.maps import MOST, grid, middle_slice, value_range
from cnndsl.report.plots.panels import Ends, Panel, Tile
from cnndsl.report.plots.sheet import DIVERGING, number
from cnndsl.shapes import Shape, extents, product

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 16
"""Filters, and channels of each, that are shown where every filter has a picture for every channel."""

FEW_CURVES = 8

Links = tuple[tuple[int, ...], ...]


def weight_panels(
    network: Measured, owner: Node, weights: "Mapping[str, NDArray[Any]]", columns: int | None, first: int | None
) -> Iterator[tuple[str, Panel]]:
    """The tensors of a layer with their keys: what has more than one axis, or else every vector."""
    tensors = network.graph.weights(owner)
    arrays = {f"{owner.name}.{name}": weights[f"{owner.name}.{name}"] for name in tensors}
    kernels = {key: array for key, array in arrays.items() if array.ndim > 1}
    for key, array in (kernels or arrays).items():
        links = tensors[key.removeprefix(f"{owner.name}.")].links
        panel = _panel(network, owner, key, array, links, columns, first)
        yield key, panel._replace(facts=(extents(array.shape), *panel.facts))


def _panel(
    network: Measured,
    node: Node,
    key: str,
    array: "NDArray[Any]",
    links: Links | None,
    columns: int | None,
    first: int | None,
) -> Panel:
    operator = node.op
    if array.ndim == 1:
        least, largest = value_range(array) or (0.0, 0.0)
        same = f"{number(least)} everywhere" if least == largest else ""
        return Panel((same,), lambda sheet, left: panels.bars(sheet, left, array, key))
    if isinstance(operator, Embedding):
        return _matrix(key, array, ("word", "number"), first)
    if isinstance(operator, Dense | Rbf):
        behind = map_behind(network, node)
        if behind is None:
            return _matrix(key, array, ("unit", "feature"), first)
        shaped = array.reshape(len(array), *behind.dimensions)
        panel = kernel_panel(key, shaped, "unit", links, False, columns, first)
        return panel._replace(facts=(f"features as {behind}", *panel.facts))
    if isinstance(operator, ConvTranspose):
        groups = operator.groups
        split = array.reshape(groups, len(array) // groups, *array.shape[1:]).swapaxes(1, 2)
        array = split.reshape(groups * split.shape[1], *split.shape[2:])
    if isinstance(operator, Conv | ConvTranspose | Depthwise):
        colour = node.inputs[0] in network.inputs and isinstance(operator, Conv) and operator.groups == 1
        panel = kernel_panel(key, array, "filter", links, colour, columns, first)
        groups = 1 if isinstance(operator, Depthwise) else operator.groups
        several = groups > 1 and array.shape[1] > 1
        note = f"{groups} groups: channels are counted within a filter's own" if several else ""
        return panel._replace(facts=(*panel.facts, note))
    return kernel_panel(key, array[None] if array.ndim == 2 else array[:, None], "channel", None, False, columns, first)


def map_behind(network: Measured, node: Node) -> Shape | None:
    """The map whose values are the features that a layer reads, or the square that an input vector fills."""
    name = node.inputs[0]
    while name in network.layers:
        layer = network.layers[name].node
        before = network.graph.shapes[layer.inputs[0]]
        if layer.op.operator == "flatten":
            if not before.is_vector:
                return before if before.positions > 1 else None
        elif not (layer.op.follows or layer.op.transparent):
            return None
        name = layer.inputs[0]
    features = network.inputs[name].elements
    side = isqrt(features)
    return Shape(1, (side, side)) if side * side == features and side >= 4 else None


def kernel_panel(
    key: str,
    values: "NDArray[Any]",
    word: str,
    links: Links | None,
    colour: bool,
    columns: int | None,
    first: int | None,
) -> Panel:
    """Weights (filters, channels, taps...): what is drawn depends on how many axes and channels there are.

    ``colour``: three channels are red, green and blue. ``links`` are the channels that each filter sees.
    """
    filters, channels, *taps = values.shape
    if product(taps) == 1:
        return _matrix(key, values.reshape(filters, channels), (word, "channel"), first)
    if len(taps) == 1 and channels == 1:
        return _sequences(key, values[:, 0], word, first)
    if len(taps) == 1:
        panel = _tiles(key, values, word, columns, first)
        return panel._replace(facts=(*panel.facts, "channels downwards"))
    values, note = middle_slice(values, axes=4)
    if colour and channels == 3:
        return _colours(key, values, note, columns, first)
    if channels == 1:
        panel = _tiles(key, values[:, 0], word, columns, first)
    else:
        panel = _table(key, values, word, links, columns, first)
    return panel._replace(facts=(*panel.facts, note))


def _counted(shown: int, total: int, word: str) -> str:
    """``16 of 64 filters``, ``1 filter``."""
    plural = "" if total == 1 else "s"
    return f"{f'the first {shown} of ' if shown < total else ''}{total:,} {word}{plural}"


def around_zero(values: "NDArray[Any]") -> Ends:
    """The ends of colours whose middle is 0."""
    low, high = value_range(values) or (0.0, 0.0)
    largest = max(-low, high)
    return (-largest, largest) if largest else (-1.0, 1.0)


def _arranged(tiles: Sequence[Tile], columns: int | None) -> tuple[list[Sequence[Tile | None]], list[str]]:
    rows, across = grid(len(tiles), columns, panels.tile_aspect(*tiles[0].values.shape[:2]))
    starts = [row * across for row in range(rows)]
    return [tiles[start : start + across] for start in starts], list(map(str, starts))


def _tiles(key: str, values: "NDArray[Any]", word: str, columns: int | None, first: int | None) -> Panel:
    """Filters (n, H, W), a picture each."""
    shown = values[: first or MOST]
    ends = around_zero(shown)
    tiles = [Tile(one, ends, f"{key}[{index}]") for index, one in enumerate(shown)]
    cells, labels = _arranged(tiles, columns)
    facts = (_counted(len(shown), len(values), word),)
    return Panel(facts, lambda sheet, left: panels.tiles(sheet, left, cells, DIVERGING, ends, labels))


def _colours(key: str, values: "NDArray[Any]", note: str, columns: int | None, first: int | None) -> Panel:
    """Filters (n, 3, H, W) as RGB pictures in which 0 is grey."""
    import numpy as np

    shown = np.asarray(values[: first or MOST], np.float64)
    _, largest = ends = around_zero(shown)
    pictures = np.nan_to_num(shown / (2 * largest) + 0.5).clip(0, 1).transpose(0, 2, 3, 1)
    tiles = [Tile(one, ends, f"{key}[{index}]") for index, one in enumerate(pictures)]
    cells, labels = _arranged(tiles, columns)
    said = f"RGB from {number(-largest)} to {number(largest)}"
    facts = (_counted(len(shown), len(values), "filter"), said, "0 is grey", note)
    return Panel(facts, lambda sheet, left: panels.tiles(sheet, left, cells, DIVERGING, None, labels))


def _table(
    key: str, values: "NDArray[Any]", word: str, links: Links | None, columns: int | None, first: int | None
) -> Panel:
    """A row for every filter, a column for every channel: (filters, channels, H, W)."""
    shown = values[: first or FEW, : min(first or FEW, columns or values.shape[1])]
    ends = around_zero(shown)
    cells = [
        [
            Tile(one, ends, f"{key}[{row}, {column}]") if links is None or column in links[row] else None
            for column, one in enumerate(line)
        ]
        for row, line in enumerate(shown)
    ]
    facts = (
        f"{_counted(len(shown), len(values), word)} (rows)",
        f"{_counted(shown.shape[1], values.shape[1], 'channel')} (columns)",
    )
    rows, across = (list(map(str, range(size))) for size in shown.shape[:2])
    return Panel(facts, lambda sheet, left: panels.tiles(sheet, left, cells, DIVERGING, ends, rows, across))


def _sequences(key: str, values: "NDArray[Any]", word: str, first: int | None) -> Panel:
    """Filters of one channel along one axis, (n, K)."""
    shown = values[: first or MOST]
    count = _counted(len(shown), len(values), word)
    if len(shown) <= FEW_CURVES:
        facts = (count, panels.bar_fact(shown.shape[1]))
        return Panel(facts, lambda sheet, left: panels.curves(sheet, left, shown, value_range(shown), key))
    ends = around_zero(shown)
    return Panel((count,), lambda sheet, left: panels.matrix(sheet, left, shown, ends, DIVERGING, key, ends))


def _matrix(key: str, values: "NDArray[Any]", words: tuple[str, str], first: int | None) -> Panel:
    shown = values[: first or MOST, : first or MOST]
    ends = around_zero(shown)
    facts = (
        f"{_counted(len(shown), len(values), words[0])} (rows)",
        f"{_counted(shown.shape[1], values.shape[1], words[1])} (columns)",
    )
    return Panel(facts, lambda sheet, left: panels.matrix(sheet, left, shown, ends, DIVERGING, key, ends))
