"""Every operator in PyTorch: a function of the operator's parameters, its weights and its inputs.

Loaded through the fixture ``pytorch_layers`` (conftest.py). PyTorch's own operator stands wherever it can express the
case; where it cannot (asymmetric padding, ceil_mode beside it, LeNet-5's layers) a few of its operators do. Padding
is worked out here again, from the words of docs/language.md.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Weights: TypeAlias = Mapping[str, Tensor]
Reference: TypeAlias = Callable[..., Tensor]

CONV = (None, F.conv1d, F.conv2d, F.conv3d)
CONV_TRANSPOSE = (None, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MAX_POOL = (None, F.max_pool1d, F.max_pool2d, F.max_pool3d)
AVG_POOL = (None, F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
LP_POOL = (None, F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)
ADAPTIVE_AVG = (None, F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)
ADAPTIVE_MAX = (None, F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)
LINEAR = (None, "linear", "bilinear", "trilinear")
MODES = {"zeros": "constant", "reflect": "reflect", "edge": "replicate", "circular": "circular"}


def rank(x: Tensor) -> int:
    return x.ndim - 2


def each(value: Any, x: Tensor) -> tuple[int, ...]:
    return (value,) * rank(x) if isinstance(value, int) else tuple(value)


def given(pad: int | tuple[int, ...], x: Tensor) -> list[tuple[int, int]]:
    """One number, one per axis, or all begins and then all ends."""
    cells = each(pad, x)
    half = len(cells) // 2
    return list(zip(cells[:half], cells[half:], strict=True)) if len(cells) > rank(x) else [(n, n) for n in cells]


def around(op: Any, x: Tensor, stride: Sequence[int], dilation: Sequence[int]) -> list[tuple[int, int]]:
    """The cells before and after each axis."""
    spans = [spread * (taps - 1) for taps, spread in zip(each(op.kernel, x), dilation, strict=True)]
    if op.pad == "valid":
        return [(0, 0)] * rank(x)
    if op.pad == "causal":
        return [(span, 0) for span in spans]
    if not isinstance(op.pad, str):
        return given(op.pad, x)
    pairs = []
    for size, span, step in zip(x.shape[2:], spans, stride, strict=True):
        windows = (size + step - 1) // step  # same: ceil(size / stride)
        missing = max((windows - 1) * step + span + 1 - size, 0)
        small, large = missing // 2, (missing + 1) // 2
        pairs.append((small, large) if op.pad == "same" else (large, small))
    return pairs


def padded(x: Tensor, pairs: Sequence[tuple[int, int]], mode: str = "zeros", value: float = 0.0) -> Tensor:
    """PyTorch counts axes from the last."""
    flat = [cells for pair in reversed(pairs) for cells in pair]
    if not any(flat):
        return x
    return F.pad(x, flat, "constant", value) if mode == "zeros" else F.pad(x, flat, MODES[mode])


def conv(op: Any, weights: Weights, x: Tensor) -> Tensor:
    groups = getattr(op, "groups", x.shape[1])  # depthwise has a group for each channel
    stride, dilation = each(op.stride, x), each(op.dilation, x)
    x = padded(x, around(op, x, stride, dilation), getattr(op, "pad_mode", "zeros"))
    return CONV[rank(x)](x, weights["weight"], weights.get("bias"), stride, 0, dilation, groups)


def conv_transpose(op: Any, weights: Weights, x: Tensor) -> Tensor:
    stride, dilation, extra = each(op.stride, x), each(op.dilation, x), each(op.output_pad, x)
    spans = [spread * (taps - 1) for taps, spread in zip(each(op.kernel, x), dilation, strict=True)]
    function, weight, bias = CONV_TRANSPOSE[rank(x)], weights["weight"], weights.get("bias")
    if op.pad in ("same", "same_lower"):  # stride times the size, output_pad cells of it beyond the whole map
        totals = [max(span + 1 + more - step, 0) for span, step, more in zip(spans, stride, extra, strict=True)]
        pairs = [(total // 2, (total + 1) // 2) for total in totals]
        pairs = pairs if op.pad == "same" else [pair[::-1] for pair in pairs]
    else:
        pairs = around(op, x, stride, dilation)
    if all(begin == end for begin, end in pairs):
        return function(x, weight, bias, stride, [begin for begin, _ in pairs], extra, op.groups, dilation)
    grown = function(x, weight, bias, stride, 0, extra, op.groups, dilation)
    for axis, (begin, end) in enumerate(pairs, start=2):
        grown = grown.narrow(axis, begin, grown.shape[axis] - begin - end)
    return grown


def slides(op: Any, x: Tensor) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], list[tuple[int, int]]]:
    """Kernel, stride, dilation and padding of a pool."""
    kernel, dilation = each(op.kernel, x), each(getattr(op, "dilation", 1), x)
    stride = each(op.stride, x) if op.stride else kernel
    return kernel, stride, dilation, around(op, x, stride, dilation)


def native(op: Any, x: Tensor) -> list[int] | None:
    """The padding where PyTorch can pad by itself: equal sides, at most half a kernel that fits the map without it."""
    kernel, _, _, pairs = slides(op, x)
    axes = zip(x.shape[2:], kernel, pairs, strict=True)
    fits = all(taps <= size and begin == end <= taps // 2 for size, taps, (begin, end) in axes)
    return [begin for begin, _ in pairs] if fits else None


def windows(op: Any, x: Tensor, value: float) -> Tensor:
    """(N, C, windows..., taps...): the padded map under each window, with ``value`` in the padding and beyond it."""
    kernel, stride, dilation, pairs = slides(op, x)
    sizes = x.shape[2:]
    x = padded(x, [(begin, end + step) for (begin, end), step in zip(pairs, stride, strict=True)], value=value)
    for axis, (taps, step, spread, size, (begin, end)) in enumerate(
        zip(kernel, stride, dilation, sizes, pairs, strict=True), start=2
    ):
        span = spread * (taps - 1)
        starts = [
            start
            for start in range(0, size + begin + end, step)
            if start + span < size + begin + end  # the window fits
            or (op.ceil_mode and start + span < size + begin + end - 1 + step and start < size + begin)
        ]
        cells = torch.tensor(starts)[:, None] + torch.arange(taps) * spread
        gathered = x.index_select(axis, cells.flatten().clamp(max=x.shape[axis] - 1))
        x = gathered.unflatten(axis, cells.shape).movedim(axis + 1, -1)
    return x


def maxpool(op: Any, weights: Weights, x: Tensor) -> Tensor:
    kernel, stride, dilation, _ = slides(op, x)
    padding = native(op, x)
    if padding is None:
        return windows(op, x, -torch.inf).flatten(2 + rank(x)).amax(-1)
    return MAX_POOL[rank(x)](x, kernel, stride, padding, dilation, op.ceil_mode)


def avgpool(op: Any, weights: Weights, x: Tensor) -> Tensor:
    kernel, stride, _, pairs = slides(op, x)
    padding = native(op, x)
    if padding is not None:
        return AVG_POOL[rank(x)](x, kernel, stride, padding, op.ceil_mode, op.count_include_pad)
    counted = torch.ones_like(x)
    if op.count_include_pad:  # padding counts like the map; what lies beyond it never does
        total = windows(op, x, 0.0).flatten(2 + rank(x)).sum(-1)
        unpadded = op.model_copy(update={"pad": 0})
        count = windows(unpadded, padded(counted, pairs, value=1.0), 0.0).flatten(2 + rank(x)).sum(-1)
        return total / count[tuple(map(slice, total.shape))]
    total, count = (windows(op, y, 0.0).flatten(2 + rank(x)).sum(-1) for y in (x, counted))
    return total / count


def lppool(op: Any, weights: Weights, x: Tensor) -> Tensor:
    kernel, stride, _, pairs = slides(op, x)
    if op.p == 2 and not op.ceil_mode and not any(map(any, pairs)):
        return LP_POOL[rank(x)](x, 2, kernel if rank(x) > 1 else kernel[0], stride)
    return torch.linalg.vector_norm(windows(op, x, 0.0).flatten(2 + rank(x)), op.p, dim=-1)


def subsample(op: Any, weights: Weights, x: Tensor) -> Tensor:
    kernel = each(op.kernel, x)
    ones = torch.ones(x.shape[1], 1, *kernel, dtype=x.dtype)
    sums = CONV[rank(x)](x, ones, None, op.stride or kernel, groups=x.shape[1])
    return sums * along_channels(weights["weight"], x) + along_channels(weights["bias"], x)


def along_channels(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *(1,) * rank(x))


def positions(x: Tensor) -> list[int]:
    return list(range(2, x.ndim))


def pad(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return padded(x, given(op.size, x), op.mode, op.value)


def crop(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return padded(x, [(-begin, -end) for begin, end in given(op.size, x)])


def upsample(op: Any, weights: Weights, x: Tensor) -> Tensor:
    if op.mode == "nearest":
        return F.interpolate(x, scale_factor=each(op.scale, x), mode="nearest")
    if op.mode == "cubic":
        return cubic(x, [size * times for size, times in zip(x.shape[2:], each(op.scale, x), strict=True)], False)
    return F.interpolate(x, scale_factor=each(op.scale, x), mode=LINEAR[rank(x)], align_corners=False)


def resize(op: Any, weights: Weights, x: Tensor) -> Tensor:
    size = each(op.size, x)
    if op.mode == "linear":
        return F.interpolate(x, size, mode=LINEAR[rank(x)], align_corners=op.align_corners)
    if op.mode == "cubic":
        return cubic(x, size, op.align_corners)
    # PyTorch's nearest multiplies by a float32 ratio, whose floor may slip; whole ratios are exact.
    for axis, (before, after) in enumerate(zip(x.shape[2:], size, strict=True), start=2):
        x = x.index_select(axis, torch.arange(after) * before // after)
    return x


def cubic(x: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """PyTorch's bicubic, which is of images only, along one axis after the other."""
    for axis, target in enumerate(size, start=2):
        before, after = x.shape[1:axis], x.shape[axis + 1 :]
        lines = x.reshape(len(x), before.numel(), x.shape[axis], after.numel())
        resized = F.interpolate(lines, (target, after.numel()), mode="bicubic", align_corners=align_corners)
        x = resized.reshape(len(x), *before, target, *after)
    return x


def batchnorm(op: Any, weights: Weights, x: Tensor) -> Tensor:
    running = weights["running_mean"], weights["running_var"]
    return F.batch_norm(x, *running, weights.get("weight"), weights.get("bias"), eps=op.eps)


def layernorm(op: Any, weights: Weights, x: Tensor) -> Tensor:
    weight, bias = weights.get("weight"), weights.get("bias")
    if op.axes == "channel":
        return F.layer_norm(x.movedim(1, -1), [x.shape[1]], weight, bias, op.eps).movedim(-1, 1)
    return F.layer_norm(x, x.shape[1:], weight, bias, op.eps)


def instancenorm(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return F.group_norm(x, x.shape[1], weights.get("weight"), weights.get("bias"), op.eps)


def groupnorm(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return F.group_norm(x, op.groups, weights.get("weight"), weights.get("bias"), op.eps)


def lrn(op: Any, weights: Weights, x: Tensor) -> Tensor:
    """PyTorch puts the odd channel of an even size before the middle, ONNX behind it: channels backwards are alike."""
    turned = x.flip(1) if op.size % 2 == 0 else x
    if rank(x) == 0:
        turned = turned[:, :, None]
    result = F.local_response_norm(turned, op.size, op.alpha, op.beta, op.k).reshape(x.shape)
    return result.flip(1) if op.size % 2 == 0 else result


def scale(op: Any, weights: Weights, x: Tensor) -> Tensor:
    scaled = x * along_channels(weights["weight"], x)
    return scaled + along_channels(weights["bias"], x) if op.bias else scaled


def normalize(op: Any, weights: Weights, x: Tensor) -> Tensor:
    mean, std = (torch.tensor(value, dtype=x.dtype).reshape(-1, *(1,) * rank(x)) for value in (op.mean, op.std))
    return (x - mean) / std


def embedding(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return F.embedding(x, weights["weight"]).movedim(-1, 1)


def rbf(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return torch.cdist(x, weights["centers"]) ** 2


def same(op: Any, weights: Weights, x: Tensor) -> Tensor:
    return x


def plain(function: Callable[[Tensor], Tensor]) -> Reference:
    return lambda op, weights, x: function(x)


def folded(function: Callable[[Tensor, Tensor], Tensor]) -> Reference:
    return lambda op, weights, *branches: reduce(function, branches)


REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.amax,
    "min": torch.amin,
    "norm": lambda x, axis, keepdim: torch.linalg.vector_norm(x, 2, axis, keepdim),
}

REFERENCES: dict[str, Reference] = {
    "conv": conv,
    "depthwise": conv,
    "conv_transpose": conv_transpose,
    "maxpool": maxpool,
    "avgpool": avgpool,
    "lppool": lppool,
    "subsample": subsample,
    "global_maxpool": plain(lambda x: x.amax(positions(x), keepdim=True)),
    "global_avgpool": plain(lambda x: x.mean(positions(x), keepdim=True)),
    "global_lppool": lambda op, weights, x: torch.linalg.vector_norm(x, op.p, positions(x), keepdim=True),
    "reduce": lambda op, weights, x: REDUCTIONS[op.by](x, op.axis + 1, keepdim=True),
    "adaptive_avgpool": lambda op, weights, x: ADAPTIVE_AVG[rank(x)](x, each(op.size, x)),
    "adaptive_maxpool": lambda op, weights, x: ADAPTIVE_MAX[rank(x)](x, each(op.size, x)),
    "dense": lambda op, weights, x: F.linear(x, weights["weight"], weights.get("bias")),
    "rbf": rbf,
    "embedding": embedding,
    "parameter": lambda op, weights, x: weights["weight"].expand(len(x), *weights["weight"].shape),
    "flatten": plain(lambda x: x.flatten(1)),
    "reshape": lambda op, weights, x: x.reshape(len(x), op.shape.channels, *op.shape.spatial),
    "permute": lambda op, weights, x: x.permute(0, *(axis + 1 for axis in op.order)),
    "pad": pad,
    "crop": crop,
    "upsample": upsample,
    "resize": resize,
    "slice": lambda op, weights, x: x.narrow(op.axis + 1, op.begin, op.end - op.begin),
    "channel_shuffle": lambda op, weights, x: (
        x.unflatten(1, (op.groups, x.shape[1] // op.groups)).transpose(1, 2).flatten(1, 2)
    ),
    "pixel_shuffle": lambda op, weights, x: F.pixel_shuffle(x, op.factor),
    "space_to_depth": lambda op, weights, x: F.pixel_unshuffle(x, op.factor),
    "identity": same,
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "lrn": lrn,
    "normalize": normalize,
    "scale": scale,
    "bias": lambda op, weights, x: x + along_channels(weights["bias"], x),
    "dropout": same,
    "spatial_dropout": same,
    "relu": plain(F.relu),
    "relu6": plain(F.relu6),
    "leaky_relu": lambda op, weights, x: F.leaky_relu(x, op.alpha),
    "prelu": lambda op, weights, x: F.prelu(x, weights["weight"]),
    "elu": lambda op, weights, x: F.elu(x, op.alpha),
    "selu": plain(F.selu),
    "celu": lambda op, weights, x: F.celu(x, op.alpha),
    "gelu": lambda op, weights, x: F.gelu(x, approximate=op.approximate),
    "silu": plain(F.silu),
    "mish": plain(F.mish),
    "hardswish": plain(F.hardswish),
    "hardsigmoid": plain(F.hardsigmoid),
    "sigmoid": plain(torch.sigmoid),
    "tanh": plain(torch.tanh),
    "softplus": plain(F.softplus),
    "softsign": plain(F.softsign),
    "clip": lambda op, weights, x: x.clamp(op.min, op.max),
    "abs": plain(torch.abs),
    "neg": plain(torch.neg),
    "square": plain(torch.square),
    "sqrt": plain(torch.sqrt),
    "exp": plain(torch.exp),
    "log": plain(torch.log),
    "sin": plain(torch.sin),
    "pow": lambda op, weights, x: x.pow(op.exponent),
    "softmax": plain(lambda x: F.softmax(x, 1)),
    "log_softmax": plain(lambda x: F.log_softmax(x, 1)),
    "add": folded(torch.add),
    "mul": folded(torch.mul),
    "sub": folded(torch.sub),
    "div": folded(torch.div),
    "maximum": folded(torch.maximum),
    "minimum": folded(torch.minimum),
    "average": lambda op, weights, *branches: torch.stack(torch.broadcast_tensors(*branches)).mean(0),
    "concat": lambda op, weights, *branches: torch.cat(branches, op.axis + 1),
}
