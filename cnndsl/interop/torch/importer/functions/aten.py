"""Functions under the signatures of PyTorch's exporter, where these differ from those that people call."""

from typing import Any

from cnndsl.interop.calls import Call, Translation
from cnndsl.interop.onnx.importer.graph import Refusal
from cnndsl.interop.torch.importer.functions import elements, shaping, windows
from cnndsl.interop.torch.importer.functions.table import FUNCTIONS


def batch_norm(
    call: Call,
    input: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn: bool = True,
) -> Any:
    return windows.batch_norm(call, input, mean, variance, weight, bias, training, momentum, eps)


def instance_norm(
    call: Call,
    input: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn: bool = True,
) -> Any:
    return windows.instance_norm(call, input, mean, variance, weight, bias, use_input_stats, momentum, eps)


def layer_norm(
    call: Call, input: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn: bool = True
) -> Any:
    return windows.layer_norm(call, input, shape, weight, bias, eps)


def group_norm(
    call: Call, input: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn: bool = True
) -> Any:
    return windows.group_norm(call, input, groups, weight, bias, eps)


def embedding(call: Call, weight: Any, indices: Any, *settings: Any) -> Any:
    return windows.embedding(call, indices, weight)


def upsample(mode: str) -> Translation:
    corners = mode not in ("nearest", "nearest-exact")

    def translate(call: Call, input: Any, output_size: Any, *given: Any) -> Any:
        align = given[0] if corners else None
        factors = given[1 if corners else 0] if output_size is None else None
        return shaping.interpolate(call, input, output_size, factors, mode, align)

    return translate


def softmax(name: str) -> Translation:
    def translate(call: Call, input: Any, dim: int, dtype: Any = None) -> Any:
        return FUNCTIONS[name](call, input, dim)

    return translate


def elu(call: Call, input: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    if (scale, input_scale) != (1, 1):
        raise Refusal("it scales what it bends")
    return elements.elu(call, input, alpha)


ATEN: dict[str, Translation] = {
    **FUNCTIONS,
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "embedding": embedding,
    "elu": elu,
    "softmax": softmax("softmax"),
    "log_softmax": softmax("log_softmax"),
    "_unsafe_view": shaping.reshape,
    "split_with_sizes": shaping.split,
    **{f"upsample_nearest{rank}d": upsample("nearest") for rank in (1, 2, 3)},
    **{f"_upsample_nearest_exact{rank}d": upsample("nearest-exact") for rank in (1, 2, 3)},
    "upsample_linear1d": upsample("linear"),
    "upsample_bilinear2d": upsample("bilinear"),
    "upsample_trilinear3d": upsample("trilinear"),
    "upsample_bicubic2d": upsample("bicubic"),
}
"""By the name of the operator, without that of its overload."""
