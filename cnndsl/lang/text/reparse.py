"""Reading a text again that changed in a few lines: what stands in the others is taken from the tree that is known.

A line end outside of parentheses parts two statements whatever stands on either side, except before ``->`` and
``else``, which begin none. So whole lines that hold whole statements of one body can be read by themselves.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from cnndsl.lang.text import syntax
from cnndsl.lang.text.lalr_machine import ERROR, Machine, UnexpectedToken
from cnndsl.lang.text.lexer import Refused, Token
from cnndsl.lang.text.parser_tables import STATES
from cnndsl.limits import Limits

_OFFSETS = frozenset({"start", "end", "name_start", "name_end"})
_DEFINITIONS = (syntax.Import, syntax.Block, syntax.Network)
Statements = tuple[Any, ...]
MOST_CHARACTERS = 300_000
"""Of longer texts with a mistake perhaps not all is read, and then nothing is known of what stands behind."""


def reparsed(known: syntax.File, text: str, limits: Limits) -> syntax.File | None:
    """The tree of ``text``, from that of a text without mistakes that it was made of; None where all must be read.

    So it is where the change is no whole statements of one body, and where there are mistakes in it.
    """
    # Whether `assume` is a word of the grammar depends on what stands above.
    if "assume" in text or "assume" in known.text:
        return None
    try:
        items = _Change.between(known.text, text).read(known.items, limits)
    except (UnexpectedToken, Refused):
        return None
    return None if items is None else syntax.File(0, len(text), items, text)


def resumed(known: syntax.File, text: str, limits: Limits) -> tuple[Machine, int]:
    """A machine for ``text``, and where it is to begin: far enough above the change that the rest is read as ever.

    Behind the change it goes on with the known statements, as soon as it stands where it stood before one of them.
    """
    if "assume" in text or "assume" in known.text or len(text) > MOST_CHARACTERS:
        return Machine(text, limits), 0
    machine = _Rejoining(text, limits)
    try:
        return machine, machine.begin(known)
    except Refused:  # what is known was read within other limits
        return Machine(text, limits), 0


class _Level(NamedTuple):
    """The items of the file, or the statements of a body, some of which stand behind the change."""

    states: int
    """How many the machine has before the first of them."""
    open: list[Token]
    statements: Statements


class _Rejoining(Machine):
    """Reads a text from above a change; behind it, it takes what is known instead of reading it again."""

    def __init__(self, text: str, limits: Limits) -> None:
        super().__init__(text, limits)
        self._known: dict[int, tuple[_Level, int]] = {}
        """The level and the number of what begins at an offset behind the change."""
        self._distance = 0

    def begin(self, known: syntax.File) -> int:
        """Takes over what stands above the change."""
        change = _Change.between(known.text, self._text)
        distance = self._distance = change.distance
        statements: Statements = known.items
        position = 0
        while True:
            level = _Level(len(self._states), self.open.copy(), statements)
            behind = _first(statements, lambda node: node.start > change.last)
            for index in range(behind, len(statements)):
                self._known[statements[index].start + distance] = level, index
            low, high = change.touched(statements)
            body = change.body_around(statements[low]) if high - low == 1 else None
            # What is wrong behind a statement may be told by what that looks like.
            above = statements[: low if body else max(0, low - 2)]
            if above:
                self.resume(above)
                position = above[-1].end
            if body is None:
                return position
            self.enter(position, body.start)
            position = body.start + 1
            statements = body.statements

    def read(self, position: int = 0) -> tuple[syntax.Item, ...]:
        while True:
            try:
                return super().read(position)
            except _Rejoined as rejoined:
                position = rejoined.position

    def _take(self, token: Token) -> Any:
        if token.start in self._known and token.end > token.start and token.type != ERROR and not self.torn:
            level, index = self._known[token.start]
            if self._stands_before_a_statement_of(level):
                moved = _moved(level.statements[index:], self._distance)
                self._values[-2] += moved
                del self._values[-1], self._states[-1]
                raise _Rejoined(moved[-1].end)
        return super()._take(token)

    def _stands_before_a_statement_of(self, level: _Level) -> bool:
        if len(self._states) != level.states + 2 or self.open != level.open:
            return False
        listed = STATES[self._states[-3]].get("_statements" if self.open else "_items")
        return self._states[-2] == listed and self._states[-1] == STATES[listed].get("_SEP")


class _Rejoined(Exception):
    """The rest of a body is known; reading goes on at ``position``."""

    def __init__(self, position: int) -> None:
        self.position = position


class _Change(NamedTuple):
    """Lines of a text that became others: ``first`` to ``last`` are their offsets before, the last line end left out.

    What stands behind them has moved by ``distance``.
    """

    before: str
    after: str
    first: int
    last: int
    distance: int

    @classmethod
    def between(cls, before: str, after: str) -> "_Change":
        same = common_length(before, after)
        behind = common_length(before[same:][::-1], after[same:][::-1])
        first = before.rfind("\n", 0, same) + 1
        return cls(before, after, first, _line_end(before, len(before) - behind), len(after) - len(before))

    def read(self, statements: Statements, limits: Limits, around: syntax.Body | None = None) -> Statements | None:
        """The statements of a body, or the items of the file, after the change."""
        low, high = self.touched(statements)
        if high - low == 1:
            node = statements[low]
            body = self.body_around(node)
            if body:
                inside = self.read(body.statements, limits._replace(nesting=limits.nesting - 1), body)
                if inside is None:
                    return None
                whole = syntax.Body(body.start, body.end + self.distance, inside)
                return (*statements[:low], self._with(node, body, whole), *_moved(statements[high:], self.distance))
        change = self._widened(statements[low:high])
        if around and not (around.start < change.first and change.last < around.end):
            return None
        low, high = change.touched(statements)
        if any(node.start < change.first or node.end > change.last for node in statements[low:high]):
            return None
        read = Machine(self.after[: change.last + self.distance], limits).read(change.first)
        if around and any(isinstance(node, _DEFINITIONS) for node in read):
            return None
        return (*statements[:low], *read, *_moved(statements[high:], self.distance))

    def touched(self, statements: Statements) -> tuple[int, int]:
        """Which statements the lines hold something of."""
        low = _first(statements, lambda node: node.end > self.first)
        return low, max(low, _first(statements, lambda node: node.start >= self.last))

    def _widened(self, touched: Statements) -> "_Change":
        """The change with all lines of the statements that it touches."""
        if not touched:
            return self
        first = self.before.rfind("\n", 0, min(self.first, touched[0].start)) + 1
        return self._replace(first=first, last=_line_end(self.before, max(self.last, touched[-1].end)))

    def body_around(self, node: object) -> syntax.Body | None:
        """The body right below a node whose braces are outside of the lines."""
        for part in node if isinstance(node, tuple) else ():
            if isinstance(part, syntax.Body):
                if part.start < self.first and self.last < part.end:
                    return part
            elif isinstance(part, tuple):
                found = self.body_around(part)
                if found:
                    return found
        return None

    def _with(self, node: Any, body: syntax.Body, whole: syntax.Body) -> Any:
        """A node around a body, with another one in its place."""
        if node is body:
            return whole
        if type(node) is tuple:
            return tuple([self._with(part, body, whole) for part in node])
        if not isinstance(node, tuple) or node[1] <= self.first:
            return node
        if node[0] >= self.last:
            return _moved(node, self.distance)
        offsets, parts = _layout(type(node))
        values = list(node)
        for index in offsets:
            if values[index] >= self.last:
                values[index] += self.distance
        for index in parts:
            values[index] = self._with(values[index], body, whole)
        return tuple.__new__(type(node), values)


def _first(statements: Statements, fits: Callable[[syntax.Spanned], bool]) -> int:
    """The first statement that fits, where all behind it do too."""
    low, high = 0, len(statements)
    while low < high:
        middle = (low + high) // 2
        if fits(statements[middle]):
            high = middle
        else:
            low = middle + 1
    return low


def _moved(node: Any, distance: int) -> Any:
    """A node or a tuple of nodes, ``distance`` characters further down."""
    if type(node) is tuple:
        return tuple([_moved(part, distance) if isinstance(part, tuple) else part for part in node])
    kind: Any = type(node)
    offsets, parts = _layout(kind)
    values = list(node)
    for index in offsets:
        values[index] += distance
    for index in parts:
        value = values[index]
        if isinstance(value, tuple) and value:
            values[index] = _moved(value, distance)
    return tuple.__new__(kind, values)


@cache
def _layout(kind: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The fields of a node that are offsets, and those that may hold nodes."""
    fields = list(enumerate(kind._fields))
    offsets = tuple(index for index, name in fields if name in _OFFSETS)
    return offsets, tuple(index for index, _ in fields if index not in offsets)


def common_length(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginning on."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _line_end(text: str, offset: int) -> int:
    found = text.find("\n", offset)
    return len(text) if found < 0 else found
