"""What the classes of ``torch.nn`` call: a function, and which attributes are its arguments."""

from collections.abc import Iterator
from typing import Any, NamedTuple

AFFINE = "weight bias"

_CALLS = {
    "Conv{}d": ("conv{}d", f"{AFFINE} stride padding dilation groups padding_mode"),
    "ConvTranspose{}d": ("conv_transpose{}d", f"{AFFINE} stride padding output_padding groups dilation"),
    "MaxPool{}d": ("max_pool{}d", "kernel_size stride padding dilation ceil_mode return_indices"),
    "AvgPool{}d": ("avg_pool{}d", "kernel_size stride padding ceil_mode count_include_pad divisor_override?"),
    "LPPool{}d": ("lp_pool{}d", "norm_type kernel_size stride ceil_mode"),
    "AdaptiveAvgPool{}d": ("adaptive_avg_pool{}d", "output_size"),
    "AdaptiveMaxPool{}d": ("adaptive_max_pool{}d", "output_size return_indices"),
    "BatchNorm{}d": ("batch_norm", f"running_mean running_var {AFFINE} momentum eps"),
    "InstanceNorm{}d": (
        "instance_norm",
        f"running_mean running_var {AFFINE} momentum eps track_running_stats:use_input_stats!",
    ),
    "Dropout{}d": ("dropout{}d", "p"),
    "ConstantPad{}d": ("pad", "padding:pad value"),
    "ZeroPad{}d": ("pad", "padding:pad value"),
    "ReflectionPad{}d": ("pad", "padding:pad =mode:reflect"),
    "ReplicationPad{}d": ("pad", "padding:pad =mode:replicate"),
    "CircularPad{}d": ("pad", "padding:pad =mode:circular"),
    "SyncBatchNorm": ("batch_norm", f"running_mean running_var {AFFINE} momentum eps"),
    "LayerNorm": ("layer_norm", f"normalized_shape {AFFINE} eps"),
    "GroupNorm": ("group_norm", f"num_groups {AFFINE} eps"),
    "LocalResponseNorm": ("local_response_norm", "size alpha beta k"),
    "Linear": ("linear", AFFINE),
    "Embedding": ("embedding", "weight max_norm"),
    "Flatten": ("flatten", "start_dim end_dim"),
    "Unflatten": ("unflatten", "dim unflattened_size:sizes"),
    "Identity": ("contiguous", ""),
    "PixelShuffle": ("pixel_shuffle", "upscale_factor"),
    "PixelUnshuffle": ("pixel_unshuffle", "downscale_factor"),
    "ChannelShuffle": ("channel_shuffle", "groups"),
    "Upsample": ("interpolate", "size scale_factor mode align_corners recompute_scale_factor"),
    "UpsamplingNearest2d": ("interpolate", "size scale_factor mode align_corners"),
    "UpsamplingBilinear2d": ("interpolate", "size scale_factor mode align_corners"),
    "Dropout": ("dropout", "p"),
    "AlphaDropout": ("alpha_dropout", ""),
    "FeatureAlphaDropout": ("feature_alpha_dropout", ""),
    "ReLU": ("relu", ""),
    "ReLU6": ("relu6", ""),
    "LeakyReLU": ("leaky_relu", "negative_slope"),
    "RReLU": ("rrelu", "lower upper"),
    "PReLU": ("prelu", "weight"),
    "ELU": ("elu", "alpha"),
    "SELU": ("selu", ""),
    "CELU": ("celu", "alpha"),
    "GELU": ("gelu", "approximate"),
    "SiLU": ("silu", ""),
    "Mish": ("mish", ""),
    "GLU": ("glu", "dim"),
    "Hardswish": ("hardswish", ""),
    "Hardsigmoid": ("hardsigmoid", ""),
    "Hardtanh": ("hardtanh", "min_val max_val"),
    "Sigmoid": ("sigmoid", ""),
    "LogSigmoid": ("logsigmoid", ""),
    "Tanh": ("tanh", ""),
    "Tanhshrink": ("tanhshrink", ""),
    "Softshrink": ("softshrink", "lambd"),
    "Softplus": ("softplus", "beta threshold"),
    "Softsign": ("softsign", ""),
    "Threshold": ("threshold", "threshold value"),
    "Softmax": ("softmax", "dim"),
    "Softmin": ("softmin", "dim"),
    "Softmax2d": ("softmax2d", ""),
    "LogSoftmax": ("log_softmax", "dim"),
}
"""By class; ``{}`` stands for the number of spatial axes. Attributes are arguments of the same name, or of that behind
the colon; ``?`` may be missing, ``!`` is the opposite, and behind ``=`` stand an argument and what it is."""


class ModuleCall(NamedTuple):
    """The function that a class calls, and its attributes as they are written in the table."""

    function: str
    attributes: tuple[str, ...]


def _table() -> Iterator[tuple[str, ModuleCall]]:
    for name, (function, attributes) in _CALLS.items():
        for rank in (1, 2, 3) if "{}" in name else ("",):
            yield name.format(rank), ModuleCall(function.format(rank), tuple(attributes.split()))


MODULES = dict(_table())


def call_of(module: Any) -> ModuleCall | None:
    """What a module calls, if its class is one of torch.nn's, or has the forward of one and is not a container."""
    for cls in type(module).__mro__:
        if "forward" in vars(cls):
            ours = cls.__module__.startswith("torch.nn.modules.")
            return MODULES.get(cls.__name__) or _of_base(module, cls) if ours else None
    return None


def _of_base(module: Any, forward: type) -> ModuleCall | None:
    """The class that a forward is inherited for, as BatchNorm2d's from _BatchNorm."""
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch.nn.modules.") and cls.__name__ in MODULES:
            return MODULES[cls.__name__]
    return None


def arguments_of(call: ModuleCall, module: Any) -> dict[str, Any]:
    """The arguments of the function; tensors as they are."""
    found: dict[str, Any] = {}
    for written in call.attributes:
        if written.startswith("="):
            name, _, word = written[1:].partition(":")
            found[name] = word
            continue
        attribute, _, keyword = written.rstrip("?!").partition(":")
        if written.endswith("?") and not hasattr(module, attribute):
            continue
        value = getattr(module, attribute)
        found[keyword or attribute] = not value if written.endswith("!") else value
    return found
