"""What the indentation of a text says about brackets that are missing or one too many."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.lexer import END, UNEXPECTED, Token

_OPENING = {"(": ")", "[": "]", "{": "}"}
_MOST_TOKENS = 200_000
_BLANKS = re.compile(r"[ \t]*+")
_WORD = re.compile(r"[A-Za-z0-9_.]*+")


class Gap(NamedTuple):
    """A place, an offset, where a bracket is missing; ``opener`` is the one that it would close."""

    opener: Token
    place: int


class _Opener(NamedTuple):
    token: Token
    indent: int
    """Of the line that the bracket belongs to."""
    column: int


class _Positioned(NamedTuple):
    token: Token
    first: bool
    """Whether it is the first of its line."""
    column: int
    previous: Token | None


def indentation(text: str, offset: int) -> int:
    """Columns before the first word of the line around ``offset``."""
    line_start = text.rfind("\n", 0, offset) + 1
    return _width(text[line_start : _first_word(text, line_start, offset)])


def first_on_line(text: str, token: Token) -> bool:
    """Whether nothing but spaces stands before a token."""
    line_start = text.rfind("\n", 0, token.start) + 1
    return _first_word(text, line_start, token.start) == token.start


def _first_word(text: str, line_start: int, most: int) -> int:
    blanks = _BLANKS.match(text, line_start, most)
    return blanks.end() if blanks else line_start


class Gaps:
    """Where a text's indentation says that brackets are missing.

    Sound as long as the author indents: a line stands deeper than the bracket it is in, or where another one of the
    same list stands. Asked about one place after the other, as mistakes are met, it reads the text once.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._searches: dict[int, _GapSearch] = {}
        self._left = _MOST_TOKENS

    def between(self, start: int, end: int) -> list[Gap]:
        """Brackets opened between two offsets that a later line needed closed; in order of the text."""
        search = self._searches.get(start)
        if search is None or end < search.end:
            search = self._searches[start] = _GapSearch(self._text, start)
        self._left -= search.read_until(end, self._left)
        return search.found


class _GapSearch:
    """What is known of the brackets opened between an offset and ``end``, which moves on."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._tokens = _tokens(text, start, len(text))
        self._next = next(self._tokens, None)
        self.found: list[Gap] = []
        self._openers: list[_Opener] = []
        self._indent = 0
        self.end = start

    def read_until(self, end: int, most: int) -> int:
        """Goes on to an offset, or over ``most`` tokens; gives how many it read."""
        count = 0
        while self._next and self._next.token.start < end and count < most:
            self._read(self._next)
            self._next = next(self._tokens, None)
            count += 1
        self.end = end
        return count

    def _read(self, positioned: _Positioned) -> None:
        token, first, column, previous = positioned
        openers = self._openers
        if first and token.type != "ARROW":
            if openers and previous is openers[-1].token and column <= openers[-1].indent:
                # A body that is not indented: nothing below can tell where it ends.
                openers[-1] = openers[-1]._replace(indent=-1)
            still_open = _still_open(openers, token, column)
            if previous:
                closed = reversed(openers[still_open:])
                self.found += [Gap(opener.token, _place(self._text, previous)) for opener in closed]
            del openers[still_open:]
        if first and not (openers and openers[-1].token.value != "{"):
            self._indent = column
        if token.value in _OPENING:
            openers.append(_Opener(token, self._indent, column))
        elif openers and _OPENING[openers[-1].token.value] == token.value:
            openers.pop()


def _still_open(openers: list[_Opener], token: Token, column: int) -> int:
    """How many of the brackets can be open where a line begins with ``token`` at ``column``."""
    if token.value in (")", "]"):
        return len(openers)
    if token.value == "}":
        count = len(openers)
        while count and (openers[count - 1].indent > column or openers[count - 1].token.value != "{"):
            count -= 1
        return count
    for count, (opener, indent, opener_column) in enumerate(openers):
        if column <= indent or (opener.value != "{" and column == opener_column):
            return count
        if opener.value != "{" and column == opener_column + 1:
            return count + 1
    return len(openers)


def _place(text: str, previous: Token) -> int:
    """Behind ``previous``, or on the line below where that is empty: a brace was there, it seems."""
    line_end = text.find("\n", previous.end)
    next_end = text.find("\n", line_end + 1)
    if line_end < 0 or next_end < 0 or text[line_end:next_end].strip() or "\n" in text[previous.end : line_end]:
        return previous.end
    return next_end


class Surplus(NamedTuple):
    """Why a ``}`` further down has no partner: a ``{`` is missing at ``place``, or ``brace`` is a ``}`` too many."""

    place: int
    brace: Token | None


def surplus(text: str, start: int, end: int) -> Surplus | None:
    """The first place between two offsets where indentation and braces disagree so that a ``}`` is left over."""
    openers: list[tuple[Token, int]] = []
    levels: list[int | None] = [None]
    parentheses = 0
    indent = 0
    for token, first, column, previous in _tokens(text, start, end):
        if first and not parentheses and token.type not in ("ARROW", "ELSE"):
            indent = column
            level = levels[-1]
            if token.value == "}":
                if openers and column > openers[-1][1]:
                    return Surplus(token.start, token)
            elif level is None:
                levels[-1] = column
            elif column > level and previous:
                return Surplus(previous.end, None)
        if token.value == "{":
            openers.append((token, indent))
            levels.append(None)
        elif token.value == "}" and openers:
            opener = openers.pop()[0]
            levels.pop()
            if not first and "\n" in text[opener.start : token.start]:
                return Surplus(token.start, token)
        elif token.value in ("(", "["):
            parentheses += 1
        elif token.value in (")", "]") and parentheses:
            parentheses -= 1
    return None


def _tokens(text: str, start: int, end: int) -> Iterator[_Positioned]:
    """The tokens of the lines from ``start`` to ``end``, whatever the parser thinks of them."""
    line_start = text.rfind("\n", 0, start) + 1
    first = True
    previous: Token | None = None
    keywords, pattern = vocabulary()
    position = line_start
    for _ in range(_MOST_TOKENS):
        match = pattern.match(text, position, end)
        if match is None:
            return
        kind = match.lastgroup or ""
        at, stop = match.span(kind)
        if kind == UNEXPECTED and (word := _WORD.match(text, stop, end)):
            stop = word.end()  # reading a long one again from each of its digits would take long
        position = stop
        value = text[at:stop]
        if kind == END[1:]:
            return
        if kind == "_SEP":
            if value != ";":
                first = True
                line_start = text.rfind("\n", 0, stop) + 1
            continue
        token = Token(at, stop, keywords.get(value, kind), value)
        yield _Positioned(token, first, _width(text[line_start:at]) if first else at - line_start, previous)
        first = False
        previous = token


def _width(blanks: str) -> int:
    return len(blanks.expandtabs())
