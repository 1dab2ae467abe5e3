"""A network with its numbers: what reports and the facade read."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, overload

from cnndsl.analysis.costs import Cost, layer_costs, total
from cnndsl.analysis.memory import Memory, live, memory
from cnndsl.analysis.receptive import Field, ReceptiveFields, receptive_fields
from cnndsl.errors import CnnError, Span
from cnndsl.ir import Graph, Node
from cnndsl.shapes import Shape

if TYPE_CHECKING:
    from cnndsl.analysis.network_sizes import NetworkSizes


class Layer:
    """A layer with its numbers. Counts are for one example (docs/conventions.md)."""

    def __init__(self, node: Node, cost: Cost, field: Field, formula: str | None = None) -> None:
        self.formula = formula
        """The shape of its output in symbols; None in a network without."""
        self.node = node
        """The layer in the graph."""
        self.cost = cost
        """Its counts."""
        self.field = field
        """Its receptive field, a pattern for each axis of the input."""

    @property
    def name(self) -> str:
        """Its name, unique in the network: ``conv1``, ``bottleneck1.conv1``."""
        return self.node.name

    @property
    def operator(self) -> str:
        """The operator's name, such as ``conv``."""
        return self.node.op.operator

    @property
    def attributes(self) -> dict[str, Any]:
        """The operator's parameters by name."""
        return self.node.op.model_dump(mode="json")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the layers or inputs that it reads, in order."""
        return self.node.inputs

    @property
    def shape(self) -> Shape:
        """The shape of its output."""
        return self.node.shape

    @property
    def shown(self) -> str:
        """The shape of its output as text, in symbols where they decide it."""
        return self.formula or str(self.shape)

    @property
    def span(self) -> Span | None:
        """Where it was written; None for a network that was not read from a text."""
        return self.node.span

    @property
    def params(self) -> int:
        """Learnable elements; 0 for a layer that shares another's."""
        return self.cost.params

    @property
    def buffers(self) -> int:
        """Elements that are stored and not learned: running means and variances."""
        return self.cost.buffers

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one example, biases left out."""
        return self.cost.macs

    @property
    def connections(self) -> int:
        """Links into all outputs for one example, biases included (LeCun et al. 1998)."""
        return self.cost.connections

    @property
    def receptive_field(self) -> tuple[int, ...]:
        """Its size in input cells, one number for each axis of the input."""
        return tuple(pattern.size for pattern in self.field)

    @property
    def rf_stride(self) -> tuple[float, ...]:
        """How far the receptive field moves from one position to the next; whole unless something was upsampled."""
        strides = (pattern.stride for pattern in self.field)
        return tuple(stride.numerator if stride.denominator == 1 else float(stride) for stride in strides)

    @property
    def rf_start(self) -> tuple[int, ...]:
        """The first input cell that position 0 sees; negative in the padding."""
        return tuple(pattern.start for pattern in self.field)

    def __repr__(self) -> str:
        return f"<Layer {self.name}: {self.operator} {self.shape}>"


class Layers(Mapping[str, Layer]):
    """Layers in order, by name, by number from 0 or by slice, which gives several."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._layers = {layer.name: layer for layer in layers}

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...

    def __getitem__(self, key: str | SupportsIndex | slice) -> Layer | Self:
        if isinstance(key, str):
            if key not in self._layers:
                from cnndsl.suggest import nearest

                near = nearest(key, self._layers)
                raise KeyError(f"there is no layer {key!r}" + (f"; did you mean {near!r}?" if near else ""))
            return self._layers[key]
        found = list(self._layers.values())[key]
        return type(self)(found) if isinstance(found, list) else found

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)


class Measured:
    """A graph and everything that can be counted on it. Counts are for one example (docs/conventions.md)."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        """What is measured."""

    @property
    def name(self) -> str:
        """The network's name."""
        return self.graph.name

    @property
    def symbols(self) -> dict[str, int]:
        """The names of extents that are not fixed, with the defaults that all numbers are for."""
        return {one.name: one.default for one in self.graph.symbols}

    def sizes(self) -> "NetworkSizes":
        """Which input sizes the network takes, and what comes out for each; of a fixed network too.

        Raises CnnError ``sizes-too-long``.
        """
        from cnndsl.analysis.network_sizes import sizes_of

        return sizes_of(self.graph)

    @property
    def inputs(self) -> dict[str, Shape]:
        """The shapes of the inputs by name."""
        return {value.name: value.shape for value in self.graph.inputs}

    @property
    def outputs(self) -> dict[str, Shape]:
        """The shapes of the outputs by name."""
        return {name: self.graph.shapes[name] for name in self.graph.outputs}

    @cached_property
    def layers(self) -> Layers:
        """The layers with their numbers, in order, by name."""
        pairs = zip(self.graph.layers, self._costs, strict=True)
        shown = self.formulas.shape if self.formulas else lambda name: None
        return Layers([Layer(node, cost, self.fields.of(node.name), shown(node.name)) for node, cost in pairs])

    @cached_property
    def formulas(self) -> "NetworkSizes | None":
        """Shapes in symbols; None for a fixed network, or where there is no short answer."""
        if not self.graph.symbols:
            return None
        try:
            return self.sizes()
        except CnnError:
            return None

    @property
    def numbers_for(self) -> str:
        """The sizes that all numbers are for, ``H = 572, W = 572``; empty in a network without symbols."""
        return ", ".join(f"{name} = {size}" for name, size in self.symbols.items())

    def shown(self, name: str) -> str:
        """The shape of a value as text, a formula where symbols decide it."""
        return self.formulas.shape(name) if self.formulas else str(self.graph.shapes[name])

    @cached_property
    def busiest(self) -> tuple[int, int]:
        """The peak in bytes, and the number of the layer that computes then, from 1; 0: before the first."""
        sums = list(live(self.graph.inputs, self.graph.layers, self.graph.outputs))
        return max(sums), sums.index(max(sums))

    @cached_property
    def fields(self) -> ReceptiveFields:
        """The receptive fields of every value."""
        return receptive_fields(self.graph)

    @cached_property
    def _costs(self) -> tuple[Cost, ...]:
        return layer_costs(self.graph)

    @cached_property
    def cost(self) -> Cost:
        """The sums over all layers, for one example."""
        return total(self._costs)

    @property
    def params(self) -> int:
        """Learnable elements."""
        return self.cost.params

    @property
    def buffers(self) -> int:
        """Elements that are stored and not learned: running means and variances."""
        return self.cost.buffers

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one example, biases left out."""
        return self.cost.macs

    @property
    def connections(self) -> int:
        """Links into the outputs of all layers for one example, biases included."""
        return self.cost.connections

    def memory(self, batch: int = 1) -> Memory:
        """Bytes of activations, of the peak and of the weights for a batch size."""
        return memory(self.graph, batch)
