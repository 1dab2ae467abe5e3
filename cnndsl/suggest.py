"""Did you mean: the nearest of known words to a misspelt one."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from cnndsl.errors import CnnError, quoted

MAX_LENGTH = 64
"""Longer words are no misspellings of anything here."""


MAX_CANDIDATES = 500
"""Among more words than these nothing is searched: it would take long, and help little."""


class Suggestion(NamedTuple):
    """``sure`` tells that one slip explains the word and no other candidate is as near."""

    word: str
    sure: bool


def suggest(word: str, candidates: Iterable[str]) -> Suggestion | None:
    """The candidate that was most likely meant; None if nothing is near.

    Nearness is the optimal string alignment distance (Damerau 1964: insertions, deletions, substitutions and swaps of
    neighbours), without regard to case. Ties go to the candidate with the same first letter, then to the one whose
    letters are the same apart from those left out or doubled.
    """
    return _ranked(word, frozenset(candidates)) if len(word) <= MAX_LENGTH else None


@lru_cache(maxsize=64)
def _ranked(word: str, candidates: frozenset[str]) -> Suggestion | None:
    if len(candidates) > MAX_CANDIDATES:
        return None
    lowered = word.lower()
    ranked = sorted(
        (distance(lowered, other), candidate[:1].lower() != lowered[:1], abs(len(other) - len(lowered)) == 0, candidate)
        for candidate in candidates
        if abs(len(other := candidate.lower()) - len(lowered)) <= allowed(lowered)
    )
    if not ranked or ranked[0][0] > allowed(lowered):
        return None
    best = ranked[0]
    sure = best[0] <= 1 and (len(ranked) == 1 or ranked[1][:3] != best[:3])
    return Suggestion(best[3], sure)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The word of :func:`suggest` alone."""
    found = suggest(word, candidates)
    return found and found.word


def unknown_layer(name: str, known: Iterable[str]) -> CnnError:
    """What to raise for a name that no layer of a network has."""
    suggestion = nearest(name, known)
    advice = f"did you mean {quoted(suggestion)}?" if suggestion else "`cnndsl check` lists the layers"
    return CnnError.of("unknown-layer", f"the network has no layer {quoted(name)}", advice)


def allowed(word: str) -> int:
    """How many slips a word of this length may have: one in four letters, at least one."""
    return max(1, min(3, len(word) // 3))


def distance(a: str, b: str) -> int:
    """Optimal string alignment distance."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
