"""Activations, arithmetic and reductions from PyTorch."""

from collections.abc import Callable, Sequence
from typing import Any

from cnndsl.interop.calls import Call, ToValue, Translation, value_of
from cnndsl.interop.onnx.importer.graph import Refusal, Value, decimal
from cnndsl.interop.onnx.importer.names import printable
from cnndsl.interop.onnx.importer.translations import elements
from cnndsl.interop.onnx.importer.translations.reductions import reduction
from cnndsl.interop.torch.importer.call import Held, constant, held_of
from cnndsl.ops import activation, function
from cnndsl.ops.base import Operator
from cnndsl.ops.dense import Rbf
from cnndsl.ops.merge import Maximum, Minimum, Sub
from cnndsl.ops.norm import Dropout, SpatialDropout

THRESHOLD = 20
"""Where PyTorch's softplus goes over to the straight line, which is the same in float32."""


def plain(build: Callable[[], Operator]) -> ToValue:
    def translate(call: Call, input: Any, inplace: bool = False) -> Value:
        return call.pointwise(build(), value_of(input))

    return translate


def leaky_relu(call: Call, input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    return call.pointwise(activation.LeakyRelu(alpha=decimal(negative_slope)), value_of(input))


def rrelu(
    call: Call,
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Value:
    return leaky_relu(call, input, (lower + upper) / 2)


def elu(call: Call, input: Any, alpha: float = 1.0, inplace: bool = False) -> Value:
    return call.pointwise(activation.Elu(alpha=decimal(alpha)), value_of(input))


def celu(call: Call, input: Any, alpha: float = 1.0, inplace: bool = False) -> Value:
    return call.pointwise(activation.Celu(alpha=decimal(alpha)), value_of(input))


def gelu(call: Call, input: Any, approximate: str = "none") -> Value:
    return call.pointwise(activation.Gelu.model_validate({"approximate": approximate}), value_of(input))


def distance(call: Call, x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Value:
    """The distances from rows of constants, for examples that are vectors."""
    x, centers = value_of(x1), held_of(x2, "rows")
    if p != 2 or centers is None or centers.tensor.ndim != 2 or not x.shape.is_vector:
        raise Refusal("it is no distance of each example's vector from constants")
    owner = printable(centers.name.rpartition(".")[0]) if centers.name.endswith(".centers") else call.label
    site = Call(call.builder, owner, call.uses, (x, centers))
    squares = site.emit(Rbf(units=centers.tensor.shape[0]), call.builder.straight(x), centers=centers.array)
    return call.emit(function.Sqrt(), squares)


def square(call: Call, input: Any, inplace: bool = False) -> Value:
    """The square of a distance is what it is the root of."""
    x = value_of(input)
    layer = call.builder.layers.get(x.name)
    if layer is not None and isinstance(layer.op, function.Sqrt):
        source = call.builder.layers.get(layer.inputs[0].name)
        if source is not None and isinstance(source.op, Rbf):
            return layer.inputs[0]
    return call.pointwise(function.Square(), x)


def softplus(call: Call, input: Any, beta: float = 1.0, threshold: float = THRESHOLD) -> Value:
    if threshold < THRESHOLD:
        raise Refusal(f"its threshold is {threshold:g}: the straight line begins where softplus is none yet")
    if beta == 1:
        return call.pointwise(activation.Softplus(), value_of(input))
    bent = call.pointwise(activation.Softplus(), mul(call, input, beta))
    return mul(call, bent, 1 / beta)


def log_sigmoid(call: Call, input: Any) -> Value:
    bent = call.pointwise(activation.Softplus(), call.pointwise(function.Neg(), value_of(input)))
    return call.pointwise(function.Neg(), bent)


def tanhshrink(call: Call, input: Any) -> Value:
    x = value_of(input)
    return merged(call, Sub(), x, call.pointwise(activation.Tanh(), x))


def softshrink(call: Call, input: Any, lambd: float = 0.5) -> Value:
    x = value_of(input)
    return merged(call, Sub(), x, call.pointwise(activation.Clip(min=-lambd, max=lambd), x))


def threshold(call: Call, input: Any, threshold: float, value: float, inplace: bool = False) -> Value:
    if threshold != value:
        raise Refusal(f"it gives {value:g} up to {threshold:g}, which is no clip")
    return clamp(call, input, threshold)


def clamp(call: Call, input: Any, min: Any = None, max: Any = None) -> Value:
    return call.says(elements.clip, value_of(input), **_bounds(min=min, max=max))


def hardtanh(call: Call, input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    return clamp(call, input, min_val, max_val)


def _bounds(**given: Any) -> dict[str, float]:
    if any(isinstance(bound, Value | Held) for bound in given.values()):
        raise Refusal("its bounds are tensors")
    return {name: decimal(bound) for name, bound in given.items() if bound is not None}


def softmax(op: Callable[[], Operator], sign: int = 1) -> ToValue:
    along = elements.normalised_exponentials(op)

    def translate(call: Call, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Value:
        x = value_of(input)
        axis = (0 if call.rank(x) == 3 else 1) if dim is None else dim
        x = x if sign == 1 else call.pointwise(function.Neg(), x)
        return call.says(along, x, axis=axis)

    return translate


def softmax2d(call: Call, input: Any) -> Value:
    return softmax(activation.Softmax)(call, input, -3)


def dropout(call: Call, input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Value:
    """A layer that does nothing in eval mode."""
    x = value_of(input)
    return call.pointwise(Dropout(rate=decimal(p)), x) if 0 <= p < 1 else x


def spatial_dropout(call: Call, input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Value:
    x = value_of(input)
    if not 0 <= p < 1 or len(x.order) < 2:
        return x
    return call.emit(SpatialDropout(rate=decimal(p)), call.builder.straight(x))


def same(call: Call, input: Any, *more: Any, **settings: Any) -> Any:
    """What changes nothing in eval mode."""
    return input


# --- arithmetic ---
def operand(given: Any) -> Value | Held:
    if isinstance(given, Value | Held):
        return given
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Refusal("it computes with something else than tensors and numbers")
    return constant(float(given))


def merged(call: Call, op: Operator, *values: Value) -> Value:
    """A merge of values that have their axes in one order."""
    if len({value.order for value in values}) > 1:
        values = tuple(map(call.builder.straight, values))
    return call.emit(op, *(value.ordered(range(len(value.order))) for value in values)).ordered(values[0].order)


def _alike(call: Call, input: Any, other: Any) -> tuple[Value | Held, Value | Held]:
    """Both operands; of two values the one with fewer axes gets axes of one cell in front, as broadcasting does."""
    a, b = operand(input), operand(other)
    if isinstance(a, Value) and isinstance(b, Value) and len(a.order) != len(b.order):
        raise Refusal(
            f"it broadcasts values of {call.rank(a)} and {call.rank(b)} axes, which joins the batch of one to "
            "another axis"
        )
    return a, b


def arithmetic(translate: Callable[[Any], Any]) -> ToValue:
    def translated(call: Call, input: Any, other: Any, *, alpha: float = 1, rounding_mode: Any = None) -> Value:
        if rounding_mode is not None:
            raise Refusal("it rounds")
        a, b = _alike(call, input, other)
        if alpha != 1:
            b = mul(call, b, alpha) if isinstance(b, Value) else b._replace(tensor=b.tensor * alpha)
        return call.says(translate, a, b)

    return translated


mul = arithmetic(elements.mul)


def reversed_sub(call: Call, input: Any, other: Any, *, alpha: float = 1) -> Value:
    return arithmetic(elements.sub)(call, other, input, alpha=alpha)


def power(call: Call, input: Any, exponent: Any) -> Value:
    if not isinstance(exponent, int | float):
        raise Refusal("its exponent is no number")
    op = function.Square() if exponent == 2 else function.Pow(exponent=decimal(exponent))
    return value_of(input) if exponent == 1 else call.pointwise(op, value_of(input))


def extreme(merge: Callable[[], Operator], largest: bool) -> Translation:
    """``max`` and ``min``: of two values, or along an axis."""

    def translate(call: Call, input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        other = dim if isinstance(dim, Value | Held) else other
        if other is None:
            if dim is None:
                raise Refusal("it reduces all axes, the batch too")
            return reduced("max" if largest else "min")(call, input, dim, keepdim), None
        a, b = _alike(call, input, other)
        if isinstance(a, Value) and isinstance(b, Value):
            return merged(call, merge(), a, b)
        x, bound = (a, b) if isinstance(a, Value) else (b, a)
        if not isinstance(bound, Held) or bound.learnt or bound.tensor.numel() != 1:
            raise Refusal("one of its inputs is a constant")
        number = bound.tensor.item()
        return clamp(call, x, number) if largest else clamp(call, x, None, number)

    return translate


def reduced(by: str) -> ToValue:
    along = reduction(by)

    def translate(call: Call, input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
        axes = None if dim is None else list(dim) if isinstance(dim, Sequence) else [dim]
        if axes is None or axes == []:
            raise Refusal("it reduces all axes, the batch too")
        return call.says(along, value_of(input), axes=axes, keepdims=keepdim)

    return translate


def norm(
    call: Call, input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Value:
    if p not in (2, 2.0, "fro", None):
        raise Refusal(f"its norm is of power {p}, and the language has that of power 2")
    return reduced("norm")(call, input, dim, keepdim)


def vector_norm(call: Call, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Value:
    return norm(call, x, ord, dim, keepdim)


FUNCTIONS: dict[str, Translation] = {
    "relu": plain(activation.Relu),
    "relu6": plain(activation.Relu6),
    "leaky_relu": leaky_relu,
    "rrelu": rrelu,
    "elu": elu,
    "selu": plain(activation.Selu),
    "celu": celu,
    "gelu": gelu,
    "silu": plain(activation.Silu),
    "mish": plain(activation.Mish),
    "hardswish": plain(activation.HardSwish),
    "hardsigmoid": plain(activation.HardSigmoid),
    "hardtanh": hardtanh,
    "sigmoid": plain(activation.Sigmoid),
    "logsigmoid": log_sigmoid,
    "log_sigmoid": log_sigmoid,
    "tanh": plain(activation.Tanh),
    "tanhshrink": tanhshrink,
    "softshrink": softshrink,
    "softplus": softplus,
    "softsign": plain(activation.Softsign),
    "threshold": threshold,
    "clamp": clamp,
    "clip": clamp,
    "clamp_min": lambda call, input, min: clamp(call, input, min),
    "clamp_max": lambda call, input, max: clamp(call, input, None, max),
    "softmax": softmax(activation.Softmax),
    "softmin": softmax(activation.Softmax, -1),
    "softmax2d": softmax2d,
    "log_softmax": softmax(activation.LogSoftmax),
    "abs": plain(function.Abs),
    "absolute": plain(function.Abs),
    "neg": plain(function.Neg),
    "negative": plain(function.Neg),
    "square": square,
    "cdist": distance,
    "sqrt": plain(function.Sqrt),
    "exp": plain(function.Exp),
    "log": plain(function.Log),
    "sin": plain(function.Sin),
    "rsqrt": plain(lambda: function.Pow(exponent=-0.5)),
    "reciprocal": plain(lambda: function.Pow(exponent=-1.0)),
    "pow": power,
    "add": arithmetic(elements.add),
    "sub": arithmetic(elements.sub),
    "subtract": arithmetic(elements.sub),
    "rsub": reversed_sub,
    "mul": mul,
    "multiply": mul,
    "div": arithmetic(elements.div),
    "divide": arithmetic(elements.div),
    "truediv": arithmetic(elements.div),
    "true_divide": arithmetic(elements.div),
    "maximum": extreme(Maximum, True),
    "minimum": extreme(Minimum, False),
    "max": extreme(Maximum, True),
    "min": extreme(Minimum, False),
    "mean": reduced("mean"),
    "sum": reduced("sum"),
    "amax": reduced("max"),
    "amin": reduced("min"),
    "norm": norm,
    "linalg_vector_norm": vector_norm,
    "vector_norm": vector_norm,
    "dropout": dropout,
    "dropout1d": spatial_dropout,
    "dropout2d": spatial_dropout,
    "dropout3d": spatial_dropout,
    "feature_dropout": spatial_dropout,
    "alpha_dropout": same,
    "feature_alpha_dropout": same,
    "stochastic_depth": same,
    "drop_path": same,
    "drop_block2d": same,
    "drop_block3d": same,
    "contiguous": same,
    "clone": same,
    "detach": same,
    "float": same,
}
