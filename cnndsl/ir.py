"""The graph: layers in order, each with its operator, inputs, shape and place in the source. Immutable.

``Graph.model_dump_json`` and ``model_validate_json`` are its JSON form, ``model_json_schema`` is the schema.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    WithJsonSchema,
)

from cnndsl import ops
from cnndsl.errors import Span, quoted
from cnndsl.ops.base import Operator, Weight
from cnndsl.shapes import Shape

if TYPE_CHECKING:
    from cnndsl.training_settings import Training
else:
    Training = Any  # what most networks do without is loaded for the others only

Dtype = Literal["float32", "int64"]


def shape_to_json(shape: Shape) -> dict[str, Any]:
    """``{"channels": 6, "spatial": [28, 28]}`` or ``{"features": 120}``."""
    if shape.is_vector:
        return {"features": shape.channels}
    return {"channels": shape.channels, "spatial": list(shape.spatial)}


def shape_from_json(value: object) -> object:
    """What :func:`shape_to_json` wrote, for Pydantic to check. Raises ValueError for anything else but a Shape."""
    if isinstance(value, dict):
        if set(value) == {"features"}:
            return (value["features"], ())
        if set(value) == {"channels", "spatial"}:
            return (value["channels"], value["spatial"])
    if not isinstance(value, Shape):
        raise ValueError("a shape is an object with channels and spatial, or with features")
    return value


_SHAPE_SCHEMA = {
    "oneOf": [
        {
            "type": "object",
            "properties": {
                "channels": {"type": "integer", "minimum": 1},
                "spatial": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
            },
            "required": ["channels", "spatial"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"features": {"type": "integer", "minimum": 1}},
            "required": ["features"],
            "additionalProperties": False,
        },
    ]
}

ShapeField = Annotated[
    Shape, BeforeValidator(shape_from_json), PlainSerializer(shape_to_json), WithJsonSchema(_SHAPE_SCHEMA)
]


def operator_to_json(operator: Operator) -> dict[str, Any]:
    """The operator's name under ``op`` beside its parameters."""
    return {"op": operator.operator, **operator.model_dump(mode="json")}


def operator_from_json(value: object) -> object:
    """What :func:`operator_to_json` wrote as an operator; anything else as it is, for Pydantic to refuse.

    Raises ValueError for an unknown operator.
    """
    if isinstance(value, dict):
        fields = dict(value)
        name = fields.pop("op", None)
        if name not in ops.NAMES:
            raise ValueError(f"unknown operator {quoted(str(name))}")
        return ops.operator(name).model_validate(fields)
    return value


_OPERATOR_SCHEMA = {
    "type": "object",
    "properties": {"op": {"enum": list(ops.NAMES)}},
    "required": ["op"],
    "additionalProperties": True,
}

OperatorField = Annotated[
    SerializeAsAny[Operator],
    BeforeValidator(operator_from_json),
    PlainSerializer(operator_to_json),
    WithJsonSchema(_OPERATOR_SCHEMA),
]


_UNLESS_EMPTY = Field(exclude_if=lambda value: not value)
"""JSON of a graph without symbols does not mention them."""


def training_from_json(value: object) -> "Training":
    """What ``Training.model_dump`` wrote. Raises ValueError for anything else but a Training."""
    from cnndsl.training_settings import Training

    return Training.model_validate(value)


TrainingField = Annotated[
    Training,
    PlainValidator(training_from_json),
    PlainSerializer(lambda training: training.model_dump(mode="json")),
    WithJsonSchema({"type": "object", "description": "The settings of `train { }`."}),
]


class Model(BaseModel):
    """Parts of a graph: immutable, and what JSON holds beside their fields is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Symbol(Model):
    """A name for an extent that is known when the network is used."""

    name: str
    """As in expressions."""
    default: Annotated[int, Field(ge=1)]
    """The extent that all numbers of the graph are for."""
    span: Span | None = None
    """Where it was written."""


class Assumption(Model):
    """What whoever uses the network promises of its symbols."""

    text: str
    """A condition, such as ``H % 32 == 0 and W % 32 == 0``."""
    span: Span | None = None
    """Where it was written."""


class Expectation(Model):
    """The shape that a value is said to have, whatever the symbols are."""

    value: str
    """The name of the value."""
    extents: tuple[str, ...]
    """An expression for every axis, channels first."""
    span: Span | None = None
    """Where it was written."""


class Input(Model):
    """A value given from outside."""

    name: str
    """As behind ``as``, or ``input``."""
    shape: ShapeField
    """Of one example."""
    dtype: Dtype = "float32"
    """``int64`` for what is looked up in a table."""
    span: Span | None = None
    """Where it was written."""
    extents: Annotated[tuple[str, ...], _UNLESS_EMPTY] = ()
    """Where symbols decide the shape: an expression for every axis, channels first."""

    def may_have(self, dimensions: tuple[int, ...]) -> bool:
        """Whether an example may have these extents, channels first: those of the shape, but where symbols decide."""
        if not self.extents or len(dimensions) != len(self.extents):
            return dimensions == self.shape.dimensions
        from cnndsl.extents.expression import names

        axes = zip(dimensions, self.shape.dimensions, self.extents, strict=True)
        return all(given == wanted or names(text) for given, wanted, text in axes)


class Node(Model):
    """A layer: an operator applied to named values. ``path`` names the block instances around it, outermost first.

    ``share`` names the layer whose weights it uses instead of its own.
    """

    name: str
    """Unique in the graph."""
    op: OperatorField
    """The operator with its parameters."""
    inputs: tuple[str, ...]
    """The names of what it reads, in order."""
    shape: ShapeField
    """Of its output, for one example."""
    dtype: Dtype = "float32"
    """Of its output."""
    span: Span | None = None
    """Where it was written."""
    path: tuple[str, ...] = ()
    share: str | None = None
    symbolic: Annotated[dict[str, tuple[str, ...]], _UNLESS_EMPTY] = {}
    """Parameters of the operator that follow from symbols: an expression for every number."""

    def arguments(self) -> str:
        """The operator's arguments as they are written."""
        return self.op.arguments(self.symbolic)


class Instance(Model):
    """What a block became where it was used: ``path`` is that of the layers inside, ``span`` the place of the call."""

    path: Annotated[tuple[str, ...], Field(min_length=1)]
    block: Annotated[str, Field(min_length=1)]
    """The name of the block."""
    span: Span | None = None

    @cached_property
    def arguments(self) -> dict[str, int | float]:
        """The numbers that it was called with, where a text was read; neither compared nor in JSON."""
        return {}


class Graph(Model):
    """A flat graph in executable order. Every name in ``inputs`` of a layer stands before that layer.

    ``instances`` are the block instances that hold layers, in the order of their first layers, outer ones first.
    """

    version: Literal[1] = 1
    """Of this format."""
    name: str
    """Of the network."""
    inputs: tuple[Input, ...]
    layers: tuple[Node, ...]
    """Each behind what it reads."""
    outputs: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of layers or inputs, in order."""
    instances: tuple[Instance, ...] = ()
    symbols: Annotated[tuple[Symbol, ...], _UNLESS_EMPTY] = ()
    """Names of extents; all numbers are for their defaults."""
    assumptions: Annotated[tuple[Assumption, ...], _UNLESS_EMPTY] = ()
    """What is promised of the symbols."""
    expectations: Annotated[tuple[Expectation, ...], _UNLESS_EMPTY] = ()
    """Shapes that were written down, in symbols."""
    training: TrainingField | None = Field(default=None, exclude_if=lambda training: training is None)
    """What its ``train { }`` says; nothing else depends on it."""

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value by name, inputs first."""
        values: dict[str, Shape] = {value.name: value.shape for value in self.inputs}
        for node in self.layers:
            values[node.name] = node.shape
        return values

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of what a layer reads, in order."""
        return tuple(map(self.shapes.__getitem__, node.inputs))

    def weights(self, node: Node) -> dict[str, Weight]:
        """The tensors that a layer owns, by their local name; empty for a layer that shares another's."""
        return {} if node.share else dict(node.op.weights(self.input_shapes(node)))

    def all_weights(self) -> Iterator[tuple[str, Node, Weight]]:
        """Every tensor of the network once: its key ``<layer>.<name>``, the layer that owns it, and the tensor."""
        for node in self.layers:
            for name, weight in self.weights(node).items():
                yield f"{node.name}.{name}", node, weight
