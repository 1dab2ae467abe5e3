"""Pieces of a network that are alike: neighbouring stages that stand at several places."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from cnndsl.lang.decompile.stages import Sequence_, Stage, alias, form, reads, with_inner

LONGEST_WINDOW = 24


class Place(NamedTuple):
    """Where a window begins: the number of its sequence, and the stage in that."""

    sequence: int
    start: int


class Corpus:
    """All sequences of a network and of its blocks, with a number for every stage: alike, the same number.

    ``roots`` are the network's own and the blocks' bodies, each with names of its own; ``results`` are names of the
    network's that are read from outside.
    """

    def __init__(self, roots: Sequence[Sequence_], results: Sequence[str]) -> None:
        self.roots = roots
        self.sequences: list[Sequence_] = []
        self.numbers: list[list[int]] = []
        self._owner: list[int] = []
        self._reads: list[list[tuple[str, ...]]] = []
        self._given: dict[tuple[int, str], Place] = {}
        self._readers = Counter((0, name) for name in results)
        self._kinds: dict[object, int] = {}
        for root, sequence in enumerate(roots):
            index = self._add(sequence, root)
            self._readers.update((root, name) for names in self._reads[index] for name in names)

    def _add(self, sequence: Sequence_, root: int) -> int:
        index = len(self.sequences)
        numbers: list[int] = []
        self.sequences.append(sequence)
        self.numbers.append(numbers)
        self._owner.append(root)
        self._reads.append([tuple(reads(stage)) for stage in sequence])
        for place, stage in enumerate(sequence):
            kind = form(stage, lambda part: tuple(self.numbers[self._add(part, root)]))
            numbers.append(self._kinds.setdefault(kind, len(self._kinds)))
            if alias(stage):
                self._given[root, alias(stage)] = Place(index, place)
        return index

    @property
    def size(self) -> int:
        """The number of stages, those inside counted."""
        return sum(map(len, self.sequences))

    def windows(self) -> Iterator[tuple[int, list[Place]]]:
        """Every window that stands at several places without overlapping: its length, and the places."""
        live = [(Place(index, start), 0) for index, row in enumerate(self.numbers) for start in range(len(row))]
        for length in range(1, LONGEST_WINDOW + 1):
            known: dict[tuple[object, ...], list[Place]] = {}
            for place, before in live:
                row = self.numbers[place.sequence]
                end = place.start + length - 1
                if end < len(row):
                    known.setdefault((before, row[end], self._references(place, end)), []).append(place)
            groups = [places for places in known.values() if len(places) > 1]
            for places in groups:
                apart = _apart(places, length)
                if len(apart) > 1:
                    yield length, apart
            live = [(place, number) for number, places in enumerate(groups) for place in places]

    def piece(self, place: Place, length: int) -> Sequence_:
        return self.sequences[place.sequence][place.start : place.start + length]

    def closed(self, place: Place, length: int) -> bool:
        """Whether nobody outside reads what the window makes, but for its end."""
        if not self._given:
            return True
        root = self._owner[place.sequence]
        names = [name for stage in self.piece(place, length)[:-1] if (name := alias(stage))]
        if not names:
            return True
        inside = Counter(
            name for row in self._reads[place.sequence][place.start : place.start + length] for name in row
        )
        return all(inside[name] == self._readers[root, name] for name in names)

    def entering(self, place: Place) -> str:
        """The name of the value that enters a window; "" if it has none."""
        return alias(self.sequences[place.sequence][place.start - 1]) if place.start else ""

    def periodic(self, place: Place, length: int) -> bool:
        """Whether a window is a shorter one several times."""
        return is_periodic(self.numbers[place.sequence][place.start : place.start + length])

    def goes_on(self, places: Sequence[Place], length: int, follows: Callable[[Stage], bool]) -> bool:
        """Whether the same stage that belongs to the one before stands behind every window."""
        behind = set()
        for index, start in places:
            row = self.sequences[index]
            if start + length == len(row) or not follows(row[start + length]) or alias(row[start + length - 1]):
                return False
            behind.add(self.numbers[index][start + length])
        return len(behind) == 1

    def replaced(self, uses: Mapping[Place, Stage], length: int) -> list[Sequence_]:
        """The roots with windows of one length replaced by one stage each."""
        numbers = count()

        def rebuilt(sequence: Sequence_) -> Sequence_:
            index = next(numbers)
            changed = [with_inner(stage, rebuilt) for stage in sequence]
            found: list[Stage] = []
            start = 0
            while start < len(changed):
                use = uses.get(Place(index, start))
                found.append(changed[start] if use is None else use)
                start += 1 if use is None else length
            return tuple(found)

        return [rebuilt(root) for root in self.roots]

    def _references(self, place: Place, index: int) -> tuple[int | None, ...]:
        """What a stage of a window reads by name: the stage in the window that made it, None if that is elsewhere."""
        found = []
        for name in self._reads[place.sequence][index]:
            given = self._given.get((self._owner[place.sequence], name))
            local = given is not None and given.sequence == place.sequence and given.start >= place.start
            found.append(given.start - place.start if given is not None and local else None)
        return tuple(found)


def is_periodic(numbers: Sequence[int]) -> bool:
    """Whether the numbers are fewer ones several times."""
    length = len(numbers)
    return any(length % n == 0 and numbers[n:] == numbers[:-n] for n in range(1, length // 2 + 1))


def _apart(places: Sequence[Place], length: int) -> list[Place]:
    """The places but for those that overlap the one before."""
    found: list[Place] = []
    for place in places:
        if not found or place.sequence != found[-1].sequence or place.start >= found[-1].start + length:
            found.append(place)
    return found
