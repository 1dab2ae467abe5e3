"""Repetition found again: blocks with arguments, ``repeat``, and ``for`` over a table."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from typing import NamedTuple

from cnndsl import ops
from cnndsl.lang.decompile.generalise import Generalised, Parameter, as_block, renamed, with_alias
from cnndsl.lang.decompile.loops import Loop, as_loop, as_parallel, key, single_repeats, turns, unwrapped
from cnndsl.lang.decompile.stages import (
    For,
    From,
    LayerStage,
    Repeat,
    Sequence_,
    Stage,
    Use,
    Value,
    alias,
    form,
    nameless,
    reads,
    size,
    with_inner,
)
from cnndsl.lang.decompile.windows import LONGEST_WINDOW, Corpus, Place, is_periodic

MOST_STAGES = 2_000
"""Networks with more stages, equal neighbours counted once, are written with ``repeat`` alone: the search for blocks
looks at every window again for each block that it finds."""

PARAMETER = 0.3
"""What a parameter of a block costs, in lines; behind ``FEW_PARAMETERS`` each one costs a line more."""
FEW_PARAMETERS = 4

Lines = Callable[[Sequence[Stage]], int]


class BlockDefinition(NamedTuple):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Stage, ...]


class Roller:
    """Rolls up one network. ``lines`` counts the lines that stages take when they are written.

    ``results`` are the network's outputs, ``taken`` the names of its values. With ``single`` a block is first looked
    for around one merge, not several.
    """

    def __init__(
        self,
        lines: Lines,
        name: Callable[[Sequence[Sequence[Stage]]], str],
        results: Sequence[Value],
        taken: Collection[str],
        single: bool,
    ) -> None:
        self.lines = lines
        self.name = name
        self.results = results
        self.taken = taken
        self.single = single
        self.blocks: list[BlockDefinition] = []
        self.top: Sequence_ = ()
        self.passed_over = False
        """Whether there were windows with several merges."""

    def rolled(self, stages: Sequence[Stage]) -> Sequence_:
        """The stages with what repeats written once; fills ``blocks``."""
        self.top = tuple(stages)
        if Corpus([self.top], ()).size > MOST_STAGES:
            self._everywhere(self._with_repeats)
        if Corpus([self.top], ()).size <= MOST_STAGES:
            self._find_blocks(merges_only=True)
            self._everywhere(self._with_repeats)
            self.top = self._with_tables(self.top)
            self._find_blocks(merges_only=False)
            self._everywhere(self._with_parallels)
        self._everywhere(self._with_repeats)
        return self.top

    def _forget_unread(self) -> None:
        """Takes away the names that nobody reads any more."""
        self.top = _read_names(self.top, {value.name for value in self.results})
        self.blocks = [block._replace(body=_read_names(block.body, set())) for block in self.blocks]

    def _everywhere(self, change: Callable[[Sequence_], Sequence_]) -> None:
        """Changes every sequence, inner ones first."""

        def changed(sequence: Sequence_) -> Sequence_:
            return change(tuple(with_inner(stage, changed) for stage in sequence))

        self.top = changed(self.top)
        self.blocks = [block._replace(body=changed(block.body)) for block in self.blocks]

    # --- blocks ---
    def _find_blocks(self, merges_only: bool) -> None:
        while True:
            corpus = Corpus([self.top, *(block.body for block in self.blocks)], [value.name for value in self.results])
            best = self._best_window(corpus, merges_only)
            if best is None:
                break
            length, places = best
            pieces = [corpus.piece(place, length) for place in places]
            common = self._common(corpus, places, length)
            block = BlockDefinition(self.name(pieces), common.parameters, common.body)
            roles = tuple(parameter.role for parameter in block.parameters)
            uses = {
                place: Use(block.name, row, roles, alias(piece[-1]))
                for place, piece, row in zip(places, pieces, common.rows, strict=True)
            }
            self.top, *bodies = corpus.replaced(uses, length)
            self.blocks = [old._replace(body=body) for old, body in zip(self.blocks, bodies, strict=True)]
            self.blocks.append(block)
        self._forget_unread()

    def _common(self, corpus: Corpus, places: Sequence[Place], length: int) -> Generalised:
        return as_block([corpus.piece(p, length) for p in places], [corpus.entering(p) for p in places])

    def _best_window(self, corpus: Corpus, merges_only: bool) -> tuple[int, list[Place]] | None:
        """The window whose writing as a block saves most lines."""
        best: tuple[float, int, list[Place]] | None = None
        for length, everywhere in corpus.windows():
            places = [place for place in everywhere if corpus.closed(place, length)]
            if len(places) < 2:
                continue
            piece = corpus.piece(places[0], length)
            if isinstance(piece[0], From) or isinstance(piece[-1], From) or corpus.periodic(places[0], length):
                continue
            if corpus.goes_on(places, length, follows):
                continue
            if follows(piece[0]) and any(_torn(corpus.sequences[place.sequence], place.start) for place in places):
                continue
            merges = sum(isinstance(stage, LayerStage) and stage.branches is not None for stage in piece)
            uses = any(isinstance(stage, Use) for stage in piece)
            if merges_only and (merges < 1 or uses or follows(piece[0])):
                continue
            if merges_only and self.single and merges > 1:
                self.passed_over = True
                continue
            lines: float = self.lines(piece)
            if merges:  # they may stand on one line
                lines = max(lines, 0.6 * sum(map(size, piece)))
            # At equal lines, what goes with a layer belongs to its block.
            belonging = 0.1 * sum(map(follows, piece)) - (0.5 if follows(piece[0]) else 0.0)
            saved = (len(places) - 1) * lines - 2 - len(places) + belonging
            if lines >= 3 and saved > 0 and (best is None or saved > best[0]):
                parameters = len(self._common(corpus, places, length).parameters)
                saved -= PARAMETER * parameters + max(0, parameters - FEW_PARAMETERS)
                if saved > 0 and parameters <= 2 * lines and (best is None or saved > best[0]):
                    best = (saved, length, places)
        return None if best is None else best[1:]

    # --- repeat ---
    def _with_repeats(self, stages: Sequence_) -> Sequence_:
        """Equal neighbours as one ``repeat``, shorter periods first."""
        result = stages
        for period in range(1, min(12, len(stages) // 2) + 1):
            done: list[Stage] = []
            place = 0
            counts = turns(result, period)
            while place < len(result):
                piece = result[place : place + period]
                count = counts[place]
                if count > 1 and self._worth(piece, count):
                    end = place + period * count
                    done.append(Repeat(count, nameless(piece), alias(result[end - 1])))
                    place = end
                else:
                    done.append(result[place])
                    place += 1
            result = tuple(done)
        return result

    def _worth(self, piece: Sequence[Stage], count: int) -> bool:
        alone = len(piece) == 1 and isinstance(piece[0], Repeat | For)
        return not alone and not follows(piece[0]) and self.lines(piece) * count > self.lines([Repeat(2, tuple(piece))])

    # --- for ---
    def _with_tables(self, stages: Sequence_) -> Sequence_:
        """Neighbours that differ in numbers alone as a ``for`` over the numbers."""
        if len(stages) < 2:
            return stages
        found: list[Stage] = single_repeats(stages)
        while (best := self._best_run(found)) is not None:
            place, length, loop = best
            found = [*found[:place], loop.stage, *found[place + length :]]
            found = [renamed(stage, loop.renames) for stage in found]
            self.results = [loop.renames.get(value.name, value) for value in self.results]
            found = list(_read_names(found, {value.name for value in self.results}))
        return tuple(unwrapped(found))

    def _best_run(self, stages: list[Stage]) -> tuple[int, int, Loop] | None:
        known: dict[object, int] = {}
        numbers = [known.setdefault(form(stage), len(known)) for stage in stages]
        readers = Counter([value.name for value in self.results])
        readers.update(name for stage in stages for name in reads(stage))
        names = {*self.taken, *(name for stage in stages if (name := alias(stage)))}
        best: tuple[float, int, int, Loop] | None = None
        for period in range(1, min(LONGEST_WINDOW, len(stages) // 2) + 1):
            place, run = 0, range(0)
            while place + 2 * period <= len(numbers):
                piece = numbers[place : place + period]
                count = 1
                while numbers[place + count * period : place + (count + 1) * period] == piece:
                    count += 1
                run = run if place < run.stop else range(place, place + period * count)
                if count > 1 and place >= run.start + period:  # every way to cut the run has been tried
                    place = max(place + 1, run.stop - 2 * period + 1)
                    continue
                if count > 1 and not follows(stages[place]) and not is_periodic(piece):
                    length = period * count
                    pieces = [stages[start : start + period] for start in range(place, place + length, period)]
                    loop = as_loop(pieces, alias(stages[place - 1]) if place else "", readers, names)
                    if loop is not None:
                        saved = self._saved(stages[place : place + length], loop) - 0.01 * period
                        if saved > (1.5 if count == 2 else 0.5) and (best is None or saved > best[0]):
                            best = (saved, place, length, loop)
                place += 1
        return None if best is None else best[1:]

    def _saved(self, stages: Sequence[Stage], loop: Loop) -> float:
        """The lines that a loop saves; columns cost a little."""
        if isinstance(loop.stage, Repeat) and not loop.renames:
            return 0
        columns = len(loop.stage.variables) if isinstance(loop.stage, For) else 0
        return self.lines(list(unwrapped(stages))) - self.lines(list(unwrapped([loop.stage]))) - 0.01 * columns

    # --- branches ---
    def _with_parallels(self, stages: Sequence_) -> Sequence_:
        return tuple(map(self._parallel, stages))

    def _parallel(self, stage: Stage) -> Stage:
        """A merge with alike neighbours of its branches in a loop: two that are equal, three that differ in numbers."""
        if isinstance(stage, LayerStage) and len(stage.branches or ()) > 2:
            for least, kind in ((2, key), (3, form)):
                branches: list[Sequence_] = []
                for _, group in groupby(stage.branches or (), key=lambda branch: tuple(map(kind, branch))):
                    run = tuple(group)
                    loop = as_parallel(run) if len(run) >= least and run[0] else None
                    shorter = loop and self._lines_of(stage, ((loop,),)) < self._lines_of(stage, run)
                    branches += [(loop,)] if loop and shorter else run
                stage = stage._replace(branches=tuple(branches))
        return stage

    def _lines_of(self, merge: LayerStage, branches: tuple[Sequence_, ...]) -> int:
        return self.lines([merge._replace(branches=branches)])


def follows(stage: Stage) -> bool:
    """Whether a stage goes with the one before: an activation or a norm begins nothing."""
    return isinstance(stage, LayerStage) and ops.operator(stage.operator).follows


def _read_names(stages: Sequence[Stage], results: set[str]) -> Sequence_:
    """The stages without the names that nobody reads."""
    read = results | {name for stage in stages for name in reads(stage)}
    return tuple(
        stage if alias(stage) in read or (isinstance(stage, LayerStage) and stage.owner) else with_alias(stage, "")
        for stage in stages
    )


def _torn(stages: Sequence[Stage], place: int) -> bool:
    """Whether what begins at a place goes with a convolution before it."""
    while place and follows(stages[place]):
        place -= 1
    stage = stages[place]
    return isinstance(stage, LayerStage) and ops.operator(stage.operator).linear
