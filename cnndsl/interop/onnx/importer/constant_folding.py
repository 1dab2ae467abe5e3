"""Computing what does not depend on the network's inputs: constants, and the chains of nodes that work out shapes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from onnx import NodeProto, helper

from cnndsl.arrays import Array
from cnndsl.shapes import product

Attributes: TypeAlias = Mapping[str, Any]

GENERATED_BYTES = 1 << 30
"""What the constants that a file only describes (``ConstantOfShape``, ``Expand``) may take if they were stored."""


class Unfoldable(Exception):
    """The node cannot be computed; the message says why."""


def _constant_of_shape(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    value = attributes.get("value", np.zeros(1, np.float32))
    return _broadcast(np.asarray(value).reshape(()), inputs[0])


def _broadcast(value: Array, shape: Array) -> Array:
    """A view: the memory is taken when somebody writes the numbers down."""
    extent = tuple(int(size) for size in np.ravel(shape))
    if any(size < 0 for size in extent) or product(extent) * value.dtype.itemsize > GENERATED_BYTES:
        raise Unfoldable(f"the constant would take {product(extent) * value.dtype.itemsize:,} bytes")
    return np.broadcast_to(value, extent)


def _expand(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    shape = np.broadcast_shapes(inputs[0].shape, tuple(map(int, inputs[1])))
    return _broadcast(inputs[0], np.array(shape))


def _gather(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    if product(inputs[1].shape) * inputs[0].itemsize > GENERATED_BYTES:
        raise Unfoldable("the constant is too large")
    return np.take(inputs[0], inputs[1].astype(np.int64), axis=attributes.get("axis", 0))


def _slice(attributes: Attributes, inputs: Sequence[Array]) -> Array:
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


def _unsqueeze(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    return np.expand_dims(inputs[0], _axes(attributes, inputs) or ())


def _squeeze(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    return np.squeeze(inputs[0], _axes(attributes, inputs))


def _cast(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    return inputs[0].astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))


def _reshape(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    return inputs[0].reshape(reshaped(inputs[0].shape, inputs[1], bool(attributes.get("allowzero"))))


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


def _divide(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    left, right = inputs
    if left.dtype.kind in "iu":
        if not np.all(right):
            raise Unfoldable("division by zero")
        return np.asarray(np.sign(left) * np.sign(right) * (np.abs(left) // np.abs(right)), left.dtype)
    return np.asarray(left / right)


def _range(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    start, limit, step = (number.reshape(()).item() for number in inputs)
    if not step or (limit - start) / step * inputs[0].itemsize > GENERATED_BYTES:
        raise Unfoldable("the range is too large")
    return np.arange(start, limit, step, dtype=inputs[0].dtype)


def _elementwise(function: Callable[..., Any]) -> "Fold":
    def fold(attributes: Attributes, inputs: Sequence[Array]) -> Array:
        shape = np.broadcast_shapes(*(array.shape for array in inputs))
        if product(shape) * 8 > GENERATED_BYTES:
            raise Unfoldable("the constant is too large")
        return np.asarray(function(*inputs))

    return fold


def _transpose(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    return np.transpose(inputs[0], attributes.get("perm"))


def _concat(attributes: Attributes, inputs: Sequence[Array]) -> Array:
    if sum(array.nbytes for array in inputs) > GENERATED_BYTES:
        raise Unfoldable("the constant is too large")
    return np.concatenate(list(inputs), attributes["axis"])


Fold: TypeAlias = Callable[[Attributes, Sequence[Array]], Array]

FOLDS: dict[str, Fold] = {
    "Identity": lambda attributes, inputs: inputs[0],
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Shape": lambda attributes, inputs: np.array(
        inputs[0].shape[attributes.get("start", 0) : attributes.get("end")], np.int64
    ),
    "Size": lambda attributes, inputs: np.array(inputs[0].size, np.int64),
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Flatten": lambda attributes, inputs: inputs[0].reshape(
        product(inputs[0].shape[: attributes.get("axis", 1)]), product(inputs[0].shape[attributes.get("axis", 1) :])
    ),
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
    "Min": _elementwise(lambda *arrays: np.minimum.reduce(list(arrays))),
    "Max": _elementwise(lambda *arrays: np.maximum.reduce(list(arrays))),
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
    "ReduceProd": lambda attributes, inputs: np.asarray(
        np.prod(inputs[0], axis=_axes(attributes, inputs), keepdims=bool(attributes.get("keepdims", 1)))
    ),
}
"""How a node whose inputs are all known is computed."""


def fold(node: NodeProto, attributes: Attributes, inputs: Sequence[Array]) -> Array | None:
    """The node's value; None for an operator that is not computed here. Raises Unfoldable."""
    rule = FOLDS.get(node.op_type)
    if rule is None:
        return None
    try:
        with np.errstate(all="ignore"):
            return np.asarray(rule(attributes, inputs))
    except (ValueError, IndexError, TypeError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        raise Unfoldable(str(error).splitlines()[0][:120] if str(error) else "its inputs do not fit") from None
