"""Events: where a thread waits for another.

To put a thread to sleep and wake it takes 20 to 40 microseconds, as long as a small layer. So threads that have a core
each wait awake, without Python's lock: in a NumPy loop that reads one byte again and again, and ends as soon as it is
set. That alone is not enough: who has waited needs Python's lock at once, and if the one who set the event holds it the
newcomer is put to sleep after all. So for a thread that waits an event is set by another NumPy loop: the loop's first
number is that byte, and the rest of the loop is time, a few microseconds without Python's lock, in which the newcomer
gets as far as its own first NumPy loop.
"""

import threading
from typing import Protocol

import numpy as np

SETTING_LOOP_NUMBERS = 4096
"""Numbers in the loop that sets an event: 6 microseconds, the time of a few lines of Python."""
WAITING_LOOP_READS = 1 << 22
"""How often the loop of a waiting thread reads the byte: a millisecond."""
WAIT_SECONDS = 1e-3
"""The same for who waits asleep."""

_ones = np.ones(SETTING_LOOP_NUMBERS, np.int32)


def pause() -> None:
    """A few microseconds without Python's lock: whoever waits for it gets it."""
    np.floor_divide(_ones, _ones)


class AutoResetEvent(Protocol):
    """Not set at first. One thread sets it, another waits for that; whose wait succeeds has reset it."""

    def set(self) -> None: ...

    def set_for_waiting(self) -> None:
        """The same where the other thread most likely waits already."""
        ...

    def try_wait(self) -> bool:
        """Whether it was set."""
        ...

    def wait_a_while(self) -> bool:
        """Waits, but gives up after about a millisecond."""
        ...


class SpinEvent:
    """For threads that have a core each."""

    def __init__(self) -> None:
        self._numbers = np.zeros(SETTING_LOOP_NUMBERS, np.int32)
        self._byte = self._numbers.view(np.bool_)[:1] if np.little_endian else self._numbers.view(np.bool_)[3:4]
        self._reads = np.lib.stride_tricks.as_strided(self._byte, (WAITING_LOOP_READS,), (0,))
        self._tickets: list[None] = []  # to take one is a single step, whoever else wants it

    def set(self) -> None:
        if not self._tickets:
            self._tickets.append(None)
            self._byte[0] = True

    def set_for_waiting(self) -> None:
        if not self._tickets:
            self._tickets.append(None)
            np.floor_divide(_ones, _ones, self._numbers)

    def try_wait(self) -> bool:
        try:
            self._tickets.pop()
        except IndexError:
            return False
        self._byte[0] = False
        return True

    def wait_a_while(self) -> bool:
        if self.try_wait():
            return True
        if np.logical_or.reduce(self._reads):
            if self.try_wait():
                return True
            self._byte[0] = False  # someone took the ticket while the event was being set
        return False


class SleepEvent:
    """For threads that share cores: who waits sleeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        if self._lock.locked():
            self._lock.release()

    set_for_waiting = set

    def try_wait(self) -> bool:
        return self._lock.acquire(blocking=False)

    def wait_a_while(self) -> bool:
        return self._lock.acquire(timeout=WAIT_SECONDS)
