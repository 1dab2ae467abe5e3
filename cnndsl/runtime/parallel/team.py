"""Threads: a team that computes a run together.

NumPy lets other threads run during matrix products and long loops, so a team that shares out strip after strip keeps
every core busy.
"""

import ctypes
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from cnndsl.runtime.parallel.blas import single_threaded_blas
from cnndsl.runtime.parallel.events import AutoResetEvent, SleepEvent, SpinEvent, pause

Share: TypeAlias = Callable[[Any], None]
"""Computes a part of a layer; gets the scratch memory of the thread that runs it."""

try:
    _sched_getcpu = getattr(ctypes.PyDLL(None), "sched_getcpu", None)
except (OSError, TypeError):  # Windows has no library of that kind
    _sched_getcpu = None

MAX_THREADS = 64
PATIENCE = 400e-6
"""Seconds that a run waits for its helpers to wake up."""


def default_threads() -> int:
    """The cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_THREADS)


class Job:
    """The tasks of a phase. Every thread has its share, the same part of every layer, so that what it reads is in its
    core's cache; who is done early takes from the end of another's share.
    """

    __slots__ = ("failures", "left", "shares")

    def __init__(self, tasks: Sequence[Share], threads: int) -> None:
        count, threads = len(tasks), max(1, min(threads, len(tasks)))
        edges = [-(-count * thread // threads) for thread in range(threads + 1)]
        self.shares = [tuple(tasks[begin:end]) for begin, end in pairwise(edges)]
        self.left: list[deque[Share]] = [deque() for _ in self.shares]
        self.failures: list[BaseException] = []

    def begin(self) -> None:
        """Once more from the beginning."""
        self.failures.clear()
        for left, share in zip(self.left, self.shares, strict=True):
            left.extend(share)

    def help(self, own: int, scratch: Any) -> None:
        """Runs tasks until none is left, those of share ``own`` first."""
        try:
            while (task := self._next(own)) is not None:
                task(scratch)
        except BaseException as error:  # it belongs to the caller's thread
            self.failures.append(error)
            for left in self.left:
                left.clear()

    def _next(self, own: int) -> Share | None:
        mine = self.left[own]
        while mine or any(self.left):
            try:
                return mine.popleft() if mine else next(filter(None, self.left)).pop()
            except (IndexError, StopIteration):  # another thread was quicker
                continue
        return None


class Helper:
    """A thread that waits awake, at a gate, for jobs, and goes to sleep soon after a run. A run that follows at once
    finds it awake.
    """

    def __init__(self, number: int, spin: bool) -> None:
        self.number = number
        self.begin: AutoResetEvent = SpinEvent() if spin else SleepEvent()
        self.end: AutoResetEvent = SpinEvent() if spin else SleepEvent()
        self.call: tuple[Job, Any] | None = None
        self.runs: SimpleQueue[bool] = SimpleQueue()
        self.state = threading.Lock()
        self.resting = True
        self.awake = False
        """Whether it need not be woken."""
        self.there = False
        """Whether it has woken up."""
        self.waits = False
        """Whether it stands at the gate already when a job comes."""
        self.awaited = False
        """Whether the caller stands at the other gate already when the job is done."""
        self.thread = threading.Thread(target=self._serve, name=f"cnndsl-{number}", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with np.errstate(all="ignore"):  # every thread has its own
            while self.runs.get():
                self.there = True
                while self._work():
                    pass

    def _work(self) -> bool:
        """Waits for a job and helps with it; False if none comes, and no run is under way."""
        while not self.begin.wait_a_while():
            with self.state:
                if self.resting:
                    self.awake = self.there = False
                    return False
        if self.call is not None:
            job, scratch = self.call
            job.help(self.number, scratch)
        if self.awaited:
            self.end.open_for_waiting()
        else:
            self.end.open()
        return True

    def wake(self) -> None:
        """For a run. If it sleeps it takes a while, which the caller uses for something else."""
        if not self.resting:
            return
        with self.state:
            asleep, self.awake, self.resting = not self.awake, True, False
        self.waits = not asleep
        if asleep:
            self.runs.put(True)

    def give(self, job: Job, scratch: Any) -> None:
        self.call = (job, scratch)
        if self.there and self.waits:
            self.begin.open_for_waiting()
        else:
            self.begin.open()

    def finish(self) -> None:
        """Waits until the helper is done with its job; a helper that has not begun is not waited for."""
        if self.begin.try_pass():
            return
        self.waits = self.end.try_pass()
        if not self.waits:
            self.awaited = True
            while not self.end.wait_a_while():
                pass
            self.awaited = False

    def rest(self) -> None:
        """The run is over."""
        with self.state:
            self.resting = True
            self.call = None


class Team:
    """The calling thread, number 0, and its helpers. One run at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        spin = size <= default_threads()  # who has no core to itself must not keep others from theirs
        self.helpers = [Helper(number, spin) for number in range(1, size)]
        self.place: tuple[int, frozenset[int]] | None = None

    def wake(self) -> None:
        for helper in self.helpers:
            helper.wake()

    def rest(self) -> None:
        for helper in self.helpers:
            helper.rest()

    def run(self, jobs: Sequence[Job], scratch: Sequence[Any]) -> None:
        """Runs the jobs, one after the other; the tasks of one job at the same time, if helpers are awake.

        ``scratch`` holds one buffer a thread. Raises what a task raised.
        """
        self.wake()
        awaited = False
        for job in jobs:
            if len(job.shares) > 1 and self.helpers:
                if not awaited:
                    self._await_helpers()
                    awaited = True
                self._share(job, scratch)
            else:
                for share in job.shares:
                    for task in share:
                        task(scratch[0])

    def _share(self, job: Job, scratch: Sequence[Any]) -> None:
        job.begin()
        called = self.helpers[: len(job.shares) - 1]
        for helper in called:
            helper.give(job, scratch[helper.number])
        job.help(0, scratch[0])
        for helper in called:
            helper.finish()
        if job.failures:
            raise job.failures[0]

    def _await_helpers(self) -> None:
        """To wake up they need Python's lock: the caller gives it away for a while, or they would often find it taken,
        and be put to sleep again, until the run is over.
        """
        deadline = perf_counter() + PATIENCE
        while not all(helper.there for helper in self.helpers) and perf_counter() < deadline:
            pause()

    def dismiss(self) -> None:
        """Ends the helpers, wherever they are."""
        for helper in self.helpers:
            helper.rest()
            helper.runs.put(False)


_lock = threading.Lock()
_idle: dict[int, list[Team]] = {}
_cores_in_use = 0
_ALONE = Team(1)


def _forget() -> None:
    """A forked child has none of its parent's threads, whatever they were doing."""
    global _lock, _cores_in_use
    _lock, _cores_in_use = threading.Lock(), 0
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def team(size: int) -> Iterator[Team]:
    """A team for one run, from those that are idle if there is one: of that size, or smaller where other runs of this
    process have taken the cores.
    """
    granted = _take_cores(size)
    try:
        if granted == 1:
            with single_threaded_blas():
                yield _ALONE
            return
        waiting = _idle.setdefault(granted, [])
        try:
            chosen = waiting.pop()
        except IndexError:
            chosen = Team(granted)
        try:
            chosen.wake()
            with _apart(chosen), single_threaded_blas():
                yield chosen
        except BaseException:  # an interrupt may have fallen anywhere
            chosen.dismiss()
            raise
        chosen.rest()
        if len(waiting) < 2:
            waiting.append(chosen)
        else:
            chosen.dismiss()
    finally:
        _take_cores(-granted)


def _take_cores(wanted: int) -> int:
    """How many threads a run may have; less than none are given back. Who waits awake for a thread that has no core
    waits long.
    """
    global _cores_in_use
    with _lock:
        size = wanted if wanted < 0 or not _cores_in_use else max(1, min(wanted, default_threads() - _cores_in_use))
        _cores_in_use += size
    return size


@contextmanager
def _apart(chosen: Team) -> Iterator[None]:
    """Holds the caller to the core that it is on, and the helpers off it, for a run.

    A helper is woken by the caller, and Linux likes to put the two on one core (wake affinity), where they take turns
    instead of working at the same time. Layers are too short for the balancer to part them.
    """
    before = _part(chosen)
    try:
        yield
    finally:
        if before is not None:
            os.sched_setaffinity(0, before)


def _part(chosen: Team) -> set[int] | None:
    """Places the threads; gives the cores that the caller was allowed, None where the system does not place threads."""
    if not hasattr(os, "sched_setaffinity") or _sched_getcpu is None:
        return None
    allowed, core = os.sched_getaffinity(0), int(_sched_getcpu())
    others = frozenset(allowed - {core})
    if core not in allowed or not others:
        return None
    try:
        if chosen.place != (core, others):
            for helper in chosen.helpers:
                if helper.thread.native_id is not None:
                    os.sched_setaffinity(helper.thread.native_id, others)
            chosen.place = (core, others)
        os.sched_setaffinity(0, {core})
    except OSError:  # a sandbox may forbid it
        return None
    return allowed
