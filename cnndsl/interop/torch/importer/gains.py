"""Weights that a module computes from a parameter: with a gain for each filter, or with a mask.

The gain stays a parameter, behind the layer, as it does in models of ONNX. A mask says which channels a filter sees.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.gains import MOST_NODES, TOLERANCE, Gained
from cnndsl.interop.onnx.importer.graph import Builder
from cnndsl.interop.torch.importer.call import Held
from cnndsl.ops.conv import Conv


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


def connect(builder: Builder, known: Mapping[Any, Any]) -> None:
    """Convolutions whose weight is a parameter times zeros and ones, the same over a kernel, get the connections."""
    masks = {node.name: mask for node in known if (mask := _mask(node, known)) is not None}
    for layer in builder.layers.values():
        mask = masks.get(layer.tensors[0]) if layer.tensors else None
        if mask is None or not isinstance(layer.op, Conv) or layer.op.groups != 1:
            continue
        if layer.weights["weight"].shape != mask.shape:
            continue
        links = mask.reshape(*mask.shape[:2], -1)
        if (links == links[..., :1]).all() and links[..., 0].any(axis=1).all() and not links.all():
            table = tuple(tuple(np.flatnonzero(row).tolist()) for row in links[..., 0])
            layer.op = layer.op.model_copy(update={"connect": table})
            layer.label = layer.label.removesuffix(".")


def _mask(node: Any, known: Mapping[Any, Any]) -> Array | None:
    """What a parameter is multiplied by, if that is zeros and ones and no parameter."""
    factors = [held for one in node.all_input_nodes if isinstance(held := known.get(one), Held)]
    if not isinstance(known[node], Held) or len(factors) != 2 or len(node.all_input_nodes) != 2:
        return None
    weight, mask = sorted(factors, key=lambda held: not held.learnt)
    if not weight.learnt or mask.learnt or not np.isin(mask.array, (0, 1)).all():
        return None
    return mask.array if np.array_equal(weight.array * mask.array, known[node].array) else None


def _behind(node: Any) -> list[Any]:
    """The nodes that one is computed by, each behind what it reads; nothing if they are many."""
    found: dict[Any, None] = {}

    def visit(one: Any) -> None:
        for source in one.all_input_nodes if len(found) <= MOST_NODES else ():
            visit(source)
        found[one] = None

    visit(node)
    return [] if len(found) > MOST_NODES else list(found)
