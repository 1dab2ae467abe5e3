"""How far long work is, told to whoever watches: the command line does, on a terminal. Otherwise nobody hears it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Watcher(Protocol):
    """Hears of the work that is done in its context."""

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """A stage begins; without a total nobody knows how long it is."""

    def advance(self, amount: int) -> None:
        """So much more of the stage is done."""


_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Whatever is done meanwhile tells ``watcher``."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def begin(what: str, total: int | None = None, unit: str = "") -> None:
    """Says what is done from now on, and how much there is of it; ``unit`` is what people count."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.begin(what, total, unit)


def advance(amount: int) -> None:
    """Says that so much more is done."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher.advance(amount)
