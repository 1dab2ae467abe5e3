"""Functions of Keras as graphs: which calls they have, and what somebody's own layer calls."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple


class Calls(NamedTuple):
    """A graph: its inputs and outputs, as Keras's symbolic tensors, and the calls, each behind what it reads."""

    inputs: list[Any]
    outputs: Any
    nodes: list[Any]


def calls_of(inputs: Sequence[Any], outputs: Any) -> Calls:
    """The calls between symbolic tensors, a branch behind the other."""
    from keras import tree

    given = {id(tensor) for tensor in inputs}
    nodes: dict[int, Any] = {}
    left = [(_maker(tensor), False) for tensor in reversed(tree.flatten(outputs)) if id(tensor) not in given]
    while left:
        node, ready = left.pop()
        if node is None or id(node) in nodes:
            continue
        if ready:
            nodes[id(node)] = node
            continue
        left.append((node, True))
        left.extend((_maker(one), False) for one in reversed(node.input_tensors) if id(one) not in given)
    return Calls(list(inputs), outputs, list(nodes.values()))


def _maker(tensor: Any) -> Any:
    """The call that gave a symbolic tensor."""
    history = getattr(tensor, "_keras_history", None)
    if history is None or history.operation is None:
        return None
    return history.operation._inbound_nodes[history.node_index]


def traced(owner: Any, function: Callable[..., Any], arguments: Any, keywords: Any, tensors: Sequence[Any]) -> Calls:
    """What a function calls for arguments with symbolic ``tensors`` in them; the layers of ``owner`` forget the calls.

    Raises whatever the function does.
    """
    with _forgotten(owner):
        return calls_of(tensors, function(*arguments, **keywords))


@contextmanager
def _forgotten(owner: Any) -> Iterator[None]:
    layers = list(owner._flatten_layers()) if hasattr(owner, "_flatten_layers") else []
    counts = [(layer, len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers]
    try:
        yield
    finally:
        for layer, inbound, outbound in counts:
            del layer._inbound_nodes[inbound:]
            del layer._outbound_nodes[outbound:]
