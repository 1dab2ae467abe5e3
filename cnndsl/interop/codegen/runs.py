"""Steps that repeat become loops: the same calls, with names that count on."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnndsl.interop.codegen.calls import Call, Code, Literal, written
from cnndsl.interop.codegen.classes import Class
from cnndsl.interop.codegen.columns import linear, spelled
from cnndsl.interop.codegen.hierarchy import SHARED, Leaf
from cnndsl.interop.codegen.layout import joined, split
from cnndsl.interop.codegen.step import Step
from cnndsl.interop.codegen.unify import Numbers, relation

LONGEST_PERIOD = 8
MOST_VARIABLES = 3
_NUMBERED = re.compile(r"(.*\D)([1-9]\d*)")
VARIABLE = "i"
INDENT = " " * 8


class Run(NamedTuple):
    """``turns`` repetitions of the steps of one turn; ``names`` are what is numbered, with the first number of each."""

    turns: int
    steps: tuple[Step, ...]
    """Those of the first turn, with an expression of the loop's variables wherever turns differ."""
    names: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str, Numbers], ...]
    """The variables beside the number of the turn, with their values."""
    gives: str
    """The value behind the last turn."""
    lists: tuple[tuple[str, str], ...] = ()
    """Names and texts of lists before the loop, of whose elements the calls are made."""
    choices: tuple[tuple[str, str], ...] = ()
    """Names and texts of what is worked out at the beginning of each turn."""

    @property
    def reads(self) -> str:
        return self.steps[0].reads[0]

    @property
    def first(self) -> int:
        """The loop counts from the number of the first name."""
        return self.names[0][1]

    def head(self, indent: str) -> list[str]:
        """The line of the loop."""
        if not self.rows:
            return [f"{indent}for {VARIABLE} in range({self.first}, {self.first + self.turns}):"]
        labels, columns = zip(*self.rows, strict=True)
        variables = labels[0] if len(labels) == 1 else f"({', '.join(labels)})"
        table = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        rows = f"[{', '.join(written(row) for row in table)}]"
        return joined(f"{indent}for {VARIABLE}, {variables} in enumerate(", [rows, f"start={self.first}"], "):")

    def list_lines(self, indent: str) -> list[str]:
        """The lines of the lists before the loop."""
        return [line for name, text in self.lists for line in joined(f"{indent}{name} = [", split(text[1:-1]), "]")]

    def numbered(self, variable: str = VARIABLE) -> list[str]:
        """The names as text of Python, in order."""
        return counted(self.names, variable, self.first)

    def calls(self) -> list[Call]:
        return [call for step in self.steps for call in step.calls]


def counted(names: Sequence[tuple[str, int]], variable: str, first: int) -> list[str]:
    """Names as text of Python; ``first`` is the variable where they have these numbers."""
    found = []
    for base, number in names:
        ahead = number - first
        shift = f" {'+' if ahead > 0 else '-'} {abs(ahead)}" if ahead else ""
        found.append(f'f"{base}{{{variable}{shift}}}"')
    return found


def with_runs(one: Class, spell: bool = False) -> Iterator[Step | Run]:
    """The steps of a class, those that repeat as runs.

    With ``spell``, numbers that differ from turn to turn are lists and choices where their table is no line.
    """
    taken = {name for name, _ in (*one.arguments, *one.locals)}
    readers = Counter(name for step in one.steps for name in step.reads)
    readers.update(one.module.gives)
    prefix = SHARED + "".join(f"{path}." for path in one.module.path[-1:])
    shared = {name.removeprefix(prefix).split(".")[0] for name in readers if name.startswith(prefix)}
    place = 0
    while place < len(one.steps):
        found = _longest(one.steps, place, readers, shared, taken)
        if found is None:
            yield one.steps[place]
            place += 1
        else:
            if spell and len(found.head(INDENT)) > 1:
                every = [
                    one.steps[place + turn * len(found.steps) :][: len(found.steps)] for turn in range(found.turns)
                ]
                other = _spelled(found, every, taken)
                if len(other.head(INDENT)) + len(other.lists) + len(other.choices) < len(found.head(INDENT)):
                    found = other
            yield found
            place += found.turns * len(found.steps)


def _longest(steps: Sequence[Step], place: int, readers: Counter[str], shared: set[str], taken: set[str]) -> Run | None:
    """The run from a place on that saves most lines; what others share is called by its own name.

    A table of two rows says less than the lines themselves.
    """
    best, most = None, 1
    for period in range(1, LONGEST_PERIOD + 1):
        turns = _turns(steps, place, period, readers, shared)
        saved = (turns - 1) * sum(len(step.calls) for step in steps[place : place + period]) - 1
        if turns > 1 and saved > most:
            found = _run(steps, place, period, turns, taken)
            if len(found.rows) <= (MOST_VARIABLES if turns > 2 else 1):
                best, most = found, saved
    return best


def _turns(steps: Sequence[Step], place: int, period: int, readers: Counter[str], shared: set[str]) -> int:
    """How often the steps of a period follow one another."""
    turns = 0
    while place + (turns + 1) * period <= len(steps):
        for offset in range(period):
            at = place + turns * period + offset
            step = steps[at]
            if (
                not may_repeat(step)
                or step.part.name in shared
                or (turns and not continues(step, steps[place + offset], turns))
            ):
                return turns
            if at > place and (step.reads != steps[at - 1].gives or readers[step.reads[0]] != 1):
                return turns
        turns += 1
    return turns


def may_repeat(step: Step) -> bool:
    """Whether a step is modules on one value, called by a kind and a number, whose weights the text does not give."""
    if not step.calls or step.condition or len(step.reads) != 1 or len(step.gives) != 1:
        return False
    if isinstance(step.part, Leaf):
        op = step.part.node.op
        literal = getattr(op, "weight", None) is not None or not isinstance(getattr(op, "bias", True), bool)
        if literal or step.part.node.share is not None:
            return False
    return all(_NUMBERED.fullmatch(name) for name in step.names)


def continues(step: Step, first: Step, turns: int) -> bool:
    """Whether a step is the one of the first turn, with names that are so many turns ahead."""
    if [call.pattern() for call in step.calls] != [call.pattern() for call in first.calls]:
        return False
    pairs = zip(map(numbered, step.names), map(numbered, first.names), strict=True)
    return all(name == base and number == start + turns for (name, number), (base, start) in pairs)


def numbered(name: str) -> tuple[str, int]:
    match = _NUMBERED.fullmatch(name)
    assert match is not None
    return match[1], int(match[2])


def _run(steps: Sequence[Step], place: int, period: int, turns: int, taken: set[str]) -> Run:
    first = steps[place : place + period]
    names = tuple(numbered(name) for step in first for name in step.names)
    every = [steps[place + turn * period : place + (turn + 1) * period] for turn in range(turns)]
    columns = zip(*([n for step in turn for call in step.calls for n in call.numbers()] for turn in every), strict=True)
    rows: dict[str, Numbers] = {}
    values: list[Literal] = []
    for column in columns:
        numbers = tuple(number for _, number in column)
        values.append(_value(column[0][0], numbers, names[0][1], rows, taken))
    filled = iter(values)
    made = tuple(step._replace(calls=tuple(call.filled(filled) for call in step.calls)) for step in first)
    return Run(turns, made, names, tuple(rows.items()), every[-1][-1].gives[0])


def _value(label: str, numbers: Numbers, start: int, rows: dict[str, Numbers], taken: set[str]) -> Literal:
    """A number of a call: the same in each turn, a sum with the turn, or from a table."""
    if len(set(numbers)) == 1:
        return numbers[0]
    steady = linear(numbers, VARIABLE, start)
    if steady is not None:
        return Code(steady)
    known = relation(numbers, rows)
    if known is None:
        known, number = label, 1
        while known in taken or known in rows or known == VARIABLE:
            number += 1
            known = f"{label}{number}"
        rows[known] = numbers
    return Code(known)


def _spelled(run: Run, turns: Sequence[Sequence[Step]], taken: set[str]) -> Run:
    every = [[pair for step in turn for call in step.calls for pair in call.numbers()] for turn in turns]
    columns = [(row[0][0], tuple(number for _, number in row)) for row in zip(*every, strict=True)]
    texts = spelled(columns, VARIABLE, run.first, taken)
    values = iter(texts.values)
    steps = tuple(step._replace(calls=tuple(call.filled(values) for call in step.calls)) for step in turns[0])
    return run._replace(steps=steps, rows=(), lists=texts.lists, choices=texts.choices)
