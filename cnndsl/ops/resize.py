"""Other extents: cells added, taken away or computed between those that are there."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AxisReach, Reach, Unweighted, along, spatial_rank
from cnndsl.ops.conv import check_pad_mode
from cnndsl.ops.fields import Cells, Expects, Flag, Natural, PadMode, Real, Sizes
from cnndsl.shapes import Axis, Shape, ShapeError, explicit_padding, per_axis


class Pad(Unweighted):
    operator: ClassVar[str] = "pad"
    summary: ClassVar[str] = "Cells added around the map."
    positional: ClassVar[tuple[str, ...]] = ("size",)
    sized: ClassVar[Mapping[str, int]] = {"size": 0}
    rule: ClassVar[str] = "every axis grown by the cells before and after it"
    source: ClassVar[str] = "ONNX Pad"
    example: ClassVar[str] = "input 3@32x32\npad 1 mode=reflect\nconv 16 3x3"

    size: Cells
    mode: PadMode = "zeros"
    value: Real = 0.0

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        pairs = explicit_padding(self.size, spatial_rank(shape, self.operator), "size")
        axes = [Axis(size, 1, begin=begin, end=end) for size, (begin, end) in zip(shape.spatial, pairs, strict=True)]
        check_pad_mode(self.mode, axes)
        return Shape(shape.channels, tuple(axis.size + axis.padding for axis in axes))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        pairs = explicit_padding(self.size, len(output.spatial), "size")
        return tuple(AxisReach(before=begin, after=-begin) for begin, _ in pairs)


class Crop(Unweighted):
    operator: ClassVar[str] = "crop"
    summary: ClassVar[str] = "Cells taken away around the map."
    positional: ClassVar[tuple[str, ...]] = ("size",)
    sized: ClassVar[Mapping[str, int]] = {"size": 0}
    rule: ClassVar[str] = "every axis shrunk by the cells before and after it"
    source: ClassVar[str] = "Ronneberger, Fischer, Brox 2015 (U-Net)"
    example: ClassVar[str] = "input 64@64x64\ncrop 4"

    size: Cells

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        pairs = explicit_padding(self.size, spatial_rank(shape, self.operator), "size")
        spatial = tuple(size - begin - end for size, (begin, end) in zip(shape.spatial, pairs, strict=True))
        if min(spatial) < 1:
            raise ShapeError("crop-too-large", f"crop: nothing of the input {shape} would be left", argument="size")
        return Shape(shape.channels, spatial)

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        pairs = explicit_padding(self.size, len(output.spatial), "size")
        return tuple(AxisReach(before=-begin, after=begin) for begin, _ in pairs)


Mode = Annotated[Literal["nearest", "linear", "cubic"], Expects("nearest, linear or cubic")]


def resize_reach(mode: str, align_corners: bool, size: int, cells: int) -> AxisReach:
    """nearest reads floor(o*n/m); linear the two cells around (o + 1/2)*n/m - 1/2, or o*(n - 1)/(m - 1) if aligned.

    cubic reads one more on either side, unless every such place is that of a cell, whose value it then takes.
    """
    if mode == "nearest":
        return AxisReach(step=size, rate=cells, before=cells - 1, after=0)
    if align_corners:
        step, shift, rate = size - 1 if cells > 1 else 0, 0, max(cells - 1, 1)
    else:
        step, shift, rate = 2 * size, size - cells, 2 * cells
    between = mode == "cubic" and (step % rate or shift % rate)
    around = 2 * rate - 1 if between else rate - 1
    return AxisReach(step=step, rate=rate, before=around - shift, after=around + shift)


class Upsample(Unweighted):
    operator: ClassVar[str] = "upsample"
    summary: ClassVar[str] = "Every axis larger by a whole factor."
    positional: ClassVar[tuple[str, ...]] = ("scale",)
    rule: ClassVar[str] = "C@(spatial*scale)"
    source: ClassVar[str] = "PyTorch Upsample (linear and cubic: half-pixel centres)"
    example: ClassVar[str] = "input 64@16x16\nupsample 2 -> conv 32 3x3 pad=1"

    scale: Sizes
    mode: Mode = "nearest"

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        scale = per_axis(self.scale, spatial_rank(shape, self.operator), "scale")
        return Shape(shape.channels, tuple(size * factor for size, factor in zip(shape.spatial, scale, strict=True)))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        scale = per_axis(self.scale, len(output.spatial), "scale")
        return tuple(resize_reach(self.mode, False, 1, factor) for factor in scale)


class Resize(Unweighted):
    operator: ClassVar[str] = "resize"
    summary: ClassVar[str] = "The map at another size, by the nearest pixel, or linear or cubic interpolation."
    positional: ClassVar[tuple[str, ...]] = ("size",)
    sized: ClassVar[Mapping[str, int]] = {"size": 1}
    rule: ClassVar[str] = "C@size"
    source: ClassVar[str] = (
        "PyTorch interpolate (nearest, linear, bilinear, trilinear, bicubic); cubic: Keys 1981 (Cubic convolution "
        "interpolation for digital image processing) with a = -0.75"
    )
    example: ClassVar[str] = "input 21@28x28\nresize 224x224 mode=linear"

    size: Sizes
    mode: Mode = "nearest"
    align_corners: Flag = False

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        if self.align_corners and self.mode == "nearest":
            raise ShapeError(
                "bad-argument",
                "resize: align_corners is for mode=linear and mode=cubic; the nearest pixel has no corners to align",
                argument="align_corners",
            )
        return Shape(shape.channels, per_axis(self.size, spatial_rank(shape, self.operator), "size"))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return tuple(
            resize_reach(self.mode, self.align_corners, size, cells)
            for size, cells in zip(shapes[0].spatial, output.spatial, strict=True)
        )


class Slice(Unweighted):
    operator: ClassVar[str] = "slice"
    summary: ClassVar[str] = "A range of the channels (axis 0) or of a spatial axis."
    positional: ClassVar[tuple[str, ...]] = ("begin", "end")
    sized: ClassVar[Mapping[str, int]] = {"begin": 0, "end": 0}
    takes_integers: ClassVar[bool] = True
    rule: ClassVar[str] = "the axis becomes end - begin"
    source: ClassVar[str] = "ONNX Slice"
    example: ClassVar[str] = "input 64@28x28\nslice 0 32"

    begin: Natural
    end: Natural
    axis: Natural = 0

    def output(self, shapes: Sequence[Shape]) -> Shape:
        dimensions = along(self.operator, self.axis, shapes[0])
        size = dimensions[self.axis]
        if not self.begin < self.end <= size:
            raise ShapeError(
                "bad-slice",
                f"slice: {self.begin} to {self.end} is no range of an axis of size {size}",
                f"begin must be below end, and end at most {size}",
                argument="begin" if self.begin >= self.end else "end",
            )
        dimensions[self.axis] = self.end - self.begin
        return Shape(dimensions[0], tuple(dimensions[1:]))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        shifts = (self.begin if axis == self.axis else 0 for axis in range(1, len(output.dimensions)))
        return tuple(AxisReach(before=-shift, after=shift) for shift in shifts)
