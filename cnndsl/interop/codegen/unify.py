"""One class for several modules: the numbers in which they differ as arguments, the steps that some lack as ``if``."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias

from cnndsl.interop.codegen.calls import Code, Literal
from cnndsl.interop.codegen.hierarchy import Leaf
from cnndsl.interop.codegen.step import Step

Numbers = tuple[int | float, ...]
"""One number for each of the modules of a class."""

Column: TypeAlias = tuple[int | float | None, ...]
"""One number for each of the modules of a class; None for those without the step."""

_NUMBERED = re.compile(r"(.*\D)([1-9]\d*)")
COUNTER = "n"


class Unified(NamedTuple):
    """``steps`` are those of the first module, with names in place of numbers that differ."""

    steps: tuple[Step, ...]
    bases: dict[str, Numbers]
    """The arguments, with their value for each module."""
    locals: tuple[tuple[str, str], ...]
    """What is worked out from the arguments before the steps."""


def fresh(taken: Iterable[str], name: str) -> str:
    number, candidate, used = 1, name, set(taken)
    while candidate in used:
        number += 1
        candidate = f"{name}{number}"
    return candidate


def unified(
    instances: Sequence[Sequence[Step | None]],
    params: Mapping[str, Numbers],
    channels: Numbers | None = None,
    own: Mapping[Numbers, str] | None = None,
) -> Unified | None:
    """The steps of the first instance, which has all, for every instance; ``params`` are numbers with names already.

    ``channels`` are those that each module reads: given where steps are missing somewhere. ``own`` are the names of
    numbers in the text, for arguments that would be called alike otherwise. None where it does not follow from the
    arguments which steps are missing, or a number of theirs.
    """
    presence = [tuple(step is not None for step in column) for column in zip(*instances, strict=True)]
    known = {**({} if channels is None else {"channels": channels}), **params}
    found, columns = _Arguments(dict(known), presence, {}), _columns(instances)
    filled = found.filled(columns)
    if own and any(name[:-1] in found.bases for name in found.bases):
        found = _Arguments(dict(known), presence, own)
        filled = found.filled(columns)
    conditions = [None if all(has) else _predicate(has, found.values) for has in presence]
    if filled is None or any(none is None and not all(has) for none, has in zip(conditions, presence, strict=True)):
        return None
    uses = [value.text for value in filled if isinstance(value, Code)]
    uses += [text for condition in dict.fromkeys(conditions) if condition for text in _operands(condition)]
    inner: dict[str, str] = {}
    for text, label in found.labels.items():
        if " " in text and uses.count(text) > 2:
            inner[text] = fresh([*found.bases, *inner.values()], _derived(text, label))
    named = _named(instances, presence, conditions)
    if named is None:
        return None
    steps, count = named
    values = iter([Code(_replaced(value.text, inner)) if isinstance(value, Code) else value for value in filled])
    taken = [*found.bases, *inner.values(), *(name for step in steps for name in step.names)]
    made = []
    for step, condition in zip(steps, conditions, strict=True):
        switch = None
        if condition and step.expression:
            switch = fresh(taken, "residual" if step.expression.kind == "operator" else f"with_{step.part.name}")
            taken.append(switch)
        calls = tuple(call.filled(values) for call in step.calls)
        made.append(step._replace(calls=calls, condition=condition and _replaced(condition, inner), switch=switch))
    worked_out = [(label, text) for text, label in inner.items()]
    worked_out += [(COUNTER, _replaced(count, inner))] if count else []
    words = {word for text in (*uses, *inner) for word in re.findall(r"\w+", text)}
    return Unified(tuple(made), {name: row for name, row in found.bases.items() if name in words}, tuple(worked_out))


class _Arguments:
    """The numbers that differ among modules, as names and what follows from them."""

    def __init__(
        self, bases: dict[str, Numbers], presence: Sequence[tuple[bool, ...]], own: Mapping[Numbers, str]
    ) -> None:
        self.bases = bases
        self.presence = presence
        self.own = own
        self.known: dict[Column, str] = {}
        self.labels: dict[str, str] = {}

    @property
    def values(self) -> dict[str, Column]:
        """What all modules have a value of."""
        return {**{text: column for column, text in self.known.items() if None not in column}, **self.bases}

    def filled(self, columns: Sequence[tuple[str, Column]]) -> list[Literal] | None:
        """Every column as a number or text; those of steps that some modules lack must follow from the others."""
        made: dict[int, Literal] = {}
        for place in sorted(range(len(columns)), key=lambda place: None in columns[place][1]):
            value = self._value(*columns[place])
            if value is None:
                return None
            made[place] = value
        return [made[place] for place in range(len(columns))]

    def _value(self, label: str, column: Column) -> int | float | Code | None:
        numbers = [number for number in column if number is not None]
        if len(set(numbers)) == 1 and len({type(number) for number in numbers}) == 1:
            return numbers[0]
        text = _among(column, self.known) or self._multiple(column)
        text = text or relation(column, self.bases) or self._expansion(column)
        if text is None and None not in column:
            text = fresh(self.bases, self.own.get(tuple(numbers), label))
            self.bases[text] = tuple(numbers)
        if text is None:
            return None
        self.known.setdefault(column, text)
        self.labels.setdefault(text, "hidden" if text.startswith("expansion *") else label)
        return Code(text)

    def _multiple(self, column: Column) -> str | None:
        """Numbers of a step that some lack, as a multiple of the channels that come in, by an argument."""
        channels = self.bases.get("channels")
        for name, row in self.bases.items() if channels and None in column else ():
            if all(number in (None, n * many) for number, n, many in zip(column, row, channels or (), strict=True)):
                return f"{name} * channels"
        return None

    def _expansion(self, column: Column) -> str | None:
        """Channels that are a multiple of those that come in, where steps are missing if the multiple is one."""
        channels = self.bases.get("channels")
        numbers = [number for number in column if number is not None]
        if channels is None or len(numbers) < len(column) or not _are_counts(numbers) or "expansion" in self.bases:
            return None
        if all(map(all, self.presence)) or any(number % many for number, many in zip(numbers, channels, strict=True)):
            return None
        factors = tuple(number // many for number, many in zip(numbers, channels, strict=True))
        if len(set(factors)) == 1 or tuple(factor != 1 for factor in factors) not in self.presence:
            return None
        self.bases["expansion"] = factors
        return "expansion * channels"


def _derived(text: str, label: str) -> str:
    """What a number is called that is worked out from another one of the same kind."""
    if text.endswith(f" * {label}"):
        return "expanded"
    return "reduced" if text.startswith(f"{label} // ") else label


def _operands(condition: str) -> list[str]:
    return re.split(" and | or | [!=]= ", condition)


def relation(numbers: Column, bases: Mapping[str, Numbers]) -> str | None:
    """How numbers follow from those that have names already: the same, half a kernel, a multiple, a part, or a sum."""
    there = [place for place, number in enumerate(numbers) if number is not None]
    wanted = [number for number in numbers if number is not None]
    rows = {name: [base[place] for place in there] for name, base in bases.items()}
    for name, row in rows.items():
        if row == wanted:
            return name
    kernels = rows.get("kernel", [])
    if _are_counts(kernels) and wanted == [kernel // 2 for kernel in kernels]:
        return "kernel // 2"
    if not _are_counts(wanted):
        return None
    whole = {name: row for name, row in rows.items() if _are_counts(row)}
    for name, row in whole.items():
        factor = int(wanted[0] // row[0])
        if factor > 1 and all(number == factor * n for number, n in zip(wanted, row, strict=True)):
            return f"{factor} * {name}"
        divisor = int(row[0] // wanted[0])
        if divisor > 1 and all(number == n // divisor for number, n in zip(wanted, row, strict=True)):
            return f"{name} // {divisor}"
    for first, left in whole.items():
        for second, right in whole.items():
            if first < second and all(number == a + b for number, a, b in zip(wanted, left, right, strict=True)):
                return f"{first} + {second}"
    return None


Body: TypeAlias = tuple[Sequence[Step], Sequence[str], Sequence[str]]
"""The steps of a module, and what it reads and gives."""


def aligned(body: Body, longest: Body) -> list[int] | None:
    """Where each step stands among those of a module that has more; None where they are not the same without those."""
    (steps, reads, gives), (every, all_reads, all_gives) = body, longest
    places: list[int] = []
    for place, step in enumerate(every):
        if len(places) < len(steps) and kind(step) == kind(steps[len(places)]):
            places.append(place)
    if len(places) < len(steps):
        return None
    values = dict(zip(reads, all_reads, strict=True))
    hands_on: dict[str, str] = {}
    for place, step in enumerate(every):
        if place not in places:
            if len(step.gives) != 1 or step.twin:
                return None
            hands_on[step.gives[0]] = hands_on.get(step.reads[0], step.reads[0])
            continue
        mine = steps[places.index(place)]
        if [values.get(name) for name in mine.reads] != [hands_on.get(name, name) for name in step.reads]:
            return None
        values.update(zip(mine.gives, step.gives, strict=True))
    if [values.get(name) for name in gives] != [hands_on.get(name, name) for name in all_gives]:
        return None
    return places


def kind(step: Step) -> object:
    """Equal for steps that differ in numbers, also those of names, only."""
    bases = tuple(base for base, _ in _numbered(step))
    literal = None
    if isinstance(step.part, Leaf):
        op = step.part.node.op
        literal = step.part.node.share is not None, getattr(op, "weight", None), getattr(op, "bias", None)
    return bases, tuple(call.pattern() for call in step.calls), step.expression, step.twin, literal, len(step.gives)


def _columns(instances: Sequence[Sequence[Step | None]]) -> list[tuple[str, Column]]:
    """Every number of the first instance: what it is called, and its value in each."""
    found: list[tuple[str, Column]] = []
    for row in zip(*instances, strict=True):
        every = [None if step is None else [*_numbers(step)] for step in row]
        assert every[0] is not None
        for place, (label, _) in enumerate(every[0]):
            found.append((label, tuple(None if numbers is None else numbers[place][1] for numbers in every)))
    return found


def _numbers(step: Step) -> Iterator[tuple[str, int | float]]:
    for call in step.calls:
        yield from call.numbers()


def _among(column: Column, known: Mapping[Column, str]) -> str | None:
    """What has the same numbers wherever there are any."""
    for other, text in known.items():
        if all(number in (None, n) for number, n in zip(column, other, strict=True)):
            return text
    return None


def _are_counts(numbers: Iterable[int | float]) -> bool:
    return all(isinstance(number, int) and number > 0 for number in numbers)


def _predicate(has: tuple[bool, ...], values: Mapping[str, Column]) -> str | None:
    """What is true of the arguments just where a step is there."""
    atoms = {f"{name} == 1": tuple(n == 1 for n in column) for name, column in values.items()}
    pairs = combinations(values.items(), 2)
    equal = {f"{a} == {b}": tuple(m == n for m, n in zip(left, right, strict=True)) for (a, left), (b, right) in pairs}
    lacks = tuple(not there for there in has)
    both: dict[str, tuple[bool, ...]] = {}
    unit = next((text for text in ("stride == 1", "strides == 1") if text in atoms), None)
    for text, same in equal.items():
        if unit and not text.startswith("stride"):
            both[f"{unit} and {text}"] = tuple(a and b for a, b in zip(atoms[unit], same, strict=True))
    for text, truth in {**atoms, **both, **equal}.items():
        if truth == has:
            return text
        if truth == lacks:
            return text.replace("==", "!=").replace(" and ", " or ")
    return None


def _named(
    instances: Sequence[Sequence[Step | None]],
    presence: Sequence[tuple[bool, ...]],
    conditions: Sequence[str | None],
) -> tuple[list[Step], str | None] | None:
    """The steps with their names; where numbers of names depend on missing steps, they count from a variable."""
    steps, every = [], [*zip(*instances, strict=True)]
    shifts = {_shift(row) for row in every} - {(0,) * len(instances)}
    if not shifts:
        return [step for step in instances[0] if step is not None], None
    if len(shifts) > 1 or None in shifts:
        return None
    (shift,) = shifts
    assert shift is not None
    whole = tuple(ahead == 0 for ahead in shift)
    condition = next((text for text, has in zip(conditions, presence, strict=True) if text and has == whole), None)
    if condition is None or len(set(shift)) != 2:
        return None
    counted = [row[0] for row in every if _shift(row) == shift and row[0] is not None]
    lowest = min(number for step in counted for _, number in _numbered(step))
    for step in instances[0]:
        assert step is not None
        if step in counted:
            names = []
            for base, number in _numbered(step):
                ahead = f" + {number - lowest}" if number > lowest else ""
                names.append(f"{base}{{{COUNTER}{ahead}}}")
            steps.append(step._replace(names=tuple(names)))
        else:
            steps.append(step)
    return steps, f"{lowest} if {condition} else {lowest + min(shift)}"


def _shift(row: Sequence[Step | None]) -> tuple[int, ...] | None:
    """By how much the number in the name of a step is less in each module; None where several names differ."""
    first = row[0]
    assert first is not None
    found: list[int | None] = []
    for step in row:
        if step is None:
            found.append(None)
            continue
        ahead = {a - b for (_, a), (_, b) in zip(_numbered(step), _numbered(first), strict=True)}
        if len(ahead) > 1:
            return None
        found.append(ahead.pop() if ahead else 0)
    if not any(found):
        return (0,) * len(row)
    return None if None in found else tuple(ahead for ahead in found if ahead is not None)


def _numbered(step: Step) -> list[tuple[str, int]]:
    """The names in their parts; the kind of a layer may end in a digit."""
    operator = step.part.node.op.operator if isinstance(step.part, Leaf) else ""
    found = []
    for name in step.names:
        own = re.fullmatch(f"({re.escape(operator)})([1-9][0-9]*)", name) if operator else None
        match = own or _NUMBERED.fullmatch(name)
        found.append((match[1], int(match[2])) if match else (name, 0))
    return found


def _replaced(text: str, inner: Mapping[str, str]) -> str:
    for long, short in inner.items():
        text = text.replace(long, short)
    return text
