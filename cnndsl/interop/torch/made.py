"""Modules that ``to_torch`` made know their network: PyTorch has no name for ``x + y``, nor for a second call.

The network is what the module computes for as long as nothing but weights and modes has changed since.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import CnnError
from cnndsl.ir import Graph
from cnndsl.runtime.data.weights import given_weights

NETWORK = "cnndsl.network"
"""The attribute of the module's class: no layer can be called so."""

CHANGES = frozenset({"_buffers", "_modules", "_parameters", "training"})
"""What of a module may change, or is described by itself."""


def remember(module: Any, graph: Graph) -> None:
    """Says what network a module is of, whose class is for it alone."""
    setattr(type(module), NETWORK, (graph, deepcopy(_described(module))))


def remembered(module: Any, sizes: list[tuple[int, ...]]) -> tuple[Graph, dict[str, Array]] | None:
    """The network of a module on inputs of these extents, and its weights; None unless it is as ``to_torch`` made it.

    A weight that stands in the text must still be that.
    """
    graph, described = getattr(type(module), NETWORK, (None, None))
    if graph is None or [value.shape.dimensions for value in graph.inputs] != sizes or _described(module) != described:
        return None
    state: Mapping[str, Any] = module.state_dict()
    weights = {key: np.array(state[key].detach().cpu()) for key, *_ in graph.all_weights()}
    for key, _, weight in graph.all_weights():
        if weight.literal and not np.array_equal(weights[key].ravel(), np.float32(weight.literal.elements)):
            return None
    try:
        return graph, dict(given_weights(graph, weights))
    except CnnError:  # training left the links of a table, or the finite numbers
        return None


def _described(module: Any) -> list[object]:
    """What decides what a module computes, but for weights: classes, settings, hooks, and which tensors it has."""
    found: list[object] = [len([*module.parameters()])]
    for name, one in module.named_modules(remove_duplicate=False):
        tensors = {**one._parameters, **one._buffers}
        kinds = {key: None if tensor is None else (tensor.shape, tensor.dtype) for key, tensor in tensors.items()}
        fixed = {key: one._buffers[key].tolist() for key in one._non_persistent_buffers_set}
        settings = {key: value for key, value in vars(one).items() if key not in CHANGES}
        found.append((name, type(one), kinds, fixed, settings))
    return found
