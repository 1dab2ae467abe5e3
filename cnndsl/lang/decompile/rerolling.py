"""Repetition found again: blocks with arguments, ``repeat``, and ``for`` over a table."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from cnndsl import ops
from cnndsl.lang.decompile.stages import For, Formula, Hole, LayerStage, Repeat, Stage, Use, filled, form, holes, size

LONGEST_WINDOW = 24
MOST_STAGES = 2_000
"""Networks with more stages at the top, equal neighbours counted once, are written with ``repeat`` alone: the search
for blocks looks at every window again for each block that it finds."""

ROLES = {"filters": "c", "kernel": "k"}
SETTINGS = ("stride", "pad", "dilation", "groups", "output_pad", "multiplier")

Lines = Callable[[Sequence[Stage]], int]


class Parameter(NamedTuple):
    """A parameter of a block or a column of a table; ``default`` where most uses agree with it."""

    name: str
    default: Hole | None = None


class BlockDefinition(NamedTuple):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Stage, ...]


class Generalised(NamedTuple):
    """What several alike pieces have in common, and the numbers of each."""

    body: tuple[Stage, ...]
    parameters: tuple[Parameter, ...]
    rows: tuple[tuple[Hole, ...], ...]


class Roller:
    """Rolls up one network. ``lines`` counts the lines that stages take when they are written."""

    def __init__(self, lines: Lines, name: Callable[[Sequence[Sequence[Stage]]], str]) -> None:
        self.lines = lines
        self.name = name
        self.blocks: list[BlockDefinition] = []

    def rolled(self, stages: list[Stage]) -> list[Stage]:
        """The stages with what repeats written once; fills ``blocks``."""
        if len(stages) > MOST_STAGES:
            stages = self._with_repeats(stages)
        if len(stages) <= MOST_STAGES:
            stages = self._with_blocks(stages, merges_only=True)
            stages = self._with_repeats(stages)
            stages = self._with_tables(stages)
            stages = self._with_blocks(stages, merges_only=False)
        return self._with_repeats(stages)

    # --- blocks ---
    def _with_blocks(self, stages: list[Stage], merges_only: bool) -> list[Stage]:
        while (best := self._best_window(stages, merges_only)) is not None:
            length, places = best
            pieces = [stages[place : place + length] for place in places]
            common = generalise(pieces, settings_last=True)
            block = BlockDefinition(self.name(pieces), common.parameters, common.body)
            self.blocks.append(block)
            roles = tuple(parameter.name for parameter in block.parameters)
            for place, row in zip(reversed(places), reversed(common.rows), strict=True):
                stages = [*stages[:place], Use(block.name, row, roles), *stages[place + length :]]
        return stages

    def _best_window(self, stages: list[Stage], merges_only: bool) -> tuple[int, list[int]] | None:
        """The window whose writing as a block saves most lines."""
        numbers = _numbered(stages)
        windows = [0] * len(numbers)
        best: tuple[float, int, list[int]] | None = None
        for length in range(1, min(LONGEST_WINDOW, len(stages) // 2) + 1):
            windows = _longer(windows, numbers[length - 1 :])
            for places in _places(windows, length):
                piece = stages[places[0] : places[0] + length]
                if any(isinstance(stage, For) for stage in piece) or _periodic(numbers, places[0], length):
                    continue
                merges = any(isinstance(stage, LayerStage) and stage.branches for stage in piece)
                lines: float = self.lines(piece)
                if merges:  # they may stand on one line
                    lines = max(lines, sum(map(size, piece)) / 2)
                if lines < 3 or _uses(piece) or (merges_only and (not merges or follows(piece[0]))):
                    continue
                # At equal lines, what goes with a layer belongs to its block.
                belonging = 0.1 * sum(map(follows, piece)) - (0.5 if follows(piece[0]) else 0.0)
                saved = (len(places) - 1) * lines - 2 - len(places) + belonging
                if saved > 0 and (best is None or saved > best[0]):
                    best = (saved, length, places)
        return None if best is None else best[1:]

    # --- repeat ---
    def _with_repeats(self, stages: list[Stage]) -> list[Stage]:
        """Equal neighbours as one ``repeat``, shorter periods first."""
        result = stages
        for period in range(1, min(12, len(stages) // 2) + 1):
            done: list[Stage] = []
            place = 0
            counts = _turns(list(map(_key, result)), period)
            while place < len(result):
                piece = result[place : place + period]
                count = counts[place]
                if count > 1 and not any(isinstance(stage, For) for stage in piece) and self._worth(piece, count):
                    done.append(Repeat(count, tuple(piece)))
                    place += period * count
                else:
                    done.append(result[place])
                    place += 1
            result = done
        return result

    def _worth(self, piece: Sequence[Stage], count: int) -> bool:
        alone = len(piece) == 1 and isinstance(piece[0], Repeat)
        return not alone and not follows(piece[0]) and self.lines(piece) * count > self.lines([Repeat(2, tuple(piece))])

    # --- for ---
    def _with_tables(self, stages: list[Stage]) -> list[Stage]:
        """Neighbours that differ in numbers alone as a ``for`` over the numbers."""
        stages = _single_repeats(stages)
        while (best := self._best_run(stages)) is not None:
            place, period, count = best
            table = _table(stages, place, period, count)
            stages = [*stages[:place], table, *stages[place + period * count :]]
        return list(_unwrapped(stages))

    def _best_run(self, stages: list[Stage]) -> tuple[int, int, int] | None:
        numbers = _numbered(stages)
        best: tuple[float, int, int, int] | None = None
        for period in range(1, min(LONGEST_WINDOW, len(stages) // 2) + 1):
            place, run = 0, range(0)
            while place + 2 * period <= len(numbers):
                piece = numbers[place : place + period]
                count = 1
                while numbers[place + count * period : place + (count + 1) * period] == piece:
                    count += 1
                window = stages[place : place + period]
                run = run if place < run.stop else range(place, place + period * count)
                if count > 1 and place >= run.start + period:  # every way to cut the run has been tried
                    place = max(place + 1, run.stop - 2 * period + 1)
                    continue
                if count > 1 and not any(isinstance(stage, For) for stage in window) and not follows(window[0]):
                    before = self.lines(list(_unwrapped(stages[place : place + period * count])))
                    table = _table(stages, place, period, count)
                    after = self.lines(list(_unwrapped([table]))) if table.variables else before
                    saved = before - after - 0.01 * period
                    if saved > 0.5 and (best is None or saved > best[0]):
                        best = (saved, place, period, count)
                place += 1
        return None if best is None else best[1:]


def _key(stage: Stage) -> tuple[object, ...]:
    """What must be equal for two stages to be the same but for the names of their layers."""
    return (form(stage), *(_typed(value) for _, value, _ in holes(stage)))


def _turns(keys: Sequence[object], period: int) -> list[int]:
    """How often the ``period`` keys from each place on stand there one after the other."""
    equal = [0] * (len(keys) + period)
    for place in range(len(keys) - period - 1, -1, -1):
        equal[place] = equal[place + 1] + 1 if keys[place] == keys[place + period] else 0
    return [equal[place] // period + 1 for place in range(len(keys))]


def _table(stages: Sequence[Stage], place: int, period: int, count: int) -> For:
    """Neighbours that are alike as a loop over their numbers."""
    pieces = [stages[place + index * period : place + (index + 1) * period] for index in range(count)]
    common = generalise(pieces, settings_last=False)
    return For(tuple(parameter.name for parameter in common.parameters), common.rows, common.body)


def follows(stage: Stage) -> bool:
    """Whether a stage goes with the one before: an activation or a norm begins nothing."""
    return isinstance(stage, LayerStage) and ops.operator(stage.operator).follows and not stage.alias


def _numbered(stages: Sequence[Stage]) -> list[int]:
    """A number for every stage, equal where stages are alike."""
    known: dict[tuple[object, ...], int] = {}
    return [known.setdefault(form(stage), len(known)) for stage in stages]


def _uses(piece: Sequence[Stage]) -> bool:
    return any(isinstance(stage, Use) for stage in piece)


def _periodic(numbers: list[int], place: int, length: int) -> bool:
    """Whether a window is a shorter one several times."""
    window = numbers[place : place + length]
    return any(
        length % period == 0 and window == window[:period] * (length // period) for period in range(1, length // 2 + 1)
    )


def _longer(windows: Sequence[int], last: Sequence[int]) -> list[int]:
    """A number for the window that begins at each place and is one stage longer: ``last`` is the stage at its end."""
    known: dict[tuple[int, int], int] = {}
    return [known.setdefault(pair, len(known)) for pair in zip(windows, last, strict=False)]


def _places(windows: Sequence[int], length: int) -> Iterator[list[int]]:
    """For every window of that length that stands at several places without overlapping: the places."""
    found: dict[int, list[int]] = {}
    for place, window in enumerate(windows):
        places = found.setdefault(window, [])
        if not places or place >= places[-1] + length:
            places.append(place)
    yield from (places for places in found.values() if len(places) > 1)


def _single_repeats(stages: list[Stage]) -> list[Stage]:
    """What is repeated elsewhere, as repeated once here, so that the pieces around look alike."""
    bodies = {tuple(map(form, stage.body)): len(stage.body) for stage in stages if isinstance(stage, Repeat)}
    result: list[Stage] = []
    place = 0
    while place < len(stages):
        for body, length in bodies.items():
            piece = stages[place : place + length]
            if tuple(map(form, piece)) == body:
                result.append(Repeat(1, tuple(piece)))
                place += length
                break
        else:
            result.append(stages[place])
            place += 1
    return result


def _unwrapped(stages: Sequence[Stage]) -> Iterator[Stage]:
    """Without the repeats that count to 1."""
    for stage in stages:
        if isinstance(stage, Repeat) and stage.times == 1:
            yield from stage.body
        elif isinstance(stage, For):
            yield stage._replace(body=tuple(_unwrapped(stage.body)))
        else:
            yield stage


def generalise(pieces: Sequence[Sequence[Stage]], settings_last: bool) -> Generalised:
    """The common form of pieces that are alike: numbers that differ become parameters or formulas of them."""
    columns = list(zip(*([hole for stage in piece for hole in holes(stage)] for piece in pieces), strict=True))
    expressions: list[Hole] = []
    chosen: list[tuple[str, Any, tuple[Hole, ...]]] = []
    for column in columns:
        role, _, default = column[0]
        values = tuple(value for _, value, _ in column)
        if len(set(map(_typed, values))) == 1:
            expressions.append(values[0])
            continue
        formula = _formula(values, chosen)
        if formula is None:
            chosen.append((role, default, values))
            formula = f"{len(chosen) - 1}"
        expressions.append(Formula(formula))
    names = _parameter_names([role for role, _, _ in chosen])
    filled_in = iter([_named(expression, names) for expression in expressions])
    body = tuple(filled(stage, filled_in) for stage in pieces[0])
    parameters = [
        Parameter(name, _usual(role, default, values) if settings_last else None)
        for name, (role, default, values) in zip(names, chosen, strict=True)
    ]
    order = sorted(range(len(parameters)), key=lambda index: parameters[index].default is not None)
    rows = tuple(tuple(chosen[index][2][piece] for index in order) for piece in range(len(pieces)))
    return Generalised(body, tuple(parameters[index] for index in order), rows)


def _typed(value: Hole) -> tuple[type, Hole]:
    return type(value), value


def _formula(values: tuple[Hole, ...], chosen: Sequence[tuple[str, Any, tuple[Hole, ...]]]) -> str | None:
    """The values by a parameter that is there already: the same, a multiple, a part. Parameters are numbered."""
    for index, (_, _, others) in enumerate(chosen):
        if tuple(map(_typed, others)) == tuple(map(_typed, values)):
            return f"{index}"
    if not all(isinstance(value, int) and value > 0 for value in values):
        return None
    for index, (role, _, others) in enumerate(chosen):
        if role in (*SETTINGS, "kernel", "n") or not all(isinstance(n, int) and n > 0 for n in others):
            continue
        ratios = {Fraction(a, b) for a, b in zip(values, others, strict=True)}  # type: ignore[arg-type]  # all whole, by the checks above
        if len(ratios) == 1:
            (ratio,) = ratios
            if ratio.denominator == 1:
                return f"{ratio.numerator}*{index}"
            if ratio.numerator == 1:
                return f"{index}//{ratio.denominator}"
    return None


def _named(expression: Hole, names: Sequence[str]) -> Hole:
    """A formula with the parameters' names in place of their numbers."""
    if not isinstance(expression, Formula):
        return expression
    text = expression.text
    if "//" in text:
        index, _, part = text.partition("//")
        return Formula(f"{names[int(index)]}//{part}")
    if "*" in text:
        factor, _, index = text.partition("*")
        return Formula(f"{factor}*{names[int(index)]}")
    return Formula(names[int(text)])


def _parameter_names(roles: Sequence[str]) -> list[str]:
    """Names by the roles, numbered where a role comes twice."""
    names = []
    for index, role in enumerate(roles):
        stem = ROLES.get(role, role)
        if roles.count(role) > 1:
            names.append(f"{stem}{roles[: index + 1].count(role)}")
        else:
            names.append("filters" if role == "filters" else "kernel" if role == "kernel" else stem)
    return names


def _usual(role: str, default: Any, values: tuple[Hole, ...]) -> Hole | None:
    """The operator's own default, for a setting that most uses leave alone."""
    if role in SETTINGS and isinstance(default, int) and values.count(default) * 2 >= len(values):
        return default
    return None
