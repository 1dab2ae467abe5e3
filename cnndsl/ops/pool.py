"""Pooling: windows that summarise each channel by itself."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AxisReach, Geometry, Reach, Unweighted, Weight, Windowed, along, over_channels, spatial_rank
from cnndsl.ops.fields import Count, Expects, Flag, Natural, OptionalSizes, Pad, Sizes
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


class GlobalPool(Unweighted):
    """What the global pools share: one window over the whole map; the axes stay, with size 1."""

    rule: ClassVar[str] = "C@1x1, the axes kept; connections C*positions"

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        return Shape(shape.channels, (1,) * spatial_rank(shape, self.operator))

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return shapes[0].elements

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class GlobalMaxPool(GlobalPool):
    operator: ClassVar[str] = "global_maxpool"
    summary: ClassVar[str] = "The largest value of each channel."
    order_statistic: ClassVar[bool] = True
    source: ClassVar[str] = "Oquab et al. 2015; ONNX GlobalMaxPool"
    example: ClassVar[str] = "input 64@7x7\nglobal_maxpool -> flatten"


class GlobalAvgPool(GlobalPool):
    operator: ClassVar[str] = "global_avgpool"
    summary: ClassVar[str] = "The mean of each channel."
    hands_on_bias: ClassVar[bool] = True
    source: ClassVar[str] = "Lin, Chen, Yan 2013 (Network in Network), section 3.2"
    example: ClassVar[str] = "input 64@7x7\nglobal_avgpool -> flatten"


class GlobalLpPool(GlobalPool):
    operator: ClassVar[str] = "global_lppool"
    summary: ClassVar[str] = "The p-norm of each channel."
    source: ClassVar[str] = "ONNX GlobalLpPool"
    example: ClassVar[str] = "input 64@7x7\nglobal_lppool -> flatten"

    p: Count = 2


Reduction = Annotated[Literal["sum", "mean", "max", "min", "norm"], Expects("one of sum, mean, max, min, norm")]


class Reduce(Unweighted):
    operator: ClassVar[str] = "reduce"
    summary: ClassVar[str] = (
        "One axis in one cell: the sum, mean, largest, least or Euclidean norm along the channels (axis 0) or along a "
        "spatial axis."
    )
    rule: ClassVar[str] = "the axis becomes 1; connections in_elements"
    source: ClassVar[str] = (
        "ONNX ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceL2; Woo et al. 2018 (CBAM), section 3"
    )
    example: ClassVar[str] = (
        "input 64@28x28\nmul { identity; concat { reduce by=mean; reduce by=max } -> conv 1 7x7 pad=3 -> sigmoid }"
    )

    by: Reduction
    axis: Natural = 0

    def output(self, shapes: Sequence[Shape]) -> Shape:
        dimensions = along(self.operator, self.axis, shapes[0])
        dimensions[self.axis] = 1
        return Shape(dimensions[0], tuple(dimensions[1:]))

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return shapes[0].elements

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        if self.axis == 0:
            return over_channels(output)
        extents = enumerate(shapes[0].spatial, start=1)
        return tuple(
            AxisReach(step=0, after=extent - 1) if axis == self.axis else AxisReach() for axis, extent in extents
        )


class AdaptivePool(Unweighted):
    """What the adaptive pools share: window i covers floor(i*n/o) up to, not including, ceil((i + 1)*n/o)."""

    positional: ClassVar[tuple[str, ...]] = ("size",)
    rule: ClassVar[str] = "C@size; connections C * the sum of the windows' sizes"

    size: Sizes

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        return Shape(shape.channels, per_axis(self.size, spatial_rank(shape, self.operator), "size"))

    def does_nothing(self, shape: Shape, output: Shape) -> bool:
        return shape == output

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        (shape,) = shapes
        windows = 1
        for size, cells in zip(shape.spatial, output.spatial, strict=True):
            windows *= window_sum(size, cells)
        return shape.channels * windows

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return tuple(
            AxisReach(step=size, rate=cells, before=cells - 1, after=size - 1)
            for size, cells in zip(shapes[0].spatial, output.spatial, strict=True)
        )


def window_sum(size: int, cells: int) -> int:
    """The sizes of the adaptive windows added up: every window ends where the next begins or one cell later.

    Neighbours overlap by one cell at each of the cells - gcd boundaries that are not whole.
    """
    from math import gcd

    return size + cells - gcd(size, cells)


class AdaptiveAvgPool(AdaptivePool):
    operator: ClassVar[str] = "adaptive_avgpool"
    summary: ClassVar[str] = "The mean of each of size windows, whatever the input's size."
    source: ClassVar[str] = "He et al. 2014 (spatial pyramid pooling); PyTorch AdaptiveAvgPool"
    example: ClassVar[str] = "input 256@13x13\nadaptive_avgpool 6x6"


class AdaptiveMaxPool(AdaptivePool):
    operator: ClassVar[str] = "adaptive_maxpool"
    summary: ClassVar[str] = "The largest value of each of size windows, whatever the input's size."
    order_statistic: ClassVar[bool] = True
    source: ClassVar[str] = "He et al. 2014 (spatial pyramid pooling); PyTorch AdaptiveMaxPool"
    example: ClassVar[str] = "input 256@13x13\nadaptive_maxpool 6x6"
