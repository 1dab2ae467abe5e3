"""Pooling over whole extents: global pools, reductions along an axis, windows as large as the input asks for."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AxisReach, Reach, Unweighted, along, over_channels, spatial_rank
from cnndsl.ops.fields import Count, Expects, Natural, Sizes
from cnndsl.shapes import Shape, per_axis


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
    sized: ClassVar[Mapping[str, int]] = {"size": 1}
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
