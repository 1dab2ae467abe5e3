"""A network that is edited goes on from the state before the edit: what comes out is what a fresh check says."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnndsl.errors import Source
from cnndsl.lang.elaborate.lower import NetworkLowering
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.modules import Collector, Module, Settings
from cnndsl.lang.recording import Expanded
from cnndsl.lang.resumable import Resumable
from cnndsl.language_service import completion, hints, hover
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.workspace import Workspace
from cnndsl.limits import DEFAULT_LIMITS

TYPED = [
    *(" -> relu", " -> conv 8 3x3", "\nrelu as q1", " # hm", "\nlet k9 = 3\nconv k9 1x1", "\nexpect params < 99"),
    *("\nrepeat 2 { relu }", "\nadd { identity; relu }", "\nfrom q1", "\nparam pp = 4", "\nbatchnorm as bn9 -> relu"),
    *("\nfor i in [1,2] { conv i 3x3 as z }", "\noutput q1", "\ninput 3@8x8 as second", "\ntrain { epochs 3 }"),
]

REMEMBERED = {
    "NetworkLowering": """
        _aliases _binder _costs _fields _known_inputs _named_in _spans _sums _weigher
        _bodies _factor _from_inputs _settings _settings_at _training _trains _turns_in_error
        budget collector errors graph known limits module recording sound symbols used
    """,
    "GraphBuilder": "_inferred limits strict",
    "Symbols": "_arranges _followed _followed_to _scanned",
    "Scope": "outer sealed",
    "Expanded": "_build findings graph layers name",
}
"""What is no part of the state: caches, what is the same in the whole network, and what has a state of its own."""


def lowering() -> NetworkLowering:
    module = Module(Source("net.cnn", ""), Scope(), {}, {}, (), set(), [], frozenset())
    return NetworkLowering(module, Collector(DEFAULT_LIMITS), Settings(), set())


def attributes(thing: Resumable) -> set[str]:
    return set(vars(thing)) if hasattr(thing, "__dict__") else set(type(thing).__slots__)


def test_the_state_has_every_attribute() -> None:
    whole = lowering()
    for thing in (whole, whole.graph, whole.symbols, Scope(), Expanded("net", [], lambda: None)):
        others = set(REMEMBERED[type(thing).__name__].split())
        assert attributes(thing) == {*type(thing).CHANGING, *others}, type(thing).__name__
        assert others.isdisjoint(type(thing).CHANGING)


def test_a_state_is_a_copy() -> None:
    scope = Scope()
    names = scope.names
    scope.names["a"] = 1
    state = scope.state()
    scope.names["b"] = 2
    scope.go_back(state)
    assert scope.names == {"a": 1} and scope.names is names
    scope.names["c"] = 3
    scope.go_back(state)
    assert scope.names == {"a": 1}


def typed(text: str, chance: random.Random) -> Iterator[str]:
    """The text after every key of something that is typed into a line, and often taken away again."""
    lines = text.split("\n")
    number = chance.randrange(len(lines))
    line, piece = lines[number], chance.choice(TYPED)
    place = len(line) if chance.random() < 0.7 else chance.randrange(len(line) + 1)
    keys = [line[:place] + piece[:length] + line[place:] for length in range(len(piece) + 1)]
    for key in keys + keys[::-1] * chance.randrange(2):
        yield "\n".join([*lines[:number], key, *lines[number + 1 :]])


def answers(analysis: Analysis, workspace: Workspace, offset: int) -> tuple[object, ...]:
    return (
        hints.hints(analysis),
        hover.hover(analysis, workspace.bindings(analysis), offset),
        completion.completions(analysis, offset),
        [network.graph for network in analysis.networks],
    )


@pytest.mark.parametrize("folder", ["zoo", "cases"])
def test_what_is_typed(folder: str, examples: Path, root: Path) -> None:
    chance = random.Random(19)
    inside = examples if folder == "zoo" else root / "tests" / "cases"
    resumed = 0
    for path in chance.sample(sorted(inside.rglob("*.cnn")), 12):
        first = path.read_text(encoding="utf-8")
        workspace = Workspace()
        workspace.open(path.name, first)
        before = workspace.analysis(path.name)
        for text in typed(first, chance):
            workspace.open(path.name, text)
            analysis = workspace.analysis(path.name)
            fresh_workspace = Workspace()
            fresh_workspace.open(path.name, text)
            fresh = fresh_workspace.analysis(path.name)
            assert analysis.diagnostics == fresh.diagnostics, text
            offset = chance.randrange(len(analysis.text) + 1)
            assert answers(analysis, workspace, offset) == answers(fresh, fresh_workspace, offset), text
            resumed += any(map(went_on, analysis.networks, before.networks))
            before = analysis
    assert resumed > 20


def went_on(network: Expanded, before: Expanded) -> bool:
    """Whether a network was expanded from one of its layers on."""
    layers, others = network.layers, before.layers
    return network is not before and bool(layers and others) and layers[0] is others[0]
