"""What layers are called, the modules around them, and the keys of their weights in the module's state dict."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnndsl.arrays import Array
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


def layer_label(node: Any, tensors: Iterable[str]) -> str:
    """The name of a layer: the module's that has its weight; otherwise the module around, whose layers are numbered."""
    for tensor in tensors:
        owner, _, name = tensor.rpartition(".")
        if owner and name == "weight":
            return printable(owner)
    where = scope(node)
    return f"{printable(where)}." if where else ""


def module_names(
    graph: Graph, weights: Mapping[str, Array], given: Mapping[str, Sequence[str]], named: Mapping[str, Held]
) -> dict[str, str]:
    """The module's name for each layer that has weights; where a weight is called otherwise there, its key too.

    ``named`` are the module's parameters and buffers by their keys, ``given`` those that a layer is known to have.
    """
    found: dict[str, str] = {}
    claimed: set[str] = set()
    for node in graph.layers:
        own = {role: weights[f"{node.name}.{role}"] for role in graph.weights(node)}
        keys = _keys(own, [key for key in given.get(node.name, ()) if key in named], named, claimed)
        claimed.update(keys.values())
        owners = {key.rpartition(".")[0] for role, key in keys.items() if _name(key) == role}
        if len(owners) == 1 and len(keys) == len(own):
            found[node.name] = owners.pop()
        usual = found.get(node.name)
        found |= {f"{node.name}.{role}": key for role, key in keys.items() if key != _joined(usual, role)}
    return found


def _joined(owner: str | None, role: str) -> str:
    return f"{owner}.{role}" if owner else role


def _keys(
    weights: Mapping[str, Array], given: Sequence[str], named: Mapping[str, Held], claimed: Collection[str]
) -> dict[str, str]:
    """The keys of a layer's weights, by their names in the layer."""
    found: dict[str, str] = {}
    for role, weight in weights.items():
        left = sorted((key for key in given if key not in found.values()), key=lambda key: _name(key) != role)
        beside = [_joined(key.rpartition(".")[0], role) for key in found.values()]
        elsewhere = (key for key, held in named.items() if held.learnt and key not in claimed)
        for key in (*left, *beside, *elsewhere):
            if key in named and _is_equal(weight, named[key]):
                found[role] = key
                break
    return found


def _name(key: str) -> str:
    return key.rpartition(".")[2]


def _is_equal(weight: Array, held: Held) -> bool:
    """Whether a weight has a tensor's numbers in their order; axes of one cell may differ."""
    if held.tensor.numel() != weight.size:
        return False
    return np.array_equal(held.array.ravel(), np.ravel(weight), equal_nan=True)
