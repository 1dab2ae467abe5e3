"""Operators that move, cut, join or resize, from ONNX."""

from collections.abc import Sequence

import numpy as np

from cnndsl.interop.onnx.importer.constant_folding import Unfoldable, reshaped
from cnndsl.interop.onnx.importer.graph import LOWEST, NodeContext, Parts, Refusal, Value
from cnndsl.interop.onnx.importer.translations.affine import learnt_branch
from cnndsl.ops.dense import Embedding
from cnndsl.ops.merge import Concat
from cnndsl.ops.norm import Dropout
from cnndsl.ops.pool import MaxPool
from cnndsl.ops.resize import Crop, Pad, Resize, Slice
from cnndsl.ops.shape import PixelShuffle

MAX_POOLED = 3
"""Spatial axes that a pool takes."""

MOST_RUNS = 16
"""Slices that one node becomes."""


def same(site: NodeContext) -> Value:
    """What changes nothing."""
    return site.any()


def dropout(site: NodeContext) -> Value:
    """Dropout as it is at inference; its mask is not known there."""
    if any(site.uses.get(name) for name in site.node.output[1:]):
        raise Refusal("its mask is used")
    rate = site.number(1, "ratio") if site.given(1) else site.real("ratio", 0.5)
    if rate and site.given(2) and bool(site.constant(2, "training mode").any()):
        raise Refusal("it is in training mode")
    x = site.any()
    if not 0 <= rate < 1:
        return x
    return site.emit(Dropout(rate=rate), x.ordered(range(len(x.order)))).ordered(x.order)


def to_dimensions(site: NodeContext, x: Value, sizes: Sequence[int]) -> Value:
    """The value with the extents ``sizes``, the batch's among them."""
    leading = site.builder.leading
    if tuple(sizes[: len(leading)]) != leading or len(sizes) == len(leading):
        raise Refusal("its result does not have the examples of the batch as its first axis")
    return site.reshape(x, [int(size) for size in sizes[len(leading) :]])


def reshape(site: NodeContext) -> Value:
    x = site.any()
    target = site.attribute("shape", None)
    target = site.constant(1, "shape") if target is None else np.array(target)
    try:
        sizes = reshaped((*site.builder.leading, *x.dimensions), target, bool(site.attribute("allowzero", 0)))
    except Unfoldable:
        wanted = [int(size) for size in np.ravel(target)]
        raise Refusal(f"{x.shape.elements:,} numbers an example cannot become {wanted}") from None
    return to_dimensions(site, x, sizes)


def flatten(site: NodeContext) -> Value:
    x = site.any()
    sizes = (*site.builder.leading, *x.dimensions)
    axis = int(site.attribute("axis", 1))
    place = axis + len(sizes) if axis < 0 else axis
    if not 0 <= place <= len(sizes):
        raise Refusal(f"axis {axis} is beyond its input")
    first = int(np.prod(sizes[:place], dtype=object))
    return to_dimensions(site, x, (first, int(np.prod(sizes[place:], dtype=object))))


def _axes(site: NodeContext) -> list[int] | None:
    axes = site.attribute("axes", None)
    if axes is None and site.given(1):
        return site.integers(1, "axes")
    return None if axes is None else [int(axis) for axis in axes]


def squeeze(site: NodeContext) -> Value:
    x = site.any()
    sizes = (*site.builder.leading, *x.dimensions)
    axes = _axes(site)
    if axes is None and site.builder.symbolic:
        raise Refusal("it drops every axis of 1, the batch's too where that is 1", "export it with its axes")
    if axes is None:
        axes = [axis for axis, size in enumerate(sizes) if size == 1 and axis >= len(site.builder.leading)]
    gone = {axis % len(sizes) for axis in axes}
    if any(sizes[axis] != 1 for axis in gone):
        raise Refusal("it drops an axis that is larger than 1")
    return to_dimensions(site, x, [size for axis, size in enumerate(sizes) if axis not in gone])


def unsqueeze(site: NodeContext) -> Value:
    x = site.any()
    axes = _axes(site) or []
    rank = len(site.builder.leading) + len(x.order) + len(axes)
    sizes = iter((*site.builder.leading, *x.dimensions))
    new = {axis % rank for axis in axes}
    if len(new) != len(axes):
        raise Refusal("it names an axis twice")
    return to_dimensions(site, x, [1 if axis in new else next(sizes) for axis in range(rank)])


def transpose(site: NodeContext) -> Value:
    """Another order of the axes: remembered, and done where an operator minds."""
    x = site.any()
    leading = len(site.builder.leading)
    rank = leading + len(x.order)
    order = [int(axis) for axis in site.attribute("perm", range(rank)[::-1])]
    if sorted(order) != list(range(rank)):
        raise Refusal("its order is no permutation of the axes")
    if order[:leading] != list(range(leading)):
        raise Refusal("it moves the batch to another axis")
    return x.ordered([x.order[axis - leading] for axis in order[leading:]])


def concat(site: NodeContext) -> Value:
    """Values one behind the other; what is learnt among them, such as a class token, is a parameter."""
    given = [value for value in site.inputs if isinstance(value, Value)]
    if not given:
        raise Refusal("it works on a constant alone")
    values = [
        value if isinstance(value, Value) else learnt_branch(site, index, given[0])
        for index, value in enumerate(site.inputs)
    ]
    if len({value.order for value in values}) > 1:
        values = [site.builder.straight(value) for value in values]
    axis = site.axis(values[0], int(site.attribute("axis", 1)))
    order = values[0].order
    if len(values) == 1:
        return values[0]
    flat = [value.ordered(range(len(value.order))) for value in values]
    return site.emit(Concat(axis=axis), *flat).ordered(order)


def cut(site: NodeContext) -> Value:
    """Slice: a range of one axis after another."""
    x = site.any()
    starts, ends = site.attribute("starts", None), site.attribute("ends", None)
    axes, steps = site.attribute("axes", None), None
    if starts is None:
        starts, ends = site.integers(1, "starts"), site.integers(2, "ends")
        axes = site.integers(3, "axes") if site.given(3) else None
        steps = site.integers(4, "steps") if site.given(4) else None
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    ranges: dict[int, tuple[int, int]] = {}
    steps_of: dict[int, int] = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if _whole_batch(site, int(axis), int(start), int(end), len(x.order)):
            continue
        place = site.axis(x, int(axis))
        size = x.shape.dimensions[place]
        cells = range(size)[int(start) : int(end) : int(step)]
        if not cells:
            raise Refusal("its result is empty")
        if len(cells) == 1 or step == 1:
            ranges[place] = (cells[0], cells[-1] + 1)
        elif step > 1 and place > 0 and len(x.shape.spatial) <= MAX_POOLED:
            ranges[place], steps_of[place] = (cells[0], cells[-1] + 1), int(step)
        else:
            x = picked(site, x, place, cells)
    value = cropped(site, x, ranges)
    if not steps_of:
        return value
    stride = tuple(steps_of.get(axis, 1) for axis in range(1, len(value.order)))
    flat = value.ordered(range(len(value.order)))
    return site.emit(MaxPool(kernel=(1,) * len(stride), stride=stride), flat).ordered(value.order)


def picked(site: NodeContext, x: Value, axis: int, cells: Sequence[int]) -> Value:
    """Cells of an axis of the value's shape in any order: slices for those that follow each other."""
    runs: list[tuple[int, int]] = []
    for cell in cells:
        if runs and runs[-1][1] == cell:
            runs[-1] = (runs[-1][0], cell + 1)
        else:
            runs.append((cell, cell + 1))
    if not runs or len(runs) > MOST_RUNS:
        raise Refusal(f"it picks cells that are {len(runs):,} ranges, over {MOST_RUNS}" if runs else "it picks nothing")
    parts = [cropped(site, x, {axis: run}) for run in runs]
    if len(parts) == 1:
        return parts[0]
    flat = [part.ordered(range(len(part.order))) for part in parts]
    return site.emit(Concat(axis=axis), *flat).ordered(x.order)


def _whole_batch(site: NodeContext, axis: int, start: int, end: int, rank: int) -> bool:
    """Whether a range is that of all examples."""
    if site.builder.batch is None or axis % (rank + 1):
        return False
    return start == 0 and end >= site.builder.batch


def cropped(site: NodeContext, x: Value, ranges: dict[int, tuple[int, int]]) -> Value:
    """Ranges of the axes of a value's shape: crop if all spatial axes lose cells, otherwise slices."""
    dimensions = x.shape.dimensions
    ranges = {axis: pair for axis, pair in ranges.items() if pair != (0, dimensions[axis])}
    spatial = list(range(1, len(dimensions)))
    value = x.ordered(range(len(x.order)))
    if len(spatial) in (2, 3) and set(spatial) <= set(ranges):
        begins = [ranges[axis][0] for axis in spatial]
        ends = [dimensions[axis] - ranges[axis][1] for axis in spatial]
        size: int | tuple[int, ...] = (*begins, *ends)
        if begins == ends:
            size = begins[0] if len(set(begins)) == 1 else tuple(begins)
        value = site.emit(Crop(size=size), value)
        ranges = {axis: pair for axis, pair in ranges.items() if axis not in spatial}
    for axis, (begin, end) in sorted(ranges.items()):
        value = site.emit(Slice(begin=begin, end=end, axis=axis), value)
    return value.ordered(x.order)


def split(site: NodeContext) -> list[Value]:
    """Split: a slice for each result."""
    x = site.any()
    axis = site.axis(x, int(site.attribute("axis", 0)))
    size, count = x.shape.dimensions[axis], len(site.node.output)
    sizes = site.attribute("split", None)
    if sizes is None and site.given(1):
        sizes = site.integers(1, "split")
    if sizes is None:
        part = -(-size // count)
        sizes = [min(part, size - part * index) for index in range(count)]
    if len(sizes) != count:
        raise Refusal(f"its parts {list(sizes)} are not {count}")
    return _parts(site, x, axis, sizes)


def _parts(site: NodeContext, x: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
    """Slices of these sizes along an axis of the value's shape."""
    size = x.shape.dimensions[axis]
    if sum(sizes) != size or min(sizes) < 1:
        raise Refusal(f"its parts {list(sizes)} do not make up an axis of {size}")
    ends = np.cumsum(sizes).tolist()
    parts = zip(ends, sizes, strict=True)
    return [cropped(site, x, {axis: (int(end - part), int(end))}) for end, part in parts]


def split_to_sequence(site: NodeContext) -> list[Parts]:
    """A sequence of slices: sizes as a list, or one number for all but the last."""
    x = site.any()
    axis = site.axis(x, int(site.attribute("axis", 0)))
    size = x.shape.dimensions[axis]
    if not site.given(1) and not site.attribute("keepdims", 1):
        raise Refusal("it drops the axis that it splits")
    sizes = site.integers(1, "split") if site.given(1) else [1] * size
    if not site.given(1) or site.constant(1, "split").ndim == 0:
        part = sizes[0] if sizes else 1
        sizes = [min(part, size - begin) for begin in range(0, size, part)] if part > 0 else []
    return [Parts(tuple(_parts(site, x, axis, sizes)))]


def sequence_at(site: NodeContext) -> Value:
    parts, place = site.inputs[0], int(site.number(1, "place"))
    if not isinstance(parts, Parts):
        raise Refusal("its sequence is none of parts of a value")
    if not -len(parts.values) <= place < len(parts.values):
        raise Refusal(f"it takes part {place} of {len(parts.values)}")
    return parts.values[place]


def scatter(site: NodeContext) -> Value:
    """ScatterND that writes all examples anew: what is left of a slice of the batch that is assigned to."""
    x, cells, written = site.any(), site.constant(1, "list of cells"), site.any(2)
    leading = site.builder.leading
    every = len(leading) == 1 and np.array_equal(cells, np.arange(leading[0])[:, None])
    if not every or site.attribute("reduction", "none") != "none" or written.dimensions != x.dimensions:
        raise Refusal("it writes into a part of a value")
    return written


def gather(site: NodeContext) -> Value:
    """Gather: word vectors from a table, or neighbouring cells of a value."""
    if not isinstance(site.inputs[0], Value):
        table, words = site.constant(0, "table"), site.value(1)
        if table.ndim != 2 or site.attribute("axis", 0) != 0 or not words.shape.is_vector:
            raise Refusal("it looks up in a table that is no list of vectors")
        found = site.emit(Embedding(vocabulary=table.shape[0], size=table.shape[1]), words, weight=table)
        return found.ordered((1, 0))
    x, cells = site.any(), site.constant(1, "list of cells")
    axis = site.axis(x, int(site.attribute("axis", 0)))
    size = x.shape.dimensions[axis]
    chosen = [int(cell) + size if cell < 0 else int(cell) for cell in np.ravel(cells)]
    target = [int(size * index // len(chosen)) for index in range(len(chosen))] if chosen else []
    if cells.ndim == 1 and axis > 0 and chosen == target and len(chosen) != size:
        sizes = list(x.shape.spatial)
        sizes[axis - 1] = len(chosen)
        before, op = site.maker(), Resize(size=tuple(sizes))
        nearest = before is not None and isinstance(before.op, Resize) and before.op.mode == "nearest" and x.plain
        if before is not None and nearest and x.shape.dimensions[axis] == before.extent(axis):
            return site.builder.replaced(before, op)
        return site.emit(op, x.ordered(range(len(x.order)))).ordered(x.order)
    if not all(0 <= cell < size for cell in chosen):
        raise Refusal(f"it picks cells beyond an axis of {size}")
    found = picked(site, x, axis, chosen)
    if cells.ndim == 1:
        return found
    place = len(site.builder.leading) + x.order.index(axis)
    sizes = [*site.builder.leading, *found.dimensions]
    return to_dimensions(site, found, [*sizes[:place], *cells.shape, *sizes[place + 1 :]])


PAD_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "edge", "wrap": "circular"}


def pad(site: NodeContext) -> Value:
    x = site.any()
    leading = len(site.builder.leading)
    rank = leading + len(x.order)
    cells = site.attribute("pads", site.attribute("paddings", None))
    cells = site.integers(1, "pads") if cells is None else [int(number) for number in cells]
    value = site.number(2, "value") if site.given(2) else site.real("value", 0.0)
    axes = [axis % rank for axis in site.integers(3, "axes")] if site.given(3) else list(range(rank))
    mode = PAD_MODES.get(site.attribute("mode", "constant"))
    if mode is None or len(cells) != 2 * len(axes):
        raise Refusal("its mode or the number of its cells is unknown")
    pairs = {axis: (cells[i], cells[i + len(axes)]) for i, axis in enumerate(axes)}
    pairs = {axis: pair for axis, pair in pairs.items() if pair != (0, 0)}
    if not pairs:
        return x
    if min(map(min, pairs.values())) < 0:
        x = _cropped_first(site, x, pairs)
        pairs = {axis: (max(begin, 0), max(end, 0)) for axis, (begin, end) in pairs.items()}
        pairs = {axis: pair for axis, pair in pairs.items() if any(pair)}
    if not pairs:
        return x
    places = {site.axis(x, axis): pair for axis, pair in pairs.items()}
    if 0 in places:
        whole = [axis for axis in x.order if axis not in places]
        if not whole:
            raise Refusal("it grows all axes, and the language leaves the channels")
        x = site.builder.led_by(x, whole[-1])
        places = {site.axis(x, axis): pair for axis, pair in pairs.items()}
    flat = x.ordered(range(len(x.order)))
    spatial = [places.get(axis, (0, 0)) for axis in range(1, len(x.order))]
    begins, ends = [begin for begin, _ in spatial], [end for _, end in spatial]
    size: int | tuple[int, ...] = (*begins, *ends)
    if begins == ends:
        size = begins[0] if len(set(begins)) == 1 else tuple(begins)
    if abs(value) >= -LOWEST:
        value = float(np.copysign(LOWEST, value))
    return site.emit(Pad.model_validate({"size": size, "mode": mode, "value": value}), flat).ordered(x.order)


def _cropped_first(site: NodeContext, x: Value, pairs: dict[int, tuple[int, int]]) -> Value:
    """The value without the cells that negative padding takes away."""
    ranges = {}
    for axis, (begin, end) in pairs.items():
        place = site.axis(x, axis)
        ranges[place] = (max(-begin, 0), x.shape.dimensions[place] + min(end, 0))
        if not 0 <= ranges[place][0] < ranges[place][1]:
            raise Refusal("nothing of its input would be left")
    return cropped(site, x, ranges)


def depth_to_space(site: NodeContext) -> Value:
    x, block = site.value(), _block(site)
    if site.attribute("mode", "DCR") == "CRD":
        return site.emit(PixelShuffle(factor=block), x)
    channels, height, width = _planar(x)
    if channels % (block * block):
        raise Refusal("its channels cannot be divided by the block")
    dealt = site.reshape(x, [block, block, channels // block**2, height, width])
    turned = dealt.ordered((2, 3, 0, 4, 1))
    return site.reshape(turned, [channels // block**2, height * block, width * block])


def space_to_depth(site: NodeContext) -> Value:
    from cnndsl.ops.shape import SpaceToDepth

    x, block = site.value(), _block(site)
    channels, height, width = _planar(x)
    if height % block or width % block:
        raise Refusal("its map cannot be divided by the block")
    if channels == 1 or site.attribute("mode", "DCR") == "CRD":
        return site.emit(SpaceToDepth(factor=block), x)
    dealt = site.reshape(x, [channels, height // block, block, width // block, block])
    turned = dealt.ordered((2, 4, 0, 1, 3))
    return site.reshape(turned, [channels * block**2, height // block, width // block])


def _block(site: NodeContext) -> int:
    block = int(site.attribute("blocksize", 1))
    if block < 1:
        raise Refusal(f"its blocksize is {block}")
    return block


def _planar(x: Value) -> tuple[int, int, int]:
    if len(x.shape.spatial) != 2:
        raise Refusal(f"its input {x.shape} does not have 2 spatial axes")
    return x.shape.channels, *x.shape.spatial
