"""Operators that move or resize, and multiply nothing."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AxisReach, Elementwise, Reach, Unweighted, along, over_channels, spatial_rank
from cnndsl.ops.conv import check_pad_mode
from cnndsl.ops.fields import Cells, Count, Expects, Flag, Natural, Order, PadMode, Real, Sizes, Target, listed
from cnndsl.shapes import Axis, Shape, ShapeError, explicit_padding, per_axis


class Identity(Elementwise):
    operator: ClassVar[str] = "identity"
    summary: ClassVar[str] = "As it came: the empty branch of a residual connection."
    transparent: ClassVar[bool] = True
    takes_integers: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape of the input"
    source: ClassVar[str] = "He et al. 2015 (Deep residual learning)"
    example: ClassVar[str] = "input 64@56x56\nadd { conv 64 3x3 pad=1; identity }"

    def does_nothing(self, shape: Shape, output: Shape) -> bool:
        return True


class Flatten(Unweighted):
    operator: ClassVar[str] = "flatten"
    summary: ClassVar[str] = "A map as a vector, channel by channel."
    transparent: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    takes_integers: ClassVar[bool] = True
    rule: ClassVar[str] = "C*prod(spatial), channel-major"
    source: ClassVar[str] = "PyTorch Flatten"
    example: ClassVar[str] = "input 16@5x5\nflatten -> dense 120"

    def output(self, shapes: Sequence[Shape]) -> Shape:
        return Shape(shapes[0].elements)

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class Reshape(Unweighted):
    operator: ClassVar[str] = "reshape"
    summary: ClassVar[str] = "The same elements in another shape."
    positional: ClassVar[tuple[str, ...]] = ("shape",)
    in_place: ClassVar[bool] = True
    takes_integers: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape given, with the same number of elements, in the same order"
    source: ClassVar[str] = "ONNX Reshape"
    example: ClassVar[str] = "input 100\ndense 8192 -> reshape (512@4x4)"

    shape: Target

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        if shape.elements != self.shape.elements:
            raise ShapeError(
                "reshape-mismatch",
                f"reshape: {self.shape} has {self.shape.elements:,} elements, but the input {shape} has "
                f"{shape.elements:,}",
                argument="shape",
            )
        return self.shape

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class Permute(Unweighted):
    operator: ClassVar[str] = "permute"
    summary: ClassVar[str] = "The axes in another order; axis 0 is the channels."
    positional: ClassVar[tuple[str, ...]] = ("order",)
    takes_integers: ClassVar[bool] = True
    rule: ClassVar[str] = "axis i of the output is axis order[i] of the input"
    source: ClassVar[str] = "ONNX Transpose"
    example: ClassVar[str] = "input 3@16x24\npermute [0, 2, 1]"

    order: Order

    def output(self, shapes: Sequence[Shape]) -> Shape:
        dimensions = shapes[0].dimensions
        if sorted(self.order) != list(range(len(dimensions))):
            raise ShapeError(
                "bad-argument",
                f"permute: the order must hold each of the axes 0 to {len(dimensions) - 1} once, got "
                f"{listed(self.order)}",
                argument="order",
            )
        moved = [dimensions[axis] for axis in self.order]
        return Shape(moved[0], tuple(moved[1:]))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return tuple(AxisReach(source=axis - 1) for axis in self.order[1:])


class Pad(Unweighted):
    operator: ClassVar[str] = "pad"
    summary: ClassVar[str] = "Cells added around the map."
    positional: ClassVar[tuple[str, ...]] = ("size",)
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


class ChannelShuffle(Unweighted):
    operator: ClassVar[str] = "channel_shuffle"
    summary: ClassVar[str] = "The channels of the groups dealt out in turn."
    positional: ClassVar[tuple[str, ...]] = ("groups",)
    rule: ClassVar[str] = "the shape of the input; channel i*groups + g of the output is channel g*C/groups + i"
    source: ClassVar[str] = "Zhang et al. 2018 (ShuffleNet), section 3.1"
    example: ClassVar[str] = "input 24@28x28\nconv 24 1x1 groups=3 -> channel_shuffle 3"

    groups: Count

    def output(self, shapes: Sequence[Shape]) -> Shape:
        if shapes[0].channels % self.groups:
            raise ShapeError(
                "bad-groups",
                f"channel_shuffle: {shapes[0].channels} channels cannot be divided into {self.groups} equal groups",
                argument="groups",
            )
        return shapes[0]

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return over_channels(output)


class PixelShuffle(Unweighted):
    operator: ClassVar[str] = "pixel_shuffle"
    summary: ClassVar[str] = "Channels become pixels: sub-pixel convolution's rearrangement."
    positional: ClassVar[tuple[str, ...]] = ("factor",)
    rule: ClassVar[str] = "(C/f²)@(H*f)x(W*f)"
    source: ClassVar[str] = "Shi et al. 2016 (ESPCN); PyTorch PixelShuffle, ONNX DepthToSpace in CRD mode"
    example: ClassVar[str] = "input 12@32x32\npixel_shuffle 2"

    factor: Count

    def output(self, shapes: Sequence[Shape]) -> Shape:
        shape = planar(shapes[0], self.operator)
        square = self.factor * self.factor
        if shape.channels % square:
            raise ShapeError(
                "bad-groups",
                f"pixel_shuffle: {shape.channels} channels cannot be divided by factor² = {square}",
                argument="factor",
            )
        return Shape(shape.channels // square, tuple(size * self.factor for size in shape.spatial))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return (AxisReach(rate=self.factor, before=self.factor - 1),) * 2


class SpaceToDepth(Unweighted):
    operator: ClassVar[str] = "space_to_depth"
    summary: ClassVar[str] = "Pixels become channels: the inverse of pixel_shuffle."
    positional: ClassVar[tuple[str, ...]] = ("factor",)
    rule: ClassVar[str] = "(C*f²)@(H/f)x(W/f)"
    source: ClassVar[str] = "PyTorch PixelUnshuffle"
    example: ClassVar[str] = "input 3@32x32\nspace_to_depth 2"

    factor: Count

    def output(self, shapes: Sequence[Shape]) -> Shape:
        shape = planar(shapes[0], self.operator)
        if any(size % self.factor for size in shape.spatial):
            raise ShapeError(
                "bad-groups",
                f"space_to_depth: the input {shape} cannot be divided by the factor {self.factor}",
                argument="factor",
            )
        square = self.factor * self.factor
        return Shape(shape.channels * square, tuple(size // self.factor for size in shape.spatial))

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return (AxisReach(step=self.factor, after=self.factor - 1),) * 2


def planar(shape: Shape, operator: str) -> Shape:
    if len(shape.spatial) != 2:
        raise ShapeError("wrong-rank", f"{operator} takes 2 spatial axes, but its input is {shape}")
    return shape
