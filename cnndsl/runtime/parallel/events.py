"""Gates: where a thread waits for another.

To put a thread to sleep and wake it takes 20 to 40 microseconds, as long as a small layer. So threads that have a core
each wait awake, without Python's lock: in a NumPy loop that reads one byte again and again, and ends as soon as it is
set. That alone is not enough: who comes through a gate needs Python's lock at once, and if the one who opened it holds
it the newcomer is put to sleep after all. So a gate for a thread that waits is opened by another NumPy loop: the loop's
first number is that byte, and the rest of the loop is time, a few microseconds without Python's lock, in which the
newcomer gets as far as its own first NumPy loop.
"""

import threading
from typing import Protocol

import numpy as np

LOOP = 4096
"""Numbers in the loop that opens a gate: 6 microseconds, the time of a few lines of Python."""
GLANCES = 1 << 22
"""How often the loop of a waiting thread looks: a millisecond."""
LINGER = 1e-3
"""The same in seconds, for who waits asleep."""

_ones = np.ones(LOOP, np.int32)


def pause() -> None:
    """A few microseconds without Python's lock: whoever waits for it gets it."""
    np.floor_divide(_ones, _ones)


class AutoResetEvent(Protocol):
    """Closed at first. One thread opens it, another passes, which closes it again."""

    def open(self) -> None: ...

    def open_for_waiting(self) -> None: ...

    def try_pass(self) -> bool: ...

    def wait_a_while(self) -> bool:
        """Passes, or gives up after about a millisecond."""
        ...


class SpinEvent:
    """For threads that have a core each."""

    def __init__(self) -> None:
        self._numbers = np.zeros(LOOP, np.int32)
        self._byte = self._numbers.view(np.bool_)[:1] if np.little_endian else self._numbers.view(np.bool_)[3:4]
        self._glances = np.lib.stride_tricks.as_strided(self._byte, (GLANCES,), (0,))
        self._tickets: list[None] = []  # to take one is a single step, whoever else wants it

    def open(self) -> None:
        if not self._tickets:
            self._tickets.append(None)
            self._byte[0] = True

    def open_for_waiting(self) -> None:
        if not self._tickets:
            self._tickets.append(None)
            np.floor_divide(_ones, _ones, self._numbers)

    def try_pass(self) -> bool:
        try:
            self._tickets.pop()
        except IndexError:
            return False
        self._byte[0] = False
        return True

    def wait_a_while(self) -> bool:
        if self.try_pass():
            return True
        if np.logical_or.reduce(self._glances):
            if self.try_pass():
                return True
            self._byte[0] = False  # someone passed while it was being opened
        return False


class SleepEvent:
    """For threads that share cores: who waits sleeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        if self._lock.locked():
            self._lock.release()

    open_for_waiting = open

    def try_pass(self) -> bool:
        return self._lock.acquire(blocking=False)

    def wait_a_while(self) -> bool:
        return self._lock.acquire(timeout=LINGER)
