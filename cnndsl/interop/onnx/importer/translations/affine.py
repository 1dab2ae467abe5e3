"""Constants added and multiplied: parameters become layers that have just these, other constants stand in the text."""

from collections.abc import Sequence

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import (
    Constant,
    ImportedLayer,
    NodeContext,
    Refusal,
    Value,
    beyond_float32,
    decimal,
)
from cnndsl.interop.onnx.importer.names import tensor_name
from cnndsl.ops.activation import Clip
from cnndsl.ops.base import Operator
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.dense import Dense, Parameter
from cnndsl.ops.merge import Add, Mul
from cnndsl.ops.norm import BatchNorm, Bias, GroupNorm, InstanceNorm, LayerNorm, Normalize, Scale
from cnndsl.ops.shape import Reshape
from cnndsl.shapes import Shape, product

Norm = BatchNorm | GroupNorm | InstanceNorm | LayerNorm


def aligned(site: NodeContext, value: Value, constant: Array) -> Array:
    """The constant with the axes of the value's shape, each of the value's extent or 1; refused if it does not fit."""
    leading = len(site.builder.leading)
    rank = leading + len(value.order)
    if constant.ndim > rank:
        raise Refusal(f"a constant of {constant.shape} has more axes than what it meets")
    full = _of_one_example(site, constant.reshape((1,) * (rank - constant.ndim) + constant.shape))
    if any(size not in (1, extent) for size, extent in zip(full.shape, value.dimensions, strict=True)):
        raise Refusal(f"its constant of {constant.shape} would enlarge what it meets, {value.shape}")
    return np.transpose(full, np.argsort(value.order))


def _of_one_example(site: NodeContext, constant: Array) -> Array:
    """The constant without the batch, whose examples must be equal."""
    if not site.builder.leading:
        return constant
    if constant.shape[0] != 1 and not (constant == constant[:1]).all():
        raise Refusal("its constant differs between the examples of the batch")
    if constant.shape[0] not in (1, *site.builder.leading):
        raise Refusal(f"its constant of {constant.shape} is for {constant.shape[0]:,} examples alone")
    found: Array = constant[0]
    return found


def scaled(site: NodeContext, value: Value, constant: Constant, layer: ImportedLayer | None = None) -> Value:
    """The value times a constant; ``layer`` made the value, and nothing else reads it."""
    return _applied(site, value, constant, layer, multiply=True)


def shifted(site: NodeContext, value: Value, constant: Constant, layer: ImportedLayer | None = None) -> Value:
    """The value plus a constant; ``layer`` made the value, and nothing else reads it."""
    return _applied(site, value, constant, layer, multiply=False)


def _applied(site: NodeContext, value: Value, constant: Constant, layer: ImportedLayer | None, multiply: bool) -> Value:
    array = constant.array
    if array.dtype.kind not in "fiu" or value.dtype != "float32":
        raise Refusal("it computes with whole numbers, and the language with float32 only")
    numbers = aligned(site, value, array.astype(np.float64))
    if site.own_export and layer is not None and layer.label != site.label:
        layer = None  # its layers come back as they were
    if _is_parameter(constant, numbers, value):
        return _with_parameter(site, value, numbers, layer, multiply)
    if np.all(numbers == (1.0 if multiply else 0.0)):
        return value
    if not np.isfinite(numbers).all():
        raise Refusal("its constant is not finite")
    if layer is not None and _absorbed(layer, numbers, multiply):
        return value
    if multiply and not np.all(numbers):
        raise Refusal("it multiplies by 0 what the language multiplies by parameters only")
    if not _per_channel(numbers):
        axes = [axis for axis, size in enumerate(numbers.shape) if size > 1]
        if len(axes) > 1:
            raise Refusal(f"a constant of {array.shape} differs along several axes of {value.shape}")
        value, layer = site.builder.led_by(value, axes[0]), None
    if not multiply:
        return _normalized(site, layer, value, -numbers.ravel(), np.ones(1))
    return _normalized(site, layer, value, np.zeros(1), 1 / numbers.ravel())


def _is_parameter(constant: Constant, numbers: Array, value: Value) -> bool:
    """Whether the constant is learnt. A single number beside several channels is one only by its name."""
    if numbers.size > 1:
        return constant.learnt
    alone_in_axis = constant.array.ndim > 0 and 1 in (value.shape.channels, value.dimensions[0])
    return constant.learnt and (constant.named or alone_in_axis)


def _per_channel(numbers: Array) -> bool:
    return numbers.shape[1:] == (1,) * (numbers.ndim - 1)


def _with_parameter(
    site: NodeContext, value: Value, numbers: Array, layer: ImportedLayer | None, multiply: bool
) -> Value:
    """A layer that has these parameters: the one before if it lacks just them, otherwise one of their own."""
    if beyond_float32(numbers):
        raise Refusal("what it multiplies by is beyond float32")
    if layer is not None and _given(layer, numbers, multiply):
        return value
    if not _per_channel(numbers):
        return _with_map(site, value, numbers, multiply)
    if numbers.size < value.shape.channels:
        return _with_map(site, value, numbers, multiply)
    op, name = (Scale(), "weight") if multiply else (Bias(), "bias")
    return site.emit(op, value.ordered(range(len(value.order))), **{name: numbers.ravel()}).ordered(value.order)


def _with_map(site: NodeContext, value: Value, numbers: Array, multiply: bool) -> Value:
    """The value merged with a parameter that differs between positions."""
    held = [name for name, given in zip(site.node.input, site.inputs, strict=False) if not isinstance(given, Value)]
    flat = value.ordered(range(len(value.order)))
    learnt = _learnt(site, held[0] if held else "", numbers, flat)
    return site.emit(Mul() if multiply else Add(), flat, learnt).ordered(value.order)


def _learnt(site: NodeContext, tensor: str, numbers: Array, beside: Value) -> Value:
    """The tensor of that name as a parameter, its axes in the language's order."""
    op = Parameter(shape=Shape(numbers.shape[0], numbers.shape[1:]))
    value = site.builder.emit(tensor_name(tensor), op, [beside], {"weight": numbers})
    site.builder.layers[value.name].tensors = (tensor,)
    return value


def learnt_branch(site: NodeContext, index: int, beside: Value) -> Value:
    """The constant at that place as a parameter whose axes are in the order of those of the value ``beside``."""
    constant = site.beside(index, "branch")
    if not constant.learnt:
        raise Refusal("one of its inputs is a constant")
    array = _of_one_example(site, constant.array)
    if array.ndim != len(beside.order):
        raise Refusal(f"a constant of {constant.array.shape} has other axes than what it meets")
    flat = beside.ordered(range(len(beside.order)))
    numbers = np.transpose(array, np.argsort(beside.order))
    return _learnt(site, site.node.input[index], numbers, flat).ordered(beside.order)


def alone(site: NodeContext, value: Value, op: Operator, **weights: Array) -> Value:
    """The operator with one number for all channels, which must be a single channel for it."""
    flat = value.ordered(range(len(value.order)))
    if value.shape.channels > 1:
        flat = site.emit(Reshape(shape=Shape(1, (value.shape.elements,))), flat)
    result = site.emit(op, flat, **weights)
    if value.shape.channels > 1:
        result = site.emit(Reshape(shape=value.shape), result)
    return result.ordered(value.order)


def _given(layer: ImportedLayer, numbers: Array, multiply: bool) -> bool:
    """Whether the layer before took the parameters for those that it lacks."""
    op, weights, shape = layer.op, layer.weights, layer.output.shape
    if isinstance(op, LayerNorm) and op.axes == "all" and not shape.is_vector and numbers.shape == shape.dimensions:
        if multiply and not op.affine:
            layer.op, layer.incomplete = op.model_copy(update={"affine": True}), True
            weights.update(weight=numbers, bias=np.zeros(numbers.shape))
            return True
        if layer.incomplete and not multiply:
            weights["bias"], layer.incomplete = weights["bias"] + numbers, False
            return True
        return False
    lacks = isinstance(op, Conv | ConvTranspose | Depthwise | Dense | Scale) and op.bias is False
    if multiply or not lacks or numbers.shape[0] != numbers.size or numbers.size != shape.channels:
        return False
    layer.op = op.model_copy(update={"bias": True})
    weights["bias"] = numbers.ravel()
    return True


def _absorbed(layer: ImportedLayer, numbers: Array, multiply: bool) -> bool:
    """Whether the layer before took a constant that is no parameter into the weights that it has."""
    op, weights = layer.op, layer.weights
    if "bias" not in weights or isinstance(layer.op, Bias | Scale):
        return False
    if isinstance(op, Norm):
        shape = weights["bias"].shape
        if len(shape) == 1 and not _per_channel(numbers):
            return False
        full = np.broadcast_to(numbers.ravel() if len(shape) == 1 else numbers, shape)
        if multiply:
            weights["weight"] = weights["weight"] * full
        weights["bias"] = weights["bias"] * full if multiply else weights["bias"] + full
        return True
    if multiply or not isinstance(op, Conv | ConvTranspose | Depthwise | Dense) or not _per_channel(numbers):
        return False
    weights["bias"] = weights["bias"] + np.broadcast_to(numbers.ravel(), weights["bias"].shape)
    return True


def _normalized(site: NodeContext, layer: ImportedLayer | None, value: Value, mean: Array, std: Array) -> Value:
    """(x - mean)/std with constants; joined with the layer before if that is of the kind."""
    if layer is not None and isinstance(layer.op, Normalize):
        before_mean, before_std = np.asarray(layer.op.mean), np.asarray(layer.op.std)
        joined = Normalize(mean=_written(before_mean + mean * before_std), std=_written(before_std * std))
        return site.builder.replaced(layer, joined).ordered(value.order)
    op = Normalize(mean=_written(mean), std=_written(std))
    return site.emit(op, value.ordered(range(len(value.order)))).ordered(value.order)


def _written(numbers: Array) -> float | tuple[float, ...]:
    values = tuple(decimal(number) for number in np.ravel(numbers))
    return values[0] if len(set(values)) == 1 else values


def normed(
    site: NodeContext, op: Norm, x: Value, layout: Sequence[int], affine: Sequence[Constant | None], **buffers: Array
) -> Value:
    """A norm with the weight and bias ``affine`` if both are parameters of its layout; otherwise they stand behind it.

    What is not there, or no parameter and without effect, disappears.
    """
    elements = product(layout)
    fits = [part is not None and part.learnt and aligned(site, x, part.array).size == elements for part in affine]
    flat = x.ordered(range(len(x.order)))
    if all(fits):
        own = {name: part.array.reshape(layout) for name, part in zip(("weight", "bias"), affine, strict=True) if part}
        return site.emit(op.model_copy(update={"affine": True}), flat, **own, **buffers).ordered(x.order)
    if any(fits) and len(layout) > 1:  # of each element alone: as the features of a vector
        parts = [None if part is None else part._replace(array=part.array.reshape(-1)) for part in affine]
        vector = normed(site, op, site.reshape(x, [elements]), [elements], parts)
        return site.reshape(vector, x.dimensions)
    value = site.emit(op.model_copy(update={"affine": False}), flat, **buffers).ordered(x.order)
    for part, apply in zip(affine, (scaled, shifted), strict=True):
        if part is not None:
            value = apply(site, value, part, site.builder.unread(value))
    return value


def clipped(site: NodeContext, value: Value, low: float | None, high: float | None) -> Value:
    """The value between two bounds, of which one may be None."""
    return site.emit(Clip(min=low, max=high), value.ordered(range(len(value.order)))).ordered(value.order)


def negative(site: NodeContext, value: Value) -> Value:
    """The value with its sign changed."""
    return _normalized(site, None, value, np.zeros(1), -np.ones(1))
