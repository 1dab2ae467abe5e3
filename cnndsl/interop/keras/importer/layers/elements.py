"""Activations, arithmetic and reductions from Keras."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.calls import ToValue, Translation
from cnndsl.interop.keras.importer.call import Held, LayerCall, constant, value_of
from cnndsl.interop.onnx.importer.graph import NodeContext, Refusal, Value, decimal
from cnndsl.interop.onnx.importer.translations import elements
from cnndsl.interop.onnx.importer.translations.affine import aligned
from cnndsl.interop.onnx.importer.translations.reductions import reduction
from cnndsl.ops import activation, function
from cnndsl.ops.base import Operator
from cnndsl.ops.merge import Add, Average, Maximum, Minimum, Mul, Sub
from cnndsl.ops.norm import Dropout, Normalize, SpatialDropout


# --- functions of one number, as keras.activations calls them ---
def plain(build: Callable[[], Operator]) -> ToValue:
    def translate(call: LayerCall, x: Any) -> Value:
        return call.pointwise(build(), value_of(x))

    return translate


def relu(
    call: LayerCall, x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Value:
    if threshold:
        raise Refusal(f"it begins at {threshold:g}, and the language's at 0")
    if negative_slope:
        bent = leaky_relu(call, x, negative_slope)
        return bent if max_value is None else clip(call, bent, None, max_value)
    if max_value in (6, None):
        return call.pointwise(activation.Relu() if max_value is None else activation.Relu6(), value_of(x))
    return clip(call, x, 0.0, max_value)


def clip(call: LayerCall, x: Any, low: Any, high: Any) -> Value:
    if any(isinstance(bound, Value | Held) for bound in (low, high)):
        raise Refusal("its bounds are tensors")
    bounds = {name: decimal(bound) for name, bound in (("min", low), ("max", high)) if bound is not None}
    return call.says(elements.clip, value_of(x), **bounds)


def leaky_relu(call: LayerCall, x: Any, negative_slope: float = 0.2) -> Value:
    return call.pointwise(activation.LeakyRelu(alpha=decimal(negative_slope)), value_of(x))


def elu(call: LayerCall, x: Any, alpha: float = 1.0) -> Value:
    return call.pointwise(activation.Elu(alpha=decimal(alpha)), value_of(x))


def celu(call: LayerCall, x: Any, alpha: float = 1.0) -> Value:
    return call.pointwise(activation.Celu(alpha=decimal(alpha)), value_of(x))


def gelu(call: LayerCall, x: Any, approximate: bool = False) -> Value:
    return call.pointwise(activation.Gelu(approximate="tanh" if approximate else "none"), value_of(x))


def log_sigmoid(call: LayerCall, x: Any) -> Value:
    bent = call.pointwise(activation.Softplus(), call.pointwise(function.Neg(), value_of(x)))
    return call.pointwise(function.Neg(), bent)


def tanh_shrink(call: LayerCall, x: Any) -> Value:
    return call.says(elements.sub, value_of(x), call.pointwise(activation.Tanh(), value_of(x)))


def soft_shrink(call: LayerCall, x: Any, threshold: float = 0.5) -> Value:
    return call.says(elements.sub, value_of(x), clip(call, x, -threshold, threshold))


def squareplus(call: LayerCall, x: Any, b: float = 4) -> Value:
    under = call.says(elements.add, call.pointwise(function.Square(), value_of(x)), constant(float(b)))
    root = call.pointwise(function.Sqrt(), under)
    return call.says(elements.mul, call.says(elements.add, value_of(x), root), constant(0.5))


def softmax(op: Callable[[], Operator]) -> ToValue:
    along = elements.normalised_exponentials(op)

    def translate(call: LayerCall, x: Any, axis: Any = -1) -> Value:
        if not isinstance(axis, int):
            raise Refusal("it is normalised over several axes")
        return call.says(along, value_of(x), axis=axis)

    return translate


ACTIVATIONS: dict[str, ToValue] = {
    "relu": relu,
    "relu6": plain(activation.Relu6),
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": plain(activation.Selu),
    "celu": celu,
    "gelu": gelu,
    "silu": plain(activation.Silu),
    "mish": plain(activation.Mish),
    "hard_silu": plain(activation.HardSwish),
    "hard_sigmoid": plain(activation.HardSigmoid),
    "hard_tanh": lambda call, x: clip(call, x, -1.0, 1.0),
    "sigmoid": plain(activation.Sigmoid),
    "log_sigmoid": log_sigmoid,
    "tanh": plain(activation.Tanh),
    "softplus": plain(activation.Softplus),
    "softsign": plain(activation.Softsign),
    "tanh_shrink": tanh_shrink,
    "soft_shrink": soft_shrink,
    "squareplus": squareplus,
    "softmax": softmax(activation.Softmax),
    "log_softmax": softmax(activation.LogSoftmax),
    "exponential": plain(function.Exp),
    "linear": lambda call, x: value_of(x),
}
"""By the names of the functions, with the arguments that these take."""


# --- layers ---
def with_settings(name: str, *settings: str) -> ToValue:
    """A layer that does what an activation of that name does, whose arguments are its attributes."""

    def translate(call: LayerCall, layer: Any, inputs: Any) -> Value:
        return ACTIVATIONS[name](call, inputs, **{setting: getattr(layer, setting) for setting in settings})

    return translate


def softmax_layer(call: LayerCall, layer: Any, inputs: Any, mask: Any = None) -> Value:
    if mask is not None:
        raise Refusal("it has a mask")
    return ACTIVATIONS["softmax"](call, inputs, layer.axis)


def prelu(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x, slopes = value_of(inputs), call.held(layer.alpha)
    axes = [axis for axis, size in zip(x.order, slopes.array.shape, strict=True) if size > 1]
    if len(axes) == 1:
        x = call.builder.led_by(x, axes[0])
    if len(axes) > 1 or slopes.array.size != x.shape.channels:
        raise Refusal("its slopes differ between positions", "shared_axes=[1, 2] has one for each channel")
    weight = slopes._replace(array=slopes.array.ravel())
    return call.weighted(activation.PRelu(), x.ordered(range(len(x.order))), weight=weight).ordered(x.order)


def activation_layer(call: LayerCall, layer: Any, inputs: Any) -> Value:
    return call.setting.apply(call, layer.activation, value_of(inputs))


def dropout(call: LayerCall, layer: Any, inputs: Any) -> Value:
    """A layer that does nothing but while training."""
    x = value_of(inputs)
    return call.pointwise(Dropout(rate=decimal(layer.rate)), x) if 0 <= layer.rate < 1 else x


def spatial_dropout(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = value_of(inputs)
    channels_last = layer.data_format == "channels_last" if hasattr(layer, "data_format") else True
    fits = x.order[-1 if channels_last else 0] == 0 and 0 <= layer.rate < 1
    return call.pointwise(SpatialDropout(rate=decimal(layer.rate)), x) if fits else x


def same(call: LayerCall, layer: Any, inputs: Any) -> Value:
    """What acts while training only."""
    return value_of(inputs)


def rescaling(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = value_of(inputs)
    scale, offset = (np.asarray(part, dtype=np.float64) for part in (layer.scale, layer.offset))
    if not np.all(scale):
        raise Refusal("it multiplies by 0")
    return normalized(call, x, -offset / scale, 1 / scale)


def normalized(call: LayerCall, x: Value, mean: Array, deviation: Array) -> Value:
    """(x - mean)/deviation, by numbers that differ between channels at the most."""
    parts = [aligned(call, x, numbers) for numbers in (mean, deviation)]
    if any(part.shape[1:] != (1,) * (part.ndim - 1) for part in parts):
        raise Refusal("its numbers differ along an axis that is not that of the channels")
    return call.pointwise(Normalize(mean=_written(parts[0].ravel()), std=_written(parts[1].ravel())), x)


def _written(numbers: Array) -> float | tuple[float, ...]:
    values = tuple(decimal(float(number)) for number in numbers)
    return values[0] if len(set(values)) == 1 else values


def merge(op: Callable[[], Operator]) -> ToValue:
    def translate(call: LayerCall, layer: Any, inputs: Sequence[Any]) -> Value:
        values = [value_of(value) for value in inputs]
        rank = max(len(value.order) for value in values)
        return call.says(elements.merged(op), *(_lengthened(call, value, rank) for value in values))

    return translate


def _lengthened(call: LayerCall, x: Value, rank: int) -> Value:
    """Keras puts axes of one cell behind the batch."""
    return call.reshape(x, [1] * (rank - len(x.order)) + list(x.dimensions)) if len(x.order) < rank else x


LAYERS: dict[str, Translation] = {
    "Activation": activation_layer,
    "ReLU": with_settings("relu", "negative_slope", "max_value", "threshold"),
    "LeakyReLU": with_settings("leaky_relu", "negative_slope"),
    "ELU": with_settings("elu", "alpha"),
    "Softmax": softmax_layer,
    "PReLU": prelu,
    "Dropout": dropout,
    **{f"SpatialDropout{rank}D": spatial_dropout for rank in (1, 2, 3)},
    **dict.fromkeys(("AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity"), same),
    "Rescaling": rescaling,
    "Add": merge(Add),
    "Subtract": merge(Sub),
    "Multiply": merge(Mul),
    "Average": merge(Average),
    "Maximum": merge(Maximum),
    "Minimum": merge(Minimum),
}


# --- operations: what keras.ops and the signs of Python are in a graph ---
def operand(given: Any) -> Value | Held:
    if isinstance(given, Value | Held):
        return given
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Refusal("it computes with something else than tensors and numbers")
    return constant(float(given))


def arithmetic(translate: Callable[[NodeContext], Value]) -> ToValue:
    def translated(call: LayerCall, op: Any, x1: Any, x2: Any) -> Value:
        a, b = operand(x1), operand(x2)
        if isinstance(a, Value) and isinstance(b, Value) and len(a.order) != len(b.order):
            raise Refusal("it broadcasts values of different ranks, which joins the batch of one to another axis")
        return call.says(translate, a, b)

    return translated


def multiply(call: LayerCall, op: Any, x1: Any, x2: Any) -> Value:
    """A product; a sixth of relu6(x + 3) is hardsigmoid."""
    x, factor = (x2, x1) if isinstance(x1, int | float) else (x1, x2)
    if isinstance(x, Value) and isinstance(factor, int | float) and abs(factor - 1 / 6) < 1e-6:
        bent = call.builder.layers.get(x.name)
        shifted = call.builder.layers.get(bent.inputs[0].name) if bent else None
        three = shifted is not None and shifted.op == Normalize(mean=-3.0, std=1.0)
        if bent is not None and shifted is not None and three and isinstance(bent.op, activation.Relu6):
            return call.pointwise(activation.HardSigmoid(), shifted.inputs[0].ordered(x.order))
    return arithmetic(elements.mul)(call, op, x1, x2)


def divide(call: LayerCall, op: Any, x1: Any, x2: Any) -> Value:
    if isinstance(x1, int | float):
        inverse = call.pointwise(function.Pow(exponent=-1.0), value_of(x2))
        return arithmetic(elements.mul)(call, op, inverse, x1)
    return arithmetic(elements.div)(call, op, x1, x2)


def power(call: LayerCall, op: Any, x1: Any, x2: Any) -> Value:
    if not isinstance(x2, int | float):
        raise Refusal("its exponent is no number")
    x = value_of(x1)
    if x2 == 1:
        return x
    return call.pointwise(function.Square() if x2 == 2 else function.Pow(exponent=decimal(x2)), x)


def extreme(merged: Callable[[], Operator], largest: bool) -> ToValue:
    def translate(call: LayerCall, op: Any, x1: Any, x2: Any) -> Value:
        x, bound = (x2, x1) if isinstance(x1, int | float) else (x1, x2)
        if isinstance(bound, int | float):
            return clip(call, x, bound, None) if largest else clip(call, x, None, bound)
        return arithmetic(elements.merged(merged))(call, op, x1, x2)

    return translate


def reduced(by: str) -> ToValue:
    along = reduction(by)

    def translate(call: LayerCall, op: Any, x: Any) -> Value:
        axes = None if op.axis is None else [op.axis] if isinstance(op.axis, int) else list(op.axis)
        if not axes:
            raise Refusal("it reduces all axes, the batch too")
        if getattr(op, "initial", None) is not None:
            raise Refusal("it begins with a number of its own")
        return call.says(along, value_of(x), axes=axes, keepdims=bool(op.keepdims))

    return translate


def of_activation(name: str, **settings: str) -> ToValue:
    """An operation that is an activation of that name; which of its attributes are the arguments."""

    def translate(call: LayerCall, op: Any, x: Any) -> Value:
        return ACTIVATIONS[name](call, x, **{there: getattr(op, here) for there, here in settings.items()})

    return translate


def unary(build: Callable[[], Operator]) -> ToValue:
    return lambda call, op, x: call.pointwise(build(), value_of(x))


OPERATIONS: dict[str, Translation] = {
    "Relu": of_activation("relu"),
    "ReLU": of_activation("relu", negative_slope="negative_slope", max_value="max_value", threshold="threshold"),
    "Relu6": of_activation("relu6"),
    "LeakyRelu": of_activation("leaky_relu", negative_slope="negative_slope"),
    "Elu": of_activation("elu", alpha="alpha"),
    "Celu": of_activation("celu", alpha="alpha"),
    "Selu": of_activation("selu"),
    "Gelu": of_activation("gelu", approximate="approximate"),
    "Silu": of_activation("silu"),
    "Mish": of_activation("mish"),
    "HardSilu": of_activation("hard_silu"),
    "HardSigmoid": of_activation("hard_sigmoid"),
    "HardTanh": of_activation("hard_tanh"),
    "Sigmoid": of_activation("sigmoid"),
    "LogSigmoid": of_activation("log_sigmoid"),
    "Tanh": of_activation("tanh"),
    "Softplus": of_activation("softplus"),
    "Softsign": of_activation("softsign"),
    "TanhShrink": of_activation("tanh_shrink"),
    "SoftShrink": of_activation("soft_shrink", threshold="threshold"),
    "Squareplus": of_activation("squareplus", b="b"),
    "Softmax": of_activation("softmax", axis="axis"),
    "LogSoftmax": of_activation("log_softmax", axis="axis"),
    "Absolute": unary(function.Abs),
    "Negative": unary(function.Neg),
    "Square": unary(function.Square),
    "Sqrt": unary(function.Sqrt),
    "Rsqrt": unary(lambda: function.Pow(exponent=-0.5)),
    "Reciprocal": unary(lambda: function.Pow(exponent=-1.0)),
    "Exp": unary(function.Exp),
    "Log": unary(function.Log),
    "Sin": unary(function.Sin),
    "Power": power,
    "Add": arithmetic(elements.add),
    "Subtract": arithmetic(elements.sub),
    "Multiply": multiply,
    "Divide": divide,
    "TrueDivide": divide,
    "Maximum": extreme(Maximum, True),
    "Minimum": extreme(Minimum, False),
    "Clip": lambda call, op, x: clip(call, x, op.x_min, op.x_max),
    "Mean": reduced("mean"),
    "Sum": reduced("sum"),
    "Max": reduced("max"),
    "Min": reduced("min"),
    "Amax": reduced("max"),
    "Amin": reduced("min"),
    "StopGradient": lambda call, op, variable: value_of(variable),
}
