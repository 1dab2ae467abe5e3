"""What an expansion met at every statement and stage of a text, for tools that show it beside the text."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.errors import Diagnostic, Span
from cnndsl.ir import Graph, Node
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Flow
from cnndsl.lang.modules import Module, ModuleLoader
from cnndsl.lang.resumable import Resumable, State
from cnndsl.lang.text import syntax
from cnndsl.shapes import Shape

if TYPE_CHECKING:
    from cnndsl.lang.reuse import Dependencies


MOST_SOUND = 2
"""How many sound states of a network are kept."""


@dataclass(slots=True)
class Given:
    """What a stage of one network gave, as in :class:`Result`."""

    first: Flow
    layers: range
    shapes: Counter[Shape] = field(default_factory=Counter)


class Expanded(Resumable):
    """A network as far as it could be expanded, and what was met on the way.

    ``layers`` are those whose shapes are known, whatever is wrong elsewhere; ``build`` gives the graph of these, None
    if there is no value at all.
    """

    CHANGING = ("results", "before")

    def __init__(self, name: str, layers: list[Node], build: Callable[[], Graph | None]) -> None:
        self.name = name
        self.layers = layers
        self.graph: Graph | None = None
        """The network; None where there were errors."""
        self.results: dict[Span, Given] = {}
        self.before: dict[Span, tuple[Scope, Flow | None]] = {}
        """Scope and value before a statement, the first time."""
        self.findings: tuple[frozenset[str], list[Diagnostic]] | None = None
        """What the rules of some codes find in it, once that is known."""
        self._build = build

    def state(self) -> State:
        return {"results": _copied(self.results), "before": self.before.copy()}

    def go_back(self, state: State) -> None:
        super().go_back({**state, "results": _copied(state["results"])})

    @cached_property
    def measured(self) -> Measured | None:
        """The numbers of what could be expanded."""
        graph = self.graph or self._build()
        return Measured(graph) if graph else None

    def statement(self, span: Span, scope: Scope, flow: Flow | None) -> None:
        """A statement begins."""
        self.before.setdefault(span, (scope, flow))

    def value(self, span: Span, flow: Flow, layers: range) -> None:
        """A stage, or an input, gave a value."""
        if flow.shape is None:
            return
        result = self.results.get(span)
        if result is None:
            result = self.results[span] = Given(flow, layers)
        result.shapes[flow.shape] += 1


def _copied(results: dict[Span, Given]) -> dict[Span, Given]:
    """What a stage gave is counted on when it is expanded again, in another instance of its block."""
    return {span: Given(known.first, known.layers, known.shapes.copy()) for span, known in results.items()}


class Result(NamedTuple):
    """What a stage gave: the first time, and all shapes with how often they came; ``layers`` of the first time."""

    first: Flow
    layers: range
    shapes: Counter[Shape]
    network: Expanded
    """The first that it is a stage of."""


class Sound(NamedTuple):
    """A network that there was nothing to say against, and how it came about."""

    dependencies: "Dependencies"
    network: Expanded
    work: int
    """What it took from the budget."""
    used: frozenset[str]
    """The settings from outside that it asked for."""


class Beginning(NamedTuple):
    """The first statements of a network, and what else decides what they give."""

    statements: Sequence[syntax.Statement]
    text: str
    """The text of the file up to their end."""
    reserved: frozenset[str]
    """What ``as`` names in the whole network."""
    dependencies: "Dependencies"


class Checkpoint(NamedTuple):
    """The state behind the first statements of a network, in which nothing was wrong."""

    beginning: Beginning
    lowering: State
    scope: Scope
    names: State
    """That of ``scope``."""
    expanded: State
    flow: Flow | None
    work: int
    """What the statements took from the budget."""
    used: frozenset[str]
    """The settings from outside that they asked for."""


class Recording:
    """Of one text and what it imports. From that of the text ``before`` it is taken what the change left as it was."""

    def __init__(self, before: "Recording | None" = None) -> None:
        self.loader: ModuleLoader | None = None
        self.module: Module | None = None
        self.networks: list[Expanded] = []
        self.trees: dict[str, syntax.File] = dict(before.trees) if before else {}
        """The last tree without mistakes of every file."""
        self.sound: dict[str, tuple[Sound, ...]] = dict(before.sound) if before else {}
        """The last sound states of every network, by its name: what is typed is often taken back."""
        self.checkpoints: dict[str, Checkpoint] = dict(before.checkpoints) if before else {}
        """A state in the middle of networks that are being edited, by their names."""
        self.text_before = before.module.source.text if before and before.module else ""

    def known_sound(self, name: str, dependencies: "Dependencies") -> Sound | None:
        """The sound network that came of equal dependencies."""
        return next((known for known in self.sound.get(name, ()) if known.dependencies == dependencies), None)

    def keep(self, name: str, sound: Sound) -> None:
        """Puts a sound state of a network before the others, the last of which is forgotten."""
        others = (known for known in self.sound.get(name, ()) if known is not sound)
        self.sound[name] = (sound, *others)[:MOST_SOUND]

    def forget_others(self) -> None:
        """Forgets sound networks that the file has no longer, unless what cannot be read may be one of them."""
        if self.loader and not self.loader.broken:
            names = {network.name for network in self.networks}
            self.sound = {name: known for name, known in self.sound.items() if name in names}

    def findings(self, graph: Graph, codes: frozenset[str], find: Callable[[], list[Diagnostic]]) -> list[Diagnostic]:
        """What the rules of some codes find in a network; ``find`` does, where it is not known."""
        network = next(network for network in self.networks if network.graph is graph)
        if network.findings is None or network.findings[0] != codes:
            network.findings = codes, find()
        return network.findings[1]

    @cached_property
    def results(self) -> dict[Span, Result]:
        """What every stage gave, in all networks together."""
        found: dict[Span, Result] = {}
        for network in self.networks:
            for span, given in network.results.items():
                known = found.get(span)
                if known is None:
                    found[span] = Result(given.first, given.layers, given.shapes, network)
                else:
                    found[span] = known._replace(shapes=known.shapes + given.shapes)
        return found

    @cached_property
    def before(self) -> dict[Span, tuple[Scope, Flow | None]]:
        """Scope and value before every statement, the first time."""
        return {span: found for network in reversed(self.networks) for span, found in network.before.items()}
