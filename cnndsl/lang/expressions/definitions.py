"""Names that statements give to values: constants and symbols."""

from collections.abc import Iterable, Mapping, Sequence

from cnndsl.errors import Diagnostic, Label, Source, Span, quoted
from cnndsl.ir import Symbol
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.scope import Origin, Scope
from cnndsl.lang.expressions.symbols import Given, Symbolic
from cnndsl.lang.expressions.values import Fault, Named, Value, fault, shown
from cnndsl.lang.text import syntax
from cnndsl.shapes import Shape

DEFAULT = 224
"""The extent that a symbol has where numbers are needed and none is written."""


def define_value(scope: Scope, item: syntax.Param | syntax.Let, evaluator: Evaluator, source: Source) -> None:
    """Defines a name as the value of its expression, which does not see the name; unknown if that is in error."""
    span = source.span(item.name_start, item.name_end)
    if item.name in scope.names:
        define(scope, item.name, None, span)
    value = None
    try:
        value = evaluator.value(item.value)
    finally:
        define(scope, item.name, value, span)
        scope.origins[item.name] = Origin(item.value, source, scope, constant=True)


def define(scope: Scope, name: str, value: Value | Named | None, span: Span) -> None:
    """A new name in a scope. Raises Fault for one that this scope has already, unless an error left it unknown."""
    if scope.names.get(name) is not None:
        message = f"{quoted(name)} is defined already in this body"
        raise taken(message, span, scope.places.get(name), "names are never reassigned")
    scope.names[name] = value
    scope.places[name] = span


def taken(message: str, span: Span, first: Span | None, *advice: str) -> Fault:
    """A second definition of a name, with the place of the first one."""
    labels = (Label(first, "defined here first"),) if first and first != span else ()
    return Fault(Diagnostic("name-taken", message, span, labels=labels, help=advice))


def define_symbols(
    item: syntax.Symbol, scope: Scope, evaluator: Evaluator, given: Mapping[str, Value], used: set[str]
) -> None:
    """Puts symbols into scope; those that are given from outside are numbers. Raises Fault or Unknowable."""
    for one in item.symbols:
        span = evaluator.context.span(one._replace(end=one.start + len(one.name)))
        used.add(one.name)
        value: Value | None = None
        try:
            if one.name in given:
                value = Given.to(one.name, _extent(given[one.name], one.name, evaluator))
            else:
                size = DEFAULT if one.default is None else _default(one.default, evaluator)
                value = Symbolic.declared(Symbol(name=one.name, default=size, span=span))
        finally:
            define(scope, one.name, value, span)


def _default(node: syntax.Expression, evaluator: Evaluator) -> int:
    return evaluator.dimension(evaluator.whole(node, "the default of a symbol"), node)


def _extent(value: Value, name: str, evaluator: Evaluator) -> int:
    """The size that a symbol is set to from outside."""
    limit = evaluator.context.limits.dimension
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
        message = f"the symbol {quoted(name)} cannot be {shown(value)}"
        raise fault("bad-setting", message, None, f"a size is a whole number from 1 to {limit:,}")
    return value


def symbols_in(statements: Iterable[syntax.Statement | syntax.Item]) -> list[str]:
    """The names of the symbols that statements declare."""
    return [one.name for node in statements if isinstance(node, syntax.Symbol) for one in node.symbols]


def sizes_given(
    symbols: Iterable[str], statements: Sequence[syntax.Statement], shapes: Mapping[str | None, Shape]
) -> dict[str, int]:
    """The sizes of symbols where the shapes of inputs are given from outside. Raises Fault where they contradict."""
    wanted = set(symbols)
    found: dict[str, int] = {}
    inputs = [node for node in statements if isinstance(node, syntax.Input)] if shapes else []
    for number, node in enumerate(inputs):
        name = node.alias.name if node.alias else "input"
        shape = shapes.get(name, None if number else shapes.get(None))
        if shape is None or not isinstance(node.shape, syntax.ShapeLiteral):
            continue
        for symbol, size in zip(_written_names(node.shape.spatial), shape.spatial, strict=False):
            if symbol in wanted and found.setdefault(symbol, size) != size:
                message = f"{quoted(symbol)} cannot be both {found[symbol]} and {size}"
                raise fault("bad-setting", message, None, f"the shape {quoted(str(shape))} is given for the input")
    return found


def _written_names(node: syntax.Expression) -> list[str]:
    """The names that extents are written with; an empty one where there is another expression."""
    if isinstance(node, syntax.Name):
        return node.name.split("x")
    items = node.items if isinstance(node, syntax.ListLiteral) else ()
    return [item.name if isinstance(item, syntax.Name) else "" for item in items]
