"""Convolutions and pooling in Keras.

Its layers pad for ``valid`` or ``same`` alone; other padding is a layer of its own in front.
"""

from collections.abc import Sequence
from math import inf
from typing import TypeAlias

from cnndsl.interop.codegen.calls import Call, Code, Keyword, Literal, call
from cnndsl.interop.codegen.site import Modules, Site, Translator, option
from cnndsl.interop.keras.exporter.literals import initializers
from cnndsl.ir import Graph
from cnndsl.ops.conv import Conv, Depthwise
from cnndsl.shapes import Axis, Pairs, covering, overhang, padding, per_axis

LIMITED = "Keras has no stride beside dilation, and unequal ones of no depthwise layer."
UNEVEN = "Keras's `same` pads more behind than in front where the size asks for it."
NUMPY_MODES = {"reflect": "reflect", "edge": "edge", "circular": "wrap"}


def is_padded(pairs: Pairs) -> bool:
    return any(map(any, pairs))


def pads_same(site: Site, axes: Sequence[Axis]) -> bool:
    """Whether this is what Keras calls ``same``, whatever the input's size."""
    if site.op.pad == "same":
        return True
    return all(axis.stride == 1 and axis.padding == axis.reach - 1 and axis.begin == axis.padding // 2 for axis in axes)


def written_pairs(site: Site, pairs: Pairs) -> Literal:
    """One number where all sides are alike; one for each axis; or pairs."""
    if site.rank == 1:
        ((begin, end),) = pairs
        return begin if begin == end else (begin, end)
    if all(begin == end for begin, end in pairs):
        return site.sizes(tuple(begin for begin, _ in pairs))
    return pairs


def pad_layer(site: Site, pairs: Pairs, mode: str = "zeros", value: float = 0.0) -> tuple[Call, tuple[str, ...]]:
    """The layer, and the helpers that it needs."""
    if mode == "zeros" and value == 0 and site.rank <= 3:
        return call(f"layers.ZeroPadding{site.rank}D", padding=written_pairs(site, pairs)), ()
    if mode == "zeros":
        return call("Pad", padding=pairs, value=float(value)), ("Pad",)
    return call("MirrorPad", padding=pairs, mode=NUMPY_MODES[mode]), ("MirrorPad",)


Place: TypeAlias = tuple[str, str]
"""A block, and the name of a layer in it."""


def strided_in_blocks(graph: Graph) -> frozenset[Place]:
    """The layers of blocks with a stride in some instance: padded in front in all, so that these are built alike."""
    blocks = {instance.path: instance.block for instance in graph.instances}
    return frozenset(
        (blocks.get(node.path, ""), node.name.rpartition(".")[2])
        for node in graph.layers
        if node.path and isinstance(node.op, Conv | Depthwise) and node.op.pad != "same" and node.op.stride != 1
    )


def place_of(site: Site) -> Place:
    blocks = {instance.path: instance.block for instance in site.graph.instances}
    return blocks.get(site.node.path, ""), site.node.name.rpartition(".")[2]


def conv(site: Site, strided: frozenset[Place] = frozenset()) -> Modules:
    op, axes, rank = site.op, site.op.windows(site.shape), site.rank
    channels = site.shape.channels
    groups = getattr(op, "groups", channels)
    connect = getattr(op, "connect", None)
    depthwise = (op.operator == "depthwise" or 1 < groups == channels) and rank < 3
    kernel = site.sizes(tuple(axis.kernel for axis in axes))
    strides = site.sizes(tuple(axis.stride for axis in axes))
    dilation = site.sizes(tuple(axis.dilation for axis in axes))
    limited = strides != 1 and (dilation != 1 or (depthwise and isinstance(strides, tuple)))
    mode, pairs, comment = getattr(op, "pad_mode", "zeros"), padding(axes), ""
    same = is_padded(pairs) and mode == "zeros" and pads_same(site, axes) and not limited
    same = same and not (strided and op.pad != "same" and place_of(site) in strided)
    before: tuple[Call, ...] = ()
    helpers: tuple[str, ...] = ()
    if is_padded(pairs) and not same:
        made, helpers = pad_layer(site, pairs, mode)
        before = (made,)
        if strides != 1 and mode == "zeros":
            comment = UNEVEN
    after = (call(f"layers.MaxPooling{rank}D", pool_size=1)._replace(keywords=(option("strides", strides, 1),)),)
    if limited:
        comment = LIMITED
    multiplier = site.output.channels // channels
    keywords = (
        option("strides", 1 if limited else strides, 1),
        option("padding", "same" if same else "valid", "valid"),
        option("dilation_rate", dilation, 1),
        option("depth_multiplier", multiplier, 1) if depthwise else option("groups", groups, 1),
        option("use_bias", site.has_bias, True),
        *initializers(site, "depthwise" if depthwise else ""),
    )
    if depthwise:
        layer = call(f"layers.DepthwiseConv{rank}D", kernel_size=kernel)
    else:
        layer = call(f"layers.Conv{rank}D", filters=site.output.channels, kernel_size=kernel)
    if connect is not None:
        name = f"ConnectedConv{rank}D"
        table = Code(f"[{', '.join(str(list(row)) for row in connect)}]")
        layer = call(name, table=table, **dict(zip(layer.names, layer.arguments, strict=True)))
        helpers = (*helpers, name)
    calls = (*before, layer._replace(keywords=keywords), *(after if limited else ()))
    return Modules(calls, len(before), helpers, comment=comment)


def conv_transpose(site: Site) -> Modules:
    """Keras's ``valid`` gives whole windows and no less than the strides; what is more is cropped."""
    op, axes = site.op, site.op.windows(site.shape)
    kernel = site.sizes(tuple(axis.kernel for axis in axes))
    strides = site.sizes(tuple(axis.stride for axis in axes))
    extra = per_axis(op.output_pad, site.rank, "output_pad")
    plain = op.groups == 1 and all(axis.dilation == 1 for axis in axes)
    bias = option("use_bias", site.has_bias, True)
    full = [(axis.size - 1) * axis.stride + max(axis.kernel, axis.stride) for axis in axes]
    ends = [size - axis.begin - cells for size, axis, cells in zip(full, axes, site.output.spatial, strict=True)]
    if not plain or min(ends) < 0:
        name = "ConvTranspose"
        dilation = site.sizes(tuple(axis.dilation for axis in axes))
        keywords = (
            option("strides", tuple(axis.stride for axis in axes), None),
            option("dilation_rate", dilation, 1),
            option("cropping", padding(axes), None),
            option("output_padding", extra, None),
            option("groups", op.groups, 1),
            bias,
            *initializers(site),
        )
        layer = call(name, filters=op.filters, kernel_size=tuple(axis.kernel for axis in axes))
        comment = "layers.Conv2DTranspose has no groups, and no dilation that all backends have."
        return Modules((layer._replace(keywords=keywords),), helpers=(name,), comment=comment)
    layer = call(f"layers.Conv{site.rank}DTranspose", filters=op.filters, kernel_size=kernel)
    same = not any(extra) and all(
        axis.kernel >= axis.stride and axis.padding == axis.kernel - axis.stride and axis.begin == axis.padding // 2
        for axis in axes
    )
    crops = tuple((axis.begin, end) for axis, end in zip(axes, ends, strict=True))
    same = same and is_padded(crops)
    keywords = (
        option("strides", strides, 1),
        option("padding", "same" if same else "valid", "valid"),
        bias,
        *initializers(site),
    )
    layer = layer._replace(keywords=keywords)
    if same or not is_padded(crops):
        return Modules((layer,))
    return Modules((layer, call(f"layers.Cropping{site.rank}D", cropping=written_pairs(site, crops))))


def maxpool(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    kernel = site.sizes(tuple(axis.kernel for axis in axes))
    strides = site.sizes(tuple(axis.stride for axis in axes))
    pairs = covering(axes)
    dilated = any(axis.dilation != 1 for axis in axes)
    same = is_padded(pairs) and not dilated and not site.op.ceil_mode and pads_same(site, axes)
    before: tuple[Call, ...] = ()
    helpers: tuple[str, ...] = ()
    comment = ""
    if is_padded(pairs) and not same:
        made, helpers = pad_layer(site, pairs, value=-inf)
        before, comment = (made,), "Padding must never be the largest of a window."
    if dilated:
        sizes = {"pool_size": tuple(axis.kernel for axis in axes), "strides": tuple(axis.stride for axis in axes)}
        layer = call("DilatedMaxPooling", **sizes, dilation_rate=tuple(axis.dilation for axis in axes))
        return Modules((*before, layer), len(before), (*helpers, "DilatedMaxPooling"), comment=comment)
    keywords = (option("strides", strides, kernel), option("padding", "same" if same else "valid", "valid"))
    layer = call(f"layers.MaxPooling{site.rank}D", pool_size=kernel)._replace(keywords=keywords)
    return Modules((*before, layer), len(before), helpers, comment=comment)


def avgpool(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    kernel = site.sizes(tuple(axis.kernel for axis in axes))
    strides = site.sizes(tuple(axis.stride for axis in axes))
    pairs = padding(axes)
    beyond = overhang(axes)
    counted = site.op.count_include_pad and is_padded(pairs)
    even = all(begin == end for begin, end in pairs)
    same = is_padded(pairs) and even and not counted and not any(beyond) and pads_same(site, axes)
    if same or not is_padded(covering(axes)):
        keywords = (option("strides", strides, kernel), option("padding", "same" if same else "valid", "valid"))
        return Modules((call(f"layers.AveragePooling{site.rank}D", pool_size=kernel)._replace(keywords=keywords),))
    sizes = {"pool_size": tuple(axis.kernel for axis in axes), "strides": tuple(axis.stride for axis in axes)}
    inside = pairs if counted else ((0, 0),) * site.rank
    outside = tuple((0, cells) for cells in beyond) if counted else covering(axes)
    comment = "The mean of what is there: what pads uncounted is in no divisor." if not counted else ""
    made = call("PaddedAveragePooling", **sizes, counted=inside, uncounted=outside)
    return Modules((made,), helpers=("PaddedAveragePooling",), comment=comment)


def lppool(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    sizes = {"pool_size": tuple(axis.kernel for axis in axes), "strides": tuple(axis.stride for axis in axes)}
    made = call("NormPooling", norm=site.op.p, **sizes)
    keywords = (Keyword("padding", covering(axes)),) if is_padded(covering(axes)) else ()
    return Modules((made._replace(keywords=keywords),), helpers=("NormPooling",))


def subsample(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    made = call("Subsample", pool_size=tuple(a.kernel for a in axes), strides=tuple(a.stride for a in axes))
    return Modules((made,), helpers=("Subsample",))


LAYERS: dict[str, Translator] = {
    "conv": conv,
    "depthwise": conv,
    "conv_transpose": conv_transpose,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "lppool": lppool,
    "subsample": subsample,
}
"""What becomes of the operators whose windows slide."""
