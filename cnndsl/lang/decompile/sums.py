"""Sums of sums as one sum, where not a bit of the result changes.

A sum is added up from left to right, so its first branch may be a sum itself; of two branches either may be the first.
"""

from collections import Counter

from cnndsl.ir import Graph
from cnndsl.ops.merge import Add


def flattened(network: Graph) -> Graph:
    """The network with the sums that only another sum reads as branches of that one."""
    uses = Counter(name for node in network.layers for name in node.inputs)
    uses.update(network.outputs)
    sums: dict[str, list[str]] = {}
    for node in network.layers:
        if isinstance(node.op, Add):
            branches = list(node.inputs)
            either = branches if len(branches) == 2 else branches[:1]
            first = next((name for name in either if name in sums and uses[name] == 1), None)
            if first is not None:
                branches.remove(first)
                longer = sums.pop(first)
                longer += branches
                branches = longer
            sums[node.name] = branches
    kept = [node for node in network.layers if node.name in sums or not isinstance(node.op, Add)]
    if len(kept) == len(network.layers):
        return network
    layers = (node.model_copy(update={"inputs": tuple(sums.get(node.name, node.inputs))}) for node in kept)
    return network.model_copy(update={"layers": tuple(layers)})
