"""Functions that move, cut, join or resize, from PyTorch."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import floor
from typing import Any

import numpy as np

from cnndsl.interop.calls import Call, Translation, value_of
from cnndsl.interop.onnx.importer.constant_folding import Unfoldable, reshaped
from cnndsl.interop.onnx.importer.graph import Refusal, Value
from cnndsl.interop.onnx.importer.translations import resizing, shaping
from cnndsl.interop.onnx.importer.translations.windows import compact
from cnndsl.interop.torch.importer.call import Held, constant, held_of
from cnndsl.interop.torch.importer.functions.elements import merged, same
from cnndsl.interop.torch.importer.functions.windows import PAD_MODES, adaptive
from cnndsl.ops.activation import Sigmoid
from cnndsl.ops.merge import Mul
from cnndsl.ops.resize import Resize, Upsample
from cnndsl.ops.shape import ChannelShuffle, PixelShuffle, SpaceToDepth
from cnndsl.shapes import product

ONNX_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "edge": "edge", "circular": "wrap"}


def whole(given: Any) -> list[int]:
    """Whole numbers, given as one list or one behind the other."""
    numbers = list(given[0]) if len(given) == 1 and isinstance(given[0], Sequence) else list(given)
    if not all(isinstance(number, int) for number in numbers):
        raise Refusal("its sizes are no whole numbers")
    return numbers


def to_sizes(call: Call, x: Value, sizes: Sequence[int]) -> Value:
    """The value with the extents ``sizes``, the batch's among them, of which one may be -1."""
    try:
        full = reshaped(call.sizes(x), np.array(sizes), allow_zero=True)
    except Unfoldable:
        raise Refusal(f"{x.shape.elements:,} numbers an example cannot become {list(sizes)}") from None
    return shaping.to_dimensions(call, x, full)


def flatten(call: Call, input: Any, start_dim: int = 0, end_dim: int = -1) -> Value:
    x = value_of(input)
    first, last, sizes = call.place(x, start_dim), call.place(x, end_dim), call.sizes(x)
    if first == last:
        return x
    return to_sizes(call, x, [*sizes[:first], product(sizes[first : last + 1]), *sizes[last + 1 :]])


def unflatten(call: Call, input: Any, dim: int, sizes: Sequence[int]) -> Value:
    x = value_of(input)
    axis, full = call.place(x, dim), list(call.sizes(x))
    return to_sizes(call, x, [*full[:axis], *sizes, *full[axis + 1 :]])


def reshape(call: Call, input: Any, *shape: Any) -> Value:
    return to_sizes(call, value_of(input), whole(shape))


def squeeze(call: Call, input: Any, dim: Any = None) -> Value:
    x = value_of(input)
    sizes = call.sizes(x)
    if dim is None:
        raise Refusal("it drops every axis of 1, the batch's too where that is 1", "give the axis: x.squeeze(-1)")
    axes = {call.place(x, axis) for axis in (dim if isinstance(dim, Sequence) else [dim])}
    return to_sizes(call, x, [size for axis, size in enumerate(sizes) if axis not in axes or size != 1])


def unsqueeze(call: Call, input: Any, dim: int) -> Value:
    x = value_of(input)
    axis, sizes = call.place(x, dim, new=1), list(call.sizes(x))
    return to_sizes(call, x, [*sizes[:axis], 1, *sizes[axis:]])


def permute(call: Call, input: Any, *dims: Any) -> Value:
    x = value_of(input)
    return call.says(shaping.transpose, x, perm=[call.place(x, axis) for axis in whole(dims)])


def transpose(call: Call, input: Any, dim0: int, dim1: int) -> Value:
    x = value_of(input)
    order = list(range(call.rank(x)))
    first, second = call.place(x, dim0), call.place(x, dim1)
    order[first], order[second] = second, first
    return call.says(shaping.transpose, x, perm=order)


def movedim(call: Call, input: Any, source: Any, destination: Any) -> Value:
    x = value_of(input)
    pairs = zip(*(one if isinstance(one, Sequence) else [one] for one in (source, destination)), strict=True)
    moved = {call.place(x, after): call.place(x, before) for before, after in pairs}
    rest = iter(axis for axis in range(call.rank(x)) if axis not in moved.values())
    order = [moved[axis] if axis in moved else next(rest) for axis in range(call.rank(x))]
    return call.says(shaping.transpose, x, perm=order)


def concat(call: Call, tensors: Sequence[Any], dim: int = 0) -> Value:
    return call.says(shaping.concat, *map(_tensor, tensors), axis=dim)


def _tensor(given: Any) -> Value | Held:
    if not isinstance(given, Value | Held):
        raise Refusal("it joins something else than tensors")
    return given


def stack(call: Call, tensors: Sequence[Any], dim: int = 0) -> Value:
    return concat(call, [unsqueeze(call, tensor, dim) for tensor in tensors], dim)


def chunk(call: Call, input: Any, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    x = value_of(input)
    size = call.sizes(x)[call.place(x, dim)]
    return split(call, x, -(-size // chunks), dim)


def split(call: Call, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Value, ...]:
    x, sizes = value_of(tensor), split_size_or_sections
    axis = call.axis(x, dim)
    if isinstance(sizes, int):
        size = x.shape.dimensions[axis]
        sizes = [min(sizes, size - begin) for begin in range(0, size, sizes)]
    bounds = list(accumulate(sizes, initial=0))
    if bounds[-1] != x.shape.dimensions[axis]:
        raise Refusal(f"its parts {list(sizes)} do not make up an axis of {x.shape.dimensions[axis]}")
    return tuple(shaping.cropped(call, x, {axis: pair}) for pair in pairwise(bounds))


def glu(call: Call, input: Any, dim: int = -1) -> Value:
    first, second = chunk(call, input, 2, dim)
    return merged(call, Mul(), first, call.pointwise(Sigmoid(), second))


def unbind(call: Call, input: Any, dim: int = 0) -> tuple[Value, ...]:
    x = value_of(input)
    return tuple(select(call, x, dim, index) for index in range(call.sizes(x)[call.place(x, dim)]))


def select(call: Call, input: Any, dim: int, index: int) -> Value:
    cells = slice(index, index + 1 or None)
    return squeeze(call, cut(call, input, {dim: cells}), dim)


def narrow(call: Call, input: Any, dim: int, start: int, length: int) -> Value:
    return cut(call, input, {dim: slice(start, start + length)})


def sliced(
    call: Call, input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    return cut(call, input, {dim: slice(start, end, step)})


def cut(call: Call, input: Any, ranges: dict[int, slice]) -> Value:
    x = value_of(input)
    sizes, axes, found = call.sizes(x), [], []
    for axis, cells in ranges.items():
        at = call.place(x, axis)
        begin, end, step = cells.indices(sizes[at])
        if (begin, end, step) != (0, sizes[at], 1):
            axes.append(at)
            found.append((begin, end, step))
    if not axes:
        return x
    begins, ends, steps = (list(numbers) for numbers in zip(*found, strict=True))
    given = [constant(numbers) for numbers in (begins, ends, axes, steps)]
    return call.says(shaping.cut, x, *given)


def getitem(call: Call, input: Any, index: Any) -> Any:
    """Indexing: of a tuple a part, of a value ranges, cells and new axes."""
    if not isinstance(input, Value):
        found = input[index]
        if found is None:
            raise Refusal("the places of the maxima are used")
        return found
    x = value_of(input)
    given = list(index) if isinstance(index, tuple) else [index]
    if not all(one is None or one is Ellipsis or isinstance(one, int | slice) for one in given):
        raise Refusal("it picks by a list or a tensor", "use ranges, or torch.index_select")
    if Ellipsis in given:
        at = given.index(Ellipsis)
        missing = call.rank(x) - sum(one is not None for one in given) + 1
        given[at : at + 1] = [slice(None)] * missing
    ranges: dict[int, slice] = {}
    sizes: list[int] = []
    axis = 0
    for one in given:
        if one is None:
            sizes.append(1)
            continue
        extent = call.sizes(x)[axis]
        if isinstance(one, int):
            ranges[axis] = slice(one, one + 1 or None)
        else:
            ranges[axis] = one
            sizes.append(len(range(*one.indices(extent))))
        axis += 1
    value = cut(call, x, ranges)
    sizes += call.sizes(x)[axis:]
    return value if tuple(sizes) == call.sizes(value) else to_sizes(call, value, sizes)


def index_select(call: Call, input: Any, dim: int, index: Any) -> Value:
    return call.says(shaping.gather, value_of(input), held_of(index, "list of cells"), axis=dim)


def flip(call: Call, input: Any, *dims: Any) -> Value:
    x = value_of(input)
    for axis in whole(dims):
        own = call.axis(x, axis)
        x = shaping.picked(call, x, own, range(x.shape.dimensions[own])[::-1])
    return x


def expand(call: Call, input: Any, *sizes: Any) -> Any:
    if isinstance(input, Held):
        return input._replace(tensor=input.tensor.expand(*sizes))
    x = value_of(input)
    wanted = whole(sizes)
    kept = [*[0] * (len(wanted) - call.rank(x)), *call.sizes(x)]
    full = [had if size == -1 else size for size, had in zip(wanted, kept, strict=True)]
    return call.says(resizing.expand, x, constant(full))


def expand_as(call: Call, input: Any, other: Any) -> Any:
    return expand(call, input, *call.sizes(value_of(other)))


def pad(call: Call, input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    x = value_of(input)
    word = PAD_MODES.get(mode)
    if word is None or len(pad) % 2 or len(pad) // 2 > call.rank(x):
        raise Refusal(f"its mode {mode} or its {len(pad)} numbers of cells mean nothing here")
    rank = call.rank(x)
    begins, ends = [0] * rank, [0] * rank
    for index in range(len(pad) // 2):
        begins[rank - 1 - index], ends[rank - 1 - index] = int(pad[2 * index]), int(pad[2 * index + 1])
    attributes = {"pads": begins + ends, "mode": ONNX_PAD_MODES[word], "value": float(value or 0)}
    return call.says(shaping.pad, x, **attributes)


def pixel_shuffle(call: Call, input: Any, upscale_factor: int) -> Value:
    return call.emit(PixelShuffle(factor=upscale_factor), call.builder.straight(value_of(input)))


def pixel_unshuffle(call: Call, input: Any, downscale_factor: int) -> Value:
    return call.emit(SpaceToDepth(factor=downscale_factor), call.builder.straight(value_of(input)))


def channel_shuffle(call: Call, input: Any, groups: int) -> Value:
    return call.emit(ChannelShuffle(groups=groups), call.builder.straight(value_of(input)))


def converted(call: Call, input: Any, *given: Any, **settings: Any) -> Value:
    """Another device or another type: nothing changes among floats."""
    types = [one for one in (*given, *settings.values()) if hasattr(one, "is_floating_point") and not callable(one)]
    whole_numbers = [one for one in types if isinstance(one.is_floating_point, bool) and not one.is_floating_point]
    if whole_numbers or value_of(input).dtype != "float32":
        raise Refusal("it changes floats into whole numbers or back")
    return value_of(input)


# --- resizing ---
LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}


def interpolate(
    call: Call,
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Value:
    x = call.builder.straight(value_of(input))
    had = x.shape.spatial
    if antialias and mode != "nearest":
        raise Refusal("it smooths before it resizes (antialias)")
    if size is not None:
        wanted = tuple(size) if isinstance(size, Sequence) else (size,) * len(had)
        exact = True
    else:
        factors = list(scale_factor) if isinstance(scale_factor, Sequence) else [scale_factor] * len(had)
        wanted = tuple(floor(extent * factor) for extent, factor in zip(had, factors, strict=True))
        ratios = zip(wanted, had, factors, strict=True)
        exact = bool(recompute_scale_factor) or all(cells == extent * factor for cells, extent, factor in ratios)
    if not all(isinstance(cells, int) and cells > 0 for cells in wanted) or len(wanted) != len(had):
        raise Refusal("its sizes are no whole numbers")
    if mode == "area":
        return value_of(adaptive(len(had), mean=True)(call, x, wanted))
    if not exact and not align_corners:
        raise Refusal("its scale_factor gives no whole extents, and PyTorch counts positions with it all the same")
    times = all(cells % extent == 0 for cells, extent in zip(wanted, had, strict=True))
    scale = compact([cells // extent for cells, extent in zip(wanted, had, strict=True)]) if times else 1
    upsamples = times and size is None and not align_corners
    if mode in ("nearest", "nearest-exact"):
        if not _picks_floor(had, wanted, mode):
            raise Refusal(f"it picks pixels by rounding that is not floor(o*n/m) ({mode})")
        return call.emit(Upsample(scale=scale) if upsamples else Resize(size=wanted), x)
    if mode not in LINEAR and mode != "bicubic":
        raise Refusal(f"its mode is {mode}")
    smooth = "cubic" if mode == "bicubic" else "linear"
    if upsamples:
        return call.emit(Upsample.model_validate({"scale": scale, "mode": smooth}), x)
    op = Resize.model_validate({"size": wanted, "mode": smooth, "align_corners": bool(align_corners)})
    return call.emit(op, x)


def _picks_floor(sizes: Sequence[int], targets: Sequence[int], mode: str) -> bool:
    """Whether PyTorch, which counts in float32, picks the pixel floor(o*size/target) for every position o."""
    for size, target in zip(sizes, targets, strict=True):
        position = np.arange(target, dtype=np.float32) + np.float32(0.5 if mode == "nearest-exact" else 0)
        found = np.minimum(np.floor(position * np.float32(size / target)), size - 1)
        if not np.array_equal(found, np.arange(target) * size // target):
            return False
    return True


FUNCTIONS: dict[str, Translation] = {
    "flatten": flatten,
    "unflatten": unflatten,
    "reshape": reshape,
    "view": reshape,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "permute": permute,
    "transpose": transpose,
    "swapaxes": transpose,
    "swapdims": transpose,
    "movedim": movedim,
    "moveaxis": movedim,
    "cat": concat,
    "concat": concat,
    "concatenate": concat,
    "stack": stack,
    "chunk": chunk,
    "glu": glu,
    "split": split,
    "unbind": unbind,
    "select": select,
    "narrow": narrow,
    "slice": sliced,
    "getitem": getitem,
    "index_select": index_select,
    "flip": flip,
    "expand": expand,
    "expand_as": expand_as,
    "pad": pad,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "channel_shuffle": channel_shuffle,
    "native_channel_shuffle": channel_shuffle,
    "interpolate": interpolate,
    "to": converted,
    "type": converted,
    "type_as": same,
}
