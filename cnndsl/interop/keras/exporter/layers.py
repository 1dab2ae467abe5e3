"""Every operator in Keras: the layers that ours becomes, or an expression of what it reads."""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from cnndsl.interop.codegen.calls import Call, Code, Keyword, Literal, call
from cnndsl.interop.codegen.site import (
    Expression,
    Modules,
    Site,
    Translation,
    Translator,
    alone,
    expression,
    half_of_channels,
    option,
    range_text,
)
from cnndsl.interop.keras.exporter import windows
from cnndsl.interop.keras.exporter.literals import constant, initializers
from cnndsl.ir import Graph
from cnndsl.shapes import Shape, explicit_padding, per_axis

ORDER = "Our vectors are channel by channel, as PyTorch's; Keras has the channels last."


def helper(function: str, *keywords: Keyword, **arguments: Literal) -> Modules:
    """One layer that the file defines."""
    return alone(function, *keywords, **arguments)._replace(helpers=(function,))


def activation(name: str) -> Translator:
    return lambda site: alone("layers.Activation", activation=name)


def plain(function: str) -> Translator:
    """A layer without arguments."""
    return lambda site: alone(f"layers.{function}")


def flatten(site: Site) -> Translation:
    if site.shape.channels == 1 or site.shape.positions == 1:
        return alone("layers.Flatten")
    return Modules((to_channels_first(site.rank), call("layers.Flatten")), 1, comment=ORDER)


def to_channels_first(rank: int) -> Call:
    return call("layers.Permute", dims=Code(str((rank + 1, *range(1, rank + 1)))))


def to_channels_last(rank: int) -> Call:
    return call("layers.Permute", dims=Code(str((*range(2, rank + 2), 1))))


def reshape(site: Site) -> Translation:
    before = (to_channels_first(site.rank),) if _is_ordered(site.shape) else ()
    after = (to_channels_last(len(site.output.spatial)),) if _is_ordered(site.output) else ()
    shape: tuple[int, ...] = site.output.dimensions
    if not after:
        shape = (*site.output.spatial, site.output.channels)
    if before and after and site.shape.channels == site.output.channels:  # positions alone are arranged anew
        return alone("layers.Reshape", target_shape=(*site.output.spatial, site.output.channels))
    calls = (*before, call("layers.Reshape", target_shape=shape), *after)
    return Modules(calls, len(before), comment=ORDER if before or after else "")


def _is_ordered(shape: Shape) -> bool:
    """Whether channels first and last are two orders."""
    return shape.channels > 1 and shape.positions > 1


def permute(site: Site) -> Translation:
    first, *rest = [axis or site.rank + 1 for axis in site.op.order]
    dims = (*rest, first)
    return alone("layers.Permute", dims=Code(str(dims) if len(dims) > 1 else f"({dims[0]},)"))


def pad(site: Site) -> Translation:
    pairs = explicit_padding(site.op.size, site.rank, "size")
    made, helpers = windows.pad_layer(site, pairs, site.op.mode, site.op.value)
    return Modules((made,), helpers=helpers)


def crop(site: Site) -> Translation:
    pairs = explicit_padding(site.op.size, site.rank, "size")
    if site.rank <= 3:
        return alone(f"layers.Cropping{site.rank}D", cropping=windows.written_pairs(site, pairs))
    return Expression(f"{{0}}[:, {', '.join(range_text(begin, -end if end else None) for begin, end in pairs)}]")


def cut(site: Site) -> Translation:
    if (half := half_of_channels(site)) is not None:
        return Expression(f"ops.split({{0}}, 2, axis=-1)[{half}]")
    size = site.shape.dimensions[site.op.axis]
    cells = range_text(site.op.begin, None if site.op.end == size else site.op.end)
    return Expression(f"{{0}}[{':, ' * site.op.axis}{cells}]" if site.op.axis else f"{{0}}[..., {cells}]")


def upsample(site: Site) -> Translation:
    scale = per_axis(site.op.scale, site.rank, "scale")
    if site.op.mode == "nearest" and site.rank <= 3:
        return alone(f"layers.UpSampling{site.rank}D", size=site.sizes(scale))
    if site.op.mode == "linear" and site.rank == 2:
        return alone("layers.UpSampling2D", Keyword("interpolation", "bilinear"), size=site.sizes(scale))
    size = tuple(cells * factor for cells, factor in zip(site.shape.spatial, scale, strict=True))
    return _resized(size, site.op.mode, False)


def resize(site: Site) -> Translation:
    size = per_axis(site.op.size, site.rank, "size")
    factors = [after / before for before, after in zip(site.shape.spatial, size, strict=True)]
    if site.op.mode == "nearest" and site.rank <= 3 and all(factor.is_integer() for factor in factors):
        return alone(f"layers.UpSampling{site.rank}D", size=site.sizes(tuple(map(int, factors))))
    return _resized(size, site.op.mode, site.op.align_corners)


def _resized(size: Sequence[int], mode: str, aligned: bool) -> Translation:
    return helper("Resize", Keyword("mode", mode), option("align_corners", aligned, False), size=tuple(size))


def reduced(site: Site) -> Translation:
    axis = site.op.axis or -1
    if site.op.by == "norm":
        return Expression(f"ops.sqrt(ops.sum(ops.square({{0}}), {axis}, keepdims=True))")
    return Expression(f"ops.{site.op.by}({{0}}, axis={axis}, keepdims=True)")


def global_lppool(site: Site) -> Translation:
    axes = tuple(range(1, 1 + site.rank))
    axis = axes[0] if len(axes) == 1 else axes
    if site.op.p == 1:
        return Expression(f"ops.sum(ops.absolute({{0}}), axis={axis}, keepdims=True)")
    total = f"ops.sum(ops.absolute({{0}}) ** {site.op.p}, axis={axis}, keepdims=True)"
    return Expression(f"{total} ** (1 / {site.op.p})")


def global_pool(kind: str, reduction: str) -> Translator:
    def translate(site: Site) -> Translation:
        if site.rank <= 3:
            return alone(f"layers.Global{kind}Pooling{site.rank}D", Keyword("keepdims", True))
        return Expression(f"ops.{reduction}({{0}}, axis={tuple(range(1, 1 + site.rank))}, keepdims=True)")

    return translate


def adaptive(kind: str) -> Translator:
    """Windows of one size are plain pooling; others are a helper's, on every backend alike."""

    def translate(site: Site) -> Translation:
        cells = per_axis(site.op.size, site.rank, "size")
        pairs = [*zip(site.shape.spatial, cells, strict=True)]
        if site.rank <= 3 and all(size % cell == 0 for size, cell in pairs):
            pool = site.sizes(tuple(size // cell for size, cell in pairs))
            return alone(f"layers.{kind}Pooling{site.rank}D", pool_size=pool)
        return helper(f"Adaptive{kind}Pooling", size=cells)

    return translate


def dense(site: Site) -> Translation:
    return alone("layers.Dense", option("use_bias", site.has_bias, True), *initializers(site), units=site.op.units)


def embedding(site: Site) -> Translation:
    return alone("layers.Embedding", input_dim=site.op.vocabulary, output_dim=site.op.size)


def parameter(site: Site) -> Translation:
    shape = site.op.shape
    keywords = [option("init", float(site.op.init), 0.0)]
    literal = site.op.weights(site.shapes)["weight"].literal
    if literal is not None and site.node.share is None:
        values = np.reshape(np.array(literal.elements, dtype=np.float64), literal.shape)
        keywords = [Keyword("initializer", constant(np.moveaxis(values, 0, -1)))]
    return helper("Parameter", *keywords, shape=(*shape.spatial, shape.channels))


def rbf(site: Site) -> Translation:
    return helper("RadialBasis", units=site.op.units)


def batchnorm(site: Site) -> Translation:
    moving = round(1 - site.op.momentum, 12)
    return alone(
        "layers.BatchNormalization",
        option("momentum", moving, 0.99),
        option("epsilon", site.op.eps, 1e-3),
        *affine(site),
    )._replace(comment="Keras's momentum is the share that stays, PyTorch's the share that is new.")


def affine(site: Site) -> tuple[Keyword, ...]:
    return option("center", site.op.affine, True), option("scale", site.op.affine, True)


def layernorm(site: Site) -> Translation:
    """Keras's default is the last axis: the channels."""
    epsilon = option("epsilon", site.op.eps, 1e-3)
    if site.op.axes == "channel" or not site.rank:
        return alone("layers.LayerNormalization", epsilon, *affine(site))
    axis = Keyword("axis", Code(str([*range(1, site.rank + 2)])))
    return alone("layers.LayerNormalization", axis, epsilon, *affine(site))


def groupnorm(site: Site) -> Translation:
    return alone(
        "layers.GroupNormalization", option("epsilon", site.op.eps, 1e-3), *affine(site), groups=site.op.groups
    )


def instancenorm(site: Site) -> Translation:
    epsilon = option("epsilon", site.op.eps, 1e-3)
    return alone("layers.GroupNormalization", epsilon, *affine(site), Keyword("groups", -1))


def lrn(site: Site) -> Translation:
    op = site.op
    options = option("alpha", op.alpha, 1e-4), option("beta", op.beta, 0.75), option("k", float(op.k), 1.0)
    return helper("LocalResponseNormalization", *options, size=op.size)


def scale(site: Site) -> Translation:
    return helper("Scale", option("init", float(site.op.init), 1.0), option("use_bias", site.op.bias, False))


def normalize(site: Site) -> Translation:
    mean, std = (value if isinstance(value, tuple) else (value,) for value in (site.op.mean, site.op.std))
    channels = max(len(mean), len(std))
    mean, std = (values * (channels // len(values)) for values in (mean, std))
    if min(std) > 1e-7:  # below which Keras puts that
        squares = Code(_listed(f"{value!r}**2" for value in std))
        keywords = Keyword("mean", Code(_listed(map(repr, mean)))), Keyword("variance", squares)
        return alone("layers.Normalization", *keywords)
    scale = [1 / value for value in std]
    offset = [-value / spread for value, spread in zip(mean, std, strict=True)]
    keywords = Keyword("scale", Code(_listed(map(repr, scale)))), Keyword("offset", Code(_listed(map(repr, offset))))
    return alone("layers.Rescaling", *keywords)


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(texts)}]"


def dropout(site: Site) -> Translation:
    return alone("layers.Dropout", rate=site.op.rate)


def spatial_dropout(site: Site) -> Translation:
    if 1 <= site.rank <= 3:
        return alone(f"layers.SpatialDropout{site.rank}D", rate=site.op.rate)
    shape = Code(f"(None, {'1, ' * site.rank}{site.shape.channels})")
    keywords = (Keyword("noise_shape", shape),) if site.rank else ()
    return alone("layers.Dropout", *keywords, rate=site.op.rate)


def prelu(site: Site) -> Translation:
    shared = (Keyword("shared_axes", Code(str([*range(1, site.rank + 1)]))),) if site.rank else ()
    comment = "Without shared_axes Keras learns a slope for every position." if site.rank else ""
    start = Keyword("alpha_initializer", Code("keras.initializers.Constant(0.25)"))
    return alone("layers.PReLU", start, *shared)._replace(comment=comment)


def celu(site: Site) -> Translation:
    alpha = float(site.op.alpha)
    return alone("layers.Activation", activation="celu") if alpha == 1 else Expression(f"ops.celu({{0}}, {alpha!r})")


def gelu(site: Site) -> Translation:
    if site.op.approximate == "none":
        return alone("layers.Activation", activation="gelu")
    return Expression("ops.gelu({0}, approximate=True)")


def clip(site: Site) -> Translation:
    low, high = site.op.min, site.op.max
    if low is None:
        return Expression(f"ops.minimum({{0}}, {high!r})")
    return Expression(f"ops.maximum({{0}}, {low!r})" if high is None else f"ops.clip({{0}}, {low!r}, {high!r})")


def concat(site: Site) -> Translation:
    return alone("layers.Concatenate", option("axis", site.op.axis or -1, -1))


def leaky_relu(site: Site) -> Translation:
    return alone("layers.LeakyReLU", negative_slope=float(site.op.alpha))


def of_factor(function: str) -> Translator:
    def translate(site: Site) -> Translation:
        (argument,) = type(site.op).model_fields
        return helper(function, **{argument: getattr(site.op, argument)})

    return translate


LAYERS: dict[str, Translator] = {
    **windows.LAYERS,
    "global_maxpool": global_pool("Max", "max"),
    "global_avgpool": global_pool("Average", "mean"),
    "global_lppool": global_lppool,
    "reduce": reduced,
    "adaptive_avgpool": adaptive("Average"),
    "adaptive_maxpool": adaptive("Max"),
    "dense": dense,
    "rbf": rbf,
    "embedding": embedding,
    "parameter": parameter,
    "flatten": flatten,
    "reshape": reshape,
    "permute": permute,
    "pad": pad,
    "crop": crop,
    "upsample": upsample,
    "resize": resize,
    "slice": cut,
    "channel_shuffle": of_factor("ChannelShuffle"),
    "pixel_shuffle": of_factor("PixelShuffle"),
    "space_to_depth": of_factor("SpaceToDepth"),
    "identity": expression("{0}"),
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "lrn": lrn,
    "normalize": normalize,
    "scale": scale,
    "bias": lambda site: helper("Bias"),
    "dropout": dropout,
    "spatial_dropout": spatial_dropout,
    "relu": plain("ReLU"),
    "relu6": lambda site: alone("layers.ReLU", max_value=6.0),
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "elu": lambda site: alone("layers.ELU", option("alpha", float(site.op.alpha), 1.0)),
    "selu": activation("selu"),
    "celu": celu,
    "gelu": gelu,
    "silu": activation("silu"),
    "mish": activation("mish"),
    "hardswish": activation("hard_silu"),
    "hardsigmoid": activation("hard_sigmoid"),
    "sigmoid": activation("sigmoid"),
    "tanh": activation("tanh"),
    "softplus": activation("softplus"),
    "softsign": activation("softsign"),
    "clip": clip,
    "softmax": plain("Softmax"),
    "log_softmax": activation("log_softmax"),
    "abs": expression("ops.absolute({0})"),
    "neg": expression("ops.negative({0})"),
    "square": expression("ops.square({0})"),
    "sqrt": expression("ops.sqrt({0})"),
    "exp": expression("ops.exp({0})"),
    "log": expression("ops.log({0})"),
    "sin": expression("ops.sin({0})"),
    "pow": lambda site: Expression(f"ops.power({{0}}, {site.op.exponent!r})"),
    "add": plain("Add"),
    "mul": plain("Multiply"),
    "sub": plain("Subtract"),
    "div": expression("{0} / {1}"),
    "maximum": plain("Maximum"),
    "minimum": plain("Minimum"),
    "average": plain("Average"),
    "concat": concat,
}
"""What becomes of every operator."""


def layers_of(graph: Graph) -> dict[str, Translator]:
    """The table for the layers of a graph."""
    strided = windows.strided_in_blocks(graph)
    return {**LAYERS, **{name: partial(windows.conv, strided=strided) for name in ("conv", "depthwise")}}
