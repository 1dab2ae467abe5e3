"""Runs of a network whose symbols are open: every size by a plan of its own."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from cnndsl.analysis.readings import values_of
from cnndsl.analysis.resized import resized
from cnndsl.ir import Graph
from cnndsl.runtime.interpreter import checked_inputs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Given: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
    Run: TypeAlias = Callable[[Given], dict[str, NDArray[Any]]]

KEPT = 4
"""The sizes, used last, whose plans are kept."""


def graph_for(graph: Graph, given: "Given") -> Graph:
    """The graph at the sizes of these inputs, without symbols. Raises CnnError for what it does not take."""
    if not graph.symbols:
        return graph
    arrays = checked_inputs(graph, given)
    return at_sizes(graph, values_of(graph, {name: array.shape[1:] for name, array in arrays.items()}))


def at_sizes(graph: Graph, values: Mapping[str, int]) -> Graph:
    """The graph with these values of its symbols as if they had been written. Raises CnnError."""
    found = resized(graph, values)
    inputs = tuple(value.model_copy(update={"extents": ()}) for value in found.inputs)
    layers = tuple(node.model_copy(update={"symbolic": {}}) if node.symbolic else node for node in found.layers)
    nothing: dict[str, Any] = {"symbols": (), "assumptions": (), "expectations": ()}
    return Graph.model_construct(**{**dict(found), **nothing, "inputs": inputs, "layers": layers})


class AnySize:
    """A function from inputs of any allowed size to values, which ``make`` makes for each of them."""

    def __init__(self, graph: Graph, make: "Callable[[Graph], Run]") -> None:
        self._graph = graph
        self._make = make
        self._runs: OrderedDict[tuple[object, ...], Run] = OrderedDict()
        self._lock = Lock()

    def __call__(self, given: "Given") -> "dict[str, NDArray[Any]]":
        graph = graph_for(self._graph, given)
        size = tuple(value.shape for value in graph.inputs)
        with self._lock:
            run = self._runs.get(size) or self._make(graph)
            self._runs[size] = run
            self._runs.move_to_end(size)
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)
        return run(given)
