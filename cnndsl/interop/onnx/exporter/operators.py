"""The table from operator to ONNX: a function that emits the nodes of a layer and gives the name of its result.

Operators that the opset lacks are composed of those that it has. Values are PyTorch's and the NumPy kernels', to
rounding, in ONNX Runtime.
"""

from collections.abc import Callable
from functools import reduce
from math import pi, sqrt
from typing import Any, TypeAlias

import numpy as np

from cnndsl.interop.onnx.exporter import resizing, windows
from cnndsl.interop.onnx.exporter.layer import ExportedLayer
from cnndsl.ops import activation, dense, merge, norm, resize, shape
from cnndsl.shapes import explicit_padding

Translation: TypeAlias = Callable[[ExportedLayer[Any]], str]


def plain(kind: str) -> Translation:
    """An ONNX operator that takes the inputs and nothing else."""
    return lambda layer: layer.emit(kind, *layer.inputs)


def fully_connected(layer: ExportedLayer[dense.Dense]) -> str:
    return layer.emit("Gemm", layer.input, *layer.optional_weights("weight", "bias"), transB=1)


def radial_basis(layer: ExportedLayer[dense.Rbf]) -> str:
    """The differences to all centres, (N, units, features), squared and summed."""
    column = layer.emit("Unsqueeze", layer.input, layer.integers("axis", [1]))
    difference = layer.emit("Sub", column, layer.weight("centers"))
    square = layer.emit("Mul", difference, difference)
    return layer.reduce("ReduceSum", square, [2], keepdims=False)


def embedding(layer: ExportedLayer[dense.Embedding]) -> str:
    vectors = layer.emit("Gather", layer.weight("weight"), layer.input, axis=0)
    return layer.emit("Transpose", vectors, perm=[0, 2, 1])


def parameter(layer: ExportedLayer[dense.Parameter]) -> str:
    """The weight, with an axis for the batch; all examples' where a reader needs them."""
    weight = layer.weight("weight")
    if layer.stretches:
        return layer.emit("Unsqueeze", weight, layer.integers("axes", [0]))
    extent = layer.emit("Shape", layer.input)
    examples = [layer.integers(role, [number]) for role, number in (("begin", 0), ("end", 1))]
    batch = layer.emit("Slice", extent, *examples)
    shape = layer.emit("Concat", batch, layer.integers("shape", layer.output.dimensions), axis=0)
    return layer.emit("Expand", weight, shape)


def flatten(layer: ExportedLayer[shape.Flatten]) -> str:
    return layer.emit("Flatten", layer.input, axis=1)


def reshape(layer: ExportedLayer[shape.Reshape]) -> str:
    return layer.reshape(layer.input, *layer.output.dimensions)


def permute(layer: ExportedLayer[shape.Permute]) -> str:
    return layer.emit("Transpose", layer.input, perm=[0, *(axis + 1 for axis in layer.op.order)])


def pad(layer: ExportedLayer[resize.Pad]) -> str:
    """Pad; zeros stand behind a maximum of one value, which keeps ONNX Runtime's hands off them.

    It folds a Pad of zeros into the pool behind it, and the padding of a MaxPool is -inf (microsoft/onnxruntime#18136).
    """
    op = layer.op
    x = layer.pad(layer.input, explicit_padding(layer.argument("size"), layer.rank), op.mode, op.value)
    return layer.emit("Max", x) if op.mode == "zeros" and op.value == 0 else x


def crop(layer: ExportedLayer[resize.Crop]) -> str:
    begins, ends = zip(*explicit_padding(layer.argument("size"), layer.rank), strict=True)
    stops = [size - end for size, end in zip(layer.dimensions[1:], ends, strict=True)]
    return layer.slice(layer.input, range(2, 2 + layer.rank), begins, stops)


def cut(layer: ExportedLayer[resize.Slice]) -> str:
    return layer.slice(layer.input, [layer.op.axis + 1], [layer.argument("begin")], [layer.argument("end")])


def channel_shuffle(layer: ExportedLayer[shape.ChannelShuffle]) -> str:
    channels, *spatial = layer.dimensions
    dealt = layer.reshape(layer.input, layer.op.groups, channels // layer.op.groups, *spatial)
    turned = layer.emit("Transpose", dealt, perm=[0, 2, 1, *range(3, 3 + len(spatial))])
    return layer.reshape(turned, channels, *spatial)


def pixel_shuffle(layer: ExportedLayer[shape.PixelShuffle]) -> str:
    return layer.emit("DepthToSpace", layer.input, blocksize=layer.op.factor, mode="CRD")


def space_to_depth(layer: ExportedLayer[shape.SpaceToDepth]) -> str:
    """PyTorch's order of channels; ONNX SpaceToDepth has another."""
    factor, (channels, *spatial) = layer.op.factor, layer.dimensions
    height, width = (size // factor for size in spatial)
    squares = layer.reshape(layer.input, channels, height, factor, width, factor)
    turned = layer.emit("Transpose", squares, perm=[0, 1, 3, 5, 2, 4])
    return layer.reshape(turned, channels * factor * factor, height, width)


def batchnorm(layer: ExportedLayer[norm.BatchNorm]) -> str:
    affine = layer.weight_or("weight", 1.0), layer.weight_or("bias", 0.0)
    running = layer.weight("running_mean"), layer.weight("running_var")
    # ONNX's momentum weighs the old statistics, PyTorch's the new ones.
    momentum = 1.0 - layer.op.momentum
    return layer.emit("BatchNormalization", layer.input, *affine, *running, epsilon=layer.op.eps, momentum=momentum)


def layernorm(layer: ExportedLayer[norm.LayerNorm]) -> str:
    over_channels = layer.op.axes == "channel"
    unscaled = layer.is_open and not layer.op.affine  # its ones would have the shape of the map
    if layer.opset >= 17 and not (over_channels and layer.rank) and not unscaled:
        weights = layer.optional_weights("weight", "bias") or [layer.numbers("ones", np.ones(layer.shape.dimensions))]
        return layer.emit("LayerNormalization", layer.input, *weights, axis=1, epsilon=layer.op.eps)
    axes = [1] if over_channels else list(range(1, 2 + layer.rank))
    x = standardise(layer, axes)
    if over_channels:
        return layer.affine(x)
    if layer.op.affine:
        x = layer.emit("Mul", x, layer.weight("weight"))
        x = layer.emit("Add", x, layer.weight("bias"))
    return x


def standardise(layer: ExportedLayer[norm.LayerNorm], axes: list[int]) -> str:
    """(x - mean)/sqrt(variance + eps) over the axes."""
    mean = layer.reduce("ReduceMean", layer.input, axes, keepdims=True)
    difference = layer.emit("Sub", layer.input, mean)
    variance = layer.reduce("ReduceMean", layer.emit("Mul", difference, difference), axes, keepdims=True)
    deviation = layer.emit("Sqrt", layer.emit("Add", variance, layer.numbers("eps", layer.op.eps)))
    return layer.emit("Div", difference, deviation)


def groupnorm(layer: ExportedLayer[norm.GroupNorm]) -> str:
    """An instance norm of the groups as channels. GroupNormalization differs between opsets 18 and 21."""
    groups = layer.op.groups
    grouped = layer.reshape(layer.input, groups, -1 if layer.is_open else layer.shape.elements // groups)
    ones, zeros = layer.numbers("ones", np.ones(groups)), layer.numbers("zeros", np.zeros(groups))
    normal = layer.emit("InstanceNormalization", grouped, ones, zeros, epsilon=layer.op.eps)
    return layer.affine(layer.reshape(normal, *layer.dimensions))


def instancenorm(layer: ExportedLayer[norm.InstanceNorm]) -> str:
    affine = layer.weight_or("weight", 1.0), layer.weight_or("bias", 0.0)
    return layer.emit("InstanceNormalization", layer.input, *affine, epsilon=layer.op.eps)


def lrn(layer: ExportedLayer[norm.LocalResponseNorm]) -> str:
    """LRN where ONNX Runtime has it (2-D, odd sizes, positive factors), otherwise x/(k + alpha*mean of squares)^beta.

    The mean over ``size`` channels, those beyond the ends counted as zeros, is an average pool along the channels.
    """
    op, size = layer.op, layer.op.size
    if layer.rank == 2 and size % 2 == 1 and op.alpha > 0 and op.beta > 0:
        return layer.emit("LRN", layer.input, size=size, alpha=op.alpha, beta=op.beta, bias=op.k)
    squares = layer.emit("Mul", layer.input, layer.input)
    plane = layer.reshape(squares, 1, layer.shape.channels, -1 if layer.is_open else layer.shape.positions)
    pads = [(size - 1) // 2, 0, size // 2, 0]
    means = layer.emit("AveragePool", plane, kernel_shape=[size, 1], pads=pads, count_include_pad=1)
    scaled = layer.emit("Mul", layer.reshape(means, *layer.dimensions), layer.numbers("alpha", op.alpha))
    base = layer.emit("Add", scaled, layer.numbers("k", op.k))
    return layer.emit("Div", layer.input, layer.emit("Pow", base, layer.numbers("beta", op.beta)))


def normalize(layer: ExportedLayer[norm.Normalize]) -> str:
    def constant(role: str, value: float | tuple[float, ...]) -> str:
        return layer.numbers(role, np.reshape(value, (-1, *(1,) * layer.rank)))

    centred = layer.emit("Sub", layer.input, constant("mean", layer.op.mean))
    return layer.emit("Div", centred, constant("std", layer.op.std))


def prelu(layer: ExportedLayer[activation.PRelu]) -> str:
    return layer.emit("PRelu", layer.input, layer.per_channel(layer.weight("weight")))


def with_alpha(kind: str) -> Translation:
    """An activation with the parameter alpha."""
    return lambda layer: layer.emit(kind, layer.input, alpha=layer.op.alpha)


def relu6(layer: ExportedLayer[activation.Relu6]) -> str:
    return layer.emit("Clip", layer.input, layer.numbers("min", 0), layer.numbers("max", 6))


def clip(layer: ExportedLayer[activation.Clip]) -> str:
    bounds = [("min", layer.op.min), ("max", layer.op.max)]
    return layer.emit("Clip", layer.input, *("" if x is None else layer.numbers(role, x) for role, x in bounds))


def gelu(layer: ExportedLayer[activation.Gelu]) -> str:
    x = layer.input
    if layer.opset >= 20:
        return layer.emit("Gelu", x, approximate=layer.op.approximate)
    if layer.op.approximate == "tanh":
        cubic = layer.emit("Mul", layer.emit("Mul", x, x), layer.numbers("cubic", 0.044715))
        inner = layer.emit("Mul", x, layer.emit("Add", cubic, layer.numbers("one", 1)))
        gate = layer.emit("Tanh", layer.emit("Mul", inner, layer.numbers("factor", sqrt(2 / pi))))
    else:
        gate = layer.emit("Erf", layer.emit("Mul", x, layer.numbers("factor", sqrt(1 / 2))))
    half = layer.emit("Mul", x, layer.numbers("half", 0.5))
    return layer.emit("Mul", half, layer.emit("Add", gate, layer.numbers("one", 1)))


def silu(layer: ExportedLayer[activation.Silu]) -> str:
    return layer.emit("Mul", layer.input, layer.emit("Sigmoid", layer.input))


def mish(layer: ExportedLayer[activation.Mish]) -> str:
    if layer.opset >= 18:
        return layer.emit("Mish", layer.input)
    return layer.emit("Mul", layer.input, layer.emit("Tanh", layer.emit("Softplus", layer.input)))


def hardsigmoid(layer: ExportedLayer[Any]) -> str:
    return layer.emit("HardSigmoid", layer.input, alpha=1 / 6, beta=0.5)


def hardswish(layer: ExportedLayer[activation.HardSwish]) -> str:
    if layer.opset >= 14:
        return layer.emit("HardSwish", layer.input)
    return layer.emit("Mul", layer.input, hardsigmoid(layer))


def power(layer: ExportedLayer[Any]) -> str:
    """The power of an operator that has an exponent; otherwise the second."""
    return layer.emit("Pow", layer.input, layer.numbers("exponent", getattr(layer.op, "exponent", 2)))


def over_channels(kind: str) -> Translation:
    """An activation along the channels."""
    return lambda layer: layer.emit(kind, layer.input, axis=1)


def product(layer: ExportedLayer[merge.Mul]) -> str:
    return reduce(lambda left, right: layer.emit("Mul", left, right), layer.inputs)


def total(layer: ExportedLayer[merge.Add]) -> str:
    return layer.emit("Add" if len(layer.inputs) == 2 else "Sum", *layer.inputs)


def concat(layer: ExportedLayer[merge.Concat]) -> str:
    return layer.emit("Concat", *layer.inputs, axis=layer.op.axis + 1)


CONVOLUTIONS: dict[str, Translation] = {
    "conv": windows.conv,
    "depthwise": windows.conv,
    "conv_transpose": windows.conv_transpose,
}
POOLS: dict[str, Translation] = {
    "maxpool": windows.maxpool,
    "avgpool": windows.avgpool,
    "lppool": windows.lppool,
    "subsample": windows.subsample,
    "global_maxpool": plain("GlobalMaxPool"),
    "global_avgpool": plain("GlobalAveragePool"),
    "global_lppool": windows.global_lppool,
    "reduce": windows.reduced,
    "adaptive_avgpool": windows.adaptive,
    "adaptive_maxpool": windows.adaptive,
}
DENSE: dict[str, Translation] = {
    "dense": fully_connected,
    "rbf": radial_basis,
    "embedding": embedding,
    "parameter": parameter,
}
SHAPES: dict[str, Translation] = {
    "flatten": flatten,
    "reshape": reshape,
    "permute": permute,
    "pad": pad,
    "crop": crop,
    "upsample": resizing.upsample,
    "resize": resizing.resized,
    "slice": cut,
    "channel_shuffle": channel_shuffle,
    "pixel_shuffle": pixel_shuffle,
    "space_to_depth": space_to_depth,
    "identity": plain("Identity"),
}
NORMS: dict[str, Translation] = {
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "lrn": lrn,
    "normalize": normalize,
    "scale": lambda layer: layer.affine(layer.input),
    "bias": lambda layer: layer.affine(layer.input),
    "dropout": plain("Identity"),
    "spatial_dropout": plain("Identity"),
}
ACTIVATIONS: dict[str, Translation] = {
    "relu": plain("Relu"),
    "relu6": relu6,
    "leaky_relu": with_alpha("LeakyRelu"),
    "prelu": prelu,
    "elu": with_alpha("Elu"),
    "selu": plain("Selu"),
    "celu": with_alpha("Celu"),
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "hardswish": hardswish,
    "hardsigmoid": hardsigmoid,
    "sigmoid": plain("Sigmoid"),
    "tanh": plain("Tanh"),
    "softplus": plain("Softplus"),
    "softsign": plain("Softsign"),
    "clip": clip,
    "abs": plain("Abs"),
    "neg": plain("Neg"),
    "square": power,
    "sqrt": plain("Sqrt"),
    "exp": plain("Exp"),
    "log": plain("Log"),
    "sin": plain("Sin"),
    "pow": power,
    "softmax": over_channels("Softmax"),
    "log_softmax": over_channels("LogSoftmax"),
}
MERGES: dict[str, Translation] = {
    "add": total,
    "mul": product,
    "sub": plain("Sub"),
    "div": plain("Div"),
    "maximum": plain("Max"),
    "minimum": plain("Min"),
    "average": plain("Mean"),
    "concat": concat,
}

TRANSLATIONS: dict[str, Translation] = CONVOLUTIONS | POOLS | DENSE | SHAPES | NORMS | ACTIVATIONS | MERGES
"""Every operator of the language."""
