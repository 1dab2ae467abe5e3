"""Which kernel computes an operator: a table from operator to a step, all geometry resolved.

Activations are not in it: each is computed by the function of its name in :mod:`cnndsl.runtime.kernels.activation`,
which takes the operator's parameters in their order, and its weights by their names.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from cnndsl.arrays import Array
from cnndsl.errors import CnnError
from cnndsl.ops import conv, dense, merge, norm, pool, resize, shape
from cnndsl.ops.base import Operator, Windowed
from cnndsl.runtime.kernels import activation as activations
from cnndsl.runtime.kernels import convolution, normalization, pooling, shaping
from cnndsl.runtime.kernels import dense as products
from cnndsl.runtime.kernels import merge as merges
from cnndsl.shapes import Axis, Shape, explicit_padding, per_axis

Compute: TypeAlias = Callable[..., Array]
"""Takes the values of the layer's inputs (N, C, spatial...) in order and gives its output."""
Build: TypeAlias = Callable[[Any, "LayerContext"], Compute]


class LayerContext(NamedTuple):
    """Where an operator stands: the shapes around it and its tensors by local name."""

    shapes: tuple[Shape, ...]
    output: Shape
    weights: Mapping[str, Array]

    @property
    def weight(self) -> Array:
        """The tensor of that name; KeyError where the operator has none."""
        return self.weights["weight"]

    @property
    def bias(self) -> Array | None:
        """The bias, if there is one."""
        return self.weights.get("bias")


def compute(operator: Operator, site: LayerContext) -> Compute:
    """The function that computes a layer."""
    return _STEPS.get(operator.operator, _activation)(operator, site)


def has_kernel(name: str) -> bool:
    """Whether the operator of that name can be executed."""
    return name in _STEPS or hasattr(activations, name)


def _activation(op: Operator, site: LayerContext) -> Compute:
    kernel = _plain(getattr(activations, op.operator), *op.parameters())(op, site)
    return partial(kernel, **site.weights) if site.weights else kernel


def _slide(windows: tuple[Axis, ...]) -> dict[str, Any]:
    return {
        "stride": tuple(axis.stride for axis in windows),
        "dilation": tuple(axis.dilation for axis in windows),
        "padding": tuple((axis.begin, axis.end) for axis in windows),
    }


def _conv(op: conv.Conv, site: LayerContext) -> Compute:
    geometry = _slide(op.windows(site.shapes[0]))
    return partial(
        convolution.convolve,
        weight=site.weight,
        bias=site.bias,
        groups=op.groups,
        output=site.output.spatial,
        pad_mode=op.pad_mode,
        **geometry,
    )


def _depthwise(op: conv.Depthwise, site: LayerContext) -> Compute:
    geometry = _slide(op.windows(site.shapes[0]))
    groups = site.shapes[0].channels
    return partial(
        convolution.convolve,
        weight=site.weight,
        bias=site.bias,
        groups=groups,
        output=site.output.spatial,
        **geometry,
    )


def _conv_transpose(op: conv.ConvTranspose, site: LayerContext) -> Compute:
    geometry = _slide(op.windows(site.shapes[0]))
    return partial(
        convolution.convolve_transposed,
        weight=site.weight,
        bias=site.bias,
        groups=op.groups,
        output=site.output.spatial,
        **geometry,
    )


def _pooled(function: Compute, *parameters: str) -> Callable[[Windowed, LayerContext], Compute]:
    def build(op: Windowed, site: LayerContext) -> Compute:
        windows = op.windows(site.shapes[0])
        given = {name: getattr(op, name) for name in parameters}
        kernel = tuple(axis.kernel for axis in windows)
        return partial(function, kernel=kernel, output=site.output.spatial, **_slide(windows), **given)

    return build


def _subsample(op: pool.Subsample, site: LayerContext) -> Compute:
    windows = op.windows(site.shapes[0])
    return partial(
        pooling.subsample,
        weight=site.weight,
        bias=site.weights["bias"],
        kernel=tuple(axis.kernel for axis in windows),
        stride=tuple(axis.stride for axis in windows),
        output=site.output.spatial,
    )


def _plain(function: Compute, *parameters: str) -> Callable[[Operator, LayerContext], Compute]:
    """A kernel that takes the value and some of the operator's parameters, in order."""

    def build(op: Operator, site: LayerContext) -> Compute:
        values = [getattr(op, name) for name in parameters]
        return (lambda x, **weights: function(x, *values, **weights)) if values else function

    return build


def _to_size(function: Compute) -> Callable[[Operator, LayerContext], Compute]:
    return lambda op, site: partial(function, output=site.output.spatial)


def _merged(function: Compute) -> Callable[[Operator, LayerContext], Compute]:
    return lambda op, site: lambda *branches: function(branches)


def _concat(op: merge.Concat, site: LayerContext) -> Compute:
    return lambda *branches: merges.concat(branches, op.axis)


def _batchnorm(op: norm.BatchNorm, site: LayerContext) -> Compute:
    weights = site.weights
    return partial(
        normalization.batch_norm,
        weight=weights.get("weight"),
        bias=site.bias,
        mean=weights["running_mean"],
        variance=weights["running_var"],
        eps=op.eps,
    )


def _layernorm(op: norm.LayerNorm, site: LayerContext) -> Compute:
    return partial(
        normalization.layer_norm,
        weight=site.weights.get("weight"),
        bias=site.bias,
        eps=op.eps,
        channel_only=op.axes == "channel",
    )


def _groupnorm(op: norm.GroupNorm, site: LayerContext) -> Compute:
    weight = site.weights.get("weight")
    return partial(normalization.group_norm, weight=weight, bias=site.bias, groups=op.groups, eps=op.eps)


def _instancenorm(op: norm.InstanceNorm, site: LayerContext) -> Compute:
    return partial(normalization.instance_norm, weight=site.weights.get("weight"), bias=site.bias, eps=op.eps)


def _embedding(op: dense.Embedding, site: LayerContext) -> Compute:
    def embed(x: Array) -> Array:
        unknown = x[(x < 0) | (x >= op.vocabulary)]
        if unknown.size:
            raise CnnError.of(
                "input-range",
                f"`embedding {op.arguments()}` knows the word numbers 0 to {op.vocabulary - 1}, but got {unknown[0]}",
            )
        return products.embed(x, site.weight)

    return embed


def _reshape(op: shape.Reshape, site: LayerContext) -> Compute:
    return partial(shaping.reshape, shape=site.output.dimensions)


def _pad(op: resize.Pad, site: LayerContext) -> Compute:
    pairs = explicit_padding(op.size, len(site.output.spatial), "size")
    return partial(shaping.pad, padding=pairs, mode=op.mode, value=op.value)


def _crop(op: resize.Crop, site: LayerContext) -> Compute:
    return partial(shaping.crop, cropping=explicit_padding(op.size, len(site.output.spatial), "size"))


def _upsample(op: resize.Upsample, site: LayerContext) -> Compute:
    if op.mode == "nearest":
        return partial(shaping.upsample_nearest, scale=per_axis(op.scale, len(site.output.spatial), "scale"))
    return partial(shaping.resize, output=site.output.spatial, mode=op.mode, align_corners=False)


def _resize(op: resize.Resize, site: LayerContext) -> Compute:
    return partial(shaping.resize, output=site.output.spatial, mode=op.mode, align_corners=op.align_corners)


def _slice(op: resize.Slice, site: LayerContext) -> Compute:
    return lambda x: shaping.slice_axis(x, op.axis, op.begin, op.end)


def _unchanged(op: Operator, site: LayerContext) -> Compute:
    return lambda x: x


_STEPS: dict[str, Build] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "conv_transpose": _conv_transpose,
    "maxpool": _pooled(pooling.max_pool),
    "avgpool": _pooled(pooling.average_pool, "count_include_pad"),
    "lppool": _pooled(pooling.lp_pool, "p"),
    "subsample": _subsample,
    "global_maxpool": _plain(pooling.global_max_pool),
    "global_avgpool": _plain(pooling.global_average_pool),
    "global_lppool": _plain(pooling.global_lp_pool, "p"),
    "reduce": _plain(pooling.reduce, "axis", "by"),
    "adaptive_avgpool": _to_size(pooling.adaptive_average_pool),
    "adaptive_maxpool": _to_size(pooling.adaptive_max_pool),
    "dense": lambda op, site: partial(products.dense, weight=site.weight, bias=site.bias),
    "rbf": lambda op, site: partial(products.radial_basis, centers=site.weights["centers"]),
    "embedding": _embedding,
    "parameter": lambda op, site: partial(products.learned, weight=site.weight),
    "flatten": _plain(shaping.flatten),
    "reshape": _reshape,
    "permute": _plain(shaping.permute, "order"),
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "resize": _resize,
    "slice": _slice,
    "channel_shuffle": _plain(shaping.channel_shuffle, "groups"),
    "pixel_shuffle": _plain(shaping.pixel_shuffle, "factor"),
    "space_to_depth": _plain(shaping.space_to_depth, "factor"),
    "identity": _unchanged,
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "groupnorm": _groupnorm,
    "instancenorm": _instancenorm,
    "lrn": _plain(normalization.local_response_norm, "size", "alpha", "beta", "k"),
    "normalize": _plain(normalization.normalize, "mean", "std"),
    "scale": lambda op, site: partial(normalization.scale, weight=site.weight, bias=site.bias),
    "bias": lambda op, site: partial(normalization.shift, bias=site.weights["bias"]),
    "dropout": _unchanged,
    "spatial_dropout": _unchanged,
    "add": _merged(merges.add),
    "mul": _merged(merges.mul),
    "sub": _merged(merges.sub),
    "div": _merged(merges.div),
    "maximum": _merged(merges.maximum),
    "minimum": _merged(merges.minimum),
    "average": _merged(merges.average),
    "concat": _concat,
}
