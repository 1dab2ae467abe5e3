"""From text to tokens, with the layout rules: which line ends count, and which bracket is an index."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cnndsl.limits import Limits

RESERVED = frozenset({"while"})
END = "$END"
UNEXPECTED = "UNEXPECTED"
_OPENING = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSING = {"RPAR": "(", "RSQB": "[", "RBRACE": "{"}
_WORDS = frozenset({"NAME", "FUNCTION"})
_PREFIXES = frozenset({"MINUS", "NOT"})
_INDEXABLE = frozenset({"NAME", "RPAR", "RSQB"})
_LAYOUT = _OPENING | _CLOSING.keys() | _PREFIXES | {"_SEP", END}


class Refused(Exception):
    """What makes a text unacceptable, found where its name and lines are not known: offsets instead of a span."""

    def __init__(self, code: str, message: str, start: int, end: int, *help: str) -> None:
        self.code = code
        self.message = message
        self.start = start
        self.end = end
        self.help = help
        super().__init__(message)

    @classmethod
    def nesting(cls, limit: int, start: int, end: int) -> "Refused":
        """The text is ``nesting-too-deep``."""
        return cls("nesting-too-deep", f"brackets or expressions are nested more than {limit} deep", start, end)


class Token(NamedTuple):
    """A terminal of the grammar, or UNEXPECTED for a character that starts none; offsets as in the syntax tree."""

    start: int
    end: int
    type: str
    value: str


class Vocabulary(NamedTuple):
    """The terminals of the grammar: keywords apart, everything else as one regular expression."""

    keywords: dict[str, str]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, terminals: Iterable[tuple[str, str, bool, int]], ignored: frozenset[str]) -> "Vocabulary":
        """From (name, text, whether the text is a regular expression, priority) of every terminal.

        Higher priority goes first, then regular expressions, then the longer literal: the order that Lark's own
        lexer uses, as far as this grammar can tell the difference.
        """
        keywords = dict.fromkeys(RESERVED, "RESERVED")
        skipped: list[str] = []
        ordered: list[tuple[tuple[int, bool, int, str], str]] = []
        for name, text, is_expression, priority in terminals:
            if name in ignored:
                skipped.append(text)
            elif not is_expression and text.isidentifier():
                keywords[text] = name
            else:
                expression = text if is_expression else re.escape(text)
                order = (-priority, not is_expression, -len(text), name)
                ordered.append((order, f"(?P<{name}>{expression})"))
        ordered.sort()
        alternatives = "|".join(alternative for _, alternative in ordered)
        # The last two make sure that every match starts where the one before it ended, up to the end of the text.
        pattern = rf"(?>(?:{'|'.join(skipped)})*)(?:{alternatives}|(?P<{END[1:]}>\Z)|(?P<{UNEXPECTED}>.))"
        return cls(keywords, re.compile(pattern))


class Lexer:
    """The tokens of one text, one at a time.

    ``open`` holds the brackets that are open before the latest token, ``previous`` is the token before it.
    """

    def __init__(self, text: str, vocabulary: Vocabulary, limits: Limits) -> None:
        self.open: list[Token] = []
        self.previous: Token | None = None
        self._text = text
        self._vocabulary = vocabulary
        self._nesting = limits.nesting
        self._has_symbols = False

    def __iter__(self) -> Iterator[Token]:
        return self.tokens()

    def tokens(self, position: int = 0) -> Iterator[Token]:
        """Yields the tokens from an offset on that the grammar is about, the last one of type END.

        Raises :class:`Refused` (``nesting-too-deep``) as soon as brackets or signs stand too deep.
        """
        text = self._text
        keywords, pattern = self._vocabulary
        separator: Token | None = None
        previous: Token | None = None
        signs = 0
        for match in pattern.finditer(text, position):
            kind = match.lastgroup or UNEXPECTED
            start, end = match.span(kind)
            value = text[start:end]
            if kind in _WORDS:
                kind = keywords.get(value, kind)
                if kind == "SYMBOL":
                    self._has_symbols = True
                elif self._has_symbols and value == "assume" and (separator or not previous or previous.value == "{"):
                    kind = "ASSUME"
            elif kind == "END":
                kind = END
            token = Token(start, end, kind, value)
            if kind in _LAYOUT:
                if kind == "_SEP":
                    inside_parentheses = self.open and self.open[-1].value != "{"
                    if value == ";" or not (separator or inside_parentheses):
                        separator = token
                    continue
                if kind in _OPENING:
                    if kind == "LSQB" and previous and previous.end == start and previous.type in _INDEXABLE:
                        token = Token(start, end, "INDEX", value)
                    self._check_depth(len(self.open) + 1, token)
                elif kind in _PREFIXES:
                    signs = signs + 1 if previous and previous.type in _PREFIXES else 1
                    self._check_depth(signs, token)
            if separator:
                if separator.value == ";" or kind not in ("ARROW", "ELSE"):
                    self.previous = previous
                    yield separator
                    previous = separator
                separator = None
            self.previous = previous
            yield token
            if kind in _OPENING:
                self.open.append(token)
            elif kind in _CLOSING and self.open and self.open[-1].value == _CLOSING[kind]:
                self.open.pop()
            elif kind == END:
                return
            previous = token

    def _check_depth(self, depth: int, token: Token) -> None:
        if depth > self._nesting:
            raise Refused.nesting(self._nesting, token.start, token.end)
