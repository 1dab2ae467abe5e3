"""Scopes, and what an expression may ask of the place it stands in."""

from typing import NamedTuple, Protocol

from cnndsl.errors import Source, Span
from cnndsl.lang.expressions.values import Budget, Flow, Named, Turns, Value
from cnndsl.lang.resumable import Resumable
from cnndsl.lang.text import syntax
from cnndsl.limits import Limits
from cnndsl.shapes import Shape

FLOW_ATTRIBUTES = ("channels", "height", "width", "depth", "length", "features", "shape")
COUNTS = ("params", "buffers", "macs", "connections", "layers")
OF_SIZES = frozenset({"macs", "connections", "receptive_field", "rf_stride", "activation_bytes", "peak_bytes"})
"""Measures that follow from the extents of the inputs."""
MEASURES = (*COUNTS, "receptive_field", "rf_stride", "activation_bytes", "peak_bytes", "weight_bytes")


class Origin(NamedTuple):
    """The expression that gave a name its value, where it was evaluated; ``constant`` for a let or param."""

    node: syntax.Expression
    source: Source
    scope: "Scope"
    constant: bool = False


class Scope(Resumable):
    """Names visible at a place; an inner scope hides what it names again."""

    __slots__ = ("names", "origins", "outer", "places", "sealed", "turns")
    CHANGING = ("names", "origins", "places", "turns")

    def __init__(self, outer: "Scope | None" = None, sealed: bool = False) -> None:
        self.outer = outer
        self.sealed = sealed
        """Whether only constants of the outer scope are visible, no values of a network."""
        self.names: dict[str, Value | Named | None] = {}
        self.origins: dict[str, Origin] = {}
        self.places: dict[str, Span] = {}
        """Where the names of this body are defined."""
        self.turns: dict[str, Turns | None] = {}
        """What the loops of this body named inside; None where an error left it unknown."""

    def share(self, other: "Scope") -> None:
        """Becomes one with another scope: what either names the other names too."""
        for name in self.CHANGING:
            setattr(self, name, getattr(other, name))

    def find(self, name: str) -> "Value | Named | None":
        """What the name stands for. Raises KeyError; gives None for a name whose definition was in error."""
        scope: Scope | None = self
        sealed = False
        while scope is not None:
            if name in scope.names:
                found = scope.names[name]
                if sealed and isinstance(found, Named):
                    break
                return found
            sealed = sealed or scope.sealed
            scope = scope.outer
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether the name stands for something, be it for what an error left unknown."""
        try:
            self.find(name)
        except KeyError:
            return False
        return True

    def find_indexed(self, name: str) -> "Value | Named | Turns | None":
        """What ``name[...]`` is an element of: a list, or the turns of a loop. Raises KeyError.

        A value of the network that has the name, such as that of the present turn, does not hide the turns.
        """
        scope: Scope | None = self
        plain: Named | None = None
        sealed = False
        while scope is not None:
            found = scope.names.get(name)
            if isinstance(found, Named):
                plain = plain or (None if sealed else found)
            elif name in scope.names:
                return plain or found
            if name in scope.turns and not sealed:
                return scope.turns[name]
            sealed = sealed or scope.sealed
            scope = scope.outer
        if plain is None:
            raise KeyError(name)
        return plain

    def lose(self, name: str) -> None:
        """What ``as`` was to name is unknown, after an error."""
        self.names.setdefault(name, None)
        self.turns.setdefault(name, None)

    def add_turn(self, number: int, inside: "Scope", first: dict[str, Turns]) -> int:
        """Keeps what the body of a loop named in one turn; gives how many names it keeps.

        ``first`` holds the names of the turns before; what a turn did not name has no turns of its own in it.
        """
        named = {name: found for name, found in inside.names.items() if isinstance(found, Named)}
        if not (named or first or inside.turns):
            return 0
        for name in inside.turns.keys() | named.keys() | first.keys():
            if name not in first:
                first[name] = self.turns[name] = Turns([Turns([])] * number)
            first[name].items.append(named[name] if name in named else inside.turns.get(name, Turns([])))
        return len(first)

    def all_names(self) -> set[str]:
        inherited = self.outer.all_names() if self.outer else set()
        if self.sealed and self.outer:
            inherited = {name for name in inherited if not isinstance(self.outer.find(name), Named)}
        return inherited | set(self.names)

    def all_turns(self) -> set[str]:
        """The names that the loops above gave inside."""
        inherited = self.outer.all_turns() if self.outer and not self.sealed else set()
        return inherited | set(self.turns)


class Context(Protocol):
    """What the evaluator asks of the place an expression stands in."""

    limits: Limits
    budget: Budget

    @property
    def incomplete(self) -> bool:
        """Whether an import failed: an unknown name may have come from it."""

    @property
    def doubtful(self) -> frozenset[str]:
        """Words of statements that cannot be read: they may define a name that is unknown."""

    def span(self, node: syntax.Spanned) -> Span: ...

    def text(self, node: syntax.Spanned) -> str:
        """A node as it is written."""

    def measure(self, name: str, layers: Named | None) -> Value:
        """A count of everything so far, or of a named stage."""

    def symbolic(self, flow: Flow, attribute: str, span: Span) -> Shape | None:
        """The shape of a value as it follows from symbols, for an attribute of it; None if it is unknown."""

    def unknown_size(self) -> str | None:
        """A symbol of the network, on which what is measured depends; None if there is none."""

    def elsewhere(self, name: str, offset: int) -> str | None:
        """Where a value has the name that is unknown at ``offset``, and how to reach it; None if none has it."""
