"""Where a wrong value came from: the argument of a block, the row of a table, not the line deep inside that used it."""

from collections.abc import Iterator, Sequence

from cnndsl.errors import Diagnostic, Label, Source, Span
from cnndsl.lang.expressions.scope import Origin, Scope
from cnndsl.lang.text import syntax

OF_VALUES = frozenset({"bad-argument", "not-whole", "wrong-type", "dimension-limit", "bad-connect", "weight-shape"})
"""Codes that say what is wrong with a value."""

TABLES = frozenset({"connect", "weight", "bias"})
"""Parameters that take a table, whose rows a message is about even where the table is a constant."""
OF_ARGUMENTS = OF_VALUES | {"not-a-value"}
"""Codes that say what is wrong with an argument of a block."""


def blamed(diagnostic: Diagnostic, scope: Scope, source: Source, node: syntax.Spanned) -> Diagnostic:
    """The diagnostic at the place that gave the value, if a name in its place was given it from elsewhere.

    ``node`` is the statement or stage that went wrong. Of several names it is the innermost: a loop's variable rather
    than an argument of the block around it.
    """
    span = diagnostic.span
    if span is None or diagnostic.code not in OF_ARGUMENTS or span.file != source.file:
        return diagnostic
    names = _names(node, *source.offsets(span))
    if diagnostic.code not in OF_VALUES:
        names = ((name, is_table) for name, is_table in names if is_parameter(scope, name))
    places = [place for name, is_table in names if (place := given_at(scope, name, is_table))]
    if not places:
        return diagnostic
    _, origin = min(places, key=lambda place: place[0])
    return diagnostic._replace(span=origin, labels=(Label(span, "used here"), *diagnostic.labels), fixes=())


def _names(node: syntax.Spanned, start: int, end: int) -> Iterator[tuple[str, bool]]:
    """The names in a part of the text, in order, and whether they stand for a table."""
    pending: list[tuple[object, bool]] = [(node, False)]
    while pending:
        part, is_table = pending.pop()
        if isinstance(part, syntax.Name):
            if start <= part.start and part.end <= end:
                yield part.name, is_table
        elif isinstance(part, syntax.Argument):
            pending.append((part.value, part.name in TABLES))
        elif isinstance(part, tuple):
            pending.extend((inner, is_table) for inner in reversed(part))


def is_parameter(scope: Scope, name: str) -> bool:
    """Whether a name is an argument of the block around."""
    while name not in scope.names and scope.outer is not None:
        scope = scope.outer
    return scope.sealed and name in scope.origins


def given_at(scope: Scope, name: str, is_table: bool = False) -> tuple[int, Span] | None:
    """How far out a name is defined and where its value was written; None for constants, whose use may be wrong.

    A constant counts where a table is expected (``is_table``): its rows are what the message is about.
    """
    distance, owner = 0, scope
    while name not in owner.names:
        if owner.outer is None:
            return None
        distance, owner = distance + 1, owner.outer
    origin = owner.origins.get(name)
    if origin is None or (origin.constant and not (is_table and listed(origin))):
        return None
    if isinstance(origin.node, syntax.Name):
        deeper = given_at(origin.scope, origin.node.name, is_table)
        if deeper:
            return distance, deeper[1]
    return distance, origin.source.span(origin.node.start, origin.node.end)


def row_origins(stage: syntax.For, count: int, scope: Scope, source: Source) -> Iterator[dict[str, Origin]]:
    """The origins of a loop's variables, turn by turn; empty where the list is not written out."""
    table = listed(Origin(stage.rows, source, scope))
    items = table.node.items if table and isinstance(table.node, syntax.ListLiteral) else ()
    if table is None or len(items) != count:
        yield from ({} for _ in range(count))
        return
    for item in items:
        cells: Sequence[syntax.Expression] = (item,) * len(stage.targets)
        if stage.destructured and isinstance(item, syntax.ListLiteral) and len(item.items) == len(stage.targets):
            cells = item.items
        pairs = zip(stage.targets, cells, strict=True)
        yield {name: Origin(cell, table.source, table.scope) for name, cell in pairs}


def listed(origin: Origin) -> Origin | None:
    """The list literal that an expression stands for, through names."""
    while isinstance(origin.node, syntax.Name):
        owner: Scope | None = origin.scope
        while owner is not None and origin.node.name not in owner.names:
            owner = owner.outer
        found = owner.origins.get(origin.node.name) if owner else None
        if found is None:
            return None
        origin = found
    return origin if isinstance(origin.node, syntax.ListLiteral) else None
