"""Convolutions, pooling, dense layers and normalisations from PyTorch."""

from collections.abc import Sequence
from typing import Any

from cnndsl.interop.calls import Call, ToValue, Translation, value_of
from cnndsl.interop.onnx.importer.graph import Refusal, Value, decimal
from cnndsl.interop.onnx.importer.translations import windows
from cnndsl.interop.onnx.importer.translations.elements import mul
from cnndsl.interop.onnx.importer.translations.elements import prelu as onnx_prelu
from cnndsl.interop.onnx.importer.translations.shaping import gather
from cnndsl.interop.torch.importer.call import Held, constant, held_of
from cnndsl.ops.activation import Clip
from cnndsl.ops.global_pool import AdaptiveAvgPool, AdaptiveMaxPool, GlobalAvgPool, GlobalMaxPool, Reduce
from cnndsl.ops.merge import Div
from cnndsl.ops.norm import LocalResponseNorm
from cnndsl.ops.resize import Pad
from cnndsl.shapes import Axis, product

PAD_MODES = {
    "zeros": "zeros",
    "constant": "zeros",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "circular",
}
"""PyTorch's words for what stands in the padding."""


def each(given: Any, rank: int, default: int = 0) -> list[int]:
    """One whole number for each spatial axis."""
    if given is None or given == []:
        return [default] * rank
    numbers = list(given) if isinstance(given, Sequence) else [given]
    numbers = numbers * rank if len(numbers) == 1 else numbers
    if len(numbers) != rank or not all(isinstance(number, int) for number in numbers):
        raise Refusal(f"{given} are no whole numbers for {rank} spatial axes")
    return numbers


def spatial_rank(call: Call, x: Value, wanted: int) -> int:
    """The spatial axes that the function slides along, which must be all that the value has."""
    if len(x.order) != wanted + 1:
        raise Refusal(f"its input has {call.rank(x)} axes, not {wanted + 2}: it must have a batch")
    return wanted


def convolution(wanted: int) -> ToValue:
    def translate(
        call: Call,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
    ) -> Value:
        x, filters = value_of(input), held_of(weight, "weight")
        rank = spatial_rank(call, x, wanted)
        attributes: dict[str, Any] = {
            "strides": each(stride, rank, 1),
            "dilations": each(dilation, rank, 1),
            "group": groups,
        }
        if padding == "same":
            attributes["auto_pad"] = "SAME_UPPER"
        else:
            attributes["pads"] = [0] * 2 * rank if padding == "valid" else each(padding, rank) * 2
        says = convolved if filters and filters.learnt else windows.conv
        if padding_mode == "zeros" or not any(attributes.get("pads", [1])):
            return call.says(says, x, filters, held_of(bias, "bias"), **attributes)
        return _padded(call, x, filters, held_of(bias, "bias"), attributes, padding_mode)

    return translate


def _padded(
    call: Call, x: Value, weight: Held | None, bias: Held | None, attributes: dict[str, Any], padding_mode: str
) -> Value:
    """A convolution that sees something else than zeros beyond the edge."""
    mode = PAD_MODES.get(padding_mode)
    if mode is None:
        raise Refusal(f"its padding_mode is {padding_mode}")
    attributes.pop("auto_pad", None)
    pads = attributes.pop("pads", None)
    if pads is None:
        taps = weight.tensor.shape[2:] if weight else ()
        totals = [spread * (size - 1) for size, spread in zip(taps, attributes["dilations"], strict=True)]
        pads = [total // 2 for total in totals] + [total - total // 2 for total in totals]
    x = call.builder.straight(x)
    half = len(pads) // 2
    size = windows.compact(pads[:half]) if pads[:half] == pads[half:] else tuple(pads)
    padded = call.builder.emit(f"{call.label}.pad", Pad.model_validate({"size": size, "mode": mode}), [x])
    return call.says(windows.convolved, padded, weight, bias, **attributes)


def convolved(site: Call) -> Value:
    """A convolution by a parameter, or by what is computed from some."""
    return windows.with_gain(site, 0, windows.convolved)


def transposed(wanted: int) -> ToValue:
    def translate(
        call: Call,
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Value:
        x = value_of(input)
        rank = spatial_rank(call, x, wanted)
        return call.says(
            windows.conv_transpose,
            x,
            held_of(weight, "weight"),
            held_of(bias, "bias"),
            strides=each(stride, rank, 1),
            pads=each(padding, rank) * 2,
            output_padding=each(output_padding, rank),
            dilations=each(dilation, rank, 1),
            group=groups,
        )

    return translate


def linear(call: Call, input: Any, weight: Any, bias: Any = None) -> Value:
    x, given = value_of(input), held_of(weight, "weight")
    return call.says(windows.gemm, x, given, held_of(bias, "bias"), transB=1)


def matmul(call: Call, input: Any, other: Any) -> Value:
    given = [one for one in (input, other) if isinstance(one, Value | Held)]
    return call.says(windows.matmul, *given)


def maxpool(wanted: int) -> Translation:
    def translate(
        call: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        x = value_of(input)
        rank = spatial_rank(call, x, wanted)
        kernel = each(kernel_size, rank)
        value = call.says(
            windows.maxpool,
            x,
            kernel_shape=kernel,
            strides=each(stride, rank) if stride else kernel,
            pads=each(padding, rank) * 2,
            dilations=each(dilation, rank, 1),
            ceil_mode=ceil_mode,
        )
        return (value, None) if return_indices else value

    return translate


def avgpool(wanted: int) -> ToValue:
    def translate(
        call: Call,
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Value:
        x = value_of(input)
        rank = spatial_rank(call, x, wanted)
        kernel = each(kernel_size, rank)
        steps = each(stride, rank) if stride else kernel
        pads = each(padding, rank)
        if divisor_override is not None:
            if ceil_mode:
                raise Refusal("it rounds up and divides all windows by one number")
            count_include_pad = True
        value = call.says(
            windows.avgpool,
            x,
            kernel_shape=kernel,
            strides=steps,
            pads=pads * 2,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )
        if divisor_override is not None and divisor_override != product(kernel):
            value = call.says(mul, value, constant(product(kernel) / divisor_override))
        return value

    return translate


def lppool(wanted: int) -> ToValue:
    def translate(
        call: Call, input: Any, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Value:
        x = value_of(input)
        rank = spatial_rank(call, x, wanted)
        if norm_type != int(norm_type) or int(norm_type) % 2:
            raise Refusal(f"its norm_type is {norm_type:g}: PyTorch adds odd powers with their signs")
        kernel = each(kernel_size, rank)
        steps = each(stride, rank) if stride else kernel
        if ceil_mode:
            sized = [Axis(*axis) for axis in zip(x.shape.spatial, kernel, steps, strict=True)]
            if not all(axis.exact for axis in sized):
                raise Refusal("it rounds up, and PyTorch scales the sums of windows beyond the edge")
        attributes = {"kernel_shape": kernel, "strides": steps, "p": int(norm_type)}
        return call.says(windows.lppool, x, **attributes)

    return translate


def adaptive(wanted: int, mean: bool) -> Translation:
    def translate(call: Call, input: Any, output_size: Any, return_indices: bool = False) -> Any:
        x = call.builder.straight(value_of(input))
        rank = spatial_rank(call, x, wanted)
        given = list(output_size) if isinstance(output_size, Sequence) else [output_size] * rank
        size = tuple(had if said is None else said for said, had in zip(given, x.shape.spatial, strict=True))
        if set(size) == {1}:
            value = call.emit(GlobalAvgPool() if mean else GlobalMaxPool(), x)
        else:
            op = AdaptiveAvgPool if mean else AdaptiveMaxPool
            value = call.emit(op(size=windows.compact(size)), x)
        return (value, None) if return_indices else value

    return translate


def with_indices(pool: Translation) -> Translation:
    return lambda call, *given, **settings: (pool(call, *given, **{**settings, "return_indices": False}), None)


def batch_norm(
    call: Call,
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
) -> Value:
    if training or running_mean is None or running_var is None:
        raise Refusal("it normalises by the batch itself, even in eval mode: it keeps no running statistics")
    x, mean = value_of(input), held_of(running_mean, "running mean")
    size = mean.tensor.numel() if mean else 0
    return call.says(
        windows.batchnorm,
        x,
        held_of(weight, "weight") or _ones(size),
        held_of(bias, "bias") or _zeros(size),
        mean,
        held_of(running_var, "running variance"),
        epsilon=eps,
        momentum=1 - (0.1 if momentum is None else momentum),
    )


def _ones(size: int) -> Held:
    return constant([1.0] * size)


def _zeros(size: int) -> Held:
    return constant([0.0] * size)


def instance_norm(
    call: Call,
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    if not use_input_stats:
        raise Refusal("it normalises by running statistics, and the language's instancenorm by those of the example")
    x = value_of(input)
    size = x.shape.dimensions[x.order[0]]
    parts = (held_of(weight, "weight") or _ones(size), held_of(bias, "bias") or _zeros(size))
    return call.says(windows.instancenorm, x, *parts, epsilon=eps)


def group_norm(
    call: Call, input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Value:
    x = value_of(input)
    size = x.shape.dimensions[x.order[0]]
    parts = (held_of(weight, "weight") or _ones(size), held_of(bias, "bias") or _zeros(size))
    return call.says(windows.groupnorm, x, *parts, num_groups=num_groups, epsilon=eps)


def layer_norm(
    call: Call, input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Value:
    parts = (held_of(weight, "weight"), held_of(bias, "bias"))
    return call.says(windows.layernorm, value_of(input), *parts, axis=-len(normalized_shape), epsilon=eps)


def local_response_norm(
    call: Call, input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Value:
    if size % 2 == 0:
        raise Refusal(f"its size {size} is even: PyTorch takes the odd channel from before the middle, lrn from behind")
    op = LocalResponseNorm(size=size, alpha=decimal(alpha), beta=decimal(beta), k=decimal(k))
    return call.emit(op, call.builder.straight(value_of(input)))


def normalize(call: Call, input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Value:
    """Vectors along an axis, divided by their length."""
    x = value_of(input)
    if p != 2:
        raise Refusal(f"it divides by the norm of power {p:g}, and the language has that of power 2")
    flat = x.ordered(range(len(x.order)))
    norm = call.emit(Reduce(by="norm", axis=call.axis(x, dim)), flat)
    return call.emit(Div(), flat, call.emit(Clip(min=eps), norm)).ordered(x.order)


def prelu(call: Call, input: Any, weight: Any) -> Value:
    x, slope = value_of(input), held_of(weight, "slope")
    if slope is not None and slope.tensor.numel() > 1:
        shape = (-1, *(1 for _ in x.order[1:]))
        slope = slope._replace(tensor=slope.tensor.reshape(shape))
    return call.says(onnx_prelu, x, slope)


def embedding(
    call: Call,
    input: Any,
    weight: Any,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Value:
    if max_norm is not None:
        raise Refusal("it shortens the vectors that it looks up")
    table = held_of(weight, "table")
    words = value_of(input)
    site = Call(call.builder, call.label, call.uses, (table, words))
    return gather(site)


FUNCTIONS: dict[str, Translation] = {
    **{f"conv{rank}d": convolution(rank) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": transposed(rank) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d": maxpool(rank) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": avgpool(rank) for rank in (1, 2, 3)},
    **{f"lp_pool{rank}d": lppool(rank) for rank in (1, 2, 3)},
    **{f"adaptive_avg_pool{rank}d": adaptive(rank, mean=True) for rank in (1, 2, 3)},
    **{f"adaptive_max_pool{rank}d": adaptive(rank, mean=False) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": with_indices(maxpool(rank)) for rank in (1, 2, 3)},
    **{f"adaptive_max_pool{rank}d_with_indices": with_indices(adaptive(rank, mean=False)) for rank in (1, 2, 3)},
    "linear": linear,
    "matmul": matmul,
    "mm": matmul,
    "bmm": matmul,
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
    "normalize": normalize,
    "prelu": prelu,
    "embedding": embedding,
}
