"""The operator table: every operator of the language, its name and what it means.

Modules load when an operator of theirs is first asked for, so that checking a file pays for what the file uses.

- ``base``: what every operator answers: output shape, weights, counts, reach. ``fields``: the types of parameters.
- ``conv``: filters that slide. ``dense``: whole vectors, and look-up.
- ``pool``: windows that slide and summarise. ``global_pool``: the same over whole extents.
- ``norm``, ``activation``, ``function``: the shape stays.
- ``shape``: the same elements, arranged anew. ``resize``: other extents. ``merge``: several values become one.
"""

from functools import cache
from importlib import import_module

from cnndsl.ops.base import Operator

_MODULES: dict[tuple[str, str], dict[str, str]] = {
    # (family, module): the operators of a module, by name
    ("conv", "conv"): {"conv": "Conv", "depthwise": "Depthwise", "conv_transpose": "ConvTranspose"},
    ("pool", "pool"): {"maxpool": "MaxPool", "avgpool": "AvgPool", "lppool": "LpPool", "subsample": "Subsample"},
    ("pool", "global_pool"): {
        "global_maxpool": "GlobalMaxPool",
        "global_avgpool": "GlobalAvgPool",
        "global_lppool": "GlobalLpPool",
        "reduce": "Reduce",
        "adaptive_avgpool": "AdaptiveAvgPool",
        "adaptive_maxpool": "AdaptiveMaxPool",
    },
    ("dense", "dense"): {"dense": "Dense", "rbf": "Rbf", "embedding": "Embedding", "parameter": "Parameter"},
    ("shape", "shape"): {
        "flatten": "Flatten",
        "reshape": "Reshape",
        "permute": "Permute",
        "channel_shuffle": "ChannelShuffle",
        "pixel_shuffle": "PixelShuffle",
        "space_to_depth": "SpaceToDepth",
        "identity": "Identity",
    },
    ("shape", "resize"): {"pad": "Pad", "crop": "Crop", "upsample": "Upsample", "resize": "Resize", "slice": "Slice"},
    ("norm", "norm"): {
        "batchnorm": "BatchNorm",
        "layernorm": "LayerNorm",
        "groupnorm": "GroupNorm",
        "instancenorm": "InstanceNorm",
        "lrn": "LocalResponseNorm",
        "normalize": "Normalize",
        "scale": "Scale",
        "bias": "Bias",
        "dropout": "Dropout",
        "spatial_dropout": "SpatialDropout",
    },
    ("activation", "activation"): {
        "relu": "Relu",
        "relu6": "Relu6",
        "leaky_relu": "LeakyRelu",
        "prelu": "PRelu",
        "elu": "Elu",
        "selu": "Selu",
        "celu": "Celu",
        "gelu": "Gelu",
        "silu": "Silu",
        "mish": "Mish",
        "hardswish": "HardSwish",
        "hardsigmoid": "HardSigmoid",
        "sigmoid": "Sigmoid",
        "tanh": "Tanh",
        "softplus": "Softplus",
        "softsign": "Softsign",
        "clip": "Clip",
        "softmax": "Softmax",
        "log_softmax": "LogSoftmax",
    },
    ("activation", "function"): {
        "abs": "Abs",
        "neg": "Neg",
        "square": "Square",
        "sqrt": "Sqrt",
        "exp": "Exp",
        "log": "Log",
        "sin": "Sin",
        "pow": "Pow",
    },
    ("merge", "merge"): {
        "add": "Add",
        "mul": "Mul",
        "sub": "Sub",
        "div": "Div",
        "maximum": "Maximum",
        "minimum": "Minimum",
        "average": "Average",
        "concat": "Concat",
    },
}

_PLACES = {name: (*place, cls) for place, members in _MODULES.items() for name, cls in members.items()}

NAMES: tuple[str, ...] = tuple(_PLACES)
"""Every operator's name, a family at a time."""

MERGES = frozenset(_MODULES["merge", "merge"])
"""The operators that take branches."""


@cache
def operator(name: str) -> type[Operator]:
    """The class of an operator. Raises KeyError for an unknown name."""
    _, module, class_name = _PLACES[name]
    found: type[Operator] = getattr(import_module(f"cnndsl.ops.{module}"), class_name)
    return found


def family(name: str) -> str:
    """The family that an operator belongs to, which may be spread over two modules of this package."""
    return _PLACES[name][0]
