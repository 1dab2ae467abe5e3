"""The sizes that a network takes, and what comes out for each: decided, not tried.

One symbol is unknown at a time, or several that are tied; the others have their defaults. The operators' own methods
compute with it (:mod:`cnndsl.extents`). A size is taken if every layer has a shape for it and all weights keep theirs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cnndsl.extents.cases import Piece, cases, united
from cnndsl.extents.expression import evaluated, names
from cnndsl.extents.extent import SIZE, Extent, Product, of, sizes_where
from cnndsl.extents.periodic import ALL, NONE, PeriodicSet, TooLong, at_least, periodic
from cnndsl.ir import Graph, Node, Symbol
from cnndsl.ops.base import Operator, Windowed
from cnndsl.shapes import Shape, ShapeError

AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""What the axes of a network without symbols are called."""


class Need(NamedTuple):
    """What a layer asks of a size: ``taken`` are those that it takes of the sizes that reach it."""

    layer: str
    taken: PeriodicSet
    reached: PeriodicSet

    @property
    def asked(self) -> PeriodicSet:
        """The condition as it is said: a remainder alone, or a least size alone, where that comes to the same."""
        remainder = periodic(1, 0, self.taken.period, self.taken.residues)
        bound = at_least(self.taken.least) if self.taken else NONE
        simple = (one for one in (remainder, bound) if one & self.reached == self.taken)
        return next(simple, self.taken)


class Along(NamedTuple):
    """What follows from one unknown size.

    ``assumed`` are the sizes that the assumptions allow, ``taken`` those of them that all layers take, for the
    ``needs``; for the ``exact`` ones every division (W - K + 2P)/S is whole. ``shapes`` are those of all values.
    """

    assumed: PeriodicSet
    taken: PeriodicSet
    exact: PeriodicSet
    needs: tuple[Need, ...]
    shapes: Mapping[str, Shape]


class _Answer(NamedTuple):
    """What a layer gives for the sizes that it takes."""

    taken: PeriodicSet
    exact: PeriodicSet
    output: Shape


def with_symbols(graph: Graph) -> Graph:
    """The graph with symbols: its own, or one for every spatial axis of its inputs."""
    if graph.symbols:
        return graph
    symbols, inputs = [], []
    for value in graph.inputs:
        rank = len(value.shape.spatial)
        letters = AXES.get(rank, tuple(f"X{axis}" for axis in range(1, rank + 1)))
        called = [f"{value.name}.{letter}" if len(graph.inputs) > 1 else letter for letter in letters]
        symbols += [Symbol(name=name, default=size) for name, size in zip(called, value.shape.spatial, strict=True)]
        extents = (str(value.shape.channels), *called) if rank else ()
        inputs.append(value.model_copy(update={"extents": extents}))
    return graph.model_copy(update={"symbols": tuple(symbols), "inputs": tuple(inputs)})


def operator_for(node: Node, values: Mapping[str, Any]) -> Operator:
    """The operator of a layer for some values of the symbols."""
    changed = {
        name: _argument(getattr(node.op, name), [evaluated(text, values) for text in texts])
        for name, texts in node.symbolic.items()
    }
    return node.op.model_copy(update=changed) if changed else node.op


def _argument(written: object, numbers: Sequence[Any]) -> Any:
    """Numbers in the form in which an operator has them."""
    if isinstance(written, Shape):
        return Shape(numbers[0], tuple(numbers[1:]))
    return tuple(numbers) if len(numbers) > 1 else numbers[0]


def along(graph: Graph, unknown: Sequence[str]) -> Along:
    """What follows where these symbols, all equally large, are unknown, and the others have their defaults.

    Raises TooLong, with the name of the layer, where the answer has no short form.
    """
    values: dict[str, Any] = {one.name: SIZE if one.name in unknown else one.default for one in graph.symbols}
    shapes: dict[str, Shape] = {}
    for value in graph.inputs:
        dimensions = [evaluated(text, values) for text in value.extents] or list(value.shape.dimensions)
        shapes[value.name] = Shape(dimensions[0], tuple(dimensions[1:]))
    texts = [one.text for one in graph.assumptions if names(one.text) & set(unknown)]
    assumed = true_for(lambda: all(evaluated(text, values) for text in texts), ALL)
    extents = [extent for shape in shapes.values() for extent in shape.dimensions]
    assumed = true_for(lambda: all(extent >= 1 for extent in extents), assumed)
    walk = _Walk(graph, shapes, values, assumed)
    for node in graph.layers:
        try:
            walk.layer(node)
        except TooLong:
            raise TooLong(node.name) from None
    return Along(assumed, walk.taken, walk.exact & walk.taken, tuple(walk.needs), shapes)


def true_for(holds: Callable[[], bool], sizes: PeriodicSet) -> PeriodicSet:
    """The sizes for which something holds."""
    found = NONE
    for some, truth in cases(holds, sizes):
        found = found | some if truth else found
    return found


class _Walk:
    def __init__(self, graph: Graph, shapes: dict[str, Shape], values: Mapping[str, Any], sizes: PeriodicSet) -> None:
        self.graph = graph
        self.shapes = shapes
        self.values = values
        self.taken = self.exact = sizes
        self.needs: list[Need] = []
        self._known: dict[object, _Answer] = {}

    def layer(self, node: Node) -> None:
        """The shape of a layer's value, and what it asks."""
        inputs = tuple(map(self.shapes.__getitem__, node.inputs))
        op = operator_for(node, self.values)
        unknown = _unknown(inputs)
        if op is node.op and not unknown:
            self.shapes[node.name] = node.shape
            return
        if op is node.op and len(unknown) == 1 and isinstance(unknown[0], Extent):
            inner = unknown[0]
            alone = self._alone(node, inputs)
            answer = _Answer(
                sizes_where(inner, alone.taken), sizes_where(inner, alone.exact), _mapped(alone.output, inner)
            )
        else:
            answer = self._together(node, op, inputs)
        self.shapes[node.name] = answer.output
        self.exact = self.exact & answer.exact
        if not self.taken <= answer.taken:
            reached, self.taken = self.taken, self.taken & answer.taken
            self.needs.append(Need(node.name, self.taken, reached))

    def _together(self, node: Node, op: Operator, inputs: Sequence[Shape]) -> _Answer:
        """The answer where several extents meet: for the sizes that reach the layer, and any others."""
        found = _answer(self.graph, node, op, inputs, self.taken)
        others = ALL - self.taken
        return found._replace(taken=found.taken | others, exact=found.exact | others)

    def _alone(self, node: Node, inputs: Sequence[Shape]) -> _Answer:
        """The answer for the size that flows into the layer, whatever that comes from."""
        local = [[n if isinstance(n, int) else SIZE for n in shape.dimensions] for shape in inputs]
        pattern = tuple(tuple(n if isinstance(n, int) else None for n in shape.dimensions) for shape in inputs)
        key = (node.op, pattern, node.shape, self.graph.input_shapes(node))
        if key not in self._known:
            shapes: list[Any] = [Shape(n[0], tuple(n[1:])) for n in local]
            self._known[key] = _answer(self.graph, node, node.op, shapes, ALL)
        return self._known[key]


def _unknown(shapes: Sequence[Shape]) -> list[Extent | Product]:
    """The extents that are not known, each once."""
    found: dict[str, Extent | Product] = {}
    for shape in shapes:
        for extent in shape.dimensions:
            if isinstance(extent, Extent | Product):
                found.setdefault(repr(extent), extent)
    return list(found.values())


def _mapped(shape: Shape, inner: Extent) -> Shape:
    moved = [of(extent, inner) for extent in shape.dimensions]
    return Shape(moved[0], tuple(moved[1:]))


def _answer(graph: Graph, node: Node, op: Operator, inputs: Sequence[Shape], sizes: PeriodicSet) -> _Answer:
    """What a layer gives for some sizes."""
    wanted = {name: weight.shape for name, weight in node.op.weights(graph.input_shapes(node)).items()}
    pieces: list[tuple[PeriodicSet, Shape]] = []
    for some, output in cases(lambda: _output(op, node.symbolic, inputs, wanted), sizes):
        if output is not None:
            pieces.append((some, output))
    if not pieces:
        return _Answer(NONE, NONE, node.shape)
    taken = NONE
    for some, _ in pieces:
        taken = taken | some
    if len({len(output.dimensions) for _, output in pieces}) > 1:
        raise TooLong
    dimensions = [
        united([Piece(some, output.dimensions[axis]) for some, output in pieces])
        for axis in range(len(pieces[0][1].dimensions))
    ]
    exact = taken
    if isinstance(op, Windowed):
        exact = true_for(lambda: all(axis.exact for axis in op.windows(inputs[0])), taken)
    return _Answer(taken, exact, Shape(dimensions[0], tuple(dimensions[1:])))


def _output(
    op: Operator, symbolic: Iterable[str], inputs: Sequence[Shape], wanted: Mapping[str, tuple[int, ...]]
) -> Shape | None:
    """The shape of the output, or None where there is none, or where the weights would be others."""
    if op.misfit(symbolic):
        return None
    try:
        output = op.output(inputs)
        found = {name: weight.shape for name, weight in op.weights(inputs).items()}
    except ShapeError:
        return None
    return output if found == wanted else None
