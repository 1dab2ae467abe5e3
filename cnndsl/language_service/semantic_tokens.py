"""What every word of a text is, for colours: operators, blocks, parameters, names, numbers, sizes."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

from cnndsl import ops
from cnndsl.lang.expressions.scope import MEASURES
from cnndsl.lang.text import syntax
from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.lexer import END, Lexer, Refused, Token
from cnndsl.language_service.analysis import Analysis, children
from cnndsl.language_service.bindings import Bindings

TokenKind: TypeAlias = Literal[
    "operator", "block", "keyword", "parameter", "variable", "constant", "word", "number", "string", "function"
]
KINDS: tuple[TokenKind, ...] = get_args(TokenKind)
_KINDS: dict[str, TokenKind] = {"NUMBER": "number", "SIZE": "number", "STRING": "string", "FUNCTION": "function"}


class Coloured(NamedTuple):
    """A word from offset ``start`` to ``end``."""

    start: int
    end: int
    kind: TokenKind
    defines: bool = False


def semantic_tokens(analysis: Analysis, bindings: Bindings) -> list[Coloured]:
    """In the order of the text, none over another. Comments are left to the grammar of the editor."""
    known = dict(_from_tree(analysis, bindings))
    return [found for token in _tokens(analysis) if (found := known.get(token.start) or _plain(token))]


def _tokens(analysis: Analysis) -> Iterator[Token]:
    tokens = Lexer(analysis.text, vocabulary(), analysis.limits).tokens()
    while True:
        try:
            token = next(tokens)
        except (StopIteration, Refused):
            return
        if token.type == END:
            return
        yield token


def _plain(token: Token) -> Coloured | None:
    kind = _KINDS.get(token.type)
    if kind is None and token.value.isidentifier() and token.type not in ("NAME", "FUNCTION"):
        kind = "keyword"
    if kind is None and token.value in ops.NAMES:
        kind = "operator"
    return Coloured(token.start, token.end, kind) if kind else None


def _from_tree(analysis: Analysis, bindings: Bindings) -> Iterator[tuple[int, Coloured]]:
    pending: list[object] = [analysis.tree]
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Apply | syntax.Merge):
            kind: TokenKind = "operator" if node.name in ops.NAMES else "block"
            yield node.start, Coloured(node.start, node.name_end, kind)
        elif isinstance(node, syntax.Train):
            for setting in node.settings:
                if isinstance(setting, syntax.Apply):
                    yield setting.start, Coloured(setting.start, setting.name_end, "keyword")
                    pending.extend(setting.arguments)
            continue
        elif isinstance(node, syntax.Argument) and node.name:
            yield node.start, Coloured(node.start, node.start + len(node.name), "parameter")
        elif isinstance(node, syntax.Name):
            kind = "function" if node.name in MEASURES else "word"
            yield node.start, Coloured(node.start, node.end, kind)
        elif isinstance(node, syntax.Attribute) and node.base != "in":
            yield node.start, Coloured(node.start, node.start + len(node.base), "variable")
        pending.extend(children(node))
    for definition in bindings.definitions:
        kind = "block" if definition.kind in ("block", "network") else _name_kind(definition.kind)
        yield definition.place.start, Coloured(definition.place.start, definition.place.end, kind, True)
    for (start, end), definition in bindings.references.items():
        if definition.kind != "block" and definition.level != -1:
            yield start, Coloured(start, end, _name_kind(definition.kind))


def _name_kind(kind: str) -> TokenKind:
    return "constant" if kind in ("param", "let", "symbol") else "parameter" if kind == "parameter" else "variable"
