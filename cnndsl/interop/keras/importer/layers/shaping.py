"""What moves, cuts, joins or resizes, from Keras."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from cnndsl.interop.calls import ToValue, Translation
from cnndsl.interop.keras.importer.call import LayerCall, constant, led, trailed, value_of
from cnndsl.interop.keras.importer.layers.dealing import dealt
from cnndsl.interop.onnx.importer.constant_folding import Unfoldable, reshaped
from cnndsl.interop.onnx.importer.graph import Refusal, Value, channels_last
from cnndsl.interop.onnx.importer.translations import resizing, shaping
from cnndsl.interop.onnx.importer.translations.windows import compact
from cnndsl.ops.resize import Upsample
from cnndsl.ops.shape import Flatten, Reshape
from cnndsl.shapes import Shape

SMOOTH = {"nearest": "nearest", "bilinear": "linear"}
"""Keras's words for interpolation; bicubic has another coefficient on PyTorch than elsewhere."""


def flatten(call: LayerCall, layer: Any, inputs: Any) -> Value:
    """The elements in the language's order; who reads them is told of the other."""
    x = value_of(inputs)
    if x.shape.is_vector:
        return x
    if layer.data_format == "channels_first":
        x = x.ordered((*x.order[1:], x.order[0]))  # Keras has the channels last in the vector anyway
    longer = [axis for axis in x.order if x.shape.dimensions[axis] > 1]
    if longer == sorted(longer):
        return call.reshape(x, [x.shape.elements])
    found = call.emit(Flatten(), x.ordered(range(len(x.order))))
    call.setting.flattened[found.name] = x
    return found


def to_dimensions(call: LayerCall, x: Value, sizes: Sequence[Any]) -> Value:
    """The value with the extents ``sizes``, without the batch, of which one may be -1."""
    try:
        full = reshaped(x.dimensions, np.array([-1 if size is None else size for size in sizes]))
    except Unfoldable:
        raise Refusal(f"{x.shape.elements:,} numbers an example cannot become {list(sizes)}") from None
    if x.shape.is_vector and len(full) > 1 and full[-1] < x.shape.elements:
        found = dealt(call, x, full)
        if found is not None:
            return found
    found = call.reshape(x, full)
    alone = len(full) > 1 and full[-1] == x.shape.elements and x.shape.is_vector
    if alone and found.plain:  # of a vector: its features are channels
        return call.emit(Reshape(shape=Shape(full[-1], full[:-1])), x).ordered(channels_last(len(full)))
    return found


def reshape(call: LayerCall, layer: Any, inputs: Any) -> Value:
    return to_dimensions(call, value_of(inputs), layer.target_shape)


def permute(call: LayerCall, layer: Any, inputs: Any) -> Value:
    return call.says(shaping.transpose, value_of(inputs), perm=[0, *layer.dims])


def concatenate(call: LayerCall, layer: Any, inputs: Sequence[Any]) -> Value:
    return call.says(shaping.concat, *inputs, axis=layer.axis)


def _around(layer: Any, cells: Any) -> list[tuple[int, int]]:
    """What a layer adds to each spatial axis, or takes from it."""
    return [tuple(pair) for pair in cells] if isinstance(cells[0], Sequence) else [tuple(cells)]


def zero_padding(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = led(layer, value_of(inputs))
    begins, ends = zip(*_around(layer, layer.padding), strict=True)
    found = call.says(shaping.pad, x, pads=[0, 0, *begins, 0, 0, *ends])
    return trailed(layer, found)


def cropping(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = led(layer, value_of(inputs))
    ranges = {}
    for place, (begin, end) in enumerate(_around(layer, layer.cropping), start=1):
        axis = x.order[place]
        ranges[axis] = (begin, x.shape.dimensions[axis] - end)
    return trailed(layer, shaping.cropped(call, x, ranges))


def upsampling(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = call.builder.straight(led(layer, value_of(inputs)))
    scale = [layer.size] * len(x.shape.spatial) if isinstance(layer.size, int) else list(layer.size)
    mode = _mode(getattr(layer, "interpolation", "nearest"))
    return trailed(layer, call.emit(Upsample.model_validate({"scale": compact(scale), "mode": mode}), x))


def _mode(interpolation: str) -> str:
    mode = SMOOTH.get(interpolation)
    if mode is None:
        raise Refusal(f"its interpolation is {interpolation}: the language has nearest and bilinear of Keras's")
    return mode


def resizing_layer(call: LayerCall, layer: Any, inputs: Any) -> Value:
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio:
        raise Refusal("it keeps the aspect ratio")
    size = (layer.height, layer.width)
    return _resized(call, layer, inputs, size, layer.interpolation, layer.antialias)


def _resized(call: LayerCall, layer: Any, inputs: Any, size: Sequence[int], mode: str, antialias: bool) -> Value:
    x = led(layer, value_of(inputs))
    if x.order[0] != 0 or antialias:
        raise Refusal("it smooths what it makes smaller" if antialias else "it resizes the channels")
    sizes = constant([*call.builder.leading, x.shape.channels, *size])
    found = call.says(resizing.resize, x, None, None, sizes, mode=_mode(mode), nearest_mode="round_prefer_ceil")
    return trailed(layer, found)


def resize_operation(call: LayerCall, op: Any, images: Any) -> Value:
    if op.crop_to_aspect_ratio or op.pad_to_aspect_ratio:
        raise Refusal("it keeps the aspect ratio")
    return _resized(call, op, images, op.size, op.interpolation, op.antialias)


_RANKED: dict[str, ToValue] = {
    "ZeroPadding{}D": zero_padding,
    "Cropping{}D": cropping,
    "UpSampling{}D": upsampling,
}
LAYERS: dict[str, ToValue] = {name.format(rank): found for name, found in _RANKED.items() for rank in (1, 2, 3)}
LAYERS |= {
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "Concatenate": concatenate,
    "Resizing": resizing_layer,
}


# --- operations ---
def _to_sizes(call: LayerCall, x: Value, sizes: Sequence[Any]) -> Value:
    """As ``to_dimensions``, with the batch in front."""
    first, *rest = sizes
    if first not in (None, -1, *call.builder.leading):
        raise Refusal("its result does not have the examples of the batch as its first axis")
    if -1 in rest and first == -1:
        raise Refusal("two of its sizes are unknown")
    return to_dimensions(call, x, rest)


def squeeze(call: LayerCall, op: Any, x: Any) -> Value:
    value = value_of(x)
    if op.axis is None:
        raise Refusal("it drops every axis of 1, the batch's too where that is 1")
    axes = {call.place(value, axis) for axis in ([op.axis] if isinstance(op.axis, int) else op.axis)}
    return _to_sizes(call, value, [size for axis, size in enumerate(call.sizes(value)) if axis not in axes])


def expand_dims(call: LayerCall, op: Any, x: Any) -> Value:
    value = value_of(x)
    axes = [op.axis] if isinstance(op.axis, int) else list(op.axis)
    sizes = list(call.sizes(value))
    for axis in sorted(call.place(value, axis, len(axes)) for axis in axes):
        sizes.insert(axis, 1)
    return _to_sizes(call, value, sizes)


def transposed(call: LayerCall, op: Any, x: Any) -> Value:
    value = value_of(x)
    axes = range(call.rank(value))[::-1] if op.axes is None else op.axes
    return call.says(shaping.transpose, value, perm=[call.place(value, axis) for axis in axes])


def pad(call: LayerCall, op: Any, x: Any, constant_values: Any = None) -> Value:
    begins, ends = zip(*op.pad_width, strict=True)
    mode = {"constant": "constant", "reflect": "reflect"}.get(op.mode)
    if mode is None or (constant_values is not None and not isinstance(constant_values, int | float)):
        raise Refusal(f"it pads by {op.mode}")
    value = float(constant_values or 0)
    return call.says(shaping.pad, value_of(x), pads=[*begins, *ends], mode=mode, value=value)


def split(call: LayerCall, op: Any, x: Any) -> tuple[Value, ...]:
    value = value_of(x)
    axis = call.axis(value, op.axis)
    size, given = value.shape.dimensions[axis], op.indices_or_sections
    if isinstance(given, int):
        given = [size * index // given for index in range(1, given)]
    bounds = pairwise([0, *(int(index) for index in given), size])
    return tuple(shaping.cropped(call, value, {axis: pair}) for pair in bounds)


def getitem(call: LayerCall, op: Any, x: Any, key: Any) -> Value:
    """Ranges, single cells and new axes."""
    value = value_of(x)
    given = list(key) if isinstance(key, tuple | list) else [key]
    if not all(one is None or one is Ellipsis or isinstance(one, int | slice) for one in given):
        raise Refusal("it picks by a list or a tensor")
    sizes = call.sizes(value)
    missing = len(sizes) - sum(one is not None and one is not Ellipsis for one in given)
    at = given.index(Ellipsis) if Ellipsis in given else len(given)
    given[at : at + 1] = [slice(None)] * missing
    found: list[int] = []
    ranges: list[tuple[int, int, int, int]] = []
    axis = 0
    for one in given:
        if one is None:
            found.append(1)
            continue
        cells = slice(one, one + 1 or None) if isinstance(one, int) else one
        begin, end, step = cells.indices(sizes[axis])
        if (begin, end, step) != (0, sizes[axis], 1):
            ranges.append((begin, end if end >= 0 else -sizes[axis] - 1, axis, step))
        if not isinstance(one, int):
            found.append(len(range(begin, end, step)))
        axis += 1
    if ranges:
        starts, ends, axes, steps = (constant(list(numbers)) for numbers in zip(*ranges, strict=True))
        value = call.says(shaping.cut, value, starts, ends, axes, steps)
    return value if tuple(found) == call.sizes(value) else _to_sizes(call, value, found)


def stack(call: LayerCall, op: Any, xs: Sequence[Any]) -> Value:
    values = [value_of(x) for x in xs]
    place = call.place(values[0], op.axis, new=1)
    sizes = list(call.sizes(values[0]))
    parts = [_to_sizes(call, value, [*sizes[:place], 1, *sizes[place:]]) for value in values]
    return call.says(shaping.concat, *parts, axis=place)


def repeat(call: LayerCall, op: Any, x: Any) -> Value:
    """Every cell of one spatial axis several times."""
    value = value_of(x)
    if not isinstance(op.repeats, int) or op.axis is None:
        raise Refusal("it repeats cells in different numbers")
    axis = call.axis(value, op.axis)
    if axis == 0 or not 2 <= len(value.order) <= 4:
        raise Refusal("it repeats channels")
    scale = [op.repeats if place == axis else 1 for place in range(1, len(value.order))]
    return call.emit(Upsample(scale=tuple(scale)), value.ordered(range(len(value.order)))).ordered(value.order)


OPERATIONS: dict[str, Translation] = {
    "Concatenate": concatenate,
    "Reshape": lambda call, op, x: _to_sizes(call, value_of(x), op.newshape),
    "Squeeze": squeeze,
    "ExpandDims": expand_dims,
    "Transpose": transposed,
    "Pad": pad,
    "Split": split,
    "GetItem": getitem,
    "Stack": stack,
    "Repeat": repeat,
    "Resize": resize_operation,
}
