"""Threads: a team that computes a run together, and BLAS held to one thread while it does.

NumPy lets other threads run during matrix products and long loops. A BLAS that threads by itself would leave all
element-wise work on one core; a team that shares out strip after strip keeps every core busy with both.
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

from cnndsl.runtime.gates import CAN_SPIN, Gate, SleepGate, SpinGate, from_c, pause

Task: TypeAlias = Callable[[Any], None]
"""Computes a part of a layer; gets the scratch memory of the thread that runs it."""

_sched_getcpu = from_c(ctypes.PyDLL, "sched_getcpu")

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

    __slots__ = ("failures", "shares")

    def __init__(self, tasks: Sequence[Task], threads: int) -> None:
        count, threads = len(tasks), max(1, min(threads, len(tasks)))
        edges = [-(-count * thread // threads) for thread in range(threads + 1)]
        self.shares = [deque(tasks[begin:end]) for begin, end in pairwise(edges)]
        self.failures: list[BaseException] = []

    def help(self, own: int, scratch: Any) -> None:
        """Runs tasks until none is left, those of share ``own`` first."""
        try:
            while (task := self._next(own)) is not None:
                task(scratch)
        except BaseException as error:  # it belongs to the caller's thread
            self.failures.append(error)
            for share in self.shares:
                share.clear()

    def _next(self, own: int) -> Task | None:
        mine = self.shares[own]
        while mine or any(self.shares):
            try:
                return mine.popleft() if mine else next(filter(None, self.shares)).pop()
            except (IndexError, StopIteration):  # another thread was quicker
                continue
        return None


class Helper:
    """A thread that sleeps between runs. During a run it waits awake, at a gate, for jobs."""

    def __init__(self, number: int, spin: bool) -> None:
        self.number = number
        self.begin: Gate = SpinGate() if spin else SleepGate()
        self.end: Gate = SpinGate() if spin else SleepGate()
        self.end.open()  # as after the end of a run
        self.call: tuple[Job, Any] | None = None
        self.runs: SimpleQueue[bool] = SimpleQueue()
        self.resting = True
        self.awake = False
        self.waits = False
        """Whether it stands at the gate already when a job comes."""
        self.awaited = False
        """Whether the caller stands at the other gate already when the job is done."""
        self.thread = threading.Thread(target=self._serve, name=f"cnndsl-{number}", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with np.errstate(all="ignore"):  # every thread has its own
            while self.runs.get():
                self.awake = True
                while self._work():
                    pass

    def _work(self) -> bool:
        """Waits for a job and helps with it; False if the run is over."""
        self.begin.pass_()
        call = self.call
        if call is None:
            self.awake = False
        else:
            job, scratch = call
            job.help(self.number, scratch)
        if self.awaited:
            self.end.open_for_waiting()
        else:
            self.end.open()
        return call is not None

    def wake(self) -> None:
        """For a run. It takes a while, which the caller uses for something else."""
        if not self.resting:
            return
        self.resting = False
        self.waits = True
        # It may not have seen yet that the last run is over: then it need not be woken.
        if not self.begin.try_pass():
            self.end.pass_()
            self.runs.put(True)

    def give(self, job: Job, scratch: Any) -> None:
        self.call = (job, scratch)
        if self.awake and self.waits:
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
            self.end.pass_()
            self.awaited = False

    def rest(self) -> None:
        """The run is over."""
        if not self.resting:
            self.resting = True
            self.call = None
            self.begin.open()


class Team:
    """The calling thread, number 0, and its helpers. One run at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        spin = CAN_SPIN and size <= default_threads()  # who has no core to itself must not keep others from theirs
        self.helpers = [Helper(number, spin) for number in range(1, size)]
        self.place: tuple[int, frozenset[int]] | None = None

    def wake(self) -> None:
        for helper in self.helpers:
            helper.wake()

    def rest(self) -> None:
        for helper in self.helpers:
            helper.rest()

    def run(
        self,
        phases: Sequence[Sequence[Task]],
        scratch: Sequence[Any],
        after: Callable[[int], None] | None = None,
    ) -> None:
        """Runs the phases, one after the other; the tasks of one phase at the same time, if helpers are awake.

        ``scratch`` holds one buffer a thread. Raises what a task raised. ``after`` is told which phase is done.
        """
        self.wake()
        jobs = [Job(tasks, self.size) if len(tasks) > 1 and self.helpers else None for tasks in phases]
        for phase, job in enumerate(jobs):
            if job is None:
                for task in phases[phase]:
                    task(scratch[0])
            else:
                if phase == 1:
                    self._await_helpers()
                self._share(job, scratch)
            if after is not None:
                after(phase)

    def _share(self, job: Job, scratch: Sequence[Any]) -> None:
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
        while not all(helper.awake for helper in self.helpers) and perf_counter() < deadline:
            pause()

    def dismiss(self) -> None:
        """Ends the helpers, wherever they are."""
        for helper in self.helpers:
            helper.resting = False
            helper.rest()
            helper.runs.put(False)


_lock = threading.Lock()
_idle: dict[int, list[Team]] = {}
_cores_in_use = 0
_ALONE = Team(1)
os.register_at_fork(after_in_child=_idle.clear) if hasattr(os, "register_at_fork") else None


@contextmanager
def team(size: int) -> Iterator[Team]:
    """A team for one run, from those that are idle if there is one: of that size, or smaller where other runs of this
    process have taken the cores.
    """
    with _cores(size) as granted:
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


@contextmanager
def _cores(wanted: int) -> Iterator[int]:
    """How many threads a run may have. Who waits awake for a thread that has no core waits long."""
    global _cores_in_use
    with _lock:
        size = wanted if not _cores_in_use else max(1, min(wanted, default_threads() - _cores_in_use))
        _cores_in_use += size
    try:
        yield size
    finally:
        with _lock:
            _cores_in_use -= size


@contextmanager
def _apart(chosen: Team) -> Iterator[None]:
    """Holds the caller to the core that it is on, and the helpers off it, for a run.

    A helper is woken by the caller, and Linux likes to put the two on one core (wake affinity), where they take turns
    instead of working at the same time. Layers are too short for the balancer to part them.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    core = _current_core()
    others = frozenset(allowed - {core})
    if core not in allowed or not others:
        yield
        return
    if chosen.place != (core, others):
        for helper in chosen.helpers:
            if helper.thread.native_id is not None:
                os.sched_setaffinity(helper.thread.native_id, others)
        chosen.place = (core, others)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _current_core() -> int:
    """The core that this thread runs on; -1 where the system does not say."""
    return int(_sched_getcpu()) if _sched_getcpu is not None else -1


_running = 0
_libraries: list[Any] | None = None
_before: list[int] = []


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Holds BLAS to one thread. Of several runs at once the first sets it and the last gives back what was."""
    global _running, _before
    with _lock:
        if not _running:
            libraries = blas_libraries()
            _before = [library.get_num_threads() or 1 for library in libraries]
            _set_threads([1] * len(libraries))
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                _set_threads(_before)


def _set_threads(counts: Sequence[int]) -> None:
    for library, count in zip(blas_libraries(), counts, strict=True):
        # threadpoolctl lets the thread that asked first set OpenBLAS's number, and ignores all others. Here the first
        # run of several sets it and the last one sets it back, whichever threads they are in.
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
        if library.get_num_threads() != count:
            library.set_num_threads(count)


def blas_libraries() -> list[Any]:
    """The BLAS libraries of the process, found once."""
    global _libraries
    if _libraries is None:
        from threadpoolctl import ThreadpoolController

        controllers = ThreadpoolController().lib_controllers
        _libraries = [library for library in controllers if library.user_api == "blas"]
    return _libraries


def blas_core() -> str:
    """The processor that BLAS chose its kernels for, such as ``SkylakeX``."""
    return ", ".join(str(getattr(library, "architecture", library.internal_api)) for library in blas_libraries())
