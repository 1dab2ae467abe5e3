"""Threads: a team that computes a run together.

NumPy lets other threads run during matrix products and long loops, so a team that shares out strip after strip keeps
every core busy.
"""

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

from cnndsl.runtime.parallel import affinity
from cnndsl.runtime.parallel.blas import limit_this_thread, single_threaded_blas
from cnndsl.runtime.parallel.events import AutoResetEvent, SleepEvent, SpinEvent, pause

Share: TypeAlias = Callable[[Any], None]
"""Computes a part of a layer; gets the scratch memory of the thread that runs it."""

MAX_THREADS = 64
WAKING_SECONDS = 400e-6
"""A run waits so long for its helpers to wake up."""
MAX_IDLE_TEAMS = 2
"""Teams of a size that wait for the next run."""


def default_threads() -> int:
    """The cores this process may use."""
    return min(affinity.core_count(), MAX_THREADS)


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
    """A thread that waits awake for jobs, and goes to sleep soon after a run: one soon after finds it awake."""

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
        """Whether it waits already when a job comes."""
        self.awaited = False
        """Whether the caller waits already when the job is done."""
        self.thread = threading.Thread(target=self._serve, name=f"cnndsl-{number}", daemon=True)

    def _serve(self) -> None:
        limit_this_thread()
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
            self.end.set_for_waiting()
        else:
            self.end.set()
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
            if self.thread.ident is None:
                self.thread.start()

    def give(self, job: Job, scratch: Any) -> None:
        self.call = (job, scratch)
        if self.there and self.waits:
            self.begin.set_for_waiting()
        else:
            self.begin.set()

    def finish(self) -> None:
        """Waits until the helper is done with its job; a helper that has not begun is not waited for."""
        if self.begin.try_wait():
            return
        self.waits = self.end.try_wait()
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
        self.cores: frozenset[int] = frozenset()
        """Those that the helpers are held to; none if they never were."""

    def place_helpers(self) -> None:
        """Holds the helpers off the core that the caller is on, for as long as it stays there."""
        cores = affinity.other_cores()
        if cores and cores != self.cores:
            affinity.place((helper.thread for helper in self.helpers), cores)
            self.cores = cores

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
        deadline = perf_counter() + WAKING_SECONDS
        while not all(helper.there for helper in self.helpers) and perf_counter() < deadline:
            pause()

    def dismiss(self) -> None:
        """Ends the helpers, wherever they are."""
        for helper in self.helpers:
            helper.rest()
            helper.runs.put(False)


_lock = threading.Lock()
_idle: dict[int, list[Team]] = {}
_granted: dict[object, int] = {}
"""The threads of each run."""
_ALONE = Team(1)


def _forget() -> None:
    """A forked child has none of its parent's threads, whatever they were doing."""
    global _lock
    _lock = threading.Lock()
    _granted.clear()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def team(size: int) -> Iterator[Team]:
    """A team for one run, from those that are idle if there is one: of that size, or smaller where other runs of this
    process have taken the cores.
    """
    run = object()
    try:
        granted = _grant(run, size)
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
            chosen.place_helpers()
            with single_threaded_blas():
                yield chosen
            chosen.rest()
        except BaseException:  # an interrupt may have fallen anywhere
            chosen.dismiss()
            raise
        if len(waiting) < MAX_IDLE_TEAMS:
            waiting.append(chosen)
        else:
            chosen.dismiss()
    finally:
        _granted.pop(run, None)


def _grant(run: object, wanted: int) -> int:
    """How many threads a run may have. Who waits awake for a thread that has no core waits long."""
    with _lock:
        in_use = sum(_granted.values())
        _granted[run] = size = max(1, min(wanted, default_threads() - in_use)) if in_use else wanted
    return size
