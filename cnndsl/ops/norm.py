"""Normalisation and regularisation."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AcrossChannels, Elementwise, Operator, Reach, Weight, over_channels
from cnndsl.ops.fields import Count, Expects, Flag, Fraction01, PerChannel, Positive, Rate, Real
from cnndsl.shapes import Shape, ShapeError


class Normalisation(Operator):
    """What the normalisations share: the shape stays; nothing is counted but the affine parameters."""

    follows: ClassVar[bool] = True

    def output(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0


def affine_weights(affine: bool, *layout: int) -> dict[str, Weight]:
    return {"weight": Weight(layout, fill=1.0), "bias": Weight(layout)} if affine else {}


class BatchNorm(Normalisation):
    operator: ClassVar[str] = "batchnorm"
    summary: ClassVar[str] = (
        "Batch normalisation with running statistics: (x - mean)/sqrt(var + eps)*weight + bias, per channel."
    )
    elementwise: ClassVar[bool] = True
    channel_affine: ClassVar[bool] = True
    centres: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape of the input; parameters 2*C, buffers 2*C (running mean and variance)"
    source: ClassVar[str] = "Ioffe and Szegedy 2015"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 bias=false -> batchnorm -> relu"

    eps: Positive = 1e-5
    momentum: Fraction01 = 0.1
    affine: Flag = True

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        channels = shapes[0].channels
        running = {
            "running_mean": Weight((channels,), buffer=True),
            "running_var": Weight((channels,), fill=1.0, buffer=True),
        }
        return {**affine_weights(self.affine, channels), **running}

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "point"


class LayerNorm(Normalisation):
    operator: ClassVar[str] = "layernorm"
    summary: ClassVar[str] = (
        "Normalises each example over all axes, or (``axes=channel``) over the channels at each position."
    )
    rule: ClassVar[str] = "the shape of the input; parameters 2*elements, or 2*C under axes=channel"
    source: ClassVar[str] = "Ba, Kiros, Hinton 2016; Liu et al. 2022 (ConvNeXt) for axes=channel"
    example: ClassVar[str] = "input 96@56x56\nlayernorm axes=channel"

    eps: Positive = 1e-5
    axes: Annotated[Literal["all", "channel"], Expects("all or channel")] = "all"
    affine: Flag = True

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        (shape,) = shapes
        layout = (shape.channels,) if self.axes == "channel" else shape.dimensions
        return affine_weights(self.affine, *layout)

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return over_channels(output) if self.axes == "channel" else "whole"


class GroupNorm(Normalisation):
    operator: ClassVar[str] = "groupnorm"
    summary: ClassVar[str] = "Normalises each example over groups of channels and all positions."
    positional: ClassVar[tuple[str, ...]] = ("groups",)
    rule: ClassVar[str] = "the shape of the input; parameters 2*C"
    source: ClassVar[str] = "Wu and He 2018"
    example: ClassVar[str] = "input 32@28x28\ngroupnorm 8"

    groups: Count
    eps: Positive = 1e-5
    affine: Flag = True

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        if shape.channels % self.groups:
            raise ShapeError(
                "bad-groups",
                f"groupnorm: {shape.channels} channels cannot be divided into {self.groups} equal groups",
                argument="groups",
            )
        return shape

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return affine_weights(self.affine, shapes[0].channels)

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class InstanceNorm(Normalisation):
    operator: ClassVar[str] = "instancenorm"
    summary: ClassVar[str] = "Normalises each channel of each example over its positions."
    centres: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape of the input; parameters 2*C under affine, otherwise none"
    source: ClassVar[str] = "Ulyanov, Vedaldi, Lempitsky 2016"
    example: ClassVar[str] = "input 32@28x28\ninstancenorm"

    eps: Positive = 1e-5
    affine: Flag = False

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        if shape.is_vector:
            raise ShapeError(
                "needs-map",
                f"instancenorm averages over positions, but its input is a vector of {shape.channels:,} features",
                "use layernorm for vectors",
            )
        return shape

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return affine_weights(self.affine, shapes[0].channels)

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class LocalResponseNorm(AcrossChannels):
    operator: ClassVar[str] = "lrn"
    summary: ClassVar[str] = (
        "AlexNet's normalisation over neighbouring channels: x / (k + alpha/size * sum of squares)^beta.\n\n"
        "An even size takes the odd channel from behind the middle one, as ONNX does; PyTorch takes it from before."
    )
    positional: ClassVar[tuple[str, ...]] = ("size",)
    rule: ClassVar[str] = "the shape of the input; no parameters"
    source: ClassVar[str] = (
        "Krizhevsky, Sutskever, Hinton 2012, section 3.3; alpha/size as in ONNX and PyTorch; even sizes as in ONNX"
    )
    example: ClassVar[str] = "input 96@55x55\nlrn 5"

    size: Count
    alpha: Real = 1e-4
    beta: Real = 0.75
    k: Positive = 1.0


class Normalize(Elementwise):
    operator: ClassVar[str] = "normalize"
    summary: ClassVar[str] = "(x - mean)/std per channel with constants, as images are prepared; no parameters."
    channel_affine: ClassVar[bool] = True
    follows: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("({x} - {mean})/{std}",)
    rule: ClassVar[str] = "the shape of the input; no parameters: mean and std are constants"
    source: ClassVar[str] = "torchvision Normalize"
    example: ClassVar[str] = "input 3@224x224\nnormalize mean=[0.485, 0.456, 0.406] std=[0.229, 0.224, 0.225]"

    mean: PerChannel
    std: PerChannel

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        for name, value in (("mean", self.mean), ("std", self.std)):
            if isinstance(value, tuple) and len(value) != shape.channels:
                raise ShapeError(
                    "weight-shape",
                    f"normalize: {name} has {len(value)} numbers, but its input has {shape.channels} channels",
                    "give one number, or one per channel",
                    argument=name,
                )
        if 0 in (self.std if isinstance(self.std, tuple) else (self.std,)):
            raise ShapeError("bad-argument", "normalize: std must not be 0", argument="std")
        return shape


class Scale(Normalisation):
    operator: ClassVar[str] = "scale"
    summary: ClassVar[str] = (
        "A learnable factor per channel (layer scale), with ``bias=true`` also a learnable term: x*weight + bias."
    )
    elementwise: ClassVar[bool] = True
    channel_affine: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("{weight}*{x}",)
    rule: ClassVar[str] = "the shape of the input; parameters C, or 2*C under bias=true"
    source: ClassVar[str] = "Touvron et al. 2021 (CaiT); Liu et al. 2022 (ConvNeXt)"
    example: ClassVar[str] = "input 96@56x56\nscale init=1e-6"

    init: Real = 1.0
    bias: Flag = False

    def formulas(self) -> tuple[str, ...]:
        return ("{weight}*{x} + {bias}",) if self.bias else self.formula

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        layout = (shapes[0].channels,)
        return {"weight": Weight(layout, fill=self.init)} | ({"bias": Weight(layout)} if self.bias else {})

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "point"


class Bias(Normalisation):
    operator: ClassVar[str] = "bias"
    summary: ClassVar[str] = "A learnable term per channel: x + bias."
    elementwise: ClassVar[bool] = True
    channel_affine: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("{x} + {bias}",)
    rule: ClassVar[str] = "the shape of the input; parameters C"
    source: ClassVar[str] = "Caffe Bias"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 bias=false -> avgpool 2x2 -> bias"

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return {"bias": Weight((shapes[0].channels,))}

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "point"


class Dropping(Elementwise):
    """What the dropouts share: they act while training only."""

    drops: ClassVar[bool] = True
    follows: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("rate",)

    rate: Rate

    def does_nothing(self, shape: Shape, output: Shape) -> bool:
        return True


class Dropout(Dropping):
    operator: ClassVar[str] = "dropout"
    summary: ClassVar[str] = "Sets elements to zero at random while training; the identity at inference."
    source: ClassVar[str] = "Srivastava et al. 2014"
    example: ClassVar[str] = "input 512\ndropout 0.5"


class SpatialDropout(Dropping):
    operator: ClassVar[str] = "spatial_dropout"
    summary: ClassVar[str] = "Sets whole channels to zero at random while training; the identity at inference."
    source: ClassVar[str] = "Tompson et al. 2015"
    example: ClassVar[str] = "input 64@14x14\nspatial_dropout 0.2"
