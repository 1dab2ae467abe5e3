"""Every operator in PyTorch: the modules that a layer becomes, or an expression of what it reads."""

from collections.abc import Sequence

from cnndsl.interop.codegen.calls import Code, Keyword, call
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
from cnndsl.interop.torch.exporter import windows
from cnndsl.shapes import explicit_padding, per_axis

INTERPOLATION = {"linear": ("linear", "bilinear", "trilinear"), "cubic": (None, "bicubic", None)}


def plain(function: str) -> Translator:
    """A module without arguments."""
    return lambda site: alone(f"nn.{function}")


def inplace(function: str) -> Translator:
    """A module without arguments that may overwrite what it reads, where nothing else needs that."""
    return lambda site: Modules((call(f"nn.{function}"),), may_overwrite=True)


def folded(operator: str) -> Translator:
    """``a + b + c``."""
    return lambda site: Expression(f" {operator} ".join(f"{{{i}}}" for i in range(len(site.node.inputs))), "operator")


def nested(function: str) -> Translator:
    def translate(site: Site) -> Translation:
        text = "{0}"
        for index in range(1, len(site.node.inputs)):
            text = f"{function}({text}, {{{index}}})"
        return Expression(text)

    return translate


def linear(site: Site) -> Translation:
    bias = option("bias", site.has_bias, True)
    return alone("nn.Linear", bias, in_features=site.shape.channels, out_features=site.op.units)


def embedding(site: Site) -> Translation:
    helper = call("Embedding", vocabulary=site.op.vocabulary, size=site.op.size)
    return Modules((helper,), helpers=("Embedding",))


def parameter(site: Site) -> Translation:
    shape = site.op.shape.dimensions
    return Modules((call("Parameter", shape=shape, init=float(site.op.init)),), helpers=("Parameter",))


def rbf(site: Site) -> Translation:
    helper = call("RadialBasis", units=site.op.units, features=site.shape.channels)
    return Modules((helper,), helpers=("RadialBasis",))


def reshape(site: Site) -> Translation:
    if site.shape.is_vector:
        return alone("nn.Unflatten", dim=1, sizes=tuple(site.output.dimensions))
    return Expression(f"{{0}}.reshape(-1, {', '.join(map(str, site.output.dimensions))})")


def permute(site: Site) -> Translation:
    return Expression(f"{{0}}.permute(0, {', '.join(str(axis + 1) for axis in site.op.order)})")


def pad(site: Site) -> Translation:
    pairs = explicit_padding(site.op.size, site.rank, "size")
    return Modules((windows.pad_module(site, pairs, site.op.mode, site.op.value),))


def crop(site: Site) -> Translation:
    pairs = explicit_padding(site.op.size, site.rank, "size")
    return Expression(f"{{0}}[:, :, {', '.join(range_text(begin, -end if end else None) for begin, end in pairs)}]")


def cut(site: Site) -> Translation:
    if (half := half_of_channels(site)) is not None:
        return Expression(f"{{0}}.chunk(2, 1)[{half}]")
    whole = ":, " * (site.op.axis + 1)
    size = site.shape.dimensions[site.op.axis]
    return Expression(f"{{0}}[{whole}{range_text(site.op.begin, None if site.op.end == size else site.op.end)}]")


def upsample(site: Site) -> Translation:
    scale = site.op.scale if isinstance(site.op.scale, int) else tuple(map(float, site.op.scale))
    sizes = [
        size * times
        for size, times in zip(site.shape.spatial, per_axis(site.op.scale, site.rank, "scale"), strict=True)
    ]
    if site.op.mode == "nearest":
        return alone("nn.Upsample", Keyword("scale_factor", scale))
    return _interpolated(site, Keyword("scale_factor", scale), tuple(sizes), False)


def resize(site: Site) -> Translation:
    size = per_axis(site.op.size, site.rank, "size")
    if site.op.mode != "nearest":
        return _interpolated(site, Keyword("size", size), size, site.op.align_corners)
    if all(max(pair) % min(pair) == 0 for pair in zip(site.shape.spatial, size, strict=True)):
        return alone("nn.Upsample", Keyword("size", size), Keyword("mode", "nearest"))
    return Modules((call("NearestResize", size=size),), helpers=("NearestResize",))


def _interpolated(site: Site, target: Keyword, size: tuple[int, ...], aligned: bool) -> Translation:
    mode = INTERPOLATION[site.op.mode][site.rank - 1]
    if mode is None:
        return Modules((call("CubicResize", size=size, align_corners=aligned),), helpers=("CubicResize",))
    return alone("nn.Upsample", target, Keyword("mode", mode), option("align_corners", aligned, False))


def channel_shuffle(site: Site) -> Translation:
    if site.shape.spatial:
        return alone("nn.ChannelShuffle", groups=site.op.groups)
    each = site.shape.channels // site.op.groups
    return Expression(f"{{0}}.unflatten(1, ({site.op.groups}, {each})).transpose(1, 2).flatten(1)")


def reduced(site: Site) -> Translation:
    axis = site.op.axis + 1
    if site.op.by == "norm":
        return Expression(f"torch.linalg.vector_norm({{0}}, dim={axis}, keepdim=True)")
    name = {"max": "amax", "min": "amin"}.get(site.op.by, site.op.by)
    return Expression(f"{{0}}.{name}({axis}, keepdim=True)")


def global_lppool(site: Site) -> Translation:
    axes = ", ".join(str(axis) for axis in range(2, 2 + site.rank))
    dim = f"({axes})" if site.rank > 1 else axes
    return Expression(f"torch.linalg.vector_norm({{0}}, {site.op.p}, dim={dim}, keepdim=True)")


def global_pool(kind: str) -> Translator:
    return lambda site: alone(f"nn.Adaptive{kind}Pool{site.rank}d", output_size=1)


def adaptive(kind: str) -> Translator:
    return lambda site: alone(f"nn.Adaptive{kind}Pool{site.rank}d", output_size=site.sizes(site.op.size))


def batchnorm(site: Site) -> Translation:
    return alone(
        f"nn.BatchNorm{max(site.rank, 1)}d",
        option("eps", site.op.eps, 1e-5),
        option("momentum", site.op.momentum, 0.1),
        option("affine", site.op.affine, True),
        channels=site.shape.channels,
    )


def layernorm(site: Site) -> Translation:
    """PyTorch's LayerNorm goes over the last axes: all of them, or the channels once they are last."""
    options = option("eps", site.op.eps, 1e-5), option("elementwise_affine", site.op.affine, True)
    if site.op.axes == "channel" and site.rank:
        helper = call("ChannelNorm", channels=site.shape.channels)._replace(keywords=options)
        return Modules((helper,), helpers=("ChannelNorm",))
    shape = site.shape.dimensions
    return alone("nn.LayerNorm", *options, shape=shape[0] if len(shape) == 1 else tuple(shape))


def groupnorm(site: Site) -> Translation:
    options = option("eps", site.op.eps, 1e-5), option("affine", site.op.affine, True)
    return alone("nn.GroupNorm", *options, groups=site.op.groups, channels=site.shape.channels)


def instancenorm(site: Site) -> Translation:
    """PyTorch's InstanceNorm refuses maps of one position while training; a group for each channel is the same."""
    options = option("eps", site.op.eps, 1e-5), option("affine", site.op.affine, False)
    if site.shape.positions > 1:
        return alone(f"nn.InstanceNorm{site.rank}d", *options, channels=site.shape.channels)
    options = option("eps", site.op.eps, 1e-5), option("affine", site.op.affine, True)
    return alone("nn.GroupNorm", *options, groups=site.shape.channels, channels=site.shape.channels)


def lrn(site: Site) -> Translation:
    op = site.op
    options = option("alpha", op.alpha, 1e-4), option("beta", op.beta, 0.75), option("k", float(op.k), 1.0)
    if op.size % 2 and site.rank:
        return alone("nn.LocalResponseNorm", *options, size=op.size)
    helper = call("LocalResponseNorm", size=op.size)._replace(keywords=options)
    return Modules((helper,), helpers=("LocalResponseNorm",))


def scale(site: Site) -> Translation:
    keywords = option("init", float(site.op.init), 1.0), option("bias", site.op.bias, False)
    return Modules((call("Scale", channels=site.shape.channels)._replace(keywords=keywords),), helpers=("Scale",))


def bias(site: Site) -> Translation:
    return Modules((call("Bias", channels=site.shape.channels),), helpers=("Bias",))


def normalize(site: Site) -> Translation:
    mean, std = (Code(_listed(value)) for value in (site.op.mean, site.op.std))
    return Modules((call("Normalize", mean=mean, std=std),), helpers=("Normalize",))


def _listed(value: float | Sequence[float]) -> str:
    return f"[{', '.join(map(repr, value))}]" if isinstance(value, Sequence) else f"[{value!r}]"


def dropout(site: Site) -> Translation:
    return alone("nn.Dropout", rate=site.op.rate)


def spatial_dropout(site: Site) -> Translation:
    return alone(f"nn.Dropout{site.rank}d" if site.rank else "nn.Dropout", rate=site.op.rate)


def clip(site: Site) -> Translation:
    low, high = site.op.min, site.op.max
    if low is not None and high is not None and low < high:
        return alone("nn.Hardtanh", min=float(low), max=float(high))
    given = [f"{name}={value!r}" for name, value in (("min", low), ("max", high)) if value is not None]
    return Expression(f"{{0}}.clamp({', '.join(given)})")


def average(site: Site) -> Translation:
    count = len(site.node.inputs)
    return Expression(f"({' + '.join(f'{{{i}}}' for i in range(count))}) / {count}", "operator")


def concat(site: Site) -> Translation:
    values = ", ".join(f"{{{i}}}" for i in range(len(site.node.inputs)))
    return Expression(f"torch.cat([{values}], {site.op.axis + 1})")


LAYERS: dict[str, Translator] = {
    **windows.LAYERS,
    "global_maxpool": global_pool("Max"),
    "global_avgpool": global_pool("Avg"),
    "global_lppool": global_lppool,
    "reduce": reduced,
    "adaptive_avgpool": adaptive("Avg"),
    "adaptive_maxpool": adaptive("Max"),
    "dense": linear,
    "rbf": rbf,
    "embedding": embedding,
    "parameter": parameter,
    "flatten": plain("Flatten"),
    "reshape": reshape,
    "permute": permute,
    "pad": pad,
    "crop": crop,
    "upsample": upsample,
    "resize": resize,
    "slice": cut,
    "channel_shuffle": channel_shuffle,
    "pixel_shuffle": lambda site: alone("nn.PixelShuffle", factor=site.op.factor),
    "space_to_depth": lambda site: alone("nn.PixelUnshuffle", factor=site.op.factor),
    "identity": expression("{0}"),
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "lrn": lrn,
    "normalize": normalize,
    "scale": scale,
    "bias": bias,
    "dropout": dropout,
    "spatial_dropout": spatial_dropout,
    "relu": inplace("ReLU"),
    "relu6": inplace("ReLU6"),
    "leaky_relu": lambda site: alone("nn.LeakyReLU", slope=float(site.op.alpha)),
    "prelu": lambda site: alone("nn.PReLU", channels=site.shape.channels),
    "elu": lambda site: alone("nn.ELU", option("alpha", float(site.op.alpha), 1.0)),
    "selu": plain("SELU"),
    "celu": lambda site: alone("nn.CELU", option("alpha", float(site.op.alpha), 1.0)),
    "gelu": lambda site: alone("nn.GELU", option("approximate", site.op.approximate, "none")),
    "silu": plain("SiLU"),
    "mish": plain("Mish"),
    "hardswish": plain("Hardswish"),
    "hardsigmoid": plain("Hardsigmoid"),
    "sigmoid": plain("Sigmoid"),
    "tanh": plain("Tanh"),
    "softplus": plain("Softplus"),
    "softsign": plain("Softsign"),
    "clip": clip,
    "softmax": lambda site: alone("nn.Softmax", Keyword("dim", 1)),
    "log_softmax": lambda site: alone("nn.LogSoftmax", Keyword("dim", 1)),
    "abs": expression("{0}.abs()"),
    "neg": expression("{0}.neg()"),
    "square": expression("{0}.square()"),
    "sqrt": expression("{0}.sqrt()"),
    "exp": expression("{0}.exp()"),
    "log": expression("{0}.log()"),
    "sin": expression("{0}.sin()"),
    "pow": lambda site: Expression(f"{{0}}.pow({site.op.exponent!r})"),
    "add": folded("+"),
    "mul": folded("*"),
    "sub": folded("-"),
    "div": folded("/"),
    "maximum": nested("torch.maximum"),
    "minimum": nested("torch.minimum"),
    "average": average,
    "concat": concat,
}
"""What becomes of every operator."""
