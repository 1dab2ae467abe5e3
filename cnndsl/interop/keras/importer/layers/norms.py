"""Normalisations from Keras."""

from typing import Any

import numpy as np

from cnndsl.interop.calls import ToValue
from cnndsl.interop.keras.importer.call import Held, LayerCall, array_of, constant, value_of
from cnndsl.interop.keras.importer.layers.elements import normalized
from cnndsl.interop.onnx.importer.graph import Refusal, Value, decimal
from cnndsl.interop.onnx.importer.translations.elements import add, mul
from cnndsl.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm


def _axis(call: LayerCall, x: Value, axis: int) -> int:
    """The axis of the value's shape that Keras calls ``axis``."""
    return call.axis(x, axis)


def _normed(
    call: LayerCall,
    op: BatchNorm | GroupNorm | InstanceNorm | LayerNorm,
    x: Value,
    gamma: Held | None,
    beta: Held | None,
    **buffers: Held,
) -> Value:
    """The norm, with both parameters if it has both; otherwise the one that there is stands behind it."""
    flat, affine = x.ordered(range(len(x.order))), gamma is not None and beta is not None
    own = {"weight": gamma, "bias": beta} if affine else {}
    found = call.weighted(op.model_copy(update={"affine": affine}), flat, **own, **buffers)
    for held, applied, what in ((gamma, mul, "scale"), (beta, add, "bias")):
        if held is not None and not affine:
            shape = (-1, *(1,) * (len(x.order) - 1)) if held.array.ndim == 1 else held.array.shape
            there = held._replace(array=held.array.reshape(shape))
            found = call.beside_it(what).says(applied, found, there)
    return found.ordered(x.order)


def batchnorm(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = value_of(inputs)
    x = call.builder.led_by(x, _axis(call, x, layer.axis))
    op = BatchNorm(eps=decimal(layer.epsilon), momentum=min(max(round(1 - layer.momentum, 6), 0.0), 1.0))
    mean, variance = call.held(layer.moving_mean), call.held(layer.moving_variance)
    gamma, beta = call.perhaps(layer.gamma), call.perhaps(layer.beta)
    return _normed(call, op, x, gamma, beta, running_mean=mean, running_var=variance)


def layernorm(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = value_of(inputs)
    if getattr(layer, "rms_scaling", False):
        raise Refusal("it divides by the root mean square, and the language by the standard deviation")
    axes = [_axis(call, x, axis) for axis in layer.axis]
    gamma, beta = call.perhaps(layer.gamma), call.perhaps(layer.beta)
    op = LayerNorm(eps=decimal(layer.epsilon))
    if len(axes) == len(x.order):
        places = np.argsort(x.order) if len(axes) > 1 else [0]
        gamma, beta = (None if held is None else held.turned(*places) for held in (gamma, beta))
        return _normed(call, op, x, gamma, beta)
    if len(axes) > 1:
        raise Refusal("it normalises over some of the axes: the language does over all, or over the channels")
    x = call.builder.led_by(x, axes[0])
    return _normed(call, op.model_copy(update={"axes": "channel"}), x, gamma, beta)


def groupnorm(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = value_of(inputs)
    x = call.builder.led_by(x, _axis(call, x, layer.axis))
    eps, groups = decimal(layer.epsilon), layer.groups
    alone = groups == x.shape.channels and not x.shape.is_vector
    op = InstanceNorm(eps=eps) if alone else GroupNorm(groups=groups, eps=eps)
    return _normed(call, op, x, call.perhaps(layer.gamma), call.perhaps(layer.beta))


def normalization(call: LayerCall, layer: Any, inputs: Any) -> Value:
    """By numbers that are no parameters: they stand in the text."""
    import keras

    x = value_of(inputs)
    mean, variance = (array_of(part) for part in (layer.mean, layer.variance))
    deviation = np.maximum(np.sqrt(variance.astype(np.float64)), keras.config.epsilon())
    if layer.invert:
        return call.says(add, call.says(mul, x, constant(deviation)), constant(mean))
    return normalized(call, x, mean.astype(np.float64), deviation)


LAYERS: dict[str, ToValue] = {
    "BatchNormalization": batchnorm,
    "LayerNormalization": layernorm,
    "GroupNormalization": groupnorm,
    "Normalization": normalization,
}
