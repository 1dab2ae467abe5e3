"""What a network says of its symbols, for every size that it allows: proved, or disproved by a smallest size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnndsl.analysis.network_sizes import Group, sizes_of
from cnndsl.analysis.resized import resized
from cnndsl.analysis.sizes import operator_for, true_for
from cnndsl.errors import CnnError, Diagnostic, Label, listed, quoted
from cnndsl.extents.expression import evaluated, names
from cnndsl.extents.extent import SIZE, Extent, Product
from cnndsl.extents.periodic import ALL, PeriodicSet, TooLong
from cnndsl.ir import Assumption, Expectation, Graph, Node
from cnndsl.shapes import Shape, ShapeError


def shape_at(shape: Shape, size: int) -> Shape:
    """A shape where the unknown size is known."""
    numbers = [extent.at(size) if isinstance(extent, Extent | Product) else extent for extent in shape.dimensions]
    return Shape(numbers[0], tuple(numbers[1:]))


def disproved(graph: Graph) -> list[Diagnostic]:
    """What is wrong with a network that has symbols."""
    defaults = {one.name: one.default for one in graph.symbols}
    broken = list(_impossible(graph, defaults)) or list(_defaults(graph, defaults))
    if broken:
        return broken
    try:
        sizes = sizes_of(graph)
        found = [
            wrong for name, one in sizes.alone.items() for wrong in _of_group(graph, Group((name,), one), defaults)
        ]
        tied = [group for group in sizes.groups if len(group.names) > 1]
        if tied and found:
            equal = f"assume {' == '.join(tied[0].names)}"
            advice = f"{quoted(equal)} says that these sizes are equal"
            return [wrong._replace(help=(advice, *wrong.help)) for wrong in found]
        return found or [wrong for group in tied for wrong in _of_group(graph, group, defaults)]
    except CnnError as error:
        (too_long,) = error.diagnostics
        return [too_long._replace(span=too_long.span or graph.symbols[0].span)]


# --- assumptions ------------------------------------------------------------------------------------------------------
def _impossible(graph: Graph, defaults: Mapping[str, int]) -> Iterator[Diagnostic]:
    """Assumptions that no size meets, alone or beside those above."""
    for symbol in defaults:
        left, before = ALL, list[Assumption]()
        for assumption in graph.assumptions:
            if names(assumption.text) != {symbol}:
                continue
            try:
                alone = _meeting(assumption, {symbol: SIZE})
                left = left & alone
            except TooLong:
                continue
            if not alone:
                message = f"no {symbol} meets {quoted(assumption.text)}"
                yield Diagnostic("impossible-assumption", message, assumption.span)
                return
            if not left:
                others = [each for each in before if not _meeting(each, {symbol: SIZE}) & alone] or before
                said = " and ".join(quoted(each.text) for each in others)
                message = f"no {symbol} meets {quoted(assumption.text)} beside {said}"
                labels = tuple(Label(each.span, "assumed here") for each in others if each.span)
                yield Diagnostic("impossible-assumption", message, assumption.span, labels=labels)
                return
            before.append(assumption)


def _meeting(assumption: Assumption, values: Mapping[str, Any]) -> PeriodicSet:
    return true_for(lambda: bool(evaluated(assumption.text, values)), ALL)


def _defaults(graph: Graph, defaults: Mapping[str, int]) -> Iterator[Diagnostic]:
    """Defaults that break an assumption."""
    for assumption in graph.assumptions:
        if not evaluated(assumption.text, defaults):
            read = names(assumption.text)
            given = " and ".join(f"{name} = {size}" for name, size in defaults.items() if name in read)
            message = f"the default{'s' if len(read) > 1 else ''} {given} {'do' if len(read) > 1 else 'does'} not meet "
            spans = [one.span for one in graph.symbols if one.name in read and one.span]
            labels = tuple(Label(span, "the default is written here") for span in spans)
            yield Diagnostic("assumption", message + quoted(assumption.text), assumption.span, labels=labels)
            return


# --- layers and expectations ------------------------------------------------------------------------------------------
def _of_group(graph: Graph, group: Group, defaults: Mapping[str, int]) -> Iterator[Diagnostic]:
    found = group.found
    of_weights = _weights(graph, group, defaults)
    if of_weights:
        yield of_weights
        return
    refused = found.assumed - found.taken
    assumptions = [each for each in graph.assumptions if names(each.text) & set(group.names)]
    if refused and assumptions:
        yield _refused(graph, group, refused.least, assumptions)
        return
    values = {**defaults, **dict.fromkeys(group.names, SIZE)}
    for expectation in graph.expectations:
        if any(names(text) & set(group.names) for text in expectation.extents):
            yield from _expected(group, expectation, values)


def _weights(graph: Graph, group: Group, defaults: Mapping[str, int]) -> Diagnostic | None:
    """What is wrong where weights would have other shapes for other sizes."""
    nodes = {node.name: node for node in graph.layers}
    for need in group.found.needs:
        node, others = nodes[need.layer], need.reached - need.taken
        if others and (size := _other_weights(graph, group, node, others.least, defaults)):
            return size
    return None


def _other_weights(graph: Graph, group: Group, node: Node, size: int, defaults: Mapping[str, int]) -> Diagnostic | None:
    weights = node.op.weights(graph.input_shapes(node))
    if not weights:
        return None
    values = {**defaults, **dict.fromkeys(group.names, size)}
    before = [shape_at(group.found.shapes[name], size) for name in node.inputs]
    try:
        op = operator_for(node, values)
        op.output(before)
        if {name: weight.shape for name, weight in op.weights(before).items()} == {
            name: weight.shape for name, weight in weights.items()
        }:
            return None
    except ShapeError:
        return None
    given = _given(group.names, size)
    default = _given(group.names, defaults[group.names[0]])
    shape = graph.input_shapes(node)[0]
    message = (
        f"the weights of {quoted(node.name)} would depend on {listed([quoted(name) for name in group.names])}: "
        f"its input is {shape} where {default}, and {before[0]} where {given}"
    )
    advice = (
        "`global_avgpool`, or `adaptive_avgpool 7x7`, makes the map the same for every size before it is flattened",
        f"or write a number in place of {listed([quoted(name) for name in group.names])}",
    )
    labels = tuple(Label(value.span, "the size comes from here") for value in graph.inputs if value.span)
    return Diagnostic("symbol-weights", message, node.span, labels=labels, help=advice)


def _given(symbols: Sequence[str], size: int) -> str:
    return " and ".join(f"{name} = {size}" for name in symbols)


def _refused(graph: Graph, group: Group, size: int, assumptions: Sequence[Assumption]) -> Diagnostic:
    """The error of the layer that does not take an assumed size."""
    labels = tuple(Label(each.span, f"this allows {_given(group.names, size)}") for each in assumptions if each.span)
    try:
        resized(graph, dict.fromkeys(group.names, size))
    except CnnError as error:
        found = error.diagnostics[0]
        return found._replace(labels=(*found.labels, *labels[-1:]))
    raise AssertionError(f"{_given(group.names, size)} is taken after all")


def _expected(group: Group, expectation: Expectation, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """The error of a shape that is another one for some size that is taken."""
    shape = group.found.shapes[expectation.value]
    wanted = [evaluated(text, values) for text in expectation.extents]
    try:
        holds = true_for(lambda: _equal(wanted, shape.dimensions), group.found.taken)
        wrong = group.found.taken - holds
    except TooLong:
        message = "this expectation cannot be decided for every size"
        yield Diagnostic("sizes-too-long", message, expectation.span, help=("expect the shape before a flatten",))
        return
    if wrong:
        size = wrong.least
        said = shape_at(Shape(wanted[0], tuple(wanted[1:])), size)
        message = f"{_given(group.names, size)}: expected {said}, but the value here is {shape_at(shape, size)}"
        yield Diagnostic("expect-failed", message, expectation.span)


def _equal(wanted: Sequence[Any], found: Sequence[Any]) -> bool:
    return len(wanted) == len(found) and all(bool(one == other) for one, other in zip(wanted, found, strict=True))
