"""Scopes, and what an expression may ask of the place it stands in."""

from typing import NamedTuple, Protocol

from cnndsl.errors import Source, Span
from cnndsl.lang.expressions.values import Budget, Named, Value
from cnndsl.lang.text import syntax
from cnndsl.limits import Limits

FLOW_ATTRIBUTES = ("channels", "height", "width", "depth", "length", "features", "shape")
COUNTS = ("params", "buffers", "macs", "connections", "layers")
MEASURES = (*COUNTS, "receptive_field", "rf_stride", "activation_bytes", "peak_bytes", "weight_bytes")


class Origin(NamedTuple):
    """The expression that gave a name its value, where it was evaluated; ``constant`` for a let or param."""

    node: syntax.Expression
    source: Source
    scope: "Scope"
    constant: bool = False


class Scope:
    """Names visible at a place; an inner scope hides what it names again."""

    __slots__ = ("names", "origins", "outer", "sealed")

    def __init__(self, outer: "Scope | None" = None, sealed: bool = False) -> None:
        self.outer = outer
        self.sealed = sealed
        """Whether only constants of the outer scope are visible, no values of a network."""
        self.names: dict[str, Value | Named | None] = {}
        self.origins: dict[str, Origin] = {}

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

    def all_names(self) -> set[str]:
        inherited = self.outer.all_names() if self.outer else set()
        if self.sealed and self.outer:
            inherited = {name for name in inherited if not isinstance(self.outer.find(name), Named)}
        return inherited | set(self.names)


class Context(Protocol):
    """What the evaluator asks of the place an expression stands in."""

    limits: Limits
    budget: Budget

    @property
    def incomplete(self) -> bool:
        """Whether an import failed: an unknown name may have come from it."""

    def span(self, node: syntax.Spanned) -> Span: ...

    def measure(self, name: str, layers: Named | None) -> Value:
        """A count of everything so far, or of a named stage."""
