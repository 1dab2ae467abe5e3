"""A graph at other sizes than those that its numbers are for."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnndsl.analysis.sizes import operator_for, with_symbols
from cnndsl.errors import CnnError, Diagnostic, Label, listed, quoted, require_whole
from cnndsl.extents.expression import evaluated
from cnndsl.ir import Graph, Node
from cnndsl.ops.fields import written
from cnndsl.shapes import Shape, ShapeError


def at_sizes(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The graph at these sizes: of its symbols, or of the axes that a fixed one has (:func:`with_symbols`).

    Raises CnnError as :func:`resized` does, and ``bad-setting`` for names of none and what is no size.
    """
    general = with_symbols(graph)
    require_symbols(general, sizes)
    found = resized(general, sizes)
    if graph.symbols:
        return found
    inputs = tuple(value.model_copy(update={"extents": ()}) for value in found.inputs)
    return Graph.model_construct(**{**dict(found), "symbols": (), "inputs": inputs})


def require_symbols(graph: Graph, sizes: Mapping[str, int]) -> None:
    """Raises CnnError ``bad-setting`` for names that are no symbols of the graph, and for what is no size."""
    known = [one.name for one in graph.symbols]
    for name, size in sizes.items():
        if name not in known:
            has = f"it has {listed(known)}" if known else "its inputs have no spatial axes"
            raise CnnError.of("bad-setting", f"the network has no symbol {quoted(str(name))}", has)
        require_whole(name, size, 1)


def require_consistent(graph: Graph) -> None:
    """Raises CnnError ``bad-json`` where what is said of symbols does not give the graph's numbers for the defaults."""
    values = {one.name: one.default for one in graph.symbols}
    if len(values) < len(graph.symbols) or not all(name.isidentifier() for name in values):
        raise CnnError.of("bad-json", "a symbol stands there twice, or has a name that is none")
    wanted: list[tuple[str, Sequence[str], Sequence[Any]]] = []
    for value in graph.inputs:
        if value.extents:
            wanted.append((value.name, value.extents, value.shape.dimensions))
    for node in graph.layers:
        for name, texts in node.symbolic.items():
            if name not in node.op.sized:
                raise CnnError.of("bad-json", f"layer {quoted(node.name)} has no size {quoted(name)}")
            wanted.append((node.name, texts, numbers_of(getattr(node.op, name))))
    for expectation in graph.expectations:
        if expectation.value not in graph.shapes:
            raise CnnError.of("bad-json", f"there is no value {quoted(expectation.value)} to expect a shape of")
        wanted.append((expectation.value, expectation.extents, graph.shapes[expectation.value].dimensions))
    wanted += [(one.text, (one.text,), (True,)) for one in graph.assumptions]
    for name, expressions, numbers in wanted:
        try:
            found = tuple(evaluated(text, values) for text in expressions)
        except (ValueError, TypeError) as error:
            raise CnnError.of("bad-json", f"{quoted(name)}: {error}") from None
        if found != tuple(numbers):
            shown = ", ".join(expressions)
            raise CnnError.of("bad-json", f"{quoted(name)}: {quoted(shown)} gives other numbers than are written")


def numbers_of(value: object) -> tuple[object, ...]:
    """The numbers of a parameter, in the order in which ``symbolic`` has expressions for them."""
    if isinstance(value, Shape):
        return value.dimensions
    return tuple(value) if isinstance(value, tuple) else (value,)


def resized(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The graph with these values of symbols, which become its defaults.

    Raises CnnError where an assumption is broken, a layer does not take the sizes, or weights would be others.
    """
    values = {one.name: sizes.get(one.name, one.default) for one in graph.symbols}
    given = ", ".join(f"{name} = {values[name]}" for name in sizes or values)
    for assumption in graph.assumptions:
        if not evaluated(assumption.text, values):
            raise CnnError(
                [Diagnostic("bad-setting", f"{given}: the network assumes {quoted(assumption.text)}", assumption.span)]
            )
    inputs = []
    for value in graph.inputs:
        extents = [evaluated(text, values) for text in value.extents] or list(value.shape.dimensions)
        if min(extents) < 1:
            message = f"{given}: the input {quoted(value.name)} would have an extent of {min(extents)}"
            raise CnnError([Diagnostic("assumption", message, value.span)])
        inputs.append(value.model_copy(update={"shape": Shape(extents[0], tuple(extents[1:]))}))
    shapes = {value.name: value.shape for value in inputs}
    layers = []
    for node in graph.layers:
        op = operator_for(node, values)
        before = [shapes[name] for name in node.inputs]
        try:
            misfit = op.misfit(node.symbolic)
            if misfit:
                message = f"{op.operator}: {misfit} must be {op.expects(misfit)}, got {written(getattr(op, misfit))}"
                raise ShapeError("bad-argument", message)
            shape = op.output(before)
            weights = {name: weight.shape for name, weight in op.weights(before).items()}
        except ShapeError as error:
            message = f"{given}: {error.message}"
            raise CnnError([Diagnostic(error.code, message, node.span, help=error.help)]) from None
        _require_weights(graph, node, weights, given)
        shapes[node.name] = shape
        layers.append(node.model_copy(update={"shape": shape, "op": op}))
    symbols = tuple(one.model_copy(update={"default": values[one.name]}) for one in graph.symbols)
    fields = {**dict(graph), "inputs": tuple(inputs), "layers": tuple(layers), "symbols": symbols}
    return Graph.model_construct(**fields)


def _require_weights(graph: Graph, node: Node, weights: Mapping[str, tuple[int, ...]], given: str) -> None:
    before = graph.input_shapes(node)
    for name, weight in node.op.weights(before).items():
        if weights.get(name) != weight.shape:
            layouts = [" x ".join(map(str, shape)) for shape in (weight.shape, weights.get(name, ()))]
            message = f"{given}: {quoted(node.name)} has a {name} of {layouts[0]}, and would need one of {layouts[1]}"
            label = Label(node.span, f"{before[0]} at the default size") if node.span else None
            advice = "an adaptive or global pool before it makes the map as large as the weights ask for"
            raise CnnError(
                [Diagnostic("weight-shape", message, node.span, labels=(label,) if label else (), help=(advice,))]
            )
