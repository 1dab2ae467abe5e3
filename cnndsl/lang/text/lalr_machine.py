"""The LALR machine of one parse, fed by the lexer, and open to recovery.

Aho, Lam, Sethi, Ullman 2006 (Compilers), section 4.5.3: a stack of states, and the value of every symbol read so far.
"""

from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, cast

from cnndsl.lang.text import syntax
from cnndsl.lang.text.grammar import START, productions, vocabulary
from cnndsl.lang.text.lexer import END, Lexer, Refused, Token
from cnndsl.lang.text.parser_tables import END_STATE, STATES
from cnndsl.lang.text.tree_builder import current_limits
from cnndsl.limits import Limits

ERROR = "ERROR"
_TOKENS_BETWEEN_CHECKS = 250
# More than any text within the limit needs: a level of nesting is at most 30 symbols, and brackets and operators may
# both be nested up to the limit.
_SYMBOLS_PER_LEVEL = 60


_NOTHING = Token(0, 0, "", "")


class UnexpectedToken(Exception):
    """The grammar has no place for the latest token. :meth:`Machine.failure` says more."""


class Failure(NamedTuple):
    """Where the parser stopped: the token it could not take, and what surrounds it.

    ``open`` holds the brackets that were open there, ``expected`` the terminals that the parser could have taken;
    ``since`` is where the text began that may have to do with it.
    """

    state: int
    found: Token
    previous: Token | None
    open: tuple[Token, ...]
    expected: frozenset[str]
    since: int = 0


class Machine:
    """Reads one text.

    ``found`` is the latest token, ``open`` the brackets that are open before it, ``budget`` about how many tokens may
    still be read: at first as many as there are.
    """

    def __init__(self, text: str, limits: Limits) -> None:
        self.found = _NOTHING
        # Every token but the last has a character; every reading, however short, costs a check.
        self.budget = len(text) + 2 * _TOKENS_BETWEEN_CHECKS
        self.torn = False
        """Whether a brace was put in or left out."""
        self._limits = limits
        self._text = text
        self._lexer = Lexer(text, vocabulary(), limits)
        self._states = [START]
        self._values: list[Any] = []

    @property
    def open(self) -> list[Token]:
        return self._lexer.open

    def read(self, position: int = 0) -> tuple[syntax.Item, ...]:
        """Reads from an offset to the end, or until ``budget`` is spent, and gives the items of the file.

        Raises UnexpectedToken, or :class:`Refused` for what no grammar says.
        """
        tokens = self._lexer.tokens(position)
        deepest = (self._limits.nesting + 1) * _SYMBOLS_PER_LEVEL
        outer_limits = current_limits.set(self._limits)
        items: object = ()
        token = _NOTHING
        try:
            while token.type != END and self.budget > 0:
                self.budget -= _TOKENS_BETWEEN_CHECKS
                for token in islice(tokens, _TOKENS_BETWEEN_CHECKS):
                    items = self._take(token)
                if len(self._states) > deepest:
                    raise Refused.nesting(self._limits.nesting, token.start, token.end)
        finally:
            self.found = token
            current_limits.reset(outer_limits)
        return cast("tuple[syntax.Item, ...]", items)

    def resume(self, known: Iterable[syntax.Item | syntax.Statement]) -> None:
        """Goes on behind what was read before: items of the file, or statements of the body whose `{` is the latest."""
        self._values.append(list(known))
        self._states.append(STATES[self._states[-1]]["_statements" if self.open else "_items"])

    def enter(self, position: int, brace: int) -> None:
        """Reads sound text from an offset to the ``{`` at another."""
        outer_limits = current_limits.set(self._limits)
        try:
            for token in self._lexer.tokens(position):
                self._take(token)
                if token.start == brace:
                    self.open.append(token)
                    return
        finally:
            current_limits.reset(outer_limits)

    def failure(self, since: int = 0) -> Failure:
        """Where the machine stands after UnexpectedToken; in a statement in error anything is expected."""
        expected = frozenset[str]()
        if not self.in_error():
            known = STATES[self._states[-1]]
            expected = frozenset(kind for kind in known if kind.isupper() and kind != ERROR and self.would_take(kind))
        return Failure(self._states[-1], self.found, self._lexer.previous, tuple(self.open), expected, since)

    def in_error(self) -> bool:
        """Whether the ERROR token stands in place of the statement that is being read."""
        return any(type(value) is Token and value.type == ERROR for value in self._values[self._statement() :])

    def _statement(self) -> int:
        """How many values stand before the statement that is being read."""
        count = len(self._values)
        closed = 0  # bodies whose `}` has been read, but which are not yet values themselves
        while closed or ERROR not in STATES[self._states[count]]:
            count -= 1
            value = self._values[count]
            if type(value) is Token and value.type in ("LBRACE", "RBRACE"):
                closed += 1 if value.type == "RBRACE" else -1
        return count

    def would_take(self, *kinds: str) -> bool:
        """Whether tokens of these types could follow here."""
        states = self._states.copy()
        return all(_goes_on(states, kind) for kind in kinds)

    def drop_statement(self, position: int) -> None:
        """Puts the ERROR token in place of what has been read of a statement, and forgets its brackets."""
        count = self._statement()
        start = min(self._values[count].start, position) if count < len(self._values) else position
        del self._values[count:], self._states[count + 1 :]
        self._take(Token(start, position, ERROR, self._text[start:position]))
        while self.open and self.open[-1].value != "{":
            self.open.pop()

    def leave_out(self, position: int) -> None:
        """Adds the text up to ``position`` to what the ERROR token, which was read last, stands for."""
        token = self._values[-1]
        self._values[-1] = Token(token.start, position, ERROR, self._text[token.start : position])

    def open_brace(self, position: int) -> None:
        """Feeds a ``{`` that the text does not have: one of no width."""
        self.torn = True
        self.open.append(self._feed("LBRACE", "{", position))

    def close_brace(self, position: int) -> None:
        """Feeds a ``}`` that the text does not have."""
        self.torn = True
        self._feed("RBRACE", "}", position)
        self.open.pop()

    def close(self) -> tuple[syntax.Item, ...]:
        """The items of a text that was read to its end: a statement that is not whole is dropped, braces are closed."""
        if self._states[-1] == END_STATE:
            return cast("tuple[syntax.Item, ...]", self._values[-1])
        end = len(self._text)
        while not self.would_take(END):
            if not (self.open and self.would_take("RBRACE")):
                self.drop_statement(end)
            elif self.open:
                self.close_brace(end)
        return cast("tuple[syntax.Item, ...]", self._take(Token(end, end, END, "")))

    def _feed(self, kind: str, value: str, position: int) -> Token:
        token = Token(position, position, kind, value)
        self._take(token)
        return token

    def _take(self, token: Token) -> Any:
        """Reduces what ends before a token, then shifts it; behind the END token, the value of the whole text."""
        states, values, rules, kind = self._states, self._values, productions(), token.type
        while True:
            action = STATES[states[-1]].get(kind)
            if action is None:
                raise UnexpectedToken
            if action >= 0:
                states.append(action)
                values.append(token)
                return None
            origin, size, build = rules[~action]
            if build is None:
                states[-1] = _without_single_parts(states[-2], states[-1], kind)
                continue
            first = len(values) - size
            value = build(values[first:])
            del values[first:], states[first + 1 :]
            states.append(STATES[states[-1]][origin])
            values.append(value)
            if kind == END and states[-1] == END_STATE:
                return value


@cache
def _without_single_parts(below: int, state: int, kind: str) -> int:
    """The state above another when all productions of a single part are reduced before a token: up to 13 in a row."""
    while (action := STATES[state].get(kind, 0)) < 0 and productions()[~action].build is None:
        state = STATES[below][productions()[~action].origin]
    return state


def _goes_on(states: list[int], kind: str) -> bool:
    """Whether a token of this type may follow; the states then are those behind it. As :meth:`Machine._take`."""
    while (action := STATES[states[-1]].get(kind)) is not None:
        if action >= 0:
            states.append(action)
            return True
        origin, size, _ = productions()[~action]
        del states[len(states) - size :]
        states.append(STATES[states[-1]][origin])
        if kind == END and states[-1] == END_STATE:
            return True
    return False
