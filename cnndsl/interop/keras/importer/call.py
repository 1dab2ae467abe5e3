"""What a translation from Keras works with: one call of a layer or an operation.

Values have their axes in Keras's order: of a map whose channels are last, ``order`` ends with axis 0.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.calls import Call
from cnndsl.interop.onnx.importer.graph import Builder, Refusal, Value
from cnndsl.ops.base import Operator


class Held(NamedTuple):
    """A tensor that does not depend on the network's inputs; ``learnt`` if it is a variable of the model."""

    name: str
    """The variable's path in the model."""
    array: Array
    learnt: bool

    def turned(self, *axes: int) -> "Held":
        """With its axes in another order."""
        return self._replace(array=np.ascontiguousarray(np.transpose(self.array, axes)))


class Setting(NamedTuple):
    """What all calls of a model share: the names of its variables, and the vectors that were maps."""

    paths: Mapping[int, str]
    flattened: dict[str, Value]
    """Vectors whose elements are in the language's order, and not in Keras's, by name: the map that each was."""
    apply: Callable[["LayerCall", Any, Value], Value]
    """Translates a function of one value."""
    once: Callable[[str], bool]
    """Whether the model itself calls the layer of that name, and once."""


class LayerCall(Call):
    """A call and what it may ask."""

    def __init__(self, builder: Builder, label: str, setting: Setting) -> None:
        super().__init__(builder, label, {})
        self.setting = setting

    def beside_it(self, what: str) -> "LayerCall":
        """A call of something in the layer, under a name of its own."""
        return LayerCall(self.builder, f"{self.label}.{what}" if self.label else "", self.setting)

    def held(self, variable: Any) -> Held:
        """A variable's numbers as they are now."""
        return Held(self.setting.paths.get(id(variable), variable.path), array_of(variable.value), True)

    def perhaps(self, variable: Any) -> Held | None:
        return None if variable is None else self.held(variable)

    def weighted(self, op: Operator, x: Value, **weights: Held | None) -> Value:
        """A layer with variables of the model as its weights; those that are None are not there."""
        given = {role: held for role, held in weights.items() if held is not None}
        site = Call(self.builder, self.label, self.uses, [x, *given.values()])
        return site.emit(op, x, **{role: held.array for role, held in given.items()})

    def activated(self, function: Any, x: Value) -> Value:
        """What the layer does last: a function of its values, or nothing."""
        name = getattr(function, "__name__", type(function).__name__.lower())
        return x if name == "linear" else self.setting.apply(self.beside_it(name), function, x)


def array_of(tensor: Any) -> Array:
    """A copy of a tensor's numbers."""
    from keras import ops

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's, about NumPy's newest ways
        array = np.array(ops.convert_to_numpy(tensor))
    return array if array.dtype.kind in "biuf" else array.astype(np.float32)  # bfloat16 is no type of NumPy's


def constant(number: Any) -> Held:
    """A number or a list of numbers as a tensor."""
    return Held("", np.asarray(number), False)


def value_of(x: object) -> Value:
    """The argument, if it is a value of the network."""
    if not isinstance(x, Value):
        raise Refusal("its input does not depend on the network's inputs")
    return x


def led(layer: Any, x: Value) -> Value:
    """The value with its channels before all other axes, in the order that the layer sees."""
    return x.ordered((x.order[-1], *x.order[:-1])) if _is_last(layer) else x


def trailed(layer: Any, x: Value) -> Value:
    """A value whose channels are before all other axes as the layer gives it."""
    return x.ordered((*x.order[1:], x.order[0])) if _is_last(layer) else x


def _is_last(layer: Any) -> bool:
    return getattr(layer, "data_format", "channels_last") == "channels_last"
