"""Loops: neighbours that are equal, or differ in numbers alone, and branches of a merge that do."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from cnndsl import ops
from cnndsl.lang.decompile.generalise import ENTERING, as_table, entered, renamed, with_alias
from cnndsl.lang.decompile.stages import (
    For,
    From,
    Parallel,
    Repeat,
    Sequence_,
    Stage,
    Value,
    alias,
    form,
    holes,
    nameless,
    reads,
)
from cnndsl.lang.elaborate.naming import KEYWORDS


class Loop(NamedTuple):
    """A loop, and what the values that its turns made are called behind it."""

    stage: Repeat | For
    renames: Mapping[str, Value]


def as_loop(
    pieces: Sequence[Sequence[Stage]], before: str, readers: Mapping[str, int], taken: Collection[str]
) -> Loop | None:
    """Neighbours that are alike as a loop over their numbers; None where they cannot be.

    ``before`` is the name of the value that enters the first, ``readers`` says how often each name is read anywhere,
    ``taken`` are names in use.
    """
    if any(isinstance(stage, For) for piece in pieces for stage in piece):
        return None
    inside = Counter(name for piece in pieces for stage in piece for name in reads(stage))
    outside = {name for name in readers if readers[name] > inside[name]}
    begins = [before, *(alias(piece[-1]) for piece in pieces[:-1])]
    kept: dict[int, str] = {}
    renames: dict[str, Value] = {}
    for position, names in enumerate(zip(*(map(alias, piece) for piece in pieces), strict=True)):
        last = position == len(pieces[0]) - 1
        if (last and outside.isdisjoint(names[:-1])) or not any(name in inside or name in outside for name in names):
            continue
        kept[position] = _stem(names, {*taken, *kept.values()})
        if not outside.isdisjoint(names):
            renames |= {name: Value(kept[position], turn) for turn, name in enumerate(names) if name}
    bodies = [_turn(piece, kept, begin) for piece, begin in zip(pieces, begins, strict=True)]
    common = as_table(bodies)
    if common is None:
        return None
    name = "" if len(pieces[0]) - 1 in kept else alias(pieces[-1][-1])
    body = entered(common.body)
    if not common.parameters:
        return Loop(Repeat(len(pieces), body, name), renames)
    return Loop(For(tuple(parameter.name for parameter in common.parameters), common.rows, body, name), renames)


def _turn(piece: Sequence[Stage], kept: Mapping[int, str], begin: str) -> Sequence_:
    """One turn with the names that it has in a loop."""
    known = {begin: Value(ENTERING)} if begin else {}
    known |= {name: Value(kept[index]) for index, stage in enumerate(piece) if index in kept and (name := alias(stage))}
    return tuple(with_alias(renamed(stage, known), kept.get(index, "")) for index, stage in enumerate(piece))


def _stem(names: Sequence[str], taken: Collection[str]) -> str:
    """What names that differ in their numbers have in common."""
    stems = {re.sub(r"_+", "_", re.sub(r"\d+", "", name)).strip("_") for name in names if name}
    stem = stems.pop()
    stem = stem if stem.isidentifier() and not stems else "x"
    number, name = 1, stem
    while name in taken or name in ops.NAMES or name in KEYWORDS:
        number += 1
        name = f"{stem}s" if number == 2 else f"{stem}s{number}"
    return name


def as_parallel(branches: Sequence[Sequence_]) -> Parallel | None:
    """Branches that are alike as the turns of a loop; None where they cannot be."""
    loop = as_loop(branches, "", Counter(), ())
    return None if loop is None else Parallel(loop.stage)


def key(stage: Stage) -> tuple[object, ...]:
    """What must be equal for two stages to be the same but for the names of their layers."""
    return (form(stage), *((type(value), value) for _, value, _ in holes(stage)))


def turns(stages: Sequence[Stage], period: int) -> list[int]:
    """How often the ``period`` stages from each place on stand there one after the other; only the last has a name."""
    keys = list(map(key, stages))
    equal = [0] * (len(keys) + period)
    named = [len(keys)] * (len(keys) + 1)  # the first stage from each place on that has a name
    for place in range(len(keys) - 1, -1, -1):
        if place + period < len(keys):
            equal[place] = equal[place + 1] + 1 if keys[place] == keys[place + period] else 0
        named[place] = place if alias(stages[place]) else named[place + 1]
    return [min(equal[place] // period, (named[place] - place + 1) // period - 1) + 1 for place in range(len(keys))]


def single_repeats(stages: Sequence[Stage]) -> list[Stage]:
    """What is repeated elsewhere, as repeated once here, so that the pieces around look alike."""
    bodies = {tuple(map(form, stage.body)): len(stage.body) for stage in stages if isinstance(stage, Repeat)}
    result: list[Stage] = []
    place = 0
    while place < len(stages):
        for body, length in bodies.items():
            piece = stages[place : place + length]
            if tuple(map(form, piece)) == body and not any(map(alias, piece[:-1])):
                result.append(Repeat(1, nameless(piece), alias(piece[-1])))
                place += length
                break
        else:
            result.append(stages[place])
            place += 1
    return result


def unwrapped(stages: Sequence[Stage]) -> Iterator[Stage]:
    """Without the repeats that count to 1."""
    for stage in stages:
        if isinstance(stage, Repeat) and stage.times == 1:
            *body, last = stage.body
            yield from body
            yield last if isinstance(last, From | Parallel) else last._replace(alias=stage.alias)
        elif isinstance(stage, For):
            yield stage._replace(body=tuple(unwrapped(stage.body)))
        else:
            yield stage
