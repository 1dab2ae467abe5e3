"""Constants added and multiplied: into the layer before where that is the same, otherwise as a layer of their own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import ImportedLayer, NodeContext, Refusal, Value, decimal
from cnndsl.ops.activation import Clip
from cnndsl.ops.norm import BatchNorm, LayerNorm, Normalize, Scale

WRITTEN_CHANNELS = 4
"""Constants for so many channels, and no more, stand in the text, as the mean and deviation of images do."""


def aligned(site: NodeContext, value: Value, constant: Array) -> Array:
    """The constant with the axes of the value's shape, each of the value's extent or 1; refused if it does not fit."""
    leading = len(site.builder.leading)
    rank = leading + len(value.order)
    if constant.ndim > rank:
        if any(size != 1 for size in constant.shape[: constant.ndim - rank]):
            raise Refusal(f"a constant of {constant.shape} has more axes than what it meets")
        constant = constant.reshape(constant.shape[constant.ndim - rank :])
    full = constant.reshape((1,) * (rank - constant.ndim) + constant.shape)
    if leading:
        if full.shape[0] != 1:
            raise Refusal("its constant differs between the examples of the batch")
        full = full[0]
    if any(size not in (1, extent) for size, extent in zip(full.shape, value.dimensions, strict=True)):
        raise Refusal(f"its constant of {constant.shape} would enlarge what it meets, {value.shape}")
    return np.transpose(full, np.argsort(value.order))


def scaled(site: NodeContext, index: int, constant: Array) -> Value:
    """The value at ``index`` times a constant."""
    return _applied(site, index, constant, multiply=True)


def shifted(site: NodeContext, index: int, constant: Array) -> Value:
    """The value at ``index`` plus a constant."""
    return _applied(site, index, constant, multiply=False)


def _applied(site: NodeContext, index: int, constant: Array, multiply: bool) -> Value:
    value = site.any(index)
    if constant.dtype.kind not in "fiu" or value.dtype != "float32":
        raise Refusal("it computes with whole numbers, and the language with float32 only")
    numbers = aligned(site, value, constant.astype(np.float64))
    if np.all(numbers == (1.0 if multiply else 0.0)):
        return value
    layer = site.maker(index)
    if layer is not None and _absorbed(layer, numbers, multiply):
        return value
    per_channel = numbers.shape[1:] == (1,) * (numbers.ndim - 1)
    if not per_channel:
        raise Refusal(f"a constant of {constant.shape} is neither one number nor one per channel of {value.shape}")
    # Images are prepared with a few constants; layers learn a number a channel.
    written = numbers.size == 1 or (numbers.size <= WRITTEN_CHANNELS and not _learnt(site, index))
    if written and not multiply:
        return _normalized(site, layer, value, -numbers.ravel(), np.ones(1))
    if written and (numbers > 0).all():
        return _normalized(site, layer, value, np.zeros(1), 1 / numbers.ravel())
    factors = np.broadcast_to(numbers.ravel(), (value.shape.channels,))
    if multiply:
        return site.emit(Scale(), value.ordered(range(len(value.order))), weight=factors).ordered(value.order)
    return _batch_normalized(site, value, np.ones(value.shape.channels), factors)


def _learnt(site: NodeContext, index: int) -> bool:
    """Whether the constant beside the value at ``index`` is called a weight."""
    names = [name for place, name in enumerate(site.node.input) if place != index]
    return any(name.rpartition(".")[2] in ("weight", "bias", "gamma", "beta") for name in names)


def _batch_normalized(site: NodeContext, value: Value, factors: Array, terms: Array) -> Value:
    """x*factors + terms; the variance is such that with eps it is 1."""
    op = BatchNorm()
    weights = {
        "weight": factors,
        "bias": terms,
        "running_mean": np.zeros(factors.size),
        "running_var": np.full(factors.size, 1 - op.eps),
    }
    return site.emit(op, value.ordered(range(len(value.order))), **weights).ordered(value.order)


def _normalized(site: NodeContext, layer: ImportedLayer | None, value: Value, mean: Array, std: Array) -> Value:
    """(x - mean)/std with constants; joined with the layer before if that is of the kind."""
    if layer is not None and isinstance(layer.op, Normalize):
        before_mean, before_std = np.asarray(layer.op.mean), np.asarray(layer.op.std)
        layer.op = Normalize(mean=_written(before_mean + mean * before_std), std=_written(before_std * std))
        return value
    op = Normalize(mean=_written(mean), std=_written(std))
    return site.emit(op, value.ordered(range(len(value.order)))).ordered(value.order)


def _written(numbers: NDArray[Any]) -> float | tuple[float, ...]:
    values = tuple(decimal(number) for number in np.ravel(numbers))
    return values[0] if len(set(values)) == 1 else values


def _absorbed(layer: ImportedLayer, numbers: Array, multiply: bool) -> bool:
    """Whether the layer before took the constant into its own weights."""
    op: Any = layer.op
    weights = layer.weights
    if "affine" in op.parameters():
        layout = layer.output.shape.dimensions if isinstance(op, LayerNorm) and op.axes == "all" else None
        if layout is None and numbers.size not in (1, layer.output.shape.channels):
            return False
        if numbers.ndim > 1 and layout is None and numbers.shape[0] == 1 and numbers.size > 1:
            return False
        shape = layout or (layer.output.shape.channels,)
        full = np.broadcast_to(numbers if layout else numbers.ravel(), shape)
        if not op.affine:
            if numbers.size == 1 and layout is not None and len(shape) > 1:
                return False
            layer.op = op.model_copy(update={"affine": True})
            weights["weight"], weights["bias"] = np.ones(shape), np.zeros(shape)
        if multiply:
            weights["weight"] = weights["weight"] * full
            weights["bias"] = weights["bias"] * full
        else:
            weights["bias"] = weights["bias"] + full
        return True
    if not multiply and op.linear and numbers.shape[0] == numbers.size:
        if op.bias is False:
            if numbers.size == 1 and layer.output.shape.channels > 1:
                return False
            layer.op = op.model_copy(update={"bias": True})
            weights["bias"] = np.zeros(layer.output.shape.channels)
        weights["bias"] = weights["bias"] + np.broadcast_to(numbers.ravel(), (layer.output.shape.channels,))
        return True
    return False


def clipped(site: NodeContext, value: Value, low: float, high: float) -> Value:
    """The value between two bounds."""
    return site.emit(Clip(min=low, max=high), value.ordered(range(len(value.order)))).ordered(value.order)


def negative(site: NodeContext, value: Value) -> Value:
    """The value with its sign changed."""
    factors = np.full(value.shape.channels, -1.0)
    return site.emit(Scale(), value.ordered(range(len(value.order))), weight=factors).ordered(value.order)
