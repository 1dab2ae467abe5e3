"""What a translation to ONNX works with: the graph under construction, and one layer of it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from cnndsl.extents.expression import evaluated
from cnndsl.interop.onnx.exporter.sizes import Sizes
from cnndsl.ir import Node
from cnndsl.ops.base import Operator
from cnndsl.shapes import Pairs, Shape

AnyOperator = TypeVar("AnyOperator", bound=Operator)


class OnnxGraph:
    """Nodes and constants in the order in which they were made; names in ``taken`` stand for something else."""

    def __init__(self, opset: int, taken: Iterable[str]) -> None:
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._taken = set(taken)

    def fresh(self, name: str) -> str:
        """``name``, with a number behind it if something is called so already."""
        number, candidate = 1, name
        while candidate in self._taken:
            number += 1
            candidate = f"{name}_{number}"
        self._taken.add(candidate)
        return candidate

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        name = self.fresh(name)
        self.constants.append(numpy_helper.from_array(values, name))
        return name


class Dimension:
    """An extent that is known when the model runs, an int64 tensor (1,): its arithmetic emits nodes."""

    def __init__(self, layer: "ExportedLayer[Any]", tensor: str) -> None:
        self.tensor = tensor
        self._layer = layer

    def _with(self, kind: str, left: "int | Dimension", right: "int | Dimension") -> "Dimension":
        return Dimension(self._layer, self._layer.emit(kind, self._layer.tensor(left), self._layer.tensor(right)))

    def __add__(self, other: "int | Dimension") -> "Dimension":
        return self if isinstance(other, int) and other == 0 else self._with("Add", self, other)

    def __radd__(self, other: int) -> "Dimension":
        return self + other

    def __sub__(self, other: "int | Dimension") -> "Dimension":
        return self if isinstance(other, int) and other == 0 else self._with("Sub", self, other)

    def __rsub__(self, other: int) -> "Dimension":
        return self._with("Sub", other, self)

    def __neg__(self) -> "Dimension":
        return 0 - self

    def __mul__(self, other: "int | Dimension") -> "Dimension":
        return self if isinstance(other, int) and other == 1 else self._with("Mul", self, other)

    def __rmul__(self, other: int) -> "Dimension":
        return self * other

    def __mod__(self, other: "int | Dimension") -> "Dimension":
        return self._with("Mod", self, other)

    def __floordiv__(self, other: "int | Dimension") -> "Dimension":
        """ONNX cuts a quotient off towards 0; less its remainder, what is divided leaves none."""
        return self if isinstance(other, int) and other == 1 else self._with("Div", self - self % other, other)

    def __rfloordiv__(self, other: int) -> "Dimension":
        return self._with("Div", other, self)

    def at_least(self, other: "int | Dimension") -> "Dimension":
        return self._with("Max", self, other)

    def at_most(self, other: "int | Dimension") -> "Dimension":
        return self._with("Min", self, other)


Whole: TypeAlias = int | Dimension
"""A number, or one that is known when the model runs."""


class ExportedLayer(Generic[AnyOperator]):
    """A layer with what its translation may ask, and the means to emit ONNX nodes.

    ``stretches`` tells that a result for one example does: whoever reads it stretches it along the batch.
    Axis numbers given to the methods are ONNX's: 0 is the batch, 1 the channels. Tensors are known by their names.
    """

    def __init__(
        self,
        graph: OnnxGraph,
        node: Node,
        op: AnyOperator,
        shapes: Sequence[Shape],
        weights: Iterable[str],
        place: str,
        stretches: bool = False,
        sizes: Sizes | None = None,
    ) -> None:
        self.op = op
        self.inputs = node.inputs
        self.shapes = shapes
        self.output = node.shape
        self.opset = graph.opset
        self.stretches = stretches
        self._graph = graph
        self._name = node.name
        self._owner = node.share or node.name
        self._weights = frozenset(weights)
        self._place = place
        self._emitted: list[NodeProto] = []
        self._node = node
        self._sizes = sizes
        self._open = sizes.open_axes(node.inputs[0]) if sizes else (False,) * len(shapes[0].dimensions)
        self._extents: dict[tuple[str, int], Dimension] = {}

    @property
    def input(self) -> str:
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of the first input."""
        return self.shapes[0]

    @property
    def rank(self) -> int:
        """The number of spatial axes of the first input."""
        return len(self.shape.spatial)

    @property
    def dimensions(self) -> list[Whole]:
        """The axes of the first input, channels first."""
        return [
            self.extent(self.input, axis) if is_open else size
            for axis, (size, is_open) in enumerate(zip(self.shape.dimensions, self._open, strict=True), start=1)
        ]

    @property
    def is_open(self) -> bool:
        """Whether an extent of the first input, or an argument, is only known when the model runs."""
        return any(self._open) or bool(self._node.symbolic)

    def always(self, rule: Callable[[Any, Sequence[Shape]], Any]) -> bool:
        """Whether something holds of the operator and the shapes of the inputs at every size."""
        return bool(rule(self.op, self.shapes)) and (self._sizes is None or self._sizes.always(self._node, rule))

    def argument(self, field: str) -> Any:
        """An argument of the operator, with what follows from symbols as dimensions."""
        texts = self._node.symbolic.get(field)
        if texts is None or self._sizes is None:
            return getattr(self.op, field)
        values = {}
        for symbol, (name, axis, factor, rest) in self._sizes.readings.items():
            if any(symbol in text for text in texts):
                values[symbol] = (self.extent(name, axis + 1) - rest) // factor
        found = [evaluated(text, values) for text in texts]
        return tuple(found) if len(found) > 1 else found[0]

    def extent(self, x: str, axis: int) -> Dimension:
        """What an axis of a tensor measures when the model runs."""
        known = self._extents.get((x, axis))
        if known is None:
            known = Dimension(self, self.emit("Gather", self.emit("Shape", x), self.integers("axis", [axis]), axis=0))
            self._extents[x, axis] = known
        return known

    def tensor(self, number: Whole) -> str:
        """A number as an int64 tensor (1,)."""
        return number.tensor if isinstance(number, Dimension) else self.integers("number", [number])

    def range(self, end: Whole) -> str:
        """The int64 tensor 0, 1 ... up to, not including, the end."""
        zero, one = (self.integers(role, number) for role, number in (("zero", 0), ("one", 1)))
        return self.emit("Range", zero, self.emit("Squeeze", self.tensor(end)), one)

    def emit(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node and gives the name of its result."""
        name = self._graph.fresh(f"{self._name}/{kind}")
        node = helper.make_node(kind, inputs, [name], name=name, doc_string=self._place, **attributes)
        self._emitted.append(node)
        return name

    def finish(self, result: str) -> None:
        """Hands the nodes over; the last one, which must have made ``result``, and its result get the layer's name."""
        if not self._emitted or self._emitted[-1].output[0] != result:
            self.emit("Identity", result)
        last = self._emitted[-1]
        last.name = last.output[0] = self._name
        self._graph.nodes.extend(self._emitted)

    def weight(self, name: str) -> str:
        """The name of a weight of this layer, or of the layer whose weights it shares."""
        return f"{self._owner}.{name}"

    def optional_weights(self, *names: str) -> list[str]:
        """Those of the weights that the layer has."""
        return [self.weight(name) for name in names if name in self._weights]

    def weight_or(self, name: str, fill: float) -> str:
        """The weight (C,) if the layer has it, otherwise ``fill`` for every channel."""
        if name in self._weights:
            return self.weight(name)
        return self.numbers(name, np.full(self.shape.channels, fill))

    def integers(self, role: str, values: ArrayLike) -> str:
        """An int64 constant."""
        return self._graph.constant(f"{self._name}/{role}", np.asarray(values, np.int64))

    def numbers(self, role: str, values: ArrayLike) -> str:
        """A float32 constant."""
        return self._graph.constant(f"{self._name}/{role}", np.asarray(values, np.float32))

    def per_channel(self, tensor: str) -> str:
        """``tensor`` (C,) with an axis of size 1 for each spatial axis, so that it broadcasts along the channels."""
        if not self.rank:
            return tensor
        return self.emit("Unsqueeze", tensor, self.integers("axes", range(1, self.rank + 1)))

    def affine(self, x: str) -> str:
        """``x * weight + bias`` per channel, with as much of that as the layer has."""
        for weight in self.optional_weights("weight"):
            x = self.emit("Mul", x, self.per_channel(weight))
        for bias in self.optional_weights("bias"):
            x = self.emit("Add", x, self.per_channel(bias))
        return x

    def vector(self, role: str, numbers: Sequence[Whole]) -> str:
        """An int64 tensor, a constant where all numbers are known."""
        known = [number for number in numbers if isinstance(number, int)]
        if len(known) == len(numbers):
            return self.integers(role, known)
        return self.emit("Concat", *map(self.tensor, numbers), axis=0)

    def reshape(self, x: str, *sizes: Whole) -> str:
        """``x`` as (N, *sizes)."""
        return self.emit("Reshape", x, self.vector("shape", (0, *sizes)))

    def slice(self, x: str, axes: Sequence[int], begins: Sequence[Whole], ends: Sequence[Whole]) -> str:
        """The cells from begin to end (exclusive) along each of the axes."""
        bounds = [self.vector("begin", begins), self.vector("end", ends), self.integers("axes", axes)]
        return self.emit("Slice", x, *bounds)

    def reduce(self, kind: str, x: str, axes: Sequence[int], keepdims: bool) -> str:
        """A reduction; its axes are an input from opset 18 on, of ReduceSum since 13."""
        if kind == "ReduceSum" or self.opset >= 18:
            return self.emit(kind, x, self.integers("axes", axes), keepdims=int(keepdims))
        return self.emit(kind, x, axes=list(axes), keepdims=int(keepdims))

    def pad(self, x: str, pairs: Pairs | Sequence[tuple[Whole, Whole]], mode: str, value: float = 0.0) -> str:
        """``x`` grown by the cells before and after each spatial axis; ``x`` itself if there are none."""
        if not any(map(any, pairs)):
            return x
        if mode == "circular" and self.opset < 19:
            return self._wrap(x, pairs)
        begins, ends = zip(*pairs, strict=True)
        cells = self.vector("pads", (0, 0, *begins, 0, 0, *ends))
        if mode == "zeros":
            return self.emit("Pad", x, cells, self.numbers("value", value), mode="constant")
        return self.emit("Pad", x, cells, mode="wrap" if mode == "circular" else mode)

    def _wrap(self, x: str, pairs: Pairs | Sequence[tuple[Whole, Whole]]) -> str:
        for axis, (size, (begin, end)) in enumerate(zip(self.dimensions[1:], pairs, strict=True), start=2):
            parts = [x]
            if begin:
                parts.insert(0, self.slice(x, [axis], [size - begin], [size]))
            if end:
                parts.append(self.slice(x, [axis], [0], [end]))
            if len(parts) > 1:
                x = self.emit("Concat", *parts, axis=axis)
        return x
