"""Convolutions, pooling, dense layers and normalisations from ONNX."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import comb
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import Constant, NeedsConstant, NodeContext, Refusal, Value
from cnndsl.interop.onnx.importer.translations.affine import normed, shifted
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.dense import Dense
from cnndsl.ops.global_pool import GlobalAvgPool, GlobalLpPool, GlobalMaxPool
from cnndsl.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm, Scale
from cnndsl.ops.pool import AvgPool, LpPool, MaxPool
from cnndsl.ops.resize import Pad
from cnndsl.shapes import Axis, explicit_padding

WRITTEN_LINKS = 1 << 16
OF_VALUES = "it is the product of two matrices that both depend on the network's inputs, as in attention"
CHANCE = 0.02
"""Zeros among the links that do not make a connect table."""


def compact(sizes: Sequence[int]) -> int | tuple[int, ...]:
    """One number if all are equal."""
    return sizes[0] if len(set(sizes)) == 1 else tuple(sizes)


def map_of(site: NodeContext, index: int = 0) -> Value:
    """The value at that place, a map of 1 to 3 spatial axes."""
    value = site.value(index)
    if not 1 <= len(value.shape.spatial) <= 3:
        raise Refusal(f"its input {value.shape} has {len(value.shape.spatial)} spatial axes, not 1 to 3")
    return value


def numbers(site: NodeContext, name: str, rank: int, default: int) -> list[int]:
    """An attribute with one whole number for each axis."""
    values = [int(value) for value in site.attribute(name, [default] * rank)]
    if len(values) != rank:
        raise Refusal(f"{name} has {len(values)} numbers for {rank} spatial axes")
    return values


def padding(site: NodeContext, rank: int) -> Any:
    """The padding in the language's shortest form."""
    mode = site.attribute("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        return "same" if mode == "SAME_UPPER" else "same_lower"
    if mode == "VALID":
        return 0
    pads = [int(cells) for cells in site.attribute("pads", [0] * 2 * rank)]
    if len(pads) != 2 * rank:
        raise Refusal(f"pads has {len(pads)} numbers for {rank} spatial axes")
    if min(pads) < 0:
        raise Refusal("its padding is negative")
    if pads[:rank] == pads[rank:]:
        return compact(pads[:rank])
    return tuple(pads)


def blurred(site: NodeContext) -> Value | None:
    """A fixed kernel of binomial coefficients, the same for every channel: means of two cells, repeated."""
    x, weight = map_of(site), site.constant(1, "weight")
    rank, taps = len(x.shape.spatial), weight.shape[-1]
    layout = (x.shape.channels, 1, *(taps,) * rank)
    parameter = site.beside(1, "weight").learnt and site.node.input[1].endswith("weight")
    if weight.shape != layout or site.attribute("group", 1) != len(weight) or parameter or taps < 2:
        return None
    if has_bias(site, len(weight)):
        return None
    line = np.array([comb(taps - 1, place) for place in range(taps)]) / 2 ** (taps - 1)
    binomial = np.allclose(weight, reduce(np.multiply.outer, [line] * rank))
    if not binomial or set(numbers(site, "dilations", rank, 1)) != {1}:
        return None
    pad = padding(site, rank)
    if isinstance(pad, str):
        return None
    if pad:
        x = site.emit(Pad(size=pad), x)
    kernel = (2,) * rank
    for _ in range(taps - 2):
        x = site.emit(AvgPool(kernel=kernel, stride=1), x)
    stride = compact(numbers(site, "strides", rank, 1))
    return site.emit(AvgPool(kernel=kernel) if stride == 2 else AvgPool(kernel=kernel, stride=stride), x)


def has_bias(site: NodeContext, filters: int) -> bool:
    """Whether the third input is a bias: zeros that nodes made, where an exporter writes one always, are none."""
    if not site.given(2):
        return False
    bias = site.beside(2, "bias")
    return bias.learnt or bias.array.shape != (filters,) or bool(bias.array.any())


def with_gain(site: NodeContext, axis: int, layer: Callable[[NodeContext], Value]) -> Value:
    """The layer; if its weight has a gain for each filter, the layer without it and without its bias, both behind."""
    site.constant(1, "weight")
    found = site.builder.gain_of(site.node.input[1], axis)
    bias = site.constant(2, "bias").ravel() if site.given(2) else None
    if found is None or (bias is not None and bias.size != found[1].size):
        return layer(site)
    weight, gain = found
    value = layer(site.reading(site.inputs[0], weight))
    weights = {"weight": gain} | ({} if bias is None else {"bias": bias})
    flat = value.ordered(range(len(value.order)))
    return site.emit(Scale(bias="bias" in weights), flat, **weights).ordered(value.order)


def conv(site: NodeContext) -> Value:
    return blurred(site) or with_gain(site, 0, convolved)


def convolved(site: NodeContext) -> Value:
    x, weight = map_of(site), site.constant(1, "weight")
    rank = len(x.shape.spatial)
    if weight.ndim != rank + 2:
        raise Refusal(f"its weight has {weight.ndim} axes, and its input {rank} spatial ones")
    groups = int(site.attribute("group", 1))
    given: dict[str, Any] = {
        "kernel": weight.shape[2:],
        "stride": compact(numbers(site, "strides", rank, 1)),
        "pad": padding(site, rank),
        "dilation": compact(numbers(site, "dilations", rank, 1)),
        "bias": has_bias(site, weight.shape[0]),
    }
    weights = {"weight": weight} | ({"bias": site.constant(2, "bias")} if given["bias"] else {})
    if groups > 1 and groups == x.shape.channels and weight.shape[0] % groups == 0:
        return site.emit(Depthwise(multiplier=weight.shape[0] // groups, **given), x, **weights)
    links = _links(weight) if site.own_export and groups == 1 else None
    return site.emit(Conv(filters=weight.shape[0], groups=groups, connect=links, **given), x, **weights)


def _links(weight: Array) -> tuple[tuple[int, ...], ...] | None:
    """The connect table, all other links being zeros in our own exports; a few zeros may be there by chance."""
    if weight.shape[0] * weight.shape[1] > WRITTEN_LINKS:
        return None
    seen = np.any(weight.reshape(*weight.shape[:2], -1) != 0, axis=2)
    if seen.mean() > 1 - CHANCE or not seen.any(axis=1).all():
        return None
    return tuple(tuple(int(channel) for channel in np.flatnonzero(row)) for row in seen)


def conv_transpose(site: NodeContext) -> Value:
    x, weight = map_of(site), site.constant(1, "weight")
    rank = len(x.shape.spatial)
    if weight.ndim != rank + 2:
        raise Refusal(f"its weight has {weight.ndim} axes, and its input {rank} spatial ones")
    groups = int(site.attribute("group", 1))
    stride, dilation = numbers(site, "strides", rank, 1), numbers(site, "dilations", rank, 1)
    extra = numbers(site, "output_padding", rank, 0)
    pad = padding(site, rank)
    wanted = site.attribute("output_shape", None)
    if wanted is None and isinstance(pad, str):
        wanted = [size * step for size, step in zip(x.shape.spatial, stride, strict=True)]
    if wanted is not None:
        begins, ends = [], []
        for axis, target in enumerate(list(wanted)[-rank:]):
            reach = dilation[axis] * (weight.shape[2 + axis] - 1) + 1
            total = stride[axis] * (x.shape.spatial[axis] - 1) + extra[axis] + reach - int(target)
            extra[axis] += max(-total, 0)
            half, rest = max(total, 0) // 2, max(total, 0) - max(total, 0) // 2
            first = site.attribute("auto_pad", "NOTSET") == "SAME_UPPER"
            begins.append(half if first else rest)
            ends.append(rest if first else half)
        pad = compact(begins) if begins == ends else (*begins, *ends)
    op = ConvTranspose(
        filters=weight.shape[1] * groups,
        kernel=weight.shape[2:],
        stride=compact(stride),
        pad=pad,
        output_pad=compact(extra),
        dilation=compact(dilation),
        groups=groups,
        bias=has_bias(site, weight.shape[1] * groups),
    )
    weights = {"weight": weight} | ({"bias": site.constant(2, "bias")} if op.bias else {})
    return site.emit(op, x, **weights)


def _pool_arguments(site: NodeContext, x: Value) -> dict[str, Any]:
    rank = len(x.shape.spatial)
    kernel = numbers(site, "kernel_shape", rank, 1)
    stride = numbers(site, "strides", rank, 1)
    given: dict[str, Any] = {
        "kernel": tuple(kernel),
        "pad": padding(site, rank),
        "ceil_mode": bool(site.attribute("ceil_mode", 0)),
    }
    if list(kernel) == list(x.shape.spatial) and given["pad"] == 0:
        stride = kernel  # there is one window only
    if stride != kernel:
        given["stride"] = compact(stride)
    return given


def _rounded_up(given: dict[str, Any], x: Value, dilation: Sequence[int]) -> dict[str, Any]:
    """Cells at the ends alone, as caffe's exporter writes rounding up, in the language's words."""
    pad, rank = given["pad"], len(x.shape.spatial)
    if not isinstance(pad, tuple) or len(pad) != 2 * rank or given["ceil_mode"]:
        return given
    begins = compact(pad[:rank])
    stride = given.get("stride", given["kernel"])
    strides = (stride,) * rank if isinstance(stride, int) else stride
    for axis, size in enumerate(x.shape.spatial):
        written = Axis(size, given["kernel"][axis], strides[axis], dilation[axis], pad[axis], pad[rank + axis])
        rounded = written._replace(end=pad[axis], ceil=True)
        if written.output != rounded.output or (written.output - 1) * written.stride > size + written.begin:
            return given
    return {**given, "pad": begins, "ceil_mode": True}


def _wide(given: dict[str, Any], dilation: Sequence[int]) -> bool:
    """Whether the padding is more than half the window, which the language keeps apart from the pool."""
    pad = given["pad"]
    if isinstance(pad, str):
        return False
    cells = (pad,) if isinstance(pad, int) else pad
    reaches = [spread * (taps - 1) + 1 for taps, spread in zip(given["kernel"], dilation, strict=True)]
    pairs = [cells[index % len(cells)] for index in range(2 * len(reaches))]
    return any(2 * count > reaches[index % len(reaches)] for index, count in enumerate(pairs))


def maxpool(site: NodeContext) -> Value:
    if len(site.node.output) > 1 and site.uses.get(site.node.output[1]):
        raise Refusal("the places of its maxima are used")
    x = map_of(site)
    given = _pool_arguments(site, x)
    dilation = numbers(site, "dilations", len(x.shape.spatial), 1)
    if _wide(given, dilation):
        x, given["pad"] = _beyond_half(site, x, given, dilation), 0
    return site.emit(MaxPool(dilation=compact(dilation), **_rounded_up(given, x, dilation)), x)


def _beyond_half(site: NodeContext, x: Value, given: Mapping[str, Any], dilation: Sequence[int]) -> Value:
    """The value with cells around it that never are a maximum alone: those at its edge again."""
    pairs = explicit_padding(given["pad"], len(dilation))
    if set(dilation) != {1} or any(max(pair) >= taps for pair, taps in zip(pairs, given["kernel"], strict=True)):
        raise Refusal("its windows may lie in the padding alone, or skip the cells beside it")
    return site.emit(Pad(size=given["pad"], mode="edge"), x)


def _undilated(site: NodeContext, rank: int) -> list[int]:
    dilation = numbers(site, "dilations", rank, 1)
    if set(dilation) != {1}:
        raise Refusal("it is dilated, and of the pools only maxpool can be")
    return dilation


def avgpool(site: NodeContext) -> Value:
    x = map_of(site)
    dilation = _undilated(site, len(x.shape.spatial))
    given = _pool_arguments(site, x)
    counted = bool(site.attribute("count_include_pad", 0)) and given["pad"] != 0
    if counted and _wide(given, dilation):
        x, given["pad"], counted = site.emit(Pad(size=given["pad"]), x), 0, False
    if not counted:
        given = _rounded_up(given, x, dilation)
    return site.emit(AvgPool(count_include_pad=counted, **given), x)


def lppool(site: NodeContext) -> Value:
    x = map_of(site)
    dilation = _undilated(site, len(x.shape.spatial))
    given = _pool_arguments(site, x)
    if _wide(given, dilation):
        x, given["pad"] = site.emit(Pad(size=given["pad"]), x), 0
    return site.emit(LpPool(p=int(site.attribute("p", 2)), **given), x)


def global_avgpool(site: NodeContext) -> Value:
    return site.emit(GlobalAvgPool(), map_of(site))


def global_maxpool(site: NodeContext) -> Value:
    return site.emit(GlobalMaxPool(), map_of(site))


def global_lppool(site: NodeContext) -> Value:
    return site.emit(GlobalLpPool(p=int(site.attribute("p", 2))), map_of(site))


def linear(site: NodeContext, x: Value, weight: Array, bias: Array | None) -> Value:
    """Every vector along ONNX's last axis times ``weight`` (units, features): dense, or a convolution of size 1."""
    if weight.ndim != 2 or weight.shape[1] != x.dimensions[-1]:
        raise Refusal(f"a weight of {weight.shape} does not fit vectors of {x.dimensions[-1]}")
    weights = {"weight": weight} | ({} if bias is None else {"bias": bias})
    if x.shape.is_vector:
        return site.emit(Dense(units=weight.shape[0], bias=bias is not None), x, **weights)
    x = site.builder.led_by(x, x.order[-1])
    rank = len(x.shape.spatial)
    if rank > 3:
        raise Refusal(f"its input {x.shape} has more than 3 spatial axes")
    weights["weight"] = weight.reshape(*weight.shape, *(1,) * rank)
    flat = x.ordered(range(rank + 1))
    op = Conv(filters=weight.shape[0], kernel=(1,) * rank, bias=bias is not None)
    return site.emit(op, flat, **weights).ordered(x.order)


def gemm(site: NodeContext) -> Value:
    if site.real("alpha", 1.0) != 1 or site.real("beta", 1.0) != 1:
        return general_product(site)
    return with_gain(site, 0 if site.attribute("transB", 0) else 1, general_product)


def general_product(site: NodeContext) -> Value:
    x, weight = site.any(), site.constant(1, "weight")
    if site.attribute("transA", 0):
        if len(x.order) != 2:
            raise Refusal("transA exchanges the batch and the features")
        x = x.ordered(x.order[::-1])
    if not site.attribute("transB", 0):
        weight = weight.T
    alpha, beta = site.real("alpha", 1.0), site.real("beta", 1.0)
    weight = weight if alpha == 1 else weight * alpha
    bias = None
    if site.given(2):
        given = site.constant(2, "bias")
        if given.size == 1 != weight.shape[0]:
            value = linear(site, x, weight, None)
            term = site.beside(2, "bias")
            return shifted(site, value, term._replace(array=term.array.reshape(-1) * beta))
        if given.size != 1 and (given.shape[-1:] != weight.shape[:1] or given.size != weight.shape[0]):
            if len(x.order) != 2:
                raise Refusal("its bias differs between the examples of the batch")
            raise Refusal("its bias is a matrix")
        bias = np.broadcast_to(given.ravel() * beta if beta != 1 else given.ravel(), weight.shape[:1])
    return linear(site, x, weight, bias)


def matmul(site: NodeContext) -> Value:
    if not isinstance(site.inputs[0], Value):
        raise Refusal("it multiplies a constant by a value, and the language values by constants")
    if isinstance(site.inputs[1], Value):
        raise NeedsConstant(site.node.input[1], OF_VALUES)
    return with_gain(site, -1, product)


def product(site: NodeContext) -> Value:
    weight = site.constant(1, "weight")
    return linear(site, site.any(), weight.T if weight.ndim == 2 else weight, None)


def batchnorm(site: NodeContext) -> Value:
    if site.attribute("training_mode", 0) or not site.attribute("spatial", 1):
        raise Refusal("it normalises by the batch itself" if site.attribute("training_mode", 0) else "spatial=0")
    running = {name: site.constant(index, name) for index, name in ((3, "running_mean"), (4, "running_var"))}
    momentum = min(max(round(1 - site.real("momentum", 0.9), 6), 0.0), 1.0)
    x = site.value()
    op = BatchNorm(eps=site.real("epsilon", 1e-5), momentum=momentum)
    return normed(site, op, x, [x.shape.channels], _per_channel(site, x), **running)


def _per_channel(site: NodeContext, x: Value) -> list[Constant]:
    """The scale and the bias at places 1 and 2, as they meet the value."""
    parts = [site.beside(1, "scale"), site.beside(2, "bias")]
    if any(part.array.ndim != 1 for part in parts):
        raise Refusal("its scale or bias is no list")
    shape = (-1, *(1 for _ in x.shape.spatial))
    return [part._replace(array=part.array.reshape(shape), named=True) for part in parts]


def instancenorm(site: NodeContext) -> Value:
    x = site.value()
    op = InstanceNorm(eps=site.real("epsilon", 1e-5))
    return normed(site, op, x, [x.shape.channels], _per_channel(site, x))


def groupnorm(site: NodeContext) -> Value:
    x = site.value()
    groups, channels = int(site.attribute("num_groups", 1)), x.shape.channels
    eps = site.real("epsilon", 1e-5)
    if site.opset < 21 and site.constant(1, "scale").size == groups != channels:  # there was one a group
        if channels % groups:
            raise Refusal(f"{channels} channels cannot be divided into {groups} equal groups")
        grouped = site.reshape(x, [groups, x.shape.elements // groups])
        value = normed(site, InstanceNorm(eps=eps), grouped, [groups], _per_channel(site, grouped))
        return site.reshape(value, x.dimensions)
    return normed(site, GroupNorm(groups=groups, eps=eps), x, [channels], _per_channel(site, x))


def layernorm(site: NodeContext) -> Value:
    if any(site.uses.get(name) for name in site.node.output[1:]):
        raise Refusal("its mean or deviation is used")
    parts = [site.beside(place, name) if site.given(place) else None for place, name in ((1, "scale"), (2, "bias"))]
    affine = [None if part is None else part._replace(named=True) for part in parts]
    return normalized_layer(site, int(site.attribute("axis", -1)), site.real("epsilon", 1e-5), affine)


def normalized_layer(
    site: NodeContext, axis: int, eps: float, affine: Sequence[Constant | None] = (None, None)
) -> Value:
    """Layer normalisation from ONNX's ``axis`` on, with its scale and bias where there are such."""
    x = site.any()
    first = site.axis(x, axis)
    place = x.order.index(first)
    if place == 0:
        x = site.builder.straight(x)
        return normed(site, LayerNorm(eps=eps), x, x.shape.dimensions, affine)
    if place < len(x.order) - 1:
        raise Refusal("it normalises over some of the axes: the language does over all, or over the channels")
    x = site.builder.led_by(x, first)
    return normed(site, LayerNorm(eps=eps, axes="channel"), x, [x.shape.channels], affine)


def lrn(site: NodeContext) -> Value:
    op = LocalResponseNorm(
        size=int(site.attribute("size", 1)),
        alpha=site.real("alpha", 1e-4),
        beta=site.real("beta", 0.75),
        k=site.real("bias", 1.0),
    )
    return site.emit(op, site.value())
