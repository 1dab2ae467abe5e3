"""Steps that repeat in stages, with something else at the end of each: a loop of loops."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from cnndsl.interop.codegen.calls import Call, Code, Literal, written
from cnndsl.interop.codegen.classes import Class
from cnndsl.interop.codegen.columns import linear, spelled
from cnndsl.interop.codegen.layout import joined
from cnndsl.interop.codegen.runs import (
    LONGEST_PERIOD,
    VARIABLE,
    Run,
    continues,
    counted,
    may_repeat,
    numbered,
    with_runs,
)
from cnndsl.interop.codegen.step import Step
from cnndsl.interop.codegen.unify import Numbers, fresh

INNER = "j"
LONGEST_END = 3
FEWEST = 3
MORE = " " * 4


class Running(NamedTuple):
    """A number that is ``begin`` at first, grows by ``step`` each turn, and is ``end`` behind each stage."""

    name: str
    begin: int
    step: int
    end: str


class Stages(NamedTuple):
    """Stages of ``run``, whose turns count on from stage to stage, each with ``ends`` behind it."""

    ranges: tuple[tuple[int, int], ...]
    """The numbers of the turns of each stage: the first, and the one behind the last."""
    run: Run
    ends: tuple[Step, ...]
    names: tuple[tuple[str, int], ...]
    """What is numbered behind a stage, with the first number of each."""
    closed: bool
    """Whether the last stage has its end, too."""
    running: Running | None
    is_counting: bool
    """Whether numbers of the ends follow from that of the stage."""
    gives: str
    """The value behind the last stage."""

    @property
    def length(self) -> int:
        """The number of steps."""
        ends = len(self.ranges) - (not self.closed)
        return self.run.turns * len(self.run.steps) + ends * len(self.ends)

    @property
    def first(self) -> int:
        """The number of the first stage."""
        return self.names[0][1]

    def lines(self, indent: str, turn: "Writer", end: "Writer") -> list[str]:
        """The loops, with what two functions write for each call of a turn and of an end."""
        lines, running = self.run.list_lines(indent), self.running
        if running:
            lines.append(f"{indent}{running.name} = {running.begin}")
        first = self.first
        head = f"{indent}for {VARIABLE}, (begin, end) in enumerate("
        ranges = f"[{', '.join(map(written, self.ranges))}]"
        counter = joined(head, [ranges, f"start={first}"] if first else [ranges], "):")
        if len(counter) > 1 and not self.is_counting:
            first, counter = 0, joined(head, [ranges], "):")
        outer, inner = indent + MORE, indent + MORE * 2
        lines += [*counter, f"{outer}for {INNER} in range(begin, end):"]
        lines += [f"{inner}{name} = {text}" for name, text in self.run.choices]
        for name, call in zip(self.run.numbered(INNER), self.run.calls(), strict=True):
            lines += turn(name, call, inner)
        if running:
            lines.append(f"{inner}{running.name} += {running.step}")
        if not self.closed:
            lines.append(f"{outer}if {VARIABLE} < {first + len(self.ranges) - 1}:")
            outer = inner
        calls = [call for step in self.ends for call in step.calls]
        for name, call in zip(counted(self.names, VARIABLE, first), calls, strict=True):
            lines += end(name, call, outer)
        if running:
            lines.append(f"{outer}{running.name} {running.end}")
        return lines


Writer: TypeAlias = Callable[[str, Call, str], list[str]]
"""From a name as text of Python, a call and the indent to lines."""


def with_stages(one: Class) -> Iterator[Step | Run | Stages]:
    """The steps of a class, in loops where they repeat."""
    taken = {name for name, _ in (*one.arguments, *one.locals)}
    skipped = 0
    place = 0
    for part in with_runs(one, spell=True):
        size = part.turns * len(part.steps) if isinstance(part, Run) else 1
        if not skipped and one.is_sequential:
            found = stages(one.steps, place, LONGEST_PERIOD, taken)
            if found:
                yield found
                skipped = found.length
        if skipped:
            skipped -= size
            assert skipped >= 0
        else:
            yield part
        place += size


def stages(steps: Sequence[Step], place: int, longest: int, taken: Collection[str]) -> Stages | None:
    """The stages that begin at a place among steps each of which reads what the one before it gave."""
    for period in range(1, longest + 1):
        for size in range(1, LONGEST_END + 1):
            found = _found(steps, place, period, size)
            if found is None:
                continue
            counts, closed = found
            made = _stages(steps, place, period, size, counts, closed, taken)
            if made is not None:
                return made
    return None


def _found(steps: Sequence[Step], place: int, period: int, size: int) -> tuple[list[int], bool] | None:
    """How many turns each stage has, and whether the last one has its end."""
    if not all(map(may_repeat, steps[place : place + period])):
        return None
    counts: list[int] = []
    at, ends, closed = place, 0, False
    end: Sequence[Step] = ()
    while True:
        turns = 0
        while _follows(steps, at, steps[place : place + period], sum(counts) + turns):
            at, turns = at + period, turns + 1
        if not turns:
            break
        counts.append(turns)
        end = end or steps[at : at + size]
        closed = len(end) == size and all(map(may_repeat, end)) and _follows(steps, at, end, ends)
        if not closed:
            break
        at, ends = at + size, ends + 1
    return (counts, closed) if len(counts) >= FEWEST and max(counts) > 1 else None


def _follows(steps: Sequence[Step], at: int, first: Sequence[Step], turns: int) -> bool:
    """Whether steps are those of the first turn again, so many turns later."""
    there = steps[at : at + len(first)]
    if len(there) < len(first):
        return False
    return all(may_repeat(step) and continues(step, one, turns) for step, one in zip(there, first, strict=True))


def _stages(
    steps: Sequence[Step],
    place: int,
    period: int,
    size: int,
    counts: Sequence[int],
    closed: bool,
    taken: Collection[str],
) -> Stages | None:
    turns, ends = [], []
    at = place
    for count in counts:
        turns += [steps[at + turn * period : at + (turn + 1) * period] for turn in range(count)]
        at += count * period
        ends.append(steps[at : at + size])
        at += size
    if not closed:
        ends.pop()
    names = tuple(numbered(name) for step in turns[0] for name in step.names)
    end_names = tuple(numbered(name) for step in ends[0] for name in step.names)
    start, first = names[0][1], end_names[0][1]
    columns, end_columns = _columns(turns), _columns(ends)
    running = _running(columns, end_columns, counts, taken)
    own: list[Literal] = []
    is_counting = False
    for _, row in end_columns:
        if len(set(row)) == 1:
            own.append(row[0])
        elif running and row == _at_ends(running, columns, counts)[: len(row)]:
            own.append(Code(running.name))
        else:
            text = linear(row, VARIABLE, first)
            if text is None:
                return None
            own.append(Code(text))
            is_counting = True
    rest = [(label, (0,) * len(row) if running and row == _row(running, columns) else row) for label, row in columns]
    texts = spelled(rest, INNER, start, [*taken, VARIABLE, *([running.name] if running else [])])
    values: list[Literal] = [
        Code(running.name) if running and row == _row(running, columns) else value
        for value, (_, row) in zip(texts.values, columns, strict=True)
    ]
    last = (ends if closed else turns)[-1][-1].gives[0]
    run = Run(len(turns), _filled(turns[0], values), names, (), turns[-1][-1].gives[0], texts.lists, texts.choices)
    bounds, begin = [], start
    for count in counts:
        bounds.append((begin, begin + count))
        begin += count
    return Stages(tuple(bounds), run, _filled(ends[0], own), end_names, closed, running, is_counting, last)


def _columns(turns: Sequence[Sequence[Step]]) -> list[tuple[str, Numbers]]:
    every = [[pair for step in turn for call in step.calls for pair in call.numbers()] for turn in turns]
    return [(row[0][0], tuple(number for _, number in row)) for row in zip(*every, strict=True)]


def _filled(steps: Sequence[Step], values: Sequence[Literal]) -> tuple[Step, ...]:
    rest = iter(values)
    return tuple(step._replace(calls=tuple(call.filled(rest) for call in step.calls)) for step in steps)


def _running(
    columns: Sequence[tuple[str, Numbers]],
    ends: Sequence[tuple[str, Numbers]],
    counts: Sequence[int],
    taken: Collection[str],
) -> Running | None:
    """A number that grows from turn to turn, which the end of a stage reads and divides or multiplies."""
    starts = [sum(counts[:number]) for number in range(len(counts) + 1)]
    for label, row in columns:
        if not all(isinstance(number, int) and number > 0 for number in row):
            continue
        steps = {b - a for begin, end in pairwise(starts) for a, b in pairwise(row[begin:end])}
        if len(steps) != 1 or not min(steps) > 0:
            continue
        (step,) = steps
        reached = tuple(row[end - 1] + step for end in starts[1:])
        if reached[: len(counts) - 1] not in [other[: len(counts) - 1] for _, other in ends]:
            continue
        begins = tuple(row[begin] for begin in starts[1:-1])
        divisor, factor = int(reached[0] // begins[0]), int(begins[0] // reached[0])
        name = fresh([*taken, VARIABLE, INNER], label)
        if divisor > 1 and all(a // divisor == b for a, b in zip(reached, begins, strict=False)):
            return Running(name, int(row[0]), int(step), f"//= {divisor}")
        if factor > 1 and all(a * factor == b for a, b in zip(reached, begins, strict=False)):
            return Running(name, int(row[0]), int(step), f"*= {factor}")
    return None


def _row(running: Running, columns: Sequence[tuple[str, Numbers]]) -> Numbers:
    """The first column that begins and grows as the running number does."""
    return next(row for _, row in columns if row[0] == running.begin and row[1] == running.begin + running.step)


def _at_ends(running: Running, columns: Sequence[tuple[str, Numbers]], counts: Sequence[int]) -> Numbers:
    row = _row(running, columns)
    return tuple(row[sum(counts[: number + 1]) - 1] + running.step for number in range(len(counts)))
