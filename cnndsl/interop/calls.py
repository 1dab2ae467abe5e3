"""What a translation from a framework's calls works with: one call of a function, a layer or a module.

Values are those of the ONNX importer, and so are the translations that a call may hand itself over to.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from onnx import NodeProto

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import Builder, Constant, ImportedLayer, NodeContext, Refusal, Value
from cnndsl.ops.base import Operator

OPSET = 24
"""The opset in whose words calls are said."""


class Tensor(Protocol):
    """A tensor that does not depend on the network's inputs; ``learnt`` if it is a parameter or made of some."""

    @property
    def name(self) -> str: ...

    @property
    def learnt(self) -> bool: ...

    @property
    def array(self) -> Array: ...


class Call(NodeContext):
    """A call and what it may ask. ``uses`` counts for each value the calls that read it."""

    def __init__(
        self,
        builder: Builder,
        label: str,
        uses: Mapping[str, int],
        inputs: Sequence[Value | Tensor | None] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        names = [value.name if value is not None else "" for value in inputs]
        known = [value if value is None or isinstance(value, Value) else value.array for value in inputs]
        node = NodeProto(input=names, output=["result"])
        super().__init__(builder, node, attributes or {}, known, OPSET, uses, label=label)
        tensors = [value for value in inputs if value is not None and not isinstance(value, Value)]
        builder.learnt.update(tensor.name for tensor in tensors if tensor.learnt)

    def says(self, translate: Callable[[Any], Any], *inputs: Value | Tensor | None, **attributes: Any) -> Value:
        """What a translation from ONNX makes of this call, said with ONNX's inputs and attributes."""
        given = list(inputs)
        while given and given[-1] is None:
            given.pop()
        found = translate(Call(self.builder, self.label, self.uses, given, attributes))
        assert isinstance(found, Value)
        return found

    def reading(self, *inputs: Any) -> "Call":
        """The call with other inputs, under the same names."""
        found = Call(self.builder, self.label, self.uses, (), self.attributes)
        found.node, found.inputs = self.node, inputs
        return found

    def beside(self, index: int, what: str) -> Constant:
        """As for ONNX; a parameter is one whatever it is called."""
        return super().beside(index, what)._replace(named=True)

    def emit(self, op: Operator, *inputs: Value, **weights: Array) -> Value:
        """A layer on values whose axes are in the language's order, which shares its weights with an earlier one of
        the same tensors. What stands beside the layer that has a module's weights is called after its operator.
        """
        weighty = bool(weights) or not any(name in self.builder.learnt for name in self.node.input)
        is_numbered = not self.label or self.label[-1] == "."
        label = self.label if weighty or is_numbered else f"{self.label}.{op.operator}"
        value = self.builder.emit(label, op, inputs, weights)
        if weights:
            self._share(self.builder.layers[value.name])
        return value

    def _share(self, layer: ImportedLayer) -> None:
        given = zip(self.node.input, self.inputs, strict=False)
        tensors = tuple(name for name, value in given if name and isinstance(value, np.ndarray))
        layer.tensors = tensors
        if not tensors:
            return
        lender = self.builder.lenders.setdefault((layer.op, tensors), layer)
        alike = {name: array.shape for name, array in lender.weights.items()}
        if lender is not layer and alike == {name: array.shape for name, array in layer.weights.items()}:
            layer.owner, lender.lends = lender, True

    def pointwise(self, op: Operator, x: Value, **weights: Array) -> Value:
        """A layer to which the order of the axes does not matter."""
        return self.emit(op, x.ordered(range(len(x.order))), **weights).ordered(x.order)

    def rank(self, x: Value) -> int:
        """The axes of a value as the framework counts them, the batch among them."""
        return len(self.builder.leading) + len(x.order)

    def place(self, x: Value, axis: int, new: int = 0) -> int:
        """An axis counted from the front; ``new`` axes are there beside the value's."""
        rank = self.rank(x) + new
        if not -rank <= axis < rank:
            raise Refusal(f"axis {axis} is beyond its input")
        return axis % rank

    def sizes(self, x: Value) -> tuple[int, ...]:
        """The extents of a value, the batch among them."""
        return (*self.builder.leading, *x.dimensions)


Translation: TypeAlias = Callable[..., Any]
"""From a call and the arguments of a framework's function to what it gives."""

ToValue: TypeAlias = Callable[..., Value]
"""One that gives a single value."""


def value_of(x: object, what: str = "input") -> Value:
    """The argument, if it is a value of the network."""
    if not isinstance(x, Value):
        raise Refusal(f"its {what} does not depend on the network's inputs")
    return x
