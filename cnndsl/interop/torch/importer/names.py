"""What layers are called, the modules around them, and the keys of their weights in the module's state dict."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.graph import Builder
from cnndsl.interop.onnx.importer.names import printable
from cnndsl.interop.torch.importer.call import Held
from cnndsl.ir import Graph

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})
"""What only holds others is no block."""


def modules_around(node: Any, leaf: str | None = None) -> Iterator[tuple[str, str]]:
    """The modules in which a call stands, outermost first, by name and class; ``leaf`` is the one that is called."""
    stack = dict(node.meta.get("nn_module_stack") or {})
    for key, (path, kind) in stack.items():
        title = kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__
        if path and path != leaf and title not in CONTAINERS:
            turn = key.partition("@")[2]
            yield printable(f"{path}@{turn}" if turn else path), title


def scope(node: Any) -> str:
    """The name of the innermost module in which a call stands."""
    paths = [path for path, _ in dict(node.meta.get("nn_module_stack") or {}).values()]
    return paths[-1] if paths else ""


def layer_label(node: Any, function: str, tensors: Iterable[str]) -> str:
    """The name of a layer: the module's that has its weight, or that is called; otherwise module and function."""
    for tensor in tensors:
        owner, _, name = tensor.rpartition(".")
        if owner and name == "weight":
            return printable(owner)
    where = scope(node)
    return printable(f"{where}.{function}" if where else function)


def module_names(builder: Builder, graph: Graph, named: Mapping[str, Held]) -> dict[str, str]:
    """The module's name for each layer that has weights; where a weight is called otherwise there, its key too.

    ``named`` are the module's parameters and buffers by their keys.
    """
    found: dict[str, str] = {}
    claimed: set[str] = set()
    for node in graph.layers:
        layer = builder.titled[node.name]
        tensors = [key for key in layer.tensors if key in named]
        keys: dict[str, str] = {}
        for role in graph.weights(node):
            key = _key(role, layer.weights[role], [key for key in tensors if key not in keys.values()], named)
            key = key or _equal(layer.weights[role], named, claimed)
            if key:
                keys[role] = key
        claimed.update(keys.values())
        owners = {key.rpartition(".")[0] for role, key in keys.items() if key.rpartition(".")[2] == role}
        if len(owners) == 1 and len(keys) == len(layer.weights):
            found[node.name] = owners.pop()
        usual = found.get(node.name)
        found |= {f"{node.name}.{role}": key for role, key in keys.items() if key != _joined(usual, role)}
    return found


def _joined(owner: str | None, role: str) -> str:
    return f"{owner}.{role}" if owner else role


def _key(role: str, weight: Array, tensors: Sequence[str], named: Mapping[str, Held]) -> str | None:
    """The tensor that a call gave for a weight, if it is that one as it is: the one of that name, or the first."""
    ordered = sorted(tensors, key=lambda key: key.rpartition(".")[2] != role)
    return next((key for key in ordered if _is_equal(weight, named[key])), None)


def _equal(weight: Array, named: Mapping[str, Held], claimed: Collection[str]) -> str | None:
    """The first parameter of the same numbers that no other weight is."""
    left = (key for key, held in named.items() if held.learnt and key not in claimed)
    return next((key for key in left if _is_equal(weight, named[key])), None)


def _is_equal(weight: Array, held: Held) -> bool:
    """Whether a weight has a tensor's numbers in their order; axes of one cell may differ."""
    if held.tensor.numel() != weight.size:
        return False
    return np.array_equal(held.array.ravel(), np.ravel(weight), equal_nan=True)


def names_by_key(graph: Graph, weights: Mapping[str, Array], named: Mapping[str, Held]) -> dict[str, str]:
    """As ``module_names``, for a network whose layers may be called as the modules, or not at all."""
    found: dict[str, str] = {}
    claimed: set[str] = set()
    for node in graph.layers:
        for role in graph.weights(node):
            own = f"{node.name}.{role}"
            if own in named and _is_equal(weights[own], named[own]):
                found[node.name] = node.name
                claimed.add(own)
    for own in weights:
        if own not in claimed and (key := _equal(weights[own], named, claimed)):
            found[own] = key
            claimed.add(key)
    return found
