"""Weights that a module computes from two parameters: one as large, and a gain for each filter.

The gain stays a parameter, behind the layer, as it does in models of ONNX.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from cnndsl.interop.onnx.importer.gains import MOST_NODES, TOLERANCE, Gained
from cnndsl.interop.torch.importer.call import Held


def gain_of(
    known: Mapping[Any, Any],
    again: Callable[[Iterable[Any], Mapping[Any, Held]], Mapping[Any, Any]],
    name: str,
    axis: int,
) -> Gained | None:
    """A weight without its gain along an axis, and the gain; None if it has none.

    ``known`` is what the nodes so far gave; ``again`` computes nodes with something else for others.
    """
    node = next((node for node, held in known.items() if node.name == name and isinstance(held, Held)), None)
    if node is None or node.op == "get_attr":
        return None
    weight = known[node].array
    nodes = _behind(node)
    read = [one for one in nodes if one.op == "get_attr" and isinstance(known[one], Held) and known[one].learnt]
    sizes = {one: known[one].tensor.numel() for one in read if known[one].tensor.numel() > 1}
    gains = [one for one, size in sizes.items() if size == weight.shape[axis] != weight.size]
    if len(gains) != 1 or sorted(sizes.values()) != [sizes[gains[0]], weight.size]:
        return None
    held = known[gains[0]]
    ones = held._replace(tensor=held.tensor * 0 + 1)
    base = again([one for one in nodes if one.op != "get_attr"], {gains[0]: ones})[node].array
    gain = np.ravel(held.array)
    shape = [1] * weight.ndim
    shape[axis] = -1
    if base.shape != weight.shape or not np.allclose(base * gain.reshape(shape), weight, TOLERANCE, TOLERANCE):
        return None
    return base, gain


def _behind(node: Any) -> list[Any]:
    """The nodes that one is computed by, each behind what it reads; nothing if they are many."""
    found: dict[Any, None] = {}

    def visit(one: Any) -> None:
        for source in one.all_input_nodes if len(found) <= MOST_NODES else ():
            visit(source)
        found[one] = None

    visit(node)
    return [] if len(found) > MOST_NODES else list(found)
