"""A graph as stages: what stands on a line, in a branch, in a body. No text yet.

Numbers in arguments and the names of values that are read are holes: two pieces of a network are alike if only their
holes differ.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from cnndsl.ir import Node
from cnndsl.ops.fields import followed, written


class Formula(NamedTuple):
    """An expression of the language that stands where a number stood."""

    text: str


class Value(NamedTuple):
    """A value of the network by its name; with ``turn`` by the name that a loop gives it in that turn."""

    name: str
    turn: "int | Formula | None" = None

    @property
    def text(self) -> str:
        if self.turn is None:
            return self.name
        return f"{self.name}[{self.turn.text if isinstance(self.turn, Formula) else self.turn}]"


Hole: TypeAlias = int | float | tuple[int, ...] | Formula | Value

AS_KERNEL = "kernel"
"""The default of a pool's stride."""
READ = "value"
"""The role of a hole that is a value."""


class Argument(NamedTuple):
    """An argument: ``value`` is a hole, or a text that is part of the form."""

    name: str
    value: Any
    positional: bool
    default: Any

    @property
    def is_hole(self) -> bool:
        return is_hole(self.value)


def is_hole(value: object) -> bool:
    return isinstance(value, int | float | Formula) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(item, int) for item in value)
    )


class Word(NamedTuple):
    """An argument's value that is no number."""

    text: str


class LayerStage(NamedTuple):
    """One layer; ``branches`` where it is a merge. ``source`` is its name in the graph."""

    source: str
    operator: str
    arguments: tuple[Argument, ...]
    branches: "tuple[Sequence_, ...] | None" = None
    alias: str = ""
    share: str = ""
    owner: bool = False
    """Whether another layer shares its weights, by its name."""


class From(NamedTuple):
    """Goes on from a named value."""

    value: Value


class Use(NamedTuple):
    """A block put to use; ``roles`` are its parameters' names."""

    block: str
    arguments: tuple[Hole, ...]
    roles: tuple[str, ...] = ()
    alias: str = ""


class Repeat(NamedTuple):
    times: Hole
    body: "Sequence_"
    alias: str = ""


class For(NamedTuple):
    """A body for each row of a table."""

    variables: tuple[str, ...]
    rows: tuple[tuple[Hole, ...], ...]
    body: "Sequence_"
    alias: str = ""


class Parallel(NamedTuple):
    """Branches of a merge that are alike: the turns of a loop, whose body is one of them."""

    loop: Repeat | For


Stage: TypeAlias = LayerStage | From | Use | Repeat | For | Parallel
Sequence_: TypeAlias = tuple[Stage, ...]


def arguments_of(node: Node) -> tuple[Argument, ...]:
    """The arguments of a layer; numbers are there even where they are the default, so that they can be compared."""
    found = []
    op = node.op
    placed = op.placed()
    for name in op.parameters():
        field, value = type(op).model_fields[name], getattr(op, name)
        default = None if field.is_required() else field.default
        if name == "stride" and default is None and "kernel" in type(op).model_fields:
            default = AS_KERNEL
            value = getattr(op, AS_KERNEL) if value is None else value
        positional = name in placed
        if name in node.symbolic:
            found.append(Argument(name, Word(followed(value, node.symbolic[name], positional)), positional, None))
            continue
        hole = not isinstance(value, bool) and is_hole(value) and not hasattr(value, "spatial")
        if hole:
            found.append(Argument(name, value, positional, default))
        elif value != default or field.is_required():
            found.append(Argument(name, Word(written(value, positional)), positional, None))
    return tuple(found)


def inner(stage: Stage) -> tuple[Sequence_, ...]:
    """The sequences inside a stage: branches, or a body."""
    if isinstance(stage, LayerStage):
        return stage.branches or ()
    if isinstance(stage, Repeat | For):
        return (stage.body,)
    return (stage.loop.body,) if isinstance(stage, Parallel) else ()


def with_inner(stage: Stage, change: Callable[[Sequence_], Sequence_]) -> Stage:
    """The stage with its inner sequences changed."""
    if isinstance(stage, LayerStage) and stage.branches is not None:
        return stage._replace(branches=tuple(map(change, stage.branches)))
    if isinstance(stage, Repeat | For):
        return stage._replace(body=change(stage.body))
    if isinstance(stage, Parallel):
        return Parallel(stage.loop._replace(body=change(stage.loop.body)))
    return stage


def alias(stage: Stage) -> str:
    """The name that a stage gives its value; "" if none."""
    return "" if isinstance(stage, From | Parallel) else stage.alias


def nameless(stages: Sequence[Stage]) -> Sequence_:
    """The stages without the name of the last."""
    last = stages[-1]
    return tuple(stages) if isinstance(last, From | Parallel) else (*stages[:-1], last._replace(alias=""))


def reads(stage: Stage) -> Iterator[str]:
    """The names of the values that a stage reads, inside as well."""
    for sequence in inner(stage):
        for part in sequence:
            yield from reads(part)
    if isinstance(stage, From):
        yield stage.value.name
    elif isinstance(stage, Use):
        yield from (value.name for value in stage.arguments if isinstance(value, Value))


def holes(stage: Stage) -> Iterator[tuple[str, Hole, Any]]:
    """The holes of a stage in order: the role of each, its value, and what it is if nothing is said."""
    if isinstance(stage, Repeat):
        yield "n", stage.times, None
    for sequence in inner(stage):
        for part in sequence:
            yield from holes(part)
    if isinstance(stage, LayerStage):
        for argument in stage.arguments:
            if argument.is_hole:
                yield argument.name, argument.value, argument.default
    elif isinstance(stage, Use):
        for role, value in zip(stage.roles, stage.arguments, strict=True):
            yield READ if isinstance(value, Value) else role, value, None
    elif isinstance(stage, From):
        yield READ, stage.value, None


def filled(stage: Stage, values: Iterator[Any]) -> Stage:
    """The stage with other holes, in the order of :func:`holes`."""
    if isinstance(stage, Repeat):
        stage = stage._replace(times=next(values))
    stage = with_inner(stage, lambda sequence: tuple(filled(part, values) for part in sequence))
    if isinstance(stage, LayerStage):
        return stage._replace(
            arguments=tuple(a._replace(value=next(values)) if a.is_hole else a for a in stage.arguments)
        )
    if isinstance(stage, Use):
        return stage._replace(arguments=tuple(next(values) for _ in stage.arguments))
    return From(next(values)) if isinstance(stage, From) else stage


def form(stage: Stage, number: Callable[[Sequence_], object] = lambda sequence: tuple(map(form, sequence))) -> object:
    """What must be equal for two stages to be alike; ``number`` stands for what is inside."""
    inside = tuple(map(number, inner(stage)))
    if isinstance(stage, LayerStage):
        parts = tuple((a.name, None if a.is_hole else a.value) for a in stage.arguments)
        unique = stage.source if stage.share or stage.owner else ""
        return (stage.operator, parts, stage.branches is None, inside, unique)
    if isinstance(stage, Use):
        return ("use", stage.block)
    if isinstance(stage, Repeat):
        return ("repeat", inside)
    return ("from",) if isinstance(stage, From) else ("only", stage)


def sources(stages: Sequence[Stage]) -> Iterator[str | None]:
    """The layers of the graph in the order in which the text makes them; None for an ``identity`` of a branch alone."""
    for stage in stages:
        if isinstance(stage, LayerStage):
            for branch in stage.branches or ():
                yield from sources(branch) if branch else (None,)
            yield stage.source


def size(stage: Stage) -> int:
    """The number of layers written down in a stage."""
    own = 0 if isinstance(stage, Parallel) else 1
    return own + sum(size(part) for sequence in inner(stage) for part in sequence)
