"""What a translation from ONNX works with: values, the layers under construction, and one node at a time.

A value remembers which ONNX axis is which of its own, so that transpositions cost nothing until an operator minds.
Graphs from channels-last exporters lose their transpositions that way.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from onnx import NodeProto
from pydantic import ValidationError

from cnndsl.arrays import Array
from cnndsl.errors import quoted
from cnndsl.interop.onnx.importer.names import blocks_around, called_weight, layer_name
from cnndsl.ir import Dtype, Graph, Input, Instance, Node
from cnndsl.lang.elaborate.infer import dtype_after
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.ops.base import Operator
from cnndsl.ops.shape import Flatten, Permute, Reshape
from cnndsl.shapes import MAX_RANK, Shape, ShapeError

LOWEST = float(np.finfo(np.float32).min)


def beyond_float32(array: Array) -> bool:
    """Whether a finite number of the array is none in float32."""
    if array.dtype.kind != "f" or array.dtype.itemsize <= 4:
        return False
    return bool(np.any(np.isfinite(array) & (np.abs(array) > -LOWEST)))


class Refusal(Exception):
    """The language cannot say what a node does; the message says why."""

    def __init__(self, message: str, *help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class NeedsConstant(Refusal):
    """A node takes from an input of the network what the language wants to be fixed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message, "weights and settings must be constants")
        self.name = name


class Value(NamedTuple):
    """A value of the network. ``order[i]`` is the axis of ``shape.dimensions`` that ONNX has at place i."""

    name: str
    shape: Shape
    order: tuple[int, ...]
    dtype: Dtype = "float32"

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The extents in ONNX's order, without the batch."""
        return tuple(self.shape.dimensions[axis] for axis in self.order)

    @property
    def plain(self) -> bool:
        return self.order == tuple(range(len(self.order)))

    @property
    def turned(self) -> bool:
        """Whether its channels are last in ONNX, behind other axes."""
        return not self.plain and self.order == channels_last(len(self.order))

    def ordered(self, order: Sequence[int]) -> "Value":
        return self._replace(order=tuple(order))


class Parts(NamedTuple):
    """A sequence of values."""

    values: tuple[Value, ...]


Known: TypeAlias = Value | Array | Parts | None
"""What a tensor of the model is; None for what was reported."""


class Constant(NamedTuple):
    """Numbers beside a value: whether they are parameters, held by an initializer, and called so."""

    array: Array
    learnt: bool = False
    named: bool = False


def in_order(name: str, shape: Shape, dtype: Dtype = "float32") -> Value:
    """A value whose axes are ONNX's."""
    return Value(name, shape, tuple(range(len(shape.dimensions))), dtype)


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of a value whose channels are the last axis in ONNX."""
    return (*range(1, rank), 0)


class ImportedLayer:
    """A layer under construction; a later node may still add to it."""

    def __init__(
        self, label: str, op: Operator, inputs: tuple[Value, ...], output: Value, weights: dict[str, Array]
    ) -> None:
        self.label = label
        self.op = op
        self.inputs = inputs
        self.output = output
        self.weights = weights
        self.owner: ImportedLayer | None = None
        """The layer whose weights it uses."""
        self.lends = False
        """Whether others use its weights."""
        self.incomplete = False
        """Whether a later node must add the weight that is zeros as yet."""
        self.stretched: Value | None = None
        """The value that it repeats along axes of one cell, as merges do by themselves."""
        self.origin: NodeProto | None = None
        """The node that it came from."""
        self.path: tuple[str, ...] = ()
        """The names of the modules around it, outermost first."""
        self.tensors: tuple[str, ...] = ()
        """The names of the tensors that its weights were, where they are known."""

    def extent(self, axis: int) -> int:
        """The extent of an axis of its first input."""
        return self.inputs[0].shape.dimensions[axis]


class Builder:
    """The network under construction. ``batch`` is the extent of the batch axis, None if no axis is the batch.

    ``symbolic`` says that the extent stands for any.
    """

    def __init__(self, batch: int | None, symbolic: bool = False, limits: Limits = DEFAULT_LIMITS) -> None:
        self.batch = batch
        self.symbolic = symbolic
        self.limits = limits
        self.inputs: list[Value] = []
        self.layers: dict[str, ImportedLayer] = {}
        self.readers: Counter[str] = Counter()
        self.lenders: dict[tuple[object, ...], ImportedLayer] = {}
        self.learnt: set[str] = set()
        """The tensors that are parameters: float initializers, and what is computed from them."""
        self.gain_of: Callable[[str, int], tuple[Array, Array] | None] = lambda name, axis: None
        """A weight without its gain along an axis, and the gain; None for one that has none."""
        self.origin: NodeProto | None = None
        """The node that is translated."""
        self.path: tuple[str, ...] = ()
        """The names of the modules around that node, outermost first."""
        self.classes: dict[str, str] = {}
        """The classes of those modules by their names."""
        self._taken: set[str] = set()
        self._counters: dict[str, int] = {}

    @property
    def leading(self) -> tuple[int, ...]:
        """The extents in front of a value's own: the batch, or nothing."""
        return () if self.batch is None else (self.batch,)

    def enter(self, node: NodeProto) -> None:
        """Takes the layers that follow for those of a node."""
        blocks = blocks_around(node)
        self.origin, self.path = node, tuple(name for name, _ in blocks)
        self.classes.update(blocks)

    def fresh(self, label: str, base: str) -> str:
        """``label``, or ``base`` and a number where there is none or it is taken; behind a label that ends in a dot."""
        if label and label[-1] != "." and label not in self._taken:
            self._taken.add(label)
            return label
        stem = f"{label}_" if label and label[-1] != "." else label + base
        while True:
            number = self._counters[stem] = self._counters.get(stem, 0) + 1
            if (name := f"{stem}{number}") not in self._taken:
                self._taken.add(name)
                return name

    def add_input(self, label: str, sizes: Sequence[int], dtype: Dtype, turned: bool) -> Value:
        """An input that has those extents in ONNX, the last of which may be its channels."""
        order = channels_last(len(sizes)) if turned else tuple(range(len(sizes)))
        first, *rest = (sizes[order.index(axis)] for axis in range(len(sizes)))
        value = Value(self.fresh(label, "input"), Shape(first, tuple(rest)), order, dtype)
        self.inputs.append(value)
        return value

    def emit(
        self, label: str, op: Operator, inputs: Sequence[Value], weights: Mapping[str, Array] | None = None
    ) -> Value:
        """A layer on values whose axes are in the language's order. Raises ShapeError and Refusal."""
        shapes = tuple(value.shape for value in inputs)
        shape = self._output(op, shapes)
        if len(self.layers) >= self.limits.layers:
            raise Refusal(f"the network has more than {self.limits.layers:,} layers")
        wanted = {name: weight.shape for name, weight in op.weights(shapes).items()}
        arrays = {name: np.asarray(array) for name, array in (weights or {}).items()}
        if wanted != {name: array.shape for name, array in arrays.items()}:
            raise Refusal(f"its weights are {_shapes(arrays)}, but must be {wanted}")
        if any(map(beyond_float32, arrays.values())):
            raise Refusal("its weights are beyond float32")
        dtype = dtype_after(op, [value.dtype for value in inputs])
        if dtype is None:
            looks_up = "it looks up numbers that are not whole"
            raise Refusal(
                looks_up if op.looks_up else "it computes with whole numbers, and the language with float32 only"
            )
        output = in_order(f"{len(self.layers)} {op.operator}", shape, dtype)
        layer = self.layers[output.name] = ImportedLayer(label, op, tuple(inputs), output, arrays)
        layer.origin, layer.path = self.origin, self.path
        self.readers.update(value.name for value in inputs)
        return output

    def _output(self, op: Operator, shapes: Sequence[Shape]) -> Shape:
        """The operator's output shape, if the language has such. Raises ShapeError and Refusal."""
        shape = op.output(shapes)
        if max(shape.dimensions) > self.limits.dimension:
            raise Refusal(f"it gives an extent of {max(shape.dimensions):,}, over {self.limits.dimension:,}")
        if len(shape.spatial) > MAX_RANK:
            raise Refusal(f"it gives {len(shape.spatial)} spatial axes, over {MAX_RANK}")
        return shape

    def unread(self, value: Value) -> ImportedLayer | None:
        """The layer that made the value, if none reads it and none shares weights with it."""
        layer = self.layers.get(value.name)
        return None if layer is None or self.readers[value.name] or layer.owner or layer.lends else layer

    def replaced(self, layer: ImportedLayer, op: Operator) -> Value:
        """The value of a layer that does something else from now on; nobody may have read it. Raises ShapeError and
        Refusal.
        """
        shape = self._output(op, tuple(value.shape for value in layer.inputs))
        layer.op, layer.output = op, layer.output._replace(shape=shape)
        return layer.output

    def straight(self, value: Value, label: str = "") -> Value:
        """The value with its axes in ONNX's order."""
        if value.plain:
            return value
        return self.emit(label, Permute(order=value.order), [value])

    def led_by(self, value: Value, axis: int) -> Value:
        """The value with that axis of its shape in the place of the channels."""
        if axis == 0:
            return value
        order = (axis, *(other for other in range(len(value.order)) if other != axis))
        moved = self.emit("", Permute(order=order), [value.ordered(range(len(order)))])
        return moved.ordered([order.index(other) for other in value.order])

    def needed(self, outputs: Sequence[Value]) -> set[str]:
        """The names of the values that the outputs depend on."""
        found = {value.name for value in outputs}
        for key, layer in reversed(self.layers.items()):
            if key in found:
                found.update(value.name for value in layer.inputs)
                found.update([layer.owner.output.name] if layer.owner else [])
        return found

    def network(self, title: str, outputs: Sequence[Value]) -> Graph:
        """The layers that matter to the outputs, by the names that the exporter gave them."""
        needed = self.needed(outputs)
        names = {value.name: value.name for value in self.inputs}
        nodes = []
        self.tensors: dict[str, Array] = {}
        self.titled: dict[str, ImportedLayer] = {}
        for key, layer in self.layers.items():
            if key not in needed:
                continue
            names[key] = self.fresh(layer.label, layer.op.operator)
            self.titled[names[key]] = layer
            share = None if layer.owner is None else names[layer.owner.output.name]
            if share is None:
                self.tensors.update((f"{names[key]}.{role}", array) for role, array in layer.weights.items())
            inputs = tuple(names[value.name] for value in layer.inputs)
            shape, dtype = layer.output.shape, layer.output.dtype
            name, op = names[key], layer.op
            nodes.append(Node(name=name, op=op, inputs=inputs, shape=shape, dtype=dtype, path=layer.path, share=share))
        around = dict.fromkeys(node.path[:depth] for node in nodes for depth in range(1, len(node.path) + 1))
        return Graph(
            name=title,
            inputs=tuple(Input(name=value.name, shape=value.shape, dtype=value.dtype) for value in self.inputs),
            layers=tuple(nodes),
            outputs=tuple(names[value.name] for value in outputs),
            instances=tuple(Instance(path=path, block=self.classes[path[-1]]) for path in around),
        )

    def weights(self) -> dict[str, Array]:
        """The tensors of the network by key ``<layer>.<weight>``, as float32."""
        with np.errstate(over="ignore"):
            return {key: array.astype(np.float32, copy=False) for key, array in self.tensors.items()}


def _shapes(arrays: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}


class NodeContext:
    """One ONNX node, or one group of nodes that means one layer, and what it may ask."""

    def __init__(
        self,
        builder: Builder,
        node: NodeProto,
        attributes: Mapping[str, Any],
        inputs: Sequence[Known],
        opset: int,
        uses: Mapping[str, int],
        producer: str = "",
        label: str | None = None,
    ) -> None:
        self.builder = builder
        self.node = node
        self.attributes = attributes
        self.inputs = inputs
        self.opset = opset
        self.uses = uses
        self.producer = producer
        self.label = layer_name(node, producer) if label is None else label
        self.own_export = producer == "cnndsl"

    def reading(self, *inputs: Known) -> "NodeContext":
        """The node with other inputs."""
        return NodeContext(self.builder, self.node, self.attributes, inputs, self.opset, self.uses, self.producer)

    def attribute(self, name: str, default: Any) -> Any:
        return self.attributes.get(name, default)

    def given(self, index: int) -> bool:
        """Whether there is an input at that place."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def any(self, index: int = 0) -> Value:
        """The value at that place, with its axes in any order."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if isinstance(value, Parts):
            raise Refusal("it works on a sequence")
        if not isinstance(value, Value):
            raise Refusal("it works on a constant alone" if value is not None else "it lacks an input")
        return value

    def value(self, index: int = 0) -> Value:
        """The value at that place with its axes in ONNX's order."""
        return self.builder.straight(self.any(index))

    def constant(self, index: int, what: str) -> Array:
        """The constant at that place. Raises NeedsConstant."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if isinstance(value, Value | Parts):
            raise NeedsConstant(self.node.input[index], f"its {what} is computed from the network's inputs")
        if value is None:
            raise Refusal(f"it has no {what}")
        return value

    def beside(self, index: int, what: str) -> Constant:
        """The constant at that place and what is known of it. Raises NeedsConstant."""
        name = self.node.input[index]
        return Constant(self.constant(index, what), name in self.builder.learnt, called_weight(name))

    def integers(self, index: int, what: str) -> list[int]:
        return [int(number) for number in np.ravel(self.constant(index, what))]

    def number(self, index: int, what: str) -> float:
        array = self.constant(index, what)
        if array.size != 1:
            raise Refusal(f"its {what} is not a single number")
        return decimal(array.item())

    def real(self, name: str, default: float) -> float:
        """A float attribute; stored in float32, so that 1e-5 is read as 1e-5."""
        return decimal(self.attribute(name, default))

    def axis(self, value: Value, axis: int) -> int:
        """The axis of the value's shape that ONNX calls ``axis``."""
        rank = len(value.order) + len(self.builder.leading)
        place = axis + rank if axis < 0 else axis
        if not 0 <= place < rank:
            raise Refusal(f"axis {axis} is beyond its input")
        if place < len(self.builder.leading):
            raise Refusal("it works across the examples of the batch")
        return value.order[place - len(self.builder.leading)]

    def emit(self, op: Operator, *inputs: Value, **weights: Array) -> Value:
        """A layer on values whose axes are in the language's order. Raises ShapeError and Refusal."""
        value = self.builder.emit(self.label, op, inputs, weights)
        if (op.linear or op.looks_up) and weights:
            self._share(self.builder.layers[value.name])
        return value

    def _share(self, layer: ImportedLayer) -> None:
        """Lets the layer use the weights of an earlier one that reads the same tensors."""
        key = (layer.op, *self.node.input[1:], *map(str, self.attributes.items()))
        lender = self.builder.lenders.setdefault(key, layer)
        if lender is not layer and {n: a.shape for n, a in lender.weights.items()} == _shapes(layer.weights):
            layer.owner, lender.lends = lender, True

    def reshape(self, value: Value, dimensions: Sequence[int]) -> Value:
        """The elements in another shape; nothing if it has that shape."""
        shape = Shape(dimensions[0], tuple(dimensions[1:]))
        if (cell := self._one_cell(value, tuple(dimensions))) is not None:
            return cell
        longer = [axis for axis in value.order if value.shape.dimensions[axis] > 1]
        if self.own_export or longer != sorted(longer):
            value = self.builder.straight(value)
        value = value.ordered(range(len(value.order)))
        if value.shape == shape:
            return value
        if shape.is_vector and shape.channels == value.shape.elements:
            return self.emit(Flatten(), value)
        return self.emit(Reshape(shape=shape), value)

    def _one_cell(self, value: Value, dimensions: tuple[int, ...]) -> Value | None:
        """The map of one cell that was flattened to the value, if that has these extents, channels first or last."""
        layer = self.builder.layers.get(value.name)
        if layer is None or not isinstance(layer.op, Flatten) or self.own_export:
            return None
        source = layer.inputs[0]
        rank = len(source.order)
        found = (source.ordered(order) for order in (range(rank), channels_last(rank)))
        one = source.shape.elements == source.shape.channels
        return next((cell for cell in found if one and cell.dimensions == dimensions), None)

    def maker(self, index: int = 0) -> ImportedLayer | None:
        """The layer that made the value at that place, if this node alone reads it."""
        value = self.inputs[index]
        if not isinstance(value, Value) or self.uses.get(self.node.input[index], 0) != 1:
            return None
        return self.builder.unread(value)


def decimal(number: float) -> float:
    """The shortest decimal number within the rounding of a float32: 1e-5, not 9.999999747378752e-06."""
    with np.errstate(over="ignore"):
        exact, short = float(str(np.float32(number))), float(f"{number:.6g}")
    return short if abs(short - exact) <= 2e-7 * abs(exact) else exact


def reason(error: ShapeError | ValidationError) -> str:
    """What an operator has against its arguments."""
    if isinstance(error, ShapeError):
        return error.message
    first = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'][:1]))}: {quoted(str(first.get('input')))} is not possible"
