"""Tensors of PyTorch that translations take."""

from typing import Any, NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import Refusal, Value


class Held(NamedTuple):
    """A tensor that does not depend on the network's inputs; ``learnt`` if it is a parameter or made of some."""

    name: str
    """As in the module's state dict; of one that is computed that of the node."""
    tensor: Any
    learnt: bool

    @property
    def array(self) -> Array:
        tensor = self.tensor.detach().cpu()
        if tensor.is_floating_point() and tensor.element_size() < 4:
            tensor = tensor.float()  # NumPy has no bfloat16
        return np.asarray(tensor.numpy())


def held_of(x: object, what: str) -> Held | None:
    """The argument, if it is a constant or missing."""
    if isinstance(x, Value):
        raise Refusal(f"its {what} is computed from the network's inputs", "weights and settings must be constants")
    if x is not None and not isinstance(x, Held):
        raise Refusal(f"its {what} is no tensor")
    return x


def constant(number: Any, name: str = "") -> Held:
    """A number or a list of numbers as a tensor."""
    from torch import as_tensor

    return Held(name, as_tensor(number), False)
