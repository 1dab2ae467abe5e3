"""Pooling: windows that slide and summarise each channel by itself."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cnndsl.ops.base import Geometry, Unweighted, Weight, Windowed
from cnndsl.ops.fields import Count, Flag, OptionalSizes, Pad, Sizes
from cnndsl.shapes import Shape, ShapeError, per_axis, product

POOL_RULE = (
    "C@W, with the window rule of conv and ceil instead of floor under ceil_mode; connections out_elements*prod(K)"
)


class Pool(Windowed, Unweighted):
    """What max, average and Lp pooling share."""

    window_pool: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("kernel",)
    rule: ClassVar[str] = POOL_RULE

    stride: OptionalSizes = None
    pad: Pad = 0
    ceil_mode: Flag = False

    def geometry(self) -> Geometry:
        return Geometry(self.stride or self.kernel, 1, self.pad, self.ceil_mode)

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        spatial = self.slide(shape)
        for axis in self.windows(shape):
            if max(axis.begin, axis.end) * 2 > axis.reach and not isinstance(self.pad, str):
                raise ShapeError(
                    "pool-padding",
                    f"{self.operator}: padding of {max(axis.begin, axis.end)} is more than half the window of "
                    f"{axis.reach}: some windows would hold padding only",
                    f"use pad={axis.reach // 2} or less",
                    argument="pad",
                )
        return Shape(shape.channels, spatial)

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return output.elements * product(per_axis(self.kernel, len(output.spatial), "kernel"))


class MaxPool(Pool):
    operator: ClassVar[str] = "maxpool"
    summary: ClassVar[str] = "The largest value of each window."
    order_statistic: ClassVar[bool] = True
    hands_on_bias: ClassVar[bool] = True
    source: ClassVar[str] = "Yamaguchi et al. 1990; Ranzato et al. 2007"
    example: ClassVar[str] = "input 16@28x28\nmaxpool 2x2"

    dilation: Sizes = 1

    def geometry(self) -> Geometry:
        return Geometry(self.stride or self.kernel, self.dilation, self.pad, self.ceil_mode)


class AvgPool(Pool):
    operator: ClassVar[str] = "avgpool"
    summary: ClassVar[str] = (
        "The mean of each window; padding cells count in the divisor only under ``count_include_pad``."
    )
    hands_on_bias: ClassVar[bool] = True
    source: ClassVar[str] = "LeCun et al. 1990; ONNX AveragePool"
    example: ClassVar[str] = "input 16@28x28\navgpool 2x2"

    count_include_pad: Flag = False


class LpPool(Pool):
    operator: ClassVar[str] = "lppool"
    summary: ClassVar[str] = "The p-norm of each window: (sum of |x|^p)^(1/p)."
    source: ClassVar[str] = "Sermanet, Chintala, LeCun 2012; ONNX LpPool"
    example: ClassVar[str] = "input 16@28x28\nlppool 2x2"

    p: Count = 2


class Subsample(Windowed):
    operator: ClassVar[str] = "subsample"
    summary: ClassVar[str] = (
        "LeNet-5's S layers: a learnt coefficient times the sum of the window, plus a learnt bias, per channel."
    )
    window_pool: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("kernel",)
    rule: ClassVar[str] = "C@W; parameters 2*C; connections out_elements*(prod(K) + 1)"
    source: ClassVar[str] = "LeCun, Bottou, Bengio, Haffner 1998, section II.B"
    example: ClassVar[str] = "input 6@28x28\nsubsample 2x2 -> tanh"

    stride: OptionalSizes = None

    def geometry(self) -> Geometry:
        return Geometry(self.stride or self.kernel, 1, 0)

    def output(self, shapes: Sequence[Shape]) -> Shape:
        return Shape(shapes[0].channels, self.slide(shapes[0]))

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        (shape,) = shapes
        taps = product(per_axis(self.kernel, len(shape.spatial), "kernel"))
        return {"weight": Weight((shape.channels,), fill=1 / taps), "bias": Weight((shape.channels,))}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return output.elements * (product(per_axis(self.kernel, len(output.spatial), "kernel")) + 1)
