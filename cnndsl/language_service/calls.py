"""The call around a position, read from the tokens of its line: it works while a line is half typed."""

import re
from typing import NamedTuple

from cnndsl.language_service.analysis import Analysis

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|->|[A-Za-z_]\w*|\d[\w.]*|[^\s\w]|\n')
_OPENING, _CLOSING = "([{", ")]}"
_JOINS = frozenset({"=", "+", "-", "*", "/", "%", "@", "<", ">", "!", ",", ".", "and", "or", "not", "if", "else", "in"})
"""Tokens beside which an expression goes on."""
MOST = 20_000
"""How many characters before a position are read."""


class Token(NamedTuple):
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Call(NamedTuple):
    """A word that begins a stage or statement, and what stands between it and the position."""

    word: str
    start: int
    keywords: tuple[str, ...]
    """The parameters that are given by keyword before the position."""
    positional: int
    """How many arguments stand by position before the one at the position."""
    parameter: str | None
    """The keyword of the argument at the position."""
    inside: bool
    """Whether the position is in an expression that has begun, behind its first word."""
    previous: str
    """The word or sign before the position, and before what is being typed there."""
    around: str
    """The word that opened the body around, such as ``train``; empty at the top."""


def tokens_before(analysis: Analysis, offset: int) -> list[Token]:
    """The tokens that begin before an offset, of the statement around it and those just above."""
    start = max(0, offset - MOST)
    start = analysis.text.rfind("\n", 0, start) + 1 if start else 0
    return [Token(match.start(), match[0]) for match in _TOKEN.finditer(analysis.text, start, offset)]


def call_at(analysis: Analysis, offset: int) -> Call | None:
    """The call whose arguments, or word, an offset is in or behind; None at the start of a statement."""
    tokens = tokens_before(analysis, offset)
    if tokens and tokens[-1].text.startswith("#"):
        return None
    begin, around = _statement(tokens)
    statement = [token for token in tokens[begin:] if token.text != "\n"]
    if not statement or not re.match(r"[A-Za-z_]", statement[0].text):
        return None
    word, *rest = statement
    if not rest and word.start + len(word.text) >= offset:
        return None
    arguments: list[list[str]] = []
    previous, depth = word, 0
    for token in rest:
        apart = token.start > previous.end and previous.text not in _JOINS and token.text not in _JOINS
        if not arguments or (apart and depth == 0):
            arguments.append([])
        arguments[-1].append(token.text)
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        previous = token
    inside = bool(arguments) and (depth > 0 or previous.end >= offset or previous.text in _JOINS)
    current = arguments.pop() if inside else []
    keywords = tuple(argument[0] for argument in arguments if argument[1:2] == ["="])
    parameter = current[0] if current[1:2] == ["="] else None
    typing = statement[-1].end >= offset and re.match(r"\w", statement[-1].text) is not None
    before = statement[-2 if typing and rest else -1].text
    expression = current[2:] if parameter else current
    return Call(
        word.text,
        word.start,
        keywords,
        len(arguments) - len(keywords),
        parameter,
        len(expression) > typing,
        before,
        around,
    )


def _statement(tokens: list[Token]) -> tuple[int, str]:
    """Where the statement or stage begins in which the tokens end, and the word that opened the body around."""
    depth = 0
    begin: int | None = None
    for index in range(len(tokens) - 1, -1, -1):
        text = tokens[index].text
        if text in (")", "]", "}"):
            depth += 1
        elif text in ("(", "["):
            depth = max(depth - 1, 0)
        elif text == "{":
            if depth == 0:
                return (index + 1 if begin is None else begin), _opener(tokens, index)
            depth -= 1
        elif begin is None and depth == 0 and (text in (";", "->") or (text == "\n" and not _goes_on(tokens, index))):
            begin = index + 1
    return begin or 0, ""


def _goes_on(tokens: list[Token], index: int) -> bool:
    """Whether the text behind a line end belongs to the line before: an open parenthesis around it, or an arrow."""
    depth = 0
    for token in reversed(tokens[:index]):
        if token.text in (")", "]"):
            depth += 1
        elif token.text in ("(", "["):
            if depth == 0:
                return True
            depth -= 1
        elif token.text in ("{", "}", ";", "\n") and depth == 0:
            return False
    return False


def _opener(tokens: list[Token], index: int) -> str:
    """The first word of the line, or stage, that ends in the brace at ``index``."""
    word = ""
    for token in reversed(tokens[:index]):
        if token.text in ("\n", ";", "{", "}", "->"):
            break
        word = token.text
    return word
