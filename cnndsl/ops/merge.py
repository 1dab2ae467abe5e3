"""Merges: several branches become one value."""

from collections.abc import Sequence
from typing import ClassVar

from cnndsl.ops.base import Reach, Unweighted, over_channels
from cnndsl.ops.fields import Natural
from cnndsl.shapes import Shape, ShapeError, are_numbers, broadcast


class Merge(Unweighted):
    """What the element-wise merges share."""

    arity: ClassVar[tuple[int, int | None]] = (2, None)
    in_place: ClassVar[bool] = True
    rule: ClassVar[str] = "the common shape; an axis of size 1 stretches to the others' size"
    source: ClassVar[str] = "NumPy and ONNX broadcasting, for equal numbers of axes"
    example: ClassVar[str]

    def output(self, shapes: Sequence[Shape]) -> Shape:
        common = broadcast(shapes)
        if common is None:
            index = next(index for index in range(2, len(shapes) + 1) if broadcast(shapes[:index]) is None) - 1
            raise ShapeError(
                "merge-mismatch",
                f"{self.operator}: the branches have different shapes: "
                f"{' and '.join(map(str, dict.fromkeys(map(str, shapes))))}",
                *mismatch_help(shapes, index),
                branch=index,
            )
        return common

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "point"


def mismatch_help(shapes: Sequence[Shape], index: int, channels_join: bool = False) -> list[str]:
    """What would bring the branch at ``index`` and the first one together, as a layer to write and its effect.

    ``channels_join`` tells that the channels need not be equal.
    """
    first, other = shapes[0], shapes[index]
    if not are_numbers(shapes):
        return []
    if len(first.spatial) != len(other.spatial):
        return ["bring all branches to the same number of axes before they meet"]
    if first.spatial == other.spatial:
        parameters = (other.channels + 1) * first.channels
        layer = f"`conv {first.channels} 1x1`"
        return [f"{layer} at the end of branch {index + 1} makes it {first}, with {parameters:,} parameters"]
    smaller, larger, branch = (other, first, 1) if other.positions < first.positions else (first, other, index + 1)
    channels = larger.channels if channels_join else smaller.channels
    stride = -(-larger.spatial[0] // smaller.spatial[0])
    pairs = list(zip(larger.spatial, smaller.spatial, strict=True))
    if stride > 1 and all((size - 1) // stride + 1 == wanted for size, wanted in pairs):
        made = Shape(channels, smaller.spatial)
        return [f"`conv {channels} 1x1 stride={stride}` at the end of branch {branch} makes it {made}"]
    return ["give the branches the same stride, and pad=same where a kernel takes the border away"]


class Add(Merge):
    operator: ClassVar[str] = "add"
    summary: ClassVar[str] = "The sum of the branches: residual connections."
    source: ClassVar[str] = "He et al. 2015 (Deep residual learning)"
    example: ClassVar[str] = "input 64@56x56\nadd { conv 64 3x3 pad=1; identity }"


class Mul(Merge):
    operator: ClassVar[str] = "mul"
    summary: ClassVar[str] = "The product of the branches: gates."
    source: ClassVar[str] = "Hu et al. 2018 (Squeeze-and-Excitation)"
    example: ClassVar[str] = "input 64@56x56\nmul { identity; global_avgpool -> conv 64 1x1 -> sigmoid }"


class Sub(Merge):
    operator: ClassVar[str] = "sub"
    summary: ClassVar[str] = "The first branch less the second."
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    example: ClassVar[str] = "input 3@32x32\nsub { identity; avgpool 3x3 stride=1 pad=1 }"


class Div(Merge):
    operator: ClassVar[str] = "div"
    summary: ClassVar[str] = "The first branch divided by the second; by 0 it is infinite, and 0/0 is NaN."
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    example: ClassVar[str] = "input 64@56x56\ndiv { identity; square -> global_avgpool -> sqrt }"


class Maximum(Merge):
    operator: ClassVar[str] = "maximum"
    summary: ClassVar[str] = "The largest of the branches, element by element."
    source: ClassVar[str] = "Goodfellow et al. 2013 (Maxout)"
    example: ClassVar[str] = "input 3@32x32\nmaximum { conv 8 3x3; conv 8 3x3 }"


class Minimum(Merge):
    operator: ClassVar[str] = "minimum"
    summary: ClassVar[str] = "The smallest of the branches, element by element."
    example: ClassVar[str] = "input 3@32x32\nminimum { conv 8 3x3; conv 8 3x3 }"


class Average(Merge):
    operator: ClassVar[str] = "average"
    summary: ClassVar[str] = "The mean of the branches."
    example: ClassVar[str] = "input 3@32x32\naverage { conv 8 3x3; conv 8 3x3 }"


class Concat(Unweighted):
    operator: ClassVar[str] = "concat"
    summary: ClassVar[str] = "The branches one behind the other along the channels, or along another axis."
    arity: ClassVar[tuple[int, int | None]] = (2, None)
    rule: ClassVar[str] = "the sizes along the axis added up; all other sizes must be equal"
    source: ClassVar[str] = "Szegedy et al. 2015 (GoogLeNet)"
    example: ClassVar[str] = "input 64@28x28\nconcat { conv 16 1x1; conv 32 3x3 pad=1 }"

    axis: Natural = 0

    def output(self, shapes: Sequence[Shape]) -> Shape:
        first = shapes[0].dimensions
        if self.axis >= min(len(shape.dimensions) for shape in shapes):
            raise ShapeError(
                "wrong-rank",
                f"concat: axis={self.axis}, but the branches have the axes 0 to {len(first) - 1}",
                argument="axis",
            )
        for index, shape in enumerate(shapes[1:], 1):
            others = shape.dimensions
            rest = [n for axis, n in enumerate(others) if axis != self.axis]
            if len(others) != len(first) or rest != [n for axis, n in enumerate(first) if axis != self.axis]:
                raise ShapeError(
                    "merge-mismatch",
                    f"concat: the branches differ in more than axis {self.axis}: "
                    f"{' and '.join(dict.fromkeys(map(str, shapes)))}",
                    *mismatch_help(shapes, index, channels_join=self.axis == 0),
                    branch=index,
                )
        total = sum(shape.dimensions[self.axis] for shape in shapes)
        dimensions = (*first[: self.axis], total, *first[self.axis + 1 :])
        return Shape(dimensions[0], dimensions[1:])

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return over_channels(output) if self.axis == 0 else "whole"
