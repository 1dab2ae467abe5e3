"""Feature maps as a figure. Needs matplotlib, the extra ``plot``; what needs none is in ``maps``.

- ``maps``: values as maps: which are shown, on which grid, in which range.
- ``kernels``: how a layer's weights are drawn.
- ``history``: the curves of a training.
- ``judged``: what an evaluation shows: the confusion matrix, the mistakes.
- ``strip``: the filters of a layer as they learn.
- ``panels``: what a sheet is filled with: tiles, a matrix, curves, bars. ``cells``: the numbers in small maps.
- ``sheet``: a figure measured in inches. ``themed``: it in a notebook.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Node
from cnndsl.report.plots import cells, panels
from cnndsl.report.plots.kernels import weight_panels
from cnndsl.report.plots.maps import (
    MOST,
    Scale,
    grid,
    is_picture,
    maps_of,
    picture,
    scale_ends,
    thinned,
    value_range,
    widest,
)
from cnndsl.report.plots.maps import png_of_maps as png_of_maps
from cnndsl.report.plots.maps import png_of_picture as png_of_picture
from cnndsl.report.plots.panels import Panel
from cnndsl.report.plots.sheet import FAINT, FINEST, GREY, MARGIN, Sheet, number, require_matplotlib
from cnndsl.report.plots.sheet import save as save
from cnndsl.shapes import Shape, product
from cnndsl.suggest import unknown_layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MOST_LAYERS = 24
FEW_LAYERS = 3
"""Stand below each other; more stand in columns, on one page."""
INPUT_SIDE, LARGEST_IMAGE = 1.4, 4.0
FEW_CHANNELS, FEW_FEATURES = 8, 16


def default_layer(network: Measured) -> str:
    """The first layer that makes maps by a kernel; if there is none, the first output."""
    for node in network.graph.layers:
        owner = network.layers[node.share].node if node.share else node
        tensors = network.graph.weights(owner).values()
        if node.shape.positions > 1 and any(len(tensor.shape) > 2 for tensor in tensors):
            return node.name
    return network.graph.outputs[0]


def feature_maps(
    network: Measured,
    values: "Mapping[str, NDArray[Any]]",
    layers: Sequence[str] = (),
    *,
    example: str = "",
    weights: str = "",
    columns: int | None = None,
    scale: Scale = "shared",
    most: int = MOST,
    labels: Sequence[str] | None = None,
    top: int = 10,
) -> "Figure":
    """The values of layers for one example, a panel a layer; by default of the first that makes maps by a kernel.

    ``values`` has the layers' values by name, (C, spatial...) without a batch axis; an input among them that is a grey
    or RGB picture stands beside them. ``scale`` is one range of grey for all maps of a layer, or for each ``map`` its
    own. More than three layers stand in columns on a page. At most ``most`` maps of a layer are shown, on ``columns``
    columns; small ones have the numbers of their cells. An output of three channels is an RGB image. Vectors are bars;
    of one with ``labels``, or of a long output, the ``top`` largest. ``example`` and ``weights``, what they are, stand
    below the first title. Raises CnnError.
    """
    require_matplotlib()
    layers = tuple(layers) or (default_layer(network),)
    require_layers(network, layers)
    sheet = Sheet()
    pictures = [name for name in network.inputs if name in values and is_picture(values[name].shape)]
    beside = next((name for name in pictures if name not in layers), None)
    many = len(layers) > FEW_LAYERS
    names = (beside, *layers) if beside and many else layers

    def put(name: str) -> None:
        value = values[name]
        panel = (
            _image(name, value)
            if name == beside or is_image(network, name)
            else _vector(name, value.reshape(-1), labels, top, name in network.outputs)
            if value.ndim < 2 or product(value.shape[1:]) == 1
            else _sequence(name, value, scale, most)
            if value.ndim == 2
            else _grid(name, value, scale, most, columns, many)
        )
        about = [example, weights] if name == names[0] else []
        sheet.heading(name, describe(network, name), [*about, *panel.facts, _not_finite(value)])
        begin, side = sheet.y, _side(values[beside]) if beside and not many and name == names[0] else 0.0
        panel.draw(sheet, sheet.left + (side + 0.15 if side else 0))
        if beside and side:
            sheet.y = max(sheet.y, _beside(sheet, begin, beside, values[beside], side))

    if many:
        sheet.columns(names, put)
    else:
        for index, name in enumerate(names):
            sheet.y += 0.2 if index else 0
            put(name)
    return sheet.finish()


def is_image(network: Measured, name: str) -> bool:
    """Whether a layer makes what the network is for, an RGB image; three classes are none."""
    shape = network.graph.shapes[name]
    made = name in network.outputs and name in network.layers and network.layers[name].node.op.operator != "softmax"
    return made and shape.channels == 3 and is_picture(shape.dimensions)


def _image(name: str, value: "NDArray[Any]") -> Panel:
    """An input or an output as one grey or RGB picture."""
    low, high = scale_ends(value_range(value))
    facts = (f"{'an RGB' if len(value) == 3 else 'a grey'} image", f"black {number(low)}, white {number(high)}")
    if len(value) == 1:
        whole = [[panels.Tile(maps_of(value).shown[0], (low, high), name)]]
        return Panel(facts, lambda sheet, left: panels.tiles(sheet, left, whole, GREY))
    tile = panels.Tile(picture(thinned(value, (FINEST * 2, FINEST * 2), axis=1)), (0, 1), name)
    return Panel(facts, lambda sheet, left: panels.tiles(sheet, left, [[tile]], GREY, tallest=LARGEST_IMAGE))


def filters(
    network: Measured,
    layer: str,
    weights: "Mapping[str, NDArray[Any]]",
    *,
    note: str = "",
    columns: int | None = None,
    first: int | None = None,
) -> "Figure":
    """The weights of a layer; ``weights`` has the network's tensors by key.

    Filters that read three channels of an input are RGB pictures; others are red above and blue below 0, one picture a
    filter if it has one channel, otherwise a row of pictures, one a channel. Weights on a flattened map have its shape.
    ``first`` bounds the filters and channels that are shown, ``columns`` the pictures in a row; ``note`` is said below
    the titles. Raises CnnError for a layer that is unknown or has no weights.
    """
    require_matplotlib()
    owner = require_weights(network, layer)
    sheet = Sheet()
    for index, (key, panel) in enumerate(weight_panels(network, owner, weights, columns, first)):
        if index:
            sheet.y += 0.2
        sheet.heading(key, describe(network, layer), [note, *panel.facts])
        panel.draw(sheet, MARGIN)
    return sheet.finish()


def _grid(name: str, value: "NDArray[Any]", scale: Scale, most: int, columns: int | None, many: bool) -> Panel:
    maps = maps_of(value, most)
    aspect = panels.tile_aspect(*maps.shown.shape[1:])
    rows, columns = grid(len(maps.shown), columns or (widest(len(maps.shown), aspect) if many else None), aspect)
    shared = scale_ends(value_range(maps.shown)) if scale == "shared" else None
    cells: list[list[panels.Tile | None]] = [[] for _ in range(rows)]
    for index, one in enumerate(maps.shown):
        ends = shared or scale_ends(value_range(one))
        cells[index // columns].append(panels.Tile(one, ends, f"{name}[{index}]"))
    labels = [str(row * columns) for row in range(rows)] if rows > 1 else []
    facts = (maps.count, maps.note, *_scale_facts(scale, maps.shown))
    return Panel(facts, lambda sheet, left: panels.tiles(sheet, left, cells, GREY, shared, labels))


def _sequence(name: str, value: "NDArray[Any]", scale: Scale, most: int) -> Panel:
    maps = maps_of(value, most)
    (rows,) = maps.shown
    few = len(rows) <= FEW_CHANNELS
    known = value_range(rows)
    count = "1 channel" if maps.total == 1 else f"{maps.total:,} channels"
    shown = f"the first {len(rows)} of {count}" if len(rows) < maps.total else count
    facts = (shown, panels.bar_fact(rows.shape[1]) if few else "a row each", *_scale_facts(scale, rows))
    if few:
        shared = known if scale == "shared" else None
        return Panel(facts, lambda sheet, left: panels.curves(sheet, left, rows, shared, name))
    ends = scale_ends(known) if scale == "shared" else None
    return Panel(facts, lambda sheet, left: panels.grey_rows(sheet, left, rows, name, ends))


def _scale_facts(scale: Scale, shown: "NDArray[Any]") -> tuple[str, ...]:
    known = value_range(shown)
    if known is not None and known[0] == known[1]:
        return (f"{number(known[0])} everywhere",)
    if len(shown) == 1:
        return ()
    return ("one scale for all",) if scale == "shared" else ("each on its own scale",)


def _vector(name: str, value: "NDArray[Any]", labels: Sequence[str] | None, top: int, output: bool) -> Panel:
    import numpy as np

    value = np.asarray(value, np.float64)
    size = len(value)
    count = "1 feature" if size == 1 else f"{size:,} features"
    labelled = labels is not None and len(labels) == size
    if size <= FEW_FEATURES:
        chosen = list(range(size))
    elif labelled or output:
        chosen = np.argsort(-value, kind="stable")[:top].tolist()
        count = f"the {len(chosen)} largest of {count}"
    else:
        facts = (count, panels.bar_fact(size))
        return Panel(facts, lambda sheet, left: panels.bars(sheet, left, value, name))
    names = [labels[index] if labels is not None and labelled else str(index) for index in chosen]
    numbers = [float(value[index]) for index in chosen]
    return Panel((count,), lambda sheet, left: panels.ranking(sheet, left, names, numbers))


def _not_finite(value: "NDArray[Any]") -> str:
    import numpy as np

    broken = int(value.size - np.isfinite(value).sum())
    return f"green: {broken:,} value{'' if broken == 1 else 's'} not finite" if broken else ""


def _side(value: "NDArray[Any]") -> float:
    """How wide and high the picture of the input is: numbers need room."""
    return max(INPUT_SIDE, 0.22 * max(value.shape[1:])) if cells.is_small(*value.shape[1:]) else INPUT_SIDE


def _beside(sheet: Sheet, top: float, name: str, value: "NDArray[Any]", side: float) -> float:
    """The input as a picture in the left margin; gives where it ends."""
    shape = Shape(len(value), value.shape[1:])
    height, width = (side * extent / max(shape.spatial) for extent in shape.spatial)
    box = (MARGIN, top, max(width, 0.1), max(height, 0.1))
    small = thinned(value, (FINEST * 2, FINEST * 2), axis=1)  # before it becomes RGB, which is larger
    sheet.image(picture(small), box, (0, 1), GREY, name)
    if len(value) == 1:
        style = cells.lettering([value[0]], width / shape.spatial[1], height / shape.spatial[0])
        cells.draw(sheet, value[0], box, scale_ends(value_range(value)), GREY, style)
    sheet.text(MARGIN, top + height + 0.12, f"{name} {shape}", size=7, colour=FAINT, room=side)
    return top + height + 0.2


def require_layers(network: Measured, layers: Sequence[str]) -> None:
    """Raises CnnError for a name that is no layer and no input, and for more layers than a picture shows."""
    for name in layers:
        if name not in network.graph.shapes:
            raise unknown_layer(name, network.graph.shapes)
    if len(layers) > MOST_LAYERS:
        message = f"a picture shows at most {MOST_LAYERS} layers, not {len(layers)}"
        raise CnnError.of("bad-setting", message, "choose some by --layers")


def require_weights(network: Measured, layer: str) -> Node:
    """The layer that owns the weights of a layer. Raises CnnError for a layer that is unknown or has none."""
    require_layers(network, [layer])
    if layer not in network.layers:
        raise CnnError.of("bad-setting", f"{quoted(layer)} is an input: it has no weights")
    node = network.layers[layer].node
    owner = network.layers[node.share].node if node.share else node
    if not network.graph.weights(owner):
        having = [other.name for other in network.graph.layers if network.graph.weights(other)]
        some = ", ".join(having[:8]) + (", …" if len(having) > 8 else "")
        advice = f"these have some: {some}" if having else "no layer of this network has any"
        raise CnnError.of("bad-setting", f"layer {quoted(layer)} ({node.op.operator}) has no weights", advice)
    return owner


def describe(network: Measured, name: str) -> str:
    """``conv 32 3x3 pad=1 → 32@32x32``."""
    shape = network.graph.shapes[name]
    if name in network.inputs:
        return f"input {shape}"
    operator = network.layers[name].node.op
    written = f"{operator.operator} {operator.arguments()}".rstrip()
    return f"{written if len(written) <= 60 else written[:59] + '…'} → {shape}"
