"""A graph as stages: what stands on a line, in a branch, in a body. No text yet.

Numbers in arguments are holes: two pieces of a network are alike if only their holes differ.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from cnndsl.ir import Node
from cnndsl.ops.fields import written


class Formula(NamedTuple):
    """An expression of the language that stands where a number stood."""

    text: str


Hole: TypeAlias = int | float | tuple[int, ...] | Formula

AS_KERNEL = "kernel"
"""The default of a pool's stride."""


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


class From(NamedTuple):
    """Goes on from a named value."""

    name: str


class Use(NamedTuple):
    """A block put to use; ``roles`` are its parameters' names."""

    block: str
    arguments: tuple[Hole, ...]
    roles: tuple[str, ...] = ()


class Repeat(NamedTuple):
    times: Hole
    body: "Sequence_"


class For(NamedTuple):
    """A body for each row of a table."""

    variables: tuple[str, ...]
    rows: tuple[tuple[Hole, ...], ...]
    body: "Sequence_"


Stage: TypeAlias = LayerStage | From | Use | Repeat | For
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
        hole = not isinstance(value, bool) and is_hole(value) and not hasattr(value, "spatial")
        if hole:
            found.append(Argument(name, value, positional, default))
        elif value != default or field.is_required():
            found.append(Argument(name, Word(written(value, positional)), positional, None))
    return tuple(found)


def holes(stage: Stage) -> Iterator[tuple[str, Hole, Any]]:
    """The numbers of a stage in order: the role of each, its value, and what it is if nothing is said."""
    if isinstance(stage, LayerStage):
        for branch in stage.branches or ():
            for inner in branch:
                yield from holes(inner)
        for argument in stage.arguments:
            if argument.is_hole:
                yield argument.name, argument.value, argument.default
    elif isinstance(stage, Use):
        for role, value in zip(stage.roles, stage.arguments, strict=True):
            yield role, value, None
    elif isinstance(stage, Repeat):
        yield "n", stage.times, None
        for inner in stage.body:
            yield from holes(inner)


def form(stage: Stage) -> tuple[object, ...]:
    """What must be equal for two stages to be alike. A named stage is like no other."""
    if isinstance(stage, LayerStage):
        parts = tuple((a.name, None if a.is_hole else a.value) for a in stage.arguments)
        branches = None if stage.branches is None else tuple(tuple(map(form, branch)) for branch in stage.branches)
        unique = stage.source if stage.alias or stage.share else ""
        return (stage.operator, parts, branches, unique)
    if isinstance(stage, Use):
        return ("use", stage.block)
    if isinstance(stage, Repeat):
        return ("repeat", tuple(map(form, stage.body)))
    return ("only", stage)


def filled(stage: Stage, values: Iterator[Hole]) -> Stage:
    """The stage with other numbers, in the order of :func:`holes`."""
    if isinstance(stage, LayerStage):
        branches = stage.branches
        if branches is not None:
            branches = tuple(tuple(filled(inner, values) for inner in branch) for branch in branches)
        arguments = tuple(a._replace(value=next(values)) if a.is_hole else a for a in stage.arguments)
        return stage._replace(arguments=arguments, branches=branches)
    if isinstance(stage, Use):
        return stage._replace(arguments=tuple(next(values) for _ in stage.arguments))
    if isinstance(stage, Repeat):
        times = next(values)
        return Repeat(times, tuple(filled(inner, values) for inner in stage.body))
    return stage


def sources(stages: Sequence[Stage]) -> Iterator[str | None]:
    """The layers of the graph in the order in which the text makes them; None for an ``identity`` of the text alone."""
    for stage in stages:
        if isinstance(stage, LayerStage):
            for branch in stage.branches or ():
                yield from sources(branch) if branch else (None,)
            yield stage.source


def size(stage: Stage) -> int:
    """The number of layers written down in a stage."""
    if isinstance(stage, LayerStage):
        return 1 + sum(size(inner) for branch in stage.branches or () for inner in branch)
    if isinstance(stage, Repeat | For):
        return 1 + sum(map(size, stage.body))
    return 1
