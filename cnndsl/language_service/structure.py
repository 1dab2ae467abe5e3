"""The outline of a text: symbols, what can be folded, and what a selection grows to."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from cnndsl.errors import Span
from cnndsl.lang.text import syntax
from cnndsl.language_service.analysis import Analysis, children

SymbolKind: TypeAlias = Literal["network", "block", "constant", "input", "layer", "stage"]
_COMMENT = re.compile(r"(?:^[ \t]*#[^\n]*\n?){2,}", re.MULTILINE)
_IMPORTS = re.compile(r"(?:^[ \t]*import[^\n]*\n?){2,}", re.MULTILINE)


class Symbol(NamedTuple):
    """A named part of a text; ``name_span`` is where its name stands."""

    name: str
    kind: SymbolKind
    detail: str
    span: Span
    name_span: Span
    children: "tuple[Symbol, ...]" = ()


class Fold(NamedTuple):
    """Lines from ``first`` to ``last`` that can be folded."""

    first: int
    last: int
    kind: Literal["region", "comment", "imports"] = "region"


def symbols(analysis: Analysis) -> list[Symbol]:
    """Networks, blocks and constants, and in them the stages and layers."""
    return list(_items(analysis, analysis.tree.items))


def _items(analysis: Analysis, items: Sequence[syntax.Item]) -> Iterator[Symbol]:
    for item in items:
        if isinstance(item, syntax.Network | syntax.Block):
            inside = tuple(_items(analysis, item.body.statements))
            name = analysis.source.span(item.name_start, item.name_end)
            kind: SymbolKind = "network" if isinstance(item, syntax.Network) else "block"
            detail = f"({', '.join(one.name for one in item.parameters)})" if isinstance(item, syntax.Block) else ""
            yield Symbol(item.name, kind, detail, analysis.span(item), name, inside)
        elif isinstance(item, syntax.Let | syntax.Param):
            value = analysis.text[item.value.start : item.value.end]
            name = analysis.source.span(item.name_start, item.name_end)
            yield Symbol(item.name, "constant", f"= {value[:60]}", analysis.span(item), name)
        elif isinstance(item, syntax.Symbol):
            for one in item.symbols:
                place = analysis.span(one)
                yield Symbol(one.name, "constant", "symbol", place, place)
        elif isinstance(item, syntax.Input):
            title = item.alias.name if item.alias else "input"
            yield Symbol(title, "input", _shape(analysis, item), analysis.span(item), analysis.span(item))
        elif isinstance(item, syntax.Pipeline):
            for stage in item.stages:
                yield from _stage(analysis, stage)


def _stage(analysis: Analysis, stage: syntax.Stage) -> Iterator[Symbol]:
    place = analysis.span(stage)
    name_span = analysis.span(stage.alias) if stage.alias else place
    inside: tuple[Symbol, ...] = ()
    for body in _bodies(stage):
        inside += tuple(_items(analysis, body.statements))
    if isinstance(stage, syntax.Apply | syntax.Merge):
        title = f"{stage.name} {stage.alias.name}" if stage.alias else stage.name
        yield Symbol(title, "stage" if inside else "layer", _shape(analysis, stage), place, name_span, inside)
    elif isinstance(stage, syntax.Repeat | syntax.For | syntax.If):
        word = {syntax.Repeat: "repeat", syntax.For: "for", syntax.If: "if"}[type(stage)]
        yield Symbol(word, "stage", _shape(analysis, stage), place, name_span, inside)
    else:
        yield from inside


def _bodies(stage: syntax.Stage) -> Iterator[syntax.Body]:
    if isinstance(stage, syntax.If):
        yield from (body for _, body in stage.arms)
        if stage.otherwise:
            yield stage.otherwise
    elif isinstance(stage, syntax.Merge | syntax.Group | syntax.Repeat | syntax.For):
        yield stage.body


def _shape(analysis: Analysis, node: syntax.Spanned) -> str:
    result = analysis.result(node)
    return str(result.first.shape) if result else ""


def folds(analysis: Analysis) -> list[Fold]:
    """Bodies and lists of several lines, runs of comments and of imports."""
    found: set[Fold] = set()
    pending: list[object] = list(analysis.tree.items)
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Body | syntax.ListLiteral | syntax.Train):
            span = analysis.span(node)
            if span.end_line > span.line + 1:
                # The line of the closing brace stays.
                found.add(Fold(span.line, span.end_line - 1))
        pending += children(node)
    for kind, pattern in (("comment", _COMMENT), ("imports", _IMPORTS)):
        for match in pattern.finditer(analysis.text):
            first = analysis.text.count("\n", 0, match.start()) + 1
            last = first + match[0].rstrip("\n").count("\n")
            found.add(Fold(first, last, kind))  # type: ignore[arg-type]  # the literals of the tuple above
    return sorted(found)


def selections(analysis: Analysis, offset: int) -> list[Span]:
    """What a selection at an offset grows to, step by step, from the word to the whole text."""
    word = analysis.word(offset)
    places = [word] if word else []
    places += [(node.start, node.end) for node in reversed(analysis.path(offset))]
    found: list[Span] = []
    for start, end in places:
        span = analysis.source.span(start, end)
        if end > start and span not in found:
            found.append(span)
    return found
