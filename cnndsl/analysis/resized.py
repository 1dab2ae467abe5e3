"""A graph at other sizes than those that its numbers are for."""

from collections.abc import Mapping

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
