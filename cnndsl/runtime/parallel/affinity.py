"""Cores: which a process may use, and how helpers keep off the one that their caller is on.

A helper is woken by the caller, and Linux likes to put the two on one core (wake affinity), where they take turns
instead of working at the same time. Layers are too short for the balancer to part them. Only helpers are placed: the
caller's thread belongs to the program, and where it may run is not changed. Systems that do not place threads (macOS,
Windows), and sandboxes that forbid it, leave them where they are.
"""

import ctypes
import os
from collections.abc import Iterable
from threading import Thread

try:
    _sched_getcpu = getattr(ctypes.PyDLL(None), "sched_getcpu", None)
except (OSError, TypeError):  # Windows has no library of that kind
    _sched_getcpu = None


def allowed_cores() -> frozenset[int]:
    """The cores that the calling thread may run on; none where the system does not say."""
    try:
        return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    except OSError:
        return frozenset()


def core_count() -> int:
    """The number of cores this process may use, as far as the system says."""
    return len(allowed_cores()) or os.cpu_count() or 1


def other_cores() -> frozenset[int]:
    """The cores that the calling thread may run on but is not on just now; none where nothing can be placed."""
    if _sched_getcpu is None or not hasattr(os, "sched_setaffinity"):
        return frozenset()
    allowed, core = allowed_cores(), int(_sched_getcpu())
    return allowed - {core} if core in allowed else frozenset()


def place(threads: Iterable[Thread], cores: frozenset[int]) -> None:
    """Holds threads to those cores, if the system lets it."""
    if hasattr(os, "sched_setaffinity"):
        for thread in threads:
            if thread.native_id is not None:
                try:
                    os.sched_setaffinity(thread.native_id, cores)
                except OSError:  # a sandbox may forbid it
                    return
