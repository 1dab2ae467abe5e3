"""The reference: every layer by its general kernel, one after the other, in float64.

Nothing is planned, fused or rearranged, and no fast algorithm is used, so that what it gives can judge what does.
Inputs and weights are the float32 numbers that others compute with; from there on all is float64, the results too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from cnndsl.arrays import Array, Float32
from cnndsl.ir import Graph
from cnndsl.runtime.kernels.dispatch import Compute, LayerContext, compute


class Reference:
    """A network with its weights in float64; ``keep`` are layers whose values are wanted beside the outputs."""

    def __init__(self, network: Graph, weights: Mapping[str, Float32], keep: Sequence[str] = ()) -> None:
        self.network = network
        self.kept = tuple(dict.fromkeys((*network.outputs, *keep)))
        tensors: dict[str, dict[str, Array]] = {}
        for key, node, _ in network.all_weights():
            tensors.setdefault(node.name, {})[key.removeprefix(f"{node.name}.")] = _widened(weights[key])
        self._functions: list[Compute] = []
        for node in network.layers:
            own = tensors.get(node.share or node.name, {})
            self._functions.append(compute(node.op, LayerContext(network.input_shapes(node), node.shape, own)))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The values by name. A value is dropped when the last layer has read it."""
        values = {name: _widened(array) for name, array in inputs.items()}
        readers = Counter((*self.kept, *(name for node in self.network.layers for name in set(node.inputs))))
        with np.errstate(all="ignore"):
            for node, function in zip(self.network.layers, self._functions, strict=True):
                values[node.name] = function(*(values[name] for name in node.inputs))
                for name in set(node.inputs):
                    readers[name] -= 1
                    if not readers[name]:
                        del values[name]
        return {name: np.array(values[name], order="C") for name in self.kept}


def _widened(array: Array) -> Array:
    """Whole numbers, which are words, stay what they are."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array
