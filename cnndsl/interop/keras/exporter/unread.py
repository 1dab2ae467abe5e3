"""Layers that no output depends on, which no Keras model has: a model is what leads from its inputs to its outputs."""

from collections.abc import Iterable

from cnndsl.ir import Graph, Node


def needed(graph: Graph) -> Graph:
    """The graph without layers that neither outputs nor layers that share their weights depend on."""
    return graph.model_copy(update={"layers": tuple(_leading_to(graph, graph.outputs, shares=True))})


def unread(graph: Graph) -> list[str]:
    """The layers with weights that no Keras model of the graph has."""
    live = [*_leading_to(graph, graph.outputs, shares=False)]
    present = {node.name for node in live} | {node.share for node in live}
    return [node.name for node in graph.layers if graph.weights(node) and node.name not in present]


def _leading_to(graph: Graph, names: Iterable[str], shares: bool) -> list[Node]:
    wanted, found = set(names), []
    for node in graph.layers[::-1]:
        if node.name in wanted:
            found.append(node)
            wanted.update(node.inputs)
            if shares and node.share:
                wanted.add(node.share)
    return found[::-1]
