"""A text by the rules: which stretch is of which kind."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from cnndsl.highlight.rules import Region, Rule, groups


class Stretch(NamedTuple):
    start: int
    end: int
    kind: str


class _Place(NamedTuple):
    """Where a text is being read: in a region, or in none."""

    end: re.Pattern[str] | None
    end_kinds: tuple[str, ...]
    rules: tuple[tuple[re.Pattern[str], Rule], ...]
    kind: str | None


def scan(text: str) -> Iterator[Stretch]:
    """What there is to colour, in order; what lies between is space. Any text will do."""
    places = [_Place(None, (), _compiled(("file",)), None)]
    position = plain = 0
    while position < len(text):
        place = places[-1]
        found, rule = _match(place, text, position)
        if not found:
            position += 1
            continue
        if place.kind and plain < position:
            yield Stretch(plain, position, place.kind)
        if isinstance(rule, Region):
            yield from _stretches(found, rule.begin_kinds)
            places.append(_Place(_pattern(rule.end), rule.end_kinds, _compiled(rule.inside), rule.kind))
        elif rule:
            yield from _stretches(found, rule.kinds)
        else:
            yield from _stretches(found, place.end_kinds)
            places.pop()
        position = plain = found.end()
    if places[-1].kind and plain < position:
        yield Stretch(plain, position, places[-1].kind)


def _match(place: _Place, text: str, position: int) -> tuple[re.Match[str] | None, Rule | None]:
    """What matches here, and by which rule; by none where the region ends."""
    if place.end and (found := place.end.match(text, position)):
        return found, None
    for pattern, rule in place.rules:
        if found := pattern.match(text, position):
            return found, rule
    return None, None


def _stretches(found: re.Match[str], kinds: tuple[str, ...]) -> Iterator[Stretch]:
    if not found.re.groups:
        yield from (Stretch(*found.span(), kind) for kind in kinds)
    for number, kind in enumerate(kinds[: found.re.groups], start=1):
        start, end = found.span(number)
        if start < end:
            yield Stretch(start, end, kind)


@cache
def _compiled(names: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    rules = [rule for name in names for rule in groups()[name]]
    return tuple((_pattern(rule.begin if isinstance(rule, Region) else rule.pattern), rule) for rule in rules)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.MULTILINE)
