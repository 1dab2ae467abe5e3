"""Gates: where a thread waits for another.

To put a thread to sleep and wake it takes 20 to 40 microseconds, as long as a small layer. So threads that have a core
each wait awake, in the C library, without Python's lock. That alone is not enough: who comes through a gate needs
Python's lock at once, and if the one who opened it holds it the newcomer is put to sleep after all. So a gate for a
thread that waits is opened by a NumPy loop: the loop's first number opens it, and the rest of the loop is time, a few
microseconds without Python's lock, in which the newcomer gets as far as its own first NumPy loop.
"""

import ctypes
import threading
from typing import Any, Protocol

import numpy as np

LOOP = 4096
"""Numbers in the loop that opens a gate: 6 microseconds, the time of a few lines of Python."""


def from_c(library: Any, name: str) -> Any:
    """A function of the C library, or None."""
    try:
        return getattr(library(None), name, None)
    except (OSError, TypeError):  # Windows has no library of that kind
        return None


# PyDLL keeps Python's lock, for what ends at once; CDLL gives it away.
_try_lock = from_c(ctypes.PyDLL, "pthread_spin_trylock")
_unlock = from_c(ctypes.PyDLL, "pthread_spin_unlock")
_lock = from_c(ctypes.CDLL, "pthread_spin_lock")
CAN_SPIN = None not in (_try_lock, _unlock, _lock)
_ones = np.ones(LOOP, np.int32)


def pause() -> None:
    """A few microseconds without Python's lock: whoever waits for it gets it."""
    np.floor_divide(_ones, _ones)


class Gate(Protocol):
    """Closed at first. One thread opens it, another passes, which closes it again."""

    def open(self) -> None: ...

    def open_for_waiting(self) -> None: ...

    def try_pass(self) -> bool: ...

    def pass_(self) -> None: ...


class SpinGate:
    """A spin lock of the C library, taken at first, that another thread gives back."""

    def __init__(self) -> None:
        self._words = np.zeros(LOOP, np.int32)
        self._place = ctypes.c_void_p(self._words.__array_interface__["data"][0])
        _unlock(self._place)
        self._free = np.full(LOOP, self._words[0])  # 1 on x86, 0 elsewhere
        _try_lock(self._place)

    def open(self) -> None:
        _unlock(self._place)

    def open_for_waiting(self) -> None:
        np.floor_divide(self._free, _ones, out=self._words)

    def try_pass(self) -> bool:
        return bool(_try_lock(self._place) == 0)

    def pass_(self) -> None:
        if _try_lock(self._place):
            _lock(self._place)


class SleepGate:
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

    def pass_(self) -> None:
        self._lock.acquire()
