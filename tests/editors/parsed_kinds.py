"""What every token of a text is, by the lexer and the parser of the language: the judge of what editors colour."""

import re
from collections.abc import Iterator
from typing import NamedTuple, get_args

from cnndsl import ops
from cnndsl.ir import Dtype
from cnndsl.lang.accepted import words
from cnndsl.lang.expressions.functions import FUNCTIONS
from cnndsl.lang.expressions.scope import MEASURES
from cnndsl.lang.text import syntax
from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.lexer import END, Lexer, Token
from cnndsl.lang.text.parser import parse
from cnndsl.limits import DEFAULT_LIMITS
from cnndsl.ops.fields import leaves
from cnndsl.training_settings import Training

ONE_KIND = {
    "NUMBER": "number",
    "SIZE": "size",
    "TRUE": "truth",
    "FALSE": "truth",
    **dict.fromkeys(("IF", "ELSE", "FOR", "IN", "REPEAT"), "control"),
    **dict.fromkeys(("AS", "FROM", "EXPECT", "ASSUME", "OUTPUT"), "statement"),
    **dict.fromkeys(("BLOCK", "NETWORK", "INPUT", "PARAM", "LET", "SYMBOL", "TRAIN"), "declaration"),
    **dict.fromkeys(("AND", "OR", "NOT"), "logical"),
    "IMPORT": "import",
    "ARROW": "arrow",
    "AT": "at",
    "EQUAL": "assignment",
    "COMPARISON": "comparison",
    **dict.fromkeys(("PLUS", "MINUS", "STAR", "SLASH", "QUOTIENT", "PERCENT", "POWER"), "arithmetic"),
    **dict.fromkeys(("LPAR", "RPAR", "LSQB", "RSQB", "INDEX", "LBRACE", "RBRACE"), "bracket"),
    **dict.fromkeys(("COMMA", "DOT"), "punctuation"),
    "NAME": "name",
    "FUNCTION": "name",
}
ESCAPE = re.compile(r"\\(?:u....|.)")


class Piece(NamedTuple):
    start: int
    end: int
    kind: str


def pieces(text: str) -> list[Piece]:
    """The tokens and comments of a text without mistakes, in order; strings are taken apart at their escapes."""
    said = dict(_said(parse(text)))
    tokens = [token for token in Lexer(text, vocabulary(), DEFAULT_LIMITS) if token.type != END]
    found = [*_comments(text, tokens)]
    in_targets = False
    for before, token in zip([None, *tokens], tokens, strict=False):
        in_targets = token.type == "FOR" or (in_targets and token.type != "IN")
        if token.type == "STRING":
            found += _string(token)
        elif token.type == "_SEP":
            found += [Piece(token.start, token.end, "punctuation")] if token.value == ";" else []
        else:
            named = token.type == "NAME" and (in_targets or (before and before.type == "AS"))
            kind = "definition" if named else said.get(token.start, ONE_KIND[token.type])
            found.append(Piece(token.start, token.end, kind))
    return sorted(found)


def _string(token: Token) -> Iterator[Piece]:
    position = token.start
    for escape in ESCAPE.finditer(token.value):
        start, end = (token.start + offset for offset in escape.span())
        yield Piece(position, start, "string")
        yield Piece(start, end, "escape")
        position = end
    yield Piece(position, token.end, "string")


def _comments(text: str, tokens: list[Token]) -> Iterator[Piece]:
    """Every ``#`` up to its line's end, but those inside strings; separators may hold comments."""
    strings = [token for token in tokens if token.type == "STRING"]
    for line in re.finditer(r"[^\n]+", text):
        inside = {place for token in strings for place in range(token.start, token.end)}
        place = next((place for place in range(*line.span()) if text[place] == "#" and place not in inside), None)
        if place is not None:
            yield Piece(place, line.end(), "comment")


def _said(node: object, training: bool = False, counting: bool = False) -> Iterator[tuple[int, str]]:
    """What the parser knows of the token at an offset."""
    training, counting = training or isinstance(node, syntax.Train), counting or isinstance(node, syntax.Expect)
    match node:
        case syntax.Apply() | syntax.Merge():
            operator = node.name if node.name in ops.NAMES else None
            yield node.start, "setting" if training else "layer" if operator else "block"
            for argument in node.arguments:
                yield from _setting_part(node.name, argument) if training else _argument(operator, argument)
        case syntax.Input():
            for argument in node.arguments:
                yield from _named(argument, get_args(Dtype))
        case syntax.Param() | syntax.Let():
            yield node.name_start, "definition"
        case syntax.Declared():
            yield node.start, "definition"
        case syntax.Block() | syntax.Network():
            yield node.name_start, "block"
        case syntax.BlockParameter():
            yield node.start, "parameter"
        case syntax.Call() if node.function in FUNCTIONS:
            yield node.start, "function"
        case syntax.Attribute() | syntax.ElementAttribute():
            yield node.end - len(node.attribute), "attribute"
            if node.base == "in":
                yield node.start, "this"
        case syntax.Name() if counting and node.name in MEASURES:
            yield node.start, "count"
    if isinstance(node, tuple):
        for part in node:
            yield from _said(part, training, counting)


def _argument(operator: str | None, argument: syntax.Argument) -> Iterator[tuple[int, str]]:
    takes = operator and argument.name and argument.name in ops.operator(operator).parameters()
    yield from _named(argument, words(operator, argument.name) if takes else ())


def _named(argument: syntax.Argument, choices: tuple[str, ...] | list[str]) -> Iterator[tuple[int, str]]:
    if argument.name:
        yield argument.start, "parameter"
        if isinstance(argument.value, syntax.Name) and argument.value.name in choices:
            yield argument.value.start, "word"


def _setting_part(setting: str, argument: syntax.Argument) -> Iterator[tuple[int, str]]:
    options = Training.options(Training.words()[setting])
    if options is None or not isinstance(argument.value, syntax.Name):
        yield from _named(argument, ())
    elif argument.name:
        yield from _named(argument, [word for word in leaves(options, argument.name) if isinstance(word, str)])
    else:
        yield argument.start, "parameter" if argument.value.name in options.model_fields else "word"
