"""What several layers say that the language says in one: shuffles, padding before a convolution, growing concats."""

from cnndsl.interop.onnx.importer.graph import LOWEST, Builder, ImportedLayer, Value
from cnndsl.interop.onnx.importer.translations.affine import Norm
from cnndsl.ops.base import Operator
from cnndsl.ops.conv import Conv, Depthwise
from cnndsl.ops.merge import Concat, Merge
from cnndsl.ops.norm import Normalize, Scale
from cnndsl.ops.pool import AvgPool, MaxPool, Subsample
from cnndsl.ops.resize import Pad, Slice
from cnndsl.ops.shape import ChannelShuffle, Flatten, Permute, PixelShuffle, Reshape, SpaceToDepth
from cnndsl.shapes import Shape, ShapeError, explicit_padding, per_axis, product


def tidy(builder: Builder, own_export: bool) -> None:
    """Joins layers in place; what nobody reads afterwards is dropped when the network is made."""
    for layer in list(builder.layers.values()):
        if layer.output.dtype != "float32":
            continue  # words: what moves them says so step by step, and what computes is not for them
        shuffled(builder, layer)
        wrapped(builder, layer)
        padded(builder, layer, own_export)
        padded_for_maximum(builder, layer)
        affine(builder, layer, own_export)
        subsampled(builder, layer)
        stretched(builder, layer)
    if not own_export:
        grown(builder)


def only_reader(builder: Builder, value: Value) -> ImportedLayer | None:
    """The layer that made the value, if one layer reads it."""
    return builder.layers.get(value.name) if builder.readers[value.name] == 1 else None


def become(builder: Builder, layer: ImportedLayer, op: Operator, source: Value) -> None:
    """Lets a layer do all at once what it and those before it did to ``source``."""
    layer.op, layer.inputs = op, (source,)
    builder.readers[source.name] += 1


def shuffled(builder: Builder, layer: ImportedLayer) -> None:
    """Reshape, permute, reshape: channels dealt out, channels as pixels, pixels as channels."""
    if not isinstance(layer.op, Reshape | Flatten):
        return
    turned = only_reader(builder, layer.inputs[0])
    dealt = only_reader(builder, turned.inputs[0]) if turned and isinstance(turned.op, Permute) else None
    if dealt is None or turned is None or not isinstance(turned.op, Permute) or not isinstance(dealt.op, Reshape):
        return
    source, target, order = dealt.inputs[0].shape, layer.output.shape, turned.op.order
    first, *rest = dealt.op.shape.dimensions
    op: Operator | None = None
    if order == (1, 0, *range(2, len(order))) and target == source == Shape(first * rest[0], tuple(rest[1:])):
        op = ChannelShuffle(groups=first)
    elif order == (0, 2, 4, 1, 3) and rest[1] == rest[3]:
        op = SpaceToDepth(factor=rest[1])
    elif order == (0, 3, 1, 4, 2) and rest[0] == rest[1]:
        op = PixelShuffle(factor=rest[0])
    if op is not None and _gives(op, source, target) and _splits(op, source, (first, *rest)):
        become(builder, layer, op, dealt.inputs[0])


def _gives(op: Operator, source: Shape, target: Shape) -> bool:
    try:
        return op.output((source,)) == target
    except ShapeError:
        return False


def _splits(op: Operator, source: Shape, dealt: tuple[int, ...]) -> bool:
    """Whether a reshape splits the axes of ``source`` as the operator does."""
    if isinstance(op, SpaceToDepth):
        height, width = source.spatial
        return dealt == (source.channels, height // op.factor, op.factor, width // op.factor, op.factor)
    if isinstance(op, PixelShuffle):
        return dealt == (source.channels // op.factor**2, op.factor, op.factor, *source.spatial)
    return True


def wrapped(builder: Builder, layer: ImportedLayer) -> None:
    """An axis between slices of its own end and beginning: circular padding."""
    if not isinstance(layer.op, Concat) or layer.op.axis == 0 or not 2 <= len(layer.inputs) <= 3:
        return
    axis = layer.op.axis
    parts = [builder.layers.get(value.name) for value in layer.inputs]
    sources = {part.inputs[0].name for part in parts if part and isinstance(part.op, Slice)}
    whole = next((value for value in layer.inputs if value.name in sources), None)
    if whole is None or len(sources) != 1 or whole.shape.dimensions[axis] < 1:
        return
    size, place = whole.shape.dimensions[axis], layer.inputs.index(whole)
    cells = [0, 0]
    for index, part in enumerate(parts):
        if index == place:
            continue
        if part is None or not isinstance(part.op, Slice) or part.op.axis != axis:
            return
        before = index < place
        if (part.op.end != size) if before else (part.op.begin != 0):
            return
        cells[0 if before else 1] = part.op.end - part.op.begin
    if place > 1 or len(parts) - place > 2:
        return
    rank = len(whole.shape.spatial)
    pads = [0] * 2 * rank
    pads[axis - 1], pads[rank + axis - 1] = cells
    inner = builder.layers.get(whole.name)
    if (
        inner
        and isinstance(inner.op, Pad)
        and inner.op.mode == "circular"
        and builder.readers[whole.name] == len(parts)
    ):
        outer = explicit_padding(inner.op.size, rank)
        if outer[axis - 1] == (0, 0):
            pads = [a + b for a, b in zip(pads, (*(b for b, _ in outer), *(e for _, e in outer)), strict=True)]
            whole = inner.inputs[0]
    become(builder, layer, Pad(size=compact_pads(pads), mode="circular"), whole)


def compact_pads(pads: list[int]) -> int | tuple[int, ...]:
    """Begins and then ends, in the shortest form."""
    rank = len(pads) // 2
    if pads[:rank] != pads[rank:]:
        return tuple(pads)
    return pads[0] if len(set(pads)) == 1 else tuple(pads[:rank])


def padded(builder: Builder, layer: ImportedLayer, own_export: bool) -> None:
    """Padding before a convolution."""
    if not isinstance(layer.op, Conv | Depthwise) or isinstance(layer.op.pad, str):
        return
    before = only_reader(builder, layer.inputs[0])
    if before is None or not isinstance(before.op, Pad):
        return
    if own_export and before.label != layer.label:
        return
    rank = len(layer.inputs[0].shape.spatial)
    mode = before.op.mode
    mine, other = explicit_padding(layer.op.pad, rank), explicit_padding(before.op.size, rank)
    if mode == "zeros" and before.op.value != 0:
        return
    if mode != "zeros" and (any(map(any, mine)) or not isinstance(layer.op, Conv) or layer.op.pad_mode != "zeros"):
        return
    pairs = [(a + c, b + d) for (a, b), (c, d) in zip(mine, other, strict=True)]
    pads = [begin for begin, _ in pairs] + [end for _, end in pairs]
    changed: dict[str, object] = {"pad": compact_pads(pads)}
    if isinstance(layer.op, Conv):
        changed["pad_mode"] = mode
    layer.op = layer.op.model_copy(update=changed)
    layer.inputs = before.inputs


def padded_for_maximum(builder: Builder, layer: ImportedLayer) -> None:
    """Padding with minus infinity before a maximum, which has that around it anyway."""
    before = only_reader(builder, layer.inputs[0])
    if not isinstance(layer.op, MaxPool) or before is None or not isinstance(before.op, Pad):
        return
    if before.op.mode != "zeros" or before.op.value != LOWEST or layer.op.pad != 0 or layer.op.ceil_mode:
        return
    op = layer.op.model_copy(update={"pad": before.op.size})
    try:
        same = op.output((before.inputs[0].shape,)) == layer.output.shape
    except ShapeError:
        return
    if same:
        layer.op, layer.inputs = op, before.inputs


def affine(builder: Builder, layer: ImportedLayer, own_export: bool) -> None:
    """A norm without parameters, and behind it the factors and terms that it could have."""
    before = only_reader(builder, layer.inputs[0])
    if not isinstance(layer.op, Scale) or not layer.op.bias or before is None or not isinstance(before.op, Norm):
        return
    if before.op.affine or (own_export and before.label != layer.label):
        return
    op = before.op.model_copy(update={"affine": True})
    if op.weights([value.shape for value in before.inputs])["weight"].shape == layer.weights["weight"].shape:
        layer.op, layer.inputs = op, before.inputs
        layer.label = before.label or layer.label
        layer.weights = {**layer.weights, **before.weights}


def subsampled(builder: Builder, layer: ImportedLayer) -> None:
    """The mean of each window times the number of its cells, times a factor, plus a term."""
    summed = only_reader(builder, layer.inputs[0])
    if not isinstance(layer.op, Scale) or not layer.op.bias or summed is None or not isinstance(summed.op, Normalize):
        return
    pool = only_reader(builder, summed.inputs[0])
    if pool is None or not isinstance(pool.op, AvgPool) or pool.op.pad != 0 or pool.op.ceil_mode:
        return
    cells = product(per_axis(pool.op.kernel, len(pool.output.shape.spatial), "kernel"))
    if summed.op.mean == 0 and summed.op.std == 1 / cells:
        op = Subsample(kernel=pool.op.kernel, stride=pool.op.stride)
        layer.op, layer.inputs = op, pool.inputs


def stretched(builder: Builder, layer: ImportedLayer) -> None:
    """Values repeated for a merge, which does that by itself."""
    if not isinstance(layer.op, Merge):
        return
    for place, value in enumerate(layer.inputs):
        before = builder.layers.get(value.name)
        if before is None or before.stretched is None:
            continue
        inputs = (*layer.inputs[:place], before.stretched, *layer.inputs[place + 1 :])
        if layer.op.output([other.shape for other in inputs]) == layer.output.shape:
            layer.inputs = inputs


def grown(builder: Builder) -> None:
    """A concat that begins with all that another concat joins takes that one's value: DenseNet's feature maps."""
    known: dict[tuple[int, tuple[str, ...]], Value] = {}
    for layer in builder.layers.values():
        if not isinstance(layer.op, Concat):
            continue
        names = tuple(value.name for value in layer.inputs)
        known.setdefault((layer.op.axis, names), layer.output)
        for size in range(len(names) - 1, 1, -1):
            shorter = known.get((layer.op.axis, names[:size]))
            if shorter is not None and shorter is not layer.output:
                layer.inputs = (shorter, *layer.inputs[size:])
                break
