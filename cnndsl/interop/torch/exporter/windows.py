"""Convolutions and pooling in PyTorch.

Its layers pad both sides of an axis alike; other padding is a module of its own in front. ``ceil_mode`` follows the
same rule for the last window, which is dropped if it begins in the padding.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

from cnndsl.interop.codegen.calls import Call, Code, call
from cnndsl.interop.codegen.site import Modules, Site, Translator, option
from cnndsl.shapes import Axis, Pairs, covering, overhang, padding, per_axis, product

PAD_MODULES = {"reflect": "ReflectionPad", "edge": "ReplicationPad", "circular": "CircularPad"}
PADDING_MODES = {"zeros": "zeros", "reflect": "reflect", "edge": "replicate", "circular": "circular"}


def from_last(pairs: Pairs) -> tuple[int, ...]:
    """PyTorch counts axes from the last: (begin, end) of it first."""
    return tuple(cells for pair in reversed(pairs) for cells in pair)


def pad_module(site: Site, pairs: Pairs, mode: str = "zeros", value: float = 0.0) -> Call:
    cells = from_last(pairs)
    if mode != "zeros":
        return call(f"nn.{PAD_MODULES[mode]}{site.rank}d", padding=cells)
    if value:
        return call(f"nn.ConstantPad{site.rank}d", padding=cells, value=float(value))
    return call(f"nn.ZeroPad{site.rank}d", padding=cells)


def both_sides(site: Site, axes: Sequence[Axis]) -> Any:
    """The padding as PyTorch takes it, or None where the sides differ."""
    if any(axis.begin != axis.end for axis in axes):
        return None
    return site.sizes(tuple(axis.begin for axis in axes))


def steps(site: Site, axes: Sequence[Axis]) -> tuple[Any, Any, Any]:
    """Kernel, stride and dilation."""
    return (
        site.sizes(tuple(axis.kernel for axis in axes)),
        site.sizes(tuple(axis.stride for axis in axes)),
        site.sizes(tuple(axis.dilation for axis in axes)),
    )


def conv(site: Site) -> Modules:
    op, axes = site.op, site.op.windows(site.shape)
    kernel, stride, dilation = steps(site, axes)
    groups = getattr(op, "groups", site.shape.channels)
    mode = getattr(op, "pad_mode", "zeros")
    cells = both_sides(site, axes)
    in_front: tuple[Call, ...] = ()
    if cells is None:
        in_front, cells, mode = (pad_module(site, padding(axes), mode),), 0, "zeros"
    keywords = (
        option("stride", stride, 1),
        option("padding", cells, 0),
        option("dilation", dilation, 1),
        option("groups", groups, 1),
        option("bias", site.has_bias, True),
        option("padding_mode", PADDING_MODES[mode], "zeros"),
    )
    made = call(f"nn.Conv{site.rank}d", channels=site.shape.channels, filters=site.output.channels, kernel=kernel)
    connect = getattr(op, "connect", None)
    if connect is not None:
        table = Code(f"[{', '.join(str(list(row)) for row in connect)}]")
        made = call(f"ConnectedConv{site.rank}d", table=table, **dict(zip(made.names, made.arguments, strict=True)))
    helpers = (f"ConnectedConv{site.rank}d",) if connect is not None else ()
    return Modules((*in_front, made._replace(keywords=keywords)), len(in_front), helpers)


def conv_transpose(site: Site) -> Modules:
    op, axes = site.op, site.op.windows(site.shape)
    kernel, stride, dilation = steps(site, axes)
    cells = both_sides(site, axes)
    keywords = (
        option("stride", stride, 1),
        option("padding", 0 if cells is None else cells, 0),
        option("output_padding", site.sizes(op.output_pad), 0),
        option("groups", op.groups, 1),
        option("bias", site.has_bias, True),
        option("dilation", dilation, 1),
    )
    made = call(f"nn.ConvTranspose{site.rank}d", channels=site.shape.channels, filters=op.filters, kernel=kernel)
    made = made._replace(keywords=keywords)
    if cells is not None:
        return Modules((made,))
    cropped = tuple((-begin, -end) for begin, end in padding(axes))
    return Modules((made, call(f"nn.ZeroPad{site.rank}d", padding=from_last(cropped))))


def pads_alone(axes: Sequence[Axis]) -> bool:
    """Whether PyTorch's pools pad so: equal sides, at most half a kernel that fits the map without it."""
    return all(
        axis.begin == axis.end <= axis.kernel // 2 and axis.kernel <= axis.size and axis.reach <= axis.size + axis.begin
        for axis in axes
    )


def maxpool(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    kernel, stride, dilation = steps(site, axes)
    name = f"nn.MaxPool{site.rank}d"
    if pads_alone(axes):
        keywords = (
            option("stride", stride, kernel),
            option("padding", both_sides(site, axes), 0),
            option("dilation", dilation, 1),
            option("ceil_mode", site.op.ceil_mode and any(overhang(axes)), False),
        )
        return Modules((call(name, kernel=kernel)._replace(keywords=keywords),))
    whole = covering(axes)
    in_front = call(f"nn.ConstantPad{site.rank}d", padding=from_last(whole), value=-inf)
    made = call(name, kernel=kernel)
    made = made._replace(keywords=(option("stride", stride, kernel), option("dilation", dilation, 1)))
    return Modules((in_front, made), 1)


def avgpool(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    kernel, stride, _ = steps(site, axes)
    if pads_alone(axes):
        counted = site.op.count_include_pad or not any(map(any, padding(axes)))
        keywords = (
            option("stride", stride, kernel),
            option("padding", both_sides(site, axes), 0),
            option("ceil_mode", site.op.ceil_mode and any(overhang(axes)), False),
            option("count_include_pad", counted, True),
        )
        return Modules((call(f"nn.AvgPool{site.rank}d", kernel=kernel)._replace(keywords=keywords),))
    beyond = tuple((0, cells) for cells in overhang(axes))
    inside, outside = padding(axes), beyond
    if not site.op.count_include_pad:
        inside = ((0, 0),) * site.rank
        outside = tuple((begin, end + more) for (begin, end), (_, more) in zip(padding(axes), beyond, strict=True))
    arguments = {"kernel": kernel, "stride": stride, "counted": from_last(inside), "uncounted": from_last(outside)}
    name = f"PaddedAvgPool{site.rank}d"
    return Modules((call(name, **arguments),), helpers=(name,))


def lppool(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    kernel, stride, _ = steps(site, axes)
    pairs = covering(axes)
    if site.op.p % 2 == 0 and not any(map(any, pairs)):
        made = call(f"nn.LPPool{site.rank}d", norm=float(site.op.p), kernel=kernel)
        return Modules((made._replace(keywords=(option("stride", stride, kernel),)),))
    name = f"PaddedLPPool{site.rank}d"
    cells = product(per_axis(site.op.kernel, site.rank, "kernel"))
    made = call(name, norm=float(site.op.p), kernel=kernel, stride=stride, padding=from_last(pairs), cells=cells)
    return Modules((made,), helpers=(name,))


def subsample(site: Site) -> Modules:
    axes = site.op.windows(site.shape)
    kernel, stride, _ = steps(site, axes)
    cells = product(per_axis(site.op.kernel, site.rank, "kernel"))
    name = f"Subsample{site.rank}d"
    made = call(name, channels=site.shape.channels, kernel=kernel, stride=stride, cells=cells)
    return Modules((made,), helpers=(name,))


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
