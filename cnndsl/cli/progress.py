"""A line on standard error, if that is a terminal: what takes so long, how far it is, how long it will take."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, RLock, Thread
from time import monotonic

from cnndsl import progress
from cnndsl.cli import terminal

DELAY = 1.0
"""Seconds before anything is shown."""
EVERY = 0.2


@contextmanager
def shown_progress(what: str) -> Iterator[None]:
    """Shows on a terminal how far the work is that is done meanwhile; ``what`` is its name at first."""
    if not sys.stderr.isatty():
        yield
        return
    line = Line(what)
    ticker = Thread(target=line.tick, daemon=True)
    ticker.start()
    before, terminal.speaking = terminal.speaking, line.wiped
    try:
        with progress.watched(line):
            yield
    finally:
        line.ended.set()
        ticker.join()
        terminal.speaking = before


class Line:
    """The stage that work is in, and its line on the terminal."""

    def __init__(self, what: str) -> None:
        self.ended = Event()
        self.lock = RLock()
        self.width = 0
        self.begin(what, None, "")

    def begin(self, what: str, total: int | None, unit: str) -> None:
        with self.lock:
            self.what, self.total, self.unit = what, total, unit
            self.done, self.begun = 0, monotonic()

    def advance(self, amount: int) -> None:
        self.done += amount

    def tick(self) -> None:
        """Draws again and again until the work ends."""
        wait = DELAY
        while not self.ended.wait(wait):
            wait = EVERY
            with self.lock:
                self._draw(self.text(monotonic()))
        with self.lock:
            self._draw("")

    def text(self, now: float) -> str:
        """``running: 3 of 32 examples, 40 s left``."""
        past = now - self.begun
        if not self.total or not 0 < self.done < self.total:
            return f"{self.what}, {_seconds(past)}"
        share = self.done / self.total
        far = f"{self.done:,} of {self.total:,} {self.unit}" if self.unit else f"{share:.0%}"
        return f"{self.what}: {far}, {_seconds(past / share - past)} left"

    @contextmanager
    def wiped(self) -> Iterator[None]:
        """For what else is said, the line is out of the way."""
        with self.lock:
            self._draw("")
            yield

    def _draw(self, text: str) -> None:
        if text or self.width:
            ended = "" if text else "\r"
            print(f"\r{text.ljust(self.width)}{ended}", end="", file=sys.stderr, flush=True)
        self.width = len(text)


def _seconds(number: float) -> str:
    """``40 s``, ``3 min 20 s``."""
    minutes, seconds = divmod(round(number), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
