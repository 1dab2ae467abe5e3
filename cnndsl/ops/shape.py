"""The same elements, arranged anew; nothing is multiplied."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cnndsl.ops.base import AxisReach, Elementwise, Reach, Unweighted, over_channels
from cnndsl.ops.fields import Count, Order, Target, listed
from cnndsl.shapes import Shape, ShapeError


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
    sized: ClassVar[Mapping[str, int]] = {"shape": 1}
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
