"""Computing what does not depend on the network's inputs: constants, and the chains of nodes that work out shapes."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from onnx import NodeProto, helper

from cnndsl.arrays import Array
from cnndsl.shapes import product

Attributes: TypeAlias = Mapping[str, Any]

GENERATED_BYTES = 1 << 30
"""What a constant that a file only describes (``ConstantOfShape``, ``Expand``) may take if it were stored."""

WORKED_BYTES = 1 << 28
"""What all nodes of a model together may read and write while constants are computed, beside ..."""

WORKED_PER_STORED_BYTE = 64
"""... so much for each byte of the constants that it holds."""

Room: TypeAlias = Callable[[int], None]
"""Asked for bytes before they are read or written. Raises Unfoldable."""


class Unfoldable(Exception):
    """The node cannot be computed; the message says why."""


def _constant_of_shape(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    value = attributes.get("value", np.zeros(1, np.float32))
    return _broadcast(np.asarray(value).reshape(()), inputs[0])


def _broadcast(value: Array, shape: Array) -> Array:
    """A view: the memory is taken when somebody writes the numbers down."""
    extent = tuple(int(size) for size in np.ravel(shape))
    if any(size < 0 for size in extent) or product(extent) * value.dtype.itemsize > GENERATED_BYTES:
        raise Unfoldable(f"the constant would take {product(extent) * value.dtype.itemsize:,} bytes")
    return np.broadcast_to(value, extent)


def _expand(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    shape = np.broadcast_shapes(inputs[0].shape, tuple(map(int, inputs[1])))
    return _broadcast(inputs[0], np.array(shape))


def _gather(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    axis = attributes.get("axis", 0)
    room(inputs[1].nbytes + inputs[1].size * inputs[0].nbytes // max(inputs[0].shape[axis], 1))
    return np.take(inputs[0], inputs[1].astype(np.int64), axis=axis)


def _slice(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    given: list[Any] = [attributes.get("starts"), attributes.get("ends"), attributes.get("axes"), None]
    if "starts" not in attributes:
        given = [*inputs[1:], None, None][:4]
    starts, ends, axes, steps = given
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    index = [slice(None)] * inputs[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop = None if step < 0 and end < -inputs[0].shape[int(axis)] else int(end)
        index[int(axis)] = slice(int(start), stop, int(step))
    found: Array = inputs[0][tuple(index)]
    return found


def _axes(attributes: Attributes, inputs: Sequence[Array]) -> tuple[int, ...] | None:
    given = attributes.get("axes")
    if given is None and len(inputs) > 1 and inputs[1] is not None:
        given = inputs[1]
    return None if given is None else tuple(int(axis) for axis in given)


def _unsqueeze(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    return np.expand_dims(inputs[0], _axes(attributes, inputs) or ())


def _squeeze(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    return np.squeeze(inputs[0], _axes(attributes, inputs))


def _cast(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    dtype = helper.tensor_dtype_to_np_dtype(attributes["to"])
    room(inputs[0].size * (inputs[0].itemsize + dtype.itemsize))
    return inputs[0].astype(dtype)


def _cast_like(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    room(inputs[0].size * (inputs[0].itemsize + inputs[1].itemsize))
    return inputs[0].astype(inputs[1].dtype)


def _reshape(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    return _shaped(inputs[0], reshaped(inputs[0].shape, inputs[1], bool(attributes.get("allowzero"))), room)


def _flatten(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    shape, axis = inputs[0].shape, attributes.get("axis", 1)
    return _shaped(inputs[0], (product(shape[:axis]), product(shape[axis:])), room)


def _shaped(array: Array, shape: tuple[int, ...], room: Room) -> Array:
    """A view, or a copy of what is one already."""
    if not array.flags.c_contiguous:
        room(2 * array.nbytes)
    return array.reshape(shape)


def reshaped(shape: Sequence[int], target: Array, allow_zero: bool = False) -> tuple[int, ...]:
    """The extents that a Reshape gives: 0 keeps one, -1 takes what is left. Raises Unfoldable where nothing fits."""
    sizes = [int(size) for size in np.ravel(target)]
    if not allow_zero:
        if any(size == 0 and axis >= len(shape) for axis, size in enumerate(sizes)):
            raise Unfoldable("a 0 in the shape stands for an axis that the input lacks")
        sizes = [shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    if sizes.count(-1) == 1:
        rest = product([size for size in sizes if size != -1])
        if rest == 0 or product(shape) % rest:
            raise Unfoldable(f"{product(shape)} elements cannot be divided by {rest}")
        sizes[sizes.index(-1)] = product(shape) // rest
    if any(size < 0 for size in sizes) or product(sizes) != product(shape):
        raise Unfoldable(f"{list(shape)} cannot become {sizes}")
    return tuple(sizes)


def _divide(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    left, right = inputs
    room(4 * 8 * product(np.broadcast_shapes(left.shape, right.shape)))
    if left.dtype.kind in "iu":
        if not np.all(right):
            raise Unfoldable("division by zero")
        return np.asarray(np.sign(left) * np.sign(right) * (np.abs(left) // np.abs(right)), left.dtype)
    return np.asarray(left / right)


def _range(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    start, limit, step = (number.reshape(()).item() for number in inputs)
    if not step:
        raise Unfoldable("its step is 0")
    room(max(0, int((limit - start) / step) + 1) * inputs[0].itemsize)
    return np.arange(start, limit, step, dtype=inputs[0].dtype)


def _elementwise(function: Callable[..., Any]) -> "Fold":
    def fold(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
        shape = np.broadcast_shapes(*(array.shape for array in inputs))
        room(sum(array.nbytes for array in inputs) + product(shape) * 8)
        return np.asarray(function(*inputs))

    return fold


def _transpose(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    return np.transpose(inputs[0], attributes.get("perm"))


def _concat(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    room(2 * sum(array.nbytes for array in inputs))
    return np.concatenate(list(inputs), attributes["axis"])


def _reduction(function: Callable[..., Any]) -> "Fold":
    def fold(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
        axes = _axes(attributes, inputs)
        if not axes and attributes.get("noop_with_empty_axes"):
            return inputs[0]
        room(2 * inputs[0].nbytes)
        found = function(inputs[0], axis=axes or None, keepdims=bool(attributes.get("keepdims", 1)))
        return np.asarray(found, inputs[0].dtype)

    return fold


def _clip(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    low, high = [*inputs[1:], None, None][:2]
    low, high = attributes.get("min") if low is None else low, attributes.get("max") if high is None else high
    if low is None and high is None:
        return inputs[0]
    room(2 * inputs[0].nbytes)
    return np.clip(inputs[0], low, high).astype(inputs[0].dtype)


def _running_sum(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    if attributes.get("exclusive") or attributes.get("reverse"):
        raise Unfoldable("its sum is exclusive or reversed")
    room(2 * inputs[0].nbytes)
    return np.cumsum(inputs[0], int(inputs[1].reshape(())), inputs[0].dtype)


def _scattered(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    if attributes.get("reduction", "none") != "none":
        raise Unfoldable("it reduces what it scatters")
    room(2 * inputs[0].nbytes + inputs[1].nbytes + inputs[2].nbytes)
    found = inputs[0].copy()
    found[tuple(np.moveaxis(inputs[1], -1, 0))] = inputs[2]
    return found


def _batchnorm(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    """By the statistics given, or those of the constant itself: how weights are standardised."""
    x = inputs[0]
    room(5 * 8 * x.size)
    shape, others = (1, -1, *(1 for _ in x.shape[2:])), (0, *range(2, x.ndim))
    scale, bias, mean, variance = (array.astype(np.float64).reshape(shape) for array in inputs[1:5])
    if attributes.get("training_mode"):
        mean, variance = x.mean(others, np.float64, keepdims=True), x.var(others, np.float64, keepdims=True)
    found: Array = (x - mean) / np.sqrt(variance + attributes.get("epsilon", 1e-5)) * scale + bias
    return found.astype(x.dtype)


def _norm(array: Array, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.asarray(np.sqrt(np.square(array, dtype=np.float64).sum(axis=axis, keepdims=keepdims)))


def _tile(attributes: Attributes, inputs: Sequence[Array], room: Room) -> Array:
    room(inputs[0].nbytes * product([max(int(count), 0) for count in inputs[1]]))
    return np.tile(inputs[0], inputs[1])


def _split(attributes: Attributes, inputs: Sequence[Array], room: Room) -> list[Array]:
    axis, sizes = attributes.get("axis", 0), attributes.get("split")
    sizes = inputs[1] if len(inputs) > 1 else sizes
    if sizes is None:
        raise Unfoldable("the sizes of its parts are not given")
    if sum(sizes) != inputs[0].shape[axis] or min(sizes) < 0:
        raise Unfoldable("its parts do not make up the axis")
    return np.split(inputs[0], np.cumsum(sizes)[:-1], axis)


Fold: TypeAlias = Callable[[Attributes, Sequence[Array], Room], Array | list[Array]]

FOLDS: dict[str, Fold] = {
    "Identity": lambda attributes, inputs, room: inputs[0],
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Shape": lambda attributes, inputs, room: np.array(
        inputs[0].shape[attributes.get("start", 0) : attributes.get("end")], np.int64
    ),
    "Size": lambda attributes, inputs, room: np.array(inputs[0].size, np.int64),
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Cast": _cast,
    "Range": _range,
    "Div": _divide,
    "Add": _elementwise(np.add),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Pow": _elementwise(np.power),
    "Mod": _elementwise(np.mod),
    "Sum": _elementwise(lambda *arrays: sum(arrays)),
    "Xor": _elementwise(np.logical_xor),
    "Min": _elementwise(lambda *arrays: reduce(np.minimum, arrays)),
    "Max": _elementwise(lambda *arrays: reduce(np.maximum, arrays)),
    "Neg": _elementwise(np.negative),
    "Abs": _elementwise(np.abs),
    "Sqrt": _elementwise(np.sqrt),
    "Exp": _elementwise(np.exp),
    "Reciprocal": _elementwise(np.reciprocal),
    "Floor": _elementwise(np.floor),
    "Ceil": _elementwise(np.ceil),
    "Equal": _elementwise(np.equal),
    "Greater": _elementwise(np.greater),
    "Less": _elementwise(np.less),
    "Not": _elementwise(np.logical_not),
    "Where": _elementwise(np.where),
    "Log": _elementwise(np.log),
    "Sin": _elementwise(np.sin),
    "Cos": _elementwise(np.cos),
    "Sign": _elementwise(np.sign),
    "Tanh": _elementwise(np.tanh),
    "Relu": _elementwise(lambda x: np.maximum(x, 0)),
    "And": _elementwise(np.logical_and),
    "Or": _elementwise(np.logical_or),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "LessOrEqual": _elementwise(np.less_equal),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "ReduceMean": _reduction(np.mean),
    "ReduceMax": _reduction(np.max),
    "ReduceMin": _reduction(np.min),
    "ReduceL2": _reduction(_norm),
    "Clip": _clip,
    "CumSum": _running_sum,
    "ScatterND": _scattered,
    "CastLike": _cast_like,
    "BatchNormalization": _batchnorm,
    "Tile": _tile,
    "Split": _split,
}
"""How a node whose inputs are all known is computed."""

AS_LARGE = frozenset(
    {
        *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan", "Erf", "Round", "IsInf", "IsNaN"),
        *("Celu", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Selu", "Sigmoid", "Softplus"),
        *("Softsign", "ThresholdedRelu", "Softmax", "LogSoftmax", "ArgMax", "ArgMin", "ReduceL1", "ReduceLogSum"),
        *("ReduceLogSumExp", "ReduceSumSquare", "GatherElements", "ScatterElements", "Trilu"),
    }
)
"""Operators that onnx.reference computes: what they give is no larger than what they read."""


class Folding:
    """Computes the nodes of one model, all within one budget."""

    def __init__(self, stored: int) -> None:
        self.left = WORKED_BYTES + WORKED_PER_STORED_BYTE * stored

    def take(self, wanted: int) -> None:
        if wanted > self.left:
            raise Unfoldable("the constants of the model would take too much memory and time to compute")
        self.left -= wanted

    def values(
        self, node: NodeProto, attributes: Attributes, inputs: Sequence[Array | None], opset: int
    ) -> list[Array] | None:
        """What the node gives; None for an operator that is not computed here. Raises Unfoldable."""
        rule = FOLDS.get(node.op_type)
        if rule is None and node.op_type in AS_LARGE:
            rule = _by_reference(node, opset)
        return None if rule is None else _computed(rule, attributes, inputs, self.take)


def _by_reference(node: NodeProto, opset: int) -> Fold:
    """As ONNX's own implementation computes it."""

    def fold(attributes: Attributes, inputs: Sequence[Array], room: Room) -> list[Array]:
        from onnx.reference import ReferenceEvaluator

        room(16 * sum(array.nbytes for array in inputs if array is not None))
        given = {name: array for name, array in zip(node.input, inputs, strict=True) if name}
        sides = [helper.make_tensor_value_info(name, 0, None) for name in (*given, *node.output)]
        graph = helper.make_graph([node], "constant", sides[: len(given)], sides[len(given) :])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        try:
            return list(ReferenceEvaluator(model).run(None, given))
        except Exception as error:  # it promises nothing about what it raises
            said = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
            raise Unfoldable(f"ONNX's own implementation does not compute it: {said}") from None

    return fold


def _computed(rule: Fold, attributes: Attributes, inputs: Sequence[Any], room: Room) -> list[Array]:
    try:
        with np.errstate(all="ignore"):
            found = rule(attributes, inputs, room)
            return [np.asarray(array) for array in (found if isinstance(found, list) else [found])]
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, MemoryError, RuntimeError) as error:
        raise Unfoldable(str(error).splitlines()[0][:120] if str(error) else "its inputs do not fit") from None
