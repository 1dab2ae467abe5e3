"""Layers that read a whole vector, look-up tables, and values that are learned as they are."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cnndsl.ops.base import Operator, Reach, Weight, bias_weight, fitted
from cnndsl.ops.fields import Bias, Count, Literals, Real, Target
from cnndsl.shapes import Shape, ShapeError


def features_of(shape: Shape, operator: str, units: int) -> int:
    """The length of the input vector; a map is an error that says what flatten and global_avgpool would give."""
    if not shape.is_vector:
        raise ShapeError(
            "needs-vector",
            f"{operator} needs a vector, but its input is a map {shape}",
            f"insert `flatten` ({shape.elements:,} features → {weights_text(operator, shape.elements, units)})",
            f"or `global_avgpool -> flatten` ({shape.channels:,} features → "
            f"{weights_text(operator, shape.channels, units)})",
        )
    return shape.channels


def weights_text(operator: str, features: int, units: int) -> str:
    if operator == "dense":
        return f"{(features + 1) * units:,} parameters with bias"
    return f"{features * units:,} values"


class Dense(Operator):
    operator: ClassVar[str] = "dense"
    summary: ClassVar[str] = "A fully connected layer: every unit reads every feature."
    linear: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("units",)
    rule: ClassVar[str] = (
        "units; parameters units*(features + 1 if bias); MACs units*features; connections units*(features + 1 if bias)"
    )
    source: ClassVar[str] = "Rumelhart, Hinton, Williams 1986; PyTorch Linear"
    example: ClassVar[str] = "input 400\ndense 120 -> tanh"

    units: Count
    bias: Bias = True
    weight: Literals = None

    def output(self, shapes: Sequence[Shape]) -> Shape:
        features_of(shapes[0], self.operator, self.units)
        return Shape(self.units)

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        layout = (self.units, shapes[0].channels)
        literal = fitted(self.weight, layout, "weight")
        weight = Weight(layout, "kernel", fan_in=layout[1], fan_out=layout[0], literal=literal)
        return {"weight": weight, **bias_weight(self.bias, self.units)}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return self.units * shapes[0].channels

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return sum(weight.elements for weight in self.weights(shapes).values())

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class Rbf(Operator):
    operator: ClassVar[str] = "rbf"
    summary: ClassVar[str] = (
        "LeNet-5's output layer: each unit gives the squared distance of the input from its fixed centre."
    )
    positional: ClassVar[tuple[str, ...]] = ("units",)
    rule: ClassVar[str] = (
        "units; y_i = sum over j of (x_j - center_ij)²; no parameters: the centres are a buffer; "
        "connections units*features"
    )
    source: ClassVar[str] = "LeCun, Bottou, Bengio, Haffner 1998, section II.B, equation 7"
    example: ClassVar[str] = "input 84\nrbf 10"

    units: Count

    def output(self, shapes: Sequence[Shape]) -> Shape:
        features_of(shapes[0], self.operator, self.units)
        return Shape(self.units)

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return {"centers": Weight((self.units, shapes[0].channels), "signs", buffer=True)}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return self.units * shapes[0].channels

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "whole"


class Embedding(Operator):
    operator: ClassVar[str] = "embedding"
    summary: ClassVar[str] = "A table of vectors, one a word: a sequence of L word numbers becomes size@L."
    looks_up: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("vocabulary", "size")
    takes_integers: ClassVar[bool] = True
    rule: ClassVar[str] = "size@L; parameters vocabulary*size; no MACs (a look-up multiplies nothing)"
    source: ClassVar[str] = "Bengio et al. 2003; PyTorch Embedding"
    example: ClassVar[str] = "input 50 dtype=int64\nembedding 10000 128\nconv 100 3 -> relu"

    vocabulary: Count
    size: Count

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        if not shape.is_vector:
            raise ShapeError(
                "needs-vector",
                f"embedding reads a sequence of word numbers, such as `input 50 dtype=int64`, but its input is {shape}",
                "give the length alone as the input's shape",
            )
        return Shape(self.size, (shape.channels,))

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return {"weight": Weight((self.vocabulary, self.size), "normal")}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "point"


class Parameter(Operator):
    operator: ClassVar[str] = "parameter"
    summary: ClassVar[str] = (
        "A learned value of its own, the same for every example; what flows in is not read. Beside a map in a merge it "
        "stretches along axes of size 1: position maps, gates, temperatures."
    )
    independent: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("shape",)
    rule: ClassVar[str] = "the shape given; parameters its elements"
    source: ClassVar[str] = "Dosovitskiy et al. 2021 (ViT), for position embeddings; PyTorch Parameter"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1\nadd { identity; parameter 16@32x1 }"

    shape: Target
    init: Real = 0.0
    weight: Literals = None

    def output(self, shapes: Sequence[Shape]) -> Shape:
        return self.shape

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        layout = self.shape.dimensions
        return {"weight": Weight(layout, fill=self.init, literal=fitted(self.weight, layout, "weight"))}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "nothing"
