"""The operator table: every operator of the language, its name and what it means.

Families load when an operator of theirs is first asked for, so that checking a file pays for what the file uses.

- ``base``: what every operator answers: output shape, weights, counts, reach. ``fields``: the types of parameters.
- ``conv``: filters that slide. ``pool``: windows that summarise. ``dense``: whole vectors, and look-up.
- ``norm``, ``activation``: the shape stays. ``shape``: what moves or resizes. ``merge``: several values become one.
"""

from functools import cache
from importlib import import_module

from cnndsl.ops.base import Operator

_FAMILIES: dict[str, dict[str, str]] = {
    "conv": {"conv": "Conv", "depthwise": "Depthwise", "conv_transpose": "ConvTranspose"},
    "pool": {
        "maxpool": "MaxPool",
        "avgpool": "AvgPool",
        "lppool": "LpPool",
        "subsample": "Subsample",
        "global_maxpool": "GlobalMaxPool",
        "global_avgpool": "GlobalAvgPool",
        "global_lppool": "GlobalLpPool",
        "reduce": "Reduce",
        "adaptive_avgpool": "AdaptiveAvgPool",
        "adaptive_maxpool": "AdaptiveMaxPool",
    },
    "dense": {"dense": "Dense", "rbf": "Rbf", "embedding": "Embedding", "parameter": "Parameter"},
    "shape": {
        "flatten": "Flatten",
        "reshape": "Reshape",
        "permute": "Permute",
        "pad": "Pad",
        "crop": "Crop",
        "upsample": "Upsample",
        "resize": "Resize",
        "slice": "Slice",
        "channel_shuffle": "ChannelShuffle",
        "pixel_shuffle": "PixelShuffle",
        "space_to_depth": "SpaceToDepth",
        "identity": "Identity",
    },
    "norm": {
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
    "activation": {
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
        "abs": "Abs",
        "neg": "Neg",
        "square": "Square",
        "sqrt": "Sqrt",
        "exp": "Exp",
        "log": "Log",
        "sin": "Sin",
        "pow": "Pow",
        "softmax": "Softmax",
        "log_softmax": "LogSoftmax",
    },
    "merge": {
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

_PLACES = {name: (family, cls) for family, members in _FAMILIES.items() for name, cls in members.items()}

NAMES: tuple[str, ...] = tuple(_PLACES)
"""Every operator's name, a family at a time."""

MERGES = frozenset(_FAMILIES["merge"])
"""The operators that take branches."""


@cache
def operator(name: str) -> type[Operator]:
    """The class of an operator. Raises KeyError for an unknown name."""
    family, class_name = _PLACES[name]
    found: type[Operator] = getattr(import_module(f"cnndsl.ops.{family}"), class_name)
    return found


def family(name: str) -> str:
    """The family (the module of this package) that an operator belongs to."""
    return _PLACES[name][0]
