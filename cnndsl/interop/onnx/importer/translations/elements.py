"""Activations, arithmetic and merges from ONNX."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import LOWEST, Constant, NodeContext, Refusal, Value, decimal
from cnndsl.interop.onnx.importer.translations.affine import aligned, alone, clipped, negative, scaled, shifted
from cnndsl.ops import activation, function
from cnndsl.ops.base import Operator
from cnndsl.ops.merge import Add, Average, Div, Maximum, Minimum, Mul, Sub
from cnndsl.ops.norm import Normalize


def pointwise(site: NodeContext, op: Operator, index: int = 0, **weights: Array) -> Value:
    """An operator to which the order of the axes does not matter, on the value at that place."""
    x = site.any(index)
    return site.emit(op, x.ordered(range(len(x.order))), **weights).ordered(x.order)


def plain(build: Callable[[], Operator]) -> Callable[[NodeContext], Value]:
    return lambda site: pointwise(site, build())


def leaky_relu(site: NodeContext) -> Value:
    return pointwise(site, activation.LeakyRelu(alpha=site.real("alpha", 0.01)))


def elu(site: NodeContext) -> Value:
    return pointwise(site, activation.Elu(alpha=site.real("alpha", 1.0)))


def celu(site: NodeContext) -> Value:
    return pointwise(site, activation.Celu(alpha=site.real("alpha", 1.0)))


def selu(site: NodeContext) -> Value:
    """Selu, whose constants an exporter may round or change: elu times a factor then."""
    selu = activation.Selu
    alpha, gamma = site.real("alpha", selu.alpha), site.real("gamma", selu.scale)
    if abs(alpha - selu.alpha) < 1e-3 and abs(gamma - selu.scale) < 1e-3:
        return pointwise(site, selu())
    if gamma <= 0:
        raise Refusal(f"its gamma is {gamma}")
    value = pointwise(site, activation.Elu(alpha=alpha))
    flat = value.ordered(range(len(value.order)))
    return site.emit(Normalize(mean=0.0, std=1 / gamma), flat).ordered(value.order)


def gelu(site: NodeContext) -> Value:
    return pointwise(site, activation.Gelu(approximate=site.attribute("approximate", "none")))


def swish(site: NodeContext) -> Value:
    if site.real("alpha", 1.0) != 1:
        raise Refusal("its alpha is not 1")
    return pointwise(site, activation.Silu())


def prelu(site: NodeContext) -> Value:
    x = site.any()
    slope = site.constant(1, "slope")
    if site.opset < 7 and slope.size == x.shape.channels:  # broadcasting came with opset 7
        slope = slope.reshape(-1, *(1,) * (len(x.order) - 1))
    slopes = aligned(site, x, slope)
    if slopes.shape[1:] != (1,) * (slopes.ndim - 1):
        raise Refusal("its slopes differ between positions")
    if slopes.size == 1 and not site.beside(1, "slope").learnt:
        return pointwise(site, activation.LeakyRelu(alpha=decimal(slopes.item())))
    if slopes.size == 1:
        return alone(site, x, activation.PRelu(), weight=slopes.ravel())
    return pointwise(site, activation.PRelu(), weight=slopes.ravel())


def hardsigmoid(site: NodeContext) -> Value:
    """PyTorch's hardsigmoid; with other numbers, a line between 0 and 1."""
    alpha, beta = site.real("alpha", 0.2), site.real("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return pointwise(site, activation.HardSigmoid())
    if alpha <= 0:
        raise Refusal(f"its alpha is {alpha}")
    line = pointwise(site, Normalize(mean=-beta / alpha, std=1 / alpha))
    return clipped(site, line, 0.0, 1.0)


def clip(site: NodeContext) -> Value:
    low, high = site.attribute("min", None), site.attribute("max", None)
    low = site.number(1, "lower bound") if site.given(1) else low
    high = site.number(2, "upper bound") if site.given(2) else high
    low = None if low is not None and low <= LOWEST else low
    high = None if high is not None and high >= -LOWEST else high
    if low is None and high is None:
        return site.any()
    if low == 0 and high in (6, None):
        return pointwise(site, activation.Relu6() if high == 6 else activation.Relu())
    if low is not None and high is not None and low > high:
        low = high
    return clipped(site, site.any(), low, high)


def normalised_exponentials(op: Callable[[], Operator]) -> Callable[[NodeContext], Value]:
    """Softmax and LogSoftmax along any axis; before opset 13, along all axes from one on."""

    def translate(site: NodeContext) -> Value:
        x = site.any()
        axis = int(site.attribute("axis", 1 if site.opset < 13 else -1))
        first = site.axis(x, axis)
        place = x.order.index(first)
        if site.opset < 13:
            rest = [axis for axis in x.order[place:] if x.shape.dimensions[axis] > 1]
            if len(rest) > 1 and place:
                raise Refusal("it is normalised over several axes but not all")
            if len(rest) > 1:
                straight = site.builder.straight(x)
                flat = site.emit(op(), site.reshape(straight, [straight.shape.elements]))
                return site.reshape(flat, straight.shape.dimensions)
            first = rest[0] if rest else first
        led = site.builder.led_by(x, first)
        return site.emit(op(), led.ordered(range(len(led.order)))).ordered(led.order)

    return translate


def _branches(site: NodeContext) -> list[Value]:
    """The values, all with their axes in one order and, without a batch, of one rank."""
    values = [site.any(index) for index in range(len(site.inputs))]
    rank = max(len(value.order) for value in values)
    if site.builder.batch is None:
        values = [
            value
            if len(value.order) == rank
            else site.reshape(value, [1] * (rank - len(value.order)) + list(value.dimensions))
            for value in values
        ]
    if len({value.order for value in values}) > 1:
        values = [site.builder.straight(value) for value in values]
    return values


def merged(op: Callable[[], Operator]) -> Callable[[NodeContext], Value]:
    """A merge of values; one value alone passes."""

    def translate(site: NodeContext) -> Value:
        if not all(isinstance(value, Value) for value in site.inputs):
            raise Refusal("one of its inputs is a constant")
        return _joined(site, op(), _branches(site))

    return translate


def _joined(site: NodeContext, op: Operator, values: Sequence[Value]) -> Value:
    if len(values) == 1:
        return values[0]
    most = op.arity[1]
    if most is not None and len(values) > most:
        raise Refusal(f"it takes {most} inputs, but has {len(values)}")
    flat = [value.ordered(range(len(value.order))) for value in values]
    return site.emit(op, *flat).ordered(values[0].order)


def _with_constant(site: NodeContext) -> tuple[int, Constant] | None:
    """The place of the only value and the constant beside it, where there are such."""
    places = [index for index, value in enumerate(site.inputs) if isinstance(value, Value)]
    if len(site.inputs) != 2 or len(places) != 1:
        return None
    if not site.given(1 - places[0]):
        return None
    constant = site.beside(1 - places[0], "operand")
    if site.opset < 7 and site.attribute("broadcast", 0) and "axis" in site.attributes:
        # Until opset 7 the second input began at an axis instead of ending with the last.
        rank = len(site.builder.leading) + len(site.any(places[0]).order)
        array = constant.array
        behind = rank - int(site.attribute("axis", 0)) % rank - array.ndim
        constant = constant._replace(array=array.reshape(*array.shape, *(1,) * max(behind, 0)))
    return places[0], constant


def _beside(apply: Callable[..., Value], site: NodeContext, place: int, constant: Constant) -> Value:
    return apply(site, site.any(place), constant, site.maker(place))


def add(site: NodeContext) -> Value:
    pair = _with_constant(site)
    return _beside(shifted, site, *pair) if pair else merged(Add)(site)


def mul(site: NodeContext) -> Value:
    if len(set(site.node.input)) == 1 and not site.own_export:
        return pointwise(site, function.Square())
    pair = _with_constant(site)
    return _beside(scaled, site, *pair) if pair else merged(Mul)(site)


def sub(site: NodeContext) -> Value:
    pair = _with_constant(site)
    if pair is None:
        return merged(Sub)(site)
    index, constant = pair
    if index == 0:
        return _beside(shifted, site, 0, constant._replace(array=-constant.array))
    value = negative(site, site.any(1))
    return shifted(site, value, constant, site.builder.unread(value))


def div(site: NodeContext) -> Value:
    pair = _with_constant(site)
    if pair is None:
        return merged(Div)(site)
    index, constant = pair
    if index == 1:
        value = pointwise(site, function.Pow(exponent=-1.0), index)
        return scaled(site, value, constant, site.builder.unread(value))
    if not np.all(constant.array) or constant.array.dtype.kind != "f":
        raise Refusal("it divides by zero or by whole numbers")
    return _beside(scaled, site, 0, constant._replace(array=1 / constant.array.astype(np.float64)))


def power(site: NodeContext) -> Value:
    """A power; the second is a square."""
    exponent = site.number(1, "exponent")
    if not np.isfinite(exponent):
        raise Refusal("its exponent is not finite")
    return pointwise(site, function.Square() if exponent == 2 else function.Pow(exponent=exponent))


def cast(site: NodeContext) -> Value:
    """A change of type: nothing changes among floats."""
    x = site.any()
    if site.attribute("to", 1) not in (1, 10, 11, 16) or x.dtype != "float32":
        raise Refusal("it changes floats into whole numbers or back")
    return x


def cast_like(site: NodeContext) -> Value:
    """A change to the type of something else: nothing changes among floats."""
    x, like = site.any(), site.inputs[-1]
    floats = (
        like.dtype == "float32" if isinstance(like, Value) else isinstance(like, np.ndarray) and like.dtype.kind == "f"
    )
    if not floats or x.dtype != "float32":
        raise Refusal("it changes floats into whole numbers or back")
    return x


Translation = Callable[[NodeContext], Any]
ACTIVATIONS: dict[str, Translation] = {
    "Relu": plain(activation.Relu),
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Elu": elu,
    "Selu": selu,
    "Celu": celu,
    "Gelu": gelu,
    "Swish": swish,
    "Mish": plain(activation.Mish),
    "HardSwish": plain(activation.HardSwish),
    "HardSigmoid": hardsigmoid,
    "Sigmoid": plain(activation.Sigmoid),
    "Tanh": plain(activation.Tanh),
    "Softplus": plain(activation.Softplus),
    "Softsign": plain(activation.Softsign),
    "Clip": clip,
    "Abs": plain(function.Abs),
    "Neg": plain(function.Neg),
    "Sqrt": plain(function.Sqrt),
    "Exp": plain(function.Exp),
    "Log": plain(function.Log),
    "Sin": plain(function.Sin),
    "Pow": power,
    "Reciprocal": plain(lambda: function.Pow(exponent=-1.0)),
    "Softmax": normalised_exponentials(activation.Softmax),
    "LogSoftmax": normalised_exponentials(activation.LogSoftmax),
}
ARITHMETIC: dict[str, Translation] = {
    "Add": add,
    "Sub": sub,
    "Mul": mul,
    "Div": div,
    "Sum": lambda site: add(site) if len(site.inputs) == 2 else merged(Add)(site),
    "Max": merged(Maximum),
    "Min": merged(Minimum),
    "Mean": merged(Average),
    "Cast": cast,
    "CastLike": cast_like,
}
