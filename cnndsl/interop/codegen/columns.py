"""The numbers of a call that is made in a loop, one for each turn, as text of Python."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from cnndsl.interop.codegen.calls import Code, Literal, written
from cnndsl.interop.codegen.unify import Numbers, fresh

MOST_TURNS_NAMED = 6
_LISTS = {"channels": "inputs", "filters": "widths"}


class Spelled(NamedTuple):
    """``lists`` are names and texts before the loop, ``choices`` those at the beginning of each turn."""

    values: tuple[Literal, ...]
    lists: tuple[tuple[str, str], ...]
    choices: tuple[tuple[str, str], ...]


def spelled(columns: Sequence[tuple[str, Numbers]], variable: str, start: int, taken: Collection[str]) -> Spelled:
    """Numbers with what they are called: as they are, as ``2 if i in (4, 8) else 1``, or elements of a list.

    What comes in at each turn and came out at the one before is one list, of widths.
    """
    lists: dict[str, str] = {}
    choices: dict[str, str] = {}
    known: dict[Numbers, Code] = {}
    values: list[Literal] = []
    rows = [row for _, row in columns]
    for label, row in columns:
        if len(set(row)) == 1:
            values.append(row[0])
            continue
        if row not in known:
            choice, steady = _choice(row, variable, start), linear(row, variable, start)
            behind = next((other for other in rows if len(set(row)) > 2 and row[1:] == other[:-1] != row[:-1]), None)
            if steady:
                known[row] = Code(steady)
            elif choice:
                name = fresh([*taken, *lists, *choices, variable], label)
                choices[name], known[row] = choice, Code(name)
            elif behind:
                name = fresh([*taken, *lists, *choices, variable], "widths")
                lists[name] = _list((row[0], *behind))
                known[row] = Code(f"{name}[{_shifted(variable, -start)}]")
                known[behind] = Code(f"{name}[{_shifted(variable, 1 - start)}]")
            else:
                name = fresh([*taken, *lists, *choices, variable], _LISTS.get(label, f"{label}s"))
                lists[name], known[row] = _list(row), Code(f"{name}[{_shifted(variable, -start)}]")
        values.append(known[row])
    return Spelled(tuple(values), tuple(lists.items()), tuple(choices.items()))


def _shifted(variable: str, ahead: int) -> str:
    return f"{variable} {'+' if ahead > 0 else '-'} {abs(ahead)}" if ahead else variable


def linear(row: Numbers, variable: str, start: int) -> str | None:
    """A sum with the number of the turn."""
    steps = {after - before for before, after in pairwise(row)}
    if len(steps) != 1 or len(row) < 3 or not all(isinstance(number, int) for number in row):
        return None
    (step,) = steps
    begin = row[0] - step * start
    times = variable if abs(step) == 1 else f"{abs(step)} * {variable}"
    if step > 0:
        return f"{begin} + {times}" if begin else times
    return f"{begin} - {times}"


def _choice(row: Numbers, variable: str, start: int) -> str | None:
    """One of two numbers; the turns of the rarer one are named."""
    counts = Counter(row).most_common()
    if len(counts) != 2 or counts[1][1] > MOST_TURNS_NAMED:
        return None
    (usual, _), (rare, _) = counts if counts[0][1] > counts[1][1] else reversed(counts)
    turns = tuple(start + place for place, number in enumerate(row) if number == rare)
    which = f"== {turns[0]}" if len(turns) == 1 else f"in {written(turns)}"
    return f"{written(rare)} if {variable} {which} else {written(usual)}"


def _list(row: Numbers) -> str:
    """The text of a list, with what repeats written once."""
    parts = []
    for number, group in groupby(row):
        times = len([*group])
        once = ", ".join([written(number)] * times)
        parts.append(min(once, f"*[{written(number)}] * {times}", key=len))
    return f"[{', '.join(parts)}]"
