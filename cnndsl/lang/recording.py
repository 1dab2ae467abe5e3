"""What an expansion met at every statement and stage of a text, for tools that show it beside the text."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from cnndsl.ir import Graph, Node
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Flow
from cnndsl.lang.modules import Module, ModuleLoader
from cnndsl.lang.text import syntax
from cnndsl.shapes import Shape


class Place(NamedTuple):
    """A node of a syntax tree: the file that it is in, and its offsets there."""

    file: str
    start: int
    end: int


@dataclass(slots=True)
class Result:
    """What a stage gave: the first time, and all shapes with how often they came; ``layers`` of the first time."""

    first: Flow
    layers: range
    network: int
    shapes: Counter[Shape] = field(default_factory=Counter)


@dataclass(slots=True)
class Expanded:
    """A network; ``layers`` are those whose shapes are known, whatever is wrong elsewhere."""

    name: str
    file: str
    statements: tuple[syntax.Statement, ...]
    layers: list[Node]
    build: Callable[[], Graph | None]
    """The graph of these layers; None if there is no value at all."""
    graph: Graph | None = None
    """The network; None where there were errors."""


class Recording:
    """Of one text and what it imports. The scopes are those of the first time that a statement was executed."""

    def __init__(self) -> None:
        self.loader: ModuleLoader | None = None
        self.module: Module | None = None
        self.networks: list[Expanded] = []
        self.results: dict[Place, Result] = {}
        self.before: dict[Place, tuple[Scope, Flow | None]] = {}
        """Scope and value before a statement."""

    def statement(self, file: str, node: syntax.Spanned, scope: Scope, flow: Flow | None) -> None:
        self.before.setdefault(Place(file, node.start, node.end), (scope, flow))

    def value(self, file: str, node: syntax.Spanned, flow: Flow, layers: range) -> None:
        """A stage, or an input, gave a value."""
        if flow.shape is None:
            return
        place = Place(file, node.start, node.end)
        result = self.results.get(place)
        if result is None:
            result = self.results[place] = Result(flow, layers, len(self.networks) - 1)
        result.shapes[flow.shape] += 1
