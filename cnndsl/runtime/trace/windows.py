"""One output value of convolutions, pools and interpolations: the window, cell by cell."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.ops import conv, global_pool, pool, resize
from cnndsl.ops.base import Operator
from cnndsl.runtime.kernels import shaping
from cnndsl.runtime.kernels.arrays import PadMode
from cnndsl.runtime.trace.parts import Doubles, Flags, Patch, Places, TracedLayer, TraceStep, Working, axis_names, wide
from cnndsl.shapes import Axis, Shape

FILLINGS = {
    "reflect": "padding mirrors the map about its outermost cells",
    "edge": "padding repeats the outermost cells of the map",
    "circular": "padding continues at the other side of the map",
}


class TracedWindow(NamedTuple):
    """The cells that a window lies on. ``origins`` tells for each axis where a cell's number comes from, or -1."""

    shape: Shape
    places: Places
    origins: Places

    @property
    def real(self) -> Flags:
        """The cells whose number comes from the map."""
        return _every([[origin >= 0 for origin in origins] for origins in self.origins])

    @property
    def padding(self) -> Flags:
        """The cells outside of the map."""
        pairs = zip(self.places, self.shape.spatial, strict=True)
        return ~_every([[0 <= place < size for place in places] for places, size in pairs])

    def over(self, channel: NDArray[Any]) -> Doubles:
        """The numbers under the window: 0 where none comes from the map."""
        cells = wide(channel[np.ix_(*(np.maximum(origins, 0) for origins in self.origins))])
        return np.where(self.real, cells, 0.0)


def _every(flags: Sequence[Sequence[bool]]) -> Flags:
    """Where all axes hold."""
    outer: Flags = reduce(np.logical_and.outer, [np.array(axis, bool) for axis in flags])
    return outer


def slid(op: Operator, shape: Shape, position: Sequence[int], mode: PadMode = "zeros") -> TracedWindow:
    """The window of an output position."""
    places, origins = [], []
    for axis, output in zip(op.windows(shape), position[1:], strict=True):
        begin = output * axis.stride - axis.begin
        cells = tuple(range(begin, begin + axis.reach, axis.dilation))
        places.append(cells)
        origins.append(_origins(axis, cells, mode))
    return TracedWindow(shape, tuple(places), tuple(origins))


def _origins(axis: Axis, places: Sequence[int], mode: PadMode) -> tuple[int, ...]:
    """The cell of the map whose number stands at each place; -1 in padding of zeros and beyond the padding."""
    if mode == "zeros":
        return tuple(place if 0 <= place < axis.size else -1 for place in places)
    line = np.arange(axis.size, dtype=np.float64)[None, None]
    padded = shaping.pad(line, ((axis.begin, axis.end),), mode=mode)[0, 0]
    return tuple(int(padded[place + axis.begin]) for place in places)


def reached(op: Operator, site: TracedLayer) -> TracedWindow:
    """The cells that the operator's reach names: the whole map, or an interval along every axis."""
    shape, reach = site.shapes[0], op.reach(site.shapes, site.output)
    if isinstance(reach, str):
        every = tuple(tuple(range(size)) for size in shape.spatial)
        return TracedWindow(shape, every, every)
    places = []
    for axis, output in zip(reach, site.position[1:], strict=True):
        first = -((axis.before - output * axis.step) // axis.rate)
        places.append(tuple(range(first, (output * axis.step + axis.after) // axis.rate + 1)))
    return TracedWindow(shape, tuple(places), tuple(places))


def weighted(window: TracedWindow, channel: int, inputs: Doubles, weights: NDArray[Any]) -> Patch:
    """A channel's products with the filter, and their sum."""
    filter = wide(weights)
    products = filter * inputs
    counted = np.ones(inputs.shape, bool)
    return Patch(channel, inputs, window.padding, counted, float(products.sum()), filter, products)


def _summed(site: TracedLayer, window: TracedWindow, patches: Sequence[Patch], *notes: str) -> Working:
    """The sum of all products, and the bias if there is one."""
    total = float(sum(patch.total for patch in patches))
    steps = [TraceStep("sum", "", {}, total)]
    if "bias" in site.weights:
        bias = site.weight("bias", site.channel)
        steps.append(TraceStep("value", "{sum} + {bias}", {"sum": total, "bias": bias}, total + bias))
    read = site.read([patch.channel for patch in patches], window.places)
    return Working((read,), tuple(steps), tuple(patches), "weight*input", notes=notes)


def convolution(op: conv.Conv, site: TracedLayer) -> Working:
    window = slid(op, site.shapes[0], site.position, op.pad_mode)
    group, first = _group(op.groups, op.filters, site)
    links = range(site.shapes[0].channels // op.groups) if op.connect is None else op.connect[site.channel]
    filters = site.weights["weight"][site.channel]
    patches = [
        weighted(window, first + link, window.over(site.values[0][first + link]), filters[link]) for link in links
    ]
    notes = [f"filter {site.channel}"]
    if op.groups > 1:
        notes = [f"filter {site.channel} of group {group}"]
    if op.connect is not None:
        notes = [f"filter {site.channel}, which `connect` links to {len(links)} of {site.shapes[0].channels} channels"]
    if op.pad_mode != "zeros" and window.padding.any():
        notes.append(FILLINGS[op.pad_mode])
    return _summed(site, window, patches, *notes)


def _group(groups: int, filters: int, site: TracedLayer) -> tuple[int, int]:
    """The group of the output channel, and the first input channel of that group."""
    group = site.channel // (filters // groups)
    return group, group * (site.shapes[0].channels // groups)


def depthwise(op: conv.Depthwise, site: TracedLayer) -> Working:
    window = slid(op, site.shapes[0], site.position)
    channel = site.channel // op.multiplier
    weights = site.weights["weight"][site.channel, 0]
    patch = weighted(window, channel, window.over(site.values[0][channel]), weights)
    return _summed(site, window, [patch], f"filter {site.channel}, for channel {channel} alone")


def transposed(op: conv.ConvTranspose, site: TracedLayer) -> Working:
    """Input cell i meets output cell o at the tap t with i*stride + t*dilation - begin = o, where there is one."""
    places, taps = [], []
    for axis, output in zip(op.windows(site.shapes[0]), site.position[1:], strict=True):
        meetings = []
        for tap in reversed(range(axis.kernel)):
            cell, rest = divmod(output + axis.begin - tap * axis.dilation, axis.stride)
            if not rest and 0 <= cell < axis.size:
                meetings.append((cell, tap))
        places.append(tuple(cell for cell, _ in meetings))
        taps.append(tuple(tap for _, tap in meetings))
    window = TracedWindow(site.shapes[0], tuple(places), tuple(places))
    group, first = _group(op.groups, op.filters, site)
    filter = site.channel - group * (op.filters // op.groups)
    if not all(places):
        nothing = _summed(site, window, (), "no input cell reaches this output cell: the bias is all it holds")
        return nothing._replace(reads=())
    patches = []
    for channel in range(first, first + site.shapes[0].channels // op.groups):
        weights = site.weights["weight"][channel, filter][np.ix_(*taps)]
        patches.append(weighted(window, channel, window.over(site.values[0][channel]), weights))
    met_by = zip(axis_names(len(taps)), taps, strict=True)
    where = ", ".join(f"{name} {' and '.join(map(str, axis))}" for name, axis in met_by)
    return _summed(site, window, patches, f"filter {site.channel}: its weights at {where} meet these cells")


def _largest(site: TracedLayer, window: TracedWindow) -> Working:
    inputs = window.over(site.values[0][site.channel])
    counted = window.real
    candidates = np.where(counted, inputs, -np.inf)
    winner = tuple(int(index) for index in np.unravel_index(int(np.argmax(candidates)), candidates.shape))
    total = float(candidates[winner])
    found = winner if counted[winner] else None
    patch = Patch(site.channel, inputs, window.padding, counted, total, winner=found)
    steps = (TraceStep("largest", "", {}, total),)
    read = site.read([site.channel], window.places)
    if found is None:
        return Working((read,), steps, (patch,), notes=("the window holds nothing but padding, which never counts",))
    named = zip(axis_names(len(found)), window.places, found, strict=True)
    where = ", ".join(f"{name} {places[index]}" for name, places, index in named)
    return Working((read,), steps, (patch,), notes=(f"the largest is at {where}",))


def _mean(site: TracedLayer, window: TracedWindow, counted: Flags) -> Working:
    inputs = window.over(site.values[0][site.channel])
    total = float(inputs[counted].sum())
    cells = int(counted.sum())
    patch = Patch(site.channel, inputs, window.padding, counted, total)
    left_out = counted.size - cells
    steps = [TraceStep("sum", "", {}, total)]
    if left_out:
        numbers = {"cells of the window": float(counted.size), "not counted": float(left_out)}
        steps.append(TraceStep("divisor", "{cells of the window} - {not counted}", numbers, cells))
    else:
        steps.append(TraceStep("divisor", "", {}, cells))
    divided = total / max(cells, 1)
    steps.append(TraceStep("value", "{sum}/{divisor}", {"sum": total, "divisor": float(max(cells, 1))}, divided))
    return Working((site.read([site.channel], window.places),), tuple(steps), (patch,))


def _norm(site: TracedLayer, window: TracedWindow, p: int) -> Working:
    inputs = window.over(site.values[0][site.channel])
    powers = np.abs(inputs) ** p
    total = float(powers.sum())
    patch = Patch(site.channel, inputs, window.padding, np.ones(inputs.shape, bool), total, products=powers)
    numbers = {"sum": total}
    root = TraceStep("value", f"{{sum}}^(1/{p})", numbers, total ** (1 / p))
    read = site.read([site.channel], window.places)
    return Working((read,), (TraceStep("sum", "", {}, total), root), (patch,), f"|input|^{p}")


def maxpool(op: pool.MaxPool, site: TracedLayer) -> Working:
    return _largest(site, slid(op, site.shapes[0], site.position))


def avgpool(op: pool.AvgPool, site: TracedLayer) -> Working:
    """Padding counts under ``count_include_pad``; the cells beyond it, where ``ceil_mode`` hangs over, never do."""
    window = slid(op, site.shapes[0], site.position)
    if not op.count_include_pad:
        return _mean(site, window, window.real)
    padded = [
        [-axis.begin <= place < axis.size + axis.end for place in places]
        for places, axis in zip(window.places, op.windows(site.shapes[0]), strict=True)
    ]
    return _mean(site, window, _every(padded))


def lppool(op: pool.LpPool, site: TracedLayer) -> Working:
    return _norm(site, slid(op, site.shapes[0], site.position), op.p)


def subsample(op: pool.Subsample, site: TracedLayer) -> Working:
    window = slid(op, site.shapes[0], site.position)
    inputs = window.over(site.values[0][site.channel])
    total, every = float(inputs.sum()), np.ones(inputs.shape, bool)
    numbers = {
        "weight": site.weight("weight", site.channel),
        "sum": total,
        "bias": site.weight("bias", site.channel),
    }
    value = numbers["weight"] * total + numbers["bias"]
    steps = (TraceStep("sum", "", {}, total), TraceStep("value", "{weight}*{sum} + {bias}", numbers, value))
    patch = Patch(site.channel, inputs, window.padding, every, total)
    return Working((site.read([site.channel], window.places),), steps, (patch,))


def largest_reached(op: Operator, site: TracedLayer) -> Working:
    """Global and adaptive maxima."""
    return _largest(site, reached(op, site))


def mean_reached(op: Operator, site: TracedLayer) -> Working:
    """Global and adaptive means."""
    window = reached(op, site)
    return _mean(site, window, window.real)


def global_lppool(op: global_pool.GlobalLpPool, site: TracedLayer) -> Working:
    return _norm(site, reached(op, site), op.p)


def interpolated(op: resize.Upsample | resize.Resize, site: TracedLayer) -> Working:
    """The cells around that have a share, along each axis; a cell at the edge has those beyond it as well."""
    aligned = isinstance(op, resize.Resize) and op.align_corners
    cubic, beyond = op.mode == "cubic", False
    places, shares = [], []
    for extent, size, output in zip(site.shapes[0].spatial, site.output.spatial, site.position[1:], strict=True):
        summed: dict[int, float] = {}
        for cells, weights in shaping.interpolation(extent, size, cubic, aligned):
            cell, weight = int(cells[output]), float(weights[output])
            if weight:
                beyond |= cell in summed
                summed[cell] = summed.get(cell, 0.0) + weight
        places.append(tuple(summed))
        shares.append(np.array(list(summed.values())))
    window = TracedWindow(site.shapes[0], tuple(places), tuple(places))
    weights = reduce(np.multiply.outer, shares)
    patch = weighted(window, site.channel, window.over(site.values[0][site.channel]), weights)
    rule = "cubic convolution" if cubic else "their distances"
    notes = [f"the weights are the shares of the nearest cells, by {rule}"]
    if cubic and beyond:
        notes.append("the cells at the edge have the shares of those beyond it, too")
    return _summed(site, window, [patch], *notes)
