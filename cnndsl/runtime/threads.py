"""Threads: a team that computes a run together, and BLAS held to one thread while it does.

NumPy lets other threads run during matrix products and long loops. A BLAS that threads by itself would leave all
element-wise work on one core. Here every thread walks through the whole run and does its own share of each phase, the
same part of every layer, so that what it reads is in its core's cache; between two phases they meet.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from cnndsl.runtime.gates import CAN_SPIN, Gate, Meeting, SleepGate, SpinGate, from_c, pause

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


def share_of(tasks: Sequence[Task], thread: int, size: int) -> Sequence[Task]:
    """The part of a phase that is a thread's own; the only task of a phase is the first thread's."""
    return tasks[-(-len(tasks) * thread // size) : -(-len(tasks) * (thread + 1) // size)]


class Run:
    """Phases under way. Tasks of one phase may run at the same time; a phase begins when the one before is done."""

    def __init__(self, size: int) -> None:
        self.phases: Sequence[Sequence[Task]] = ()
        self.scratch: Sequence[Any] = ()
        self.meets: list[bool] = []
        self.begin = 0
        """The phase in which the helpers join."""
        self.absent = [[True] for _ in range(size)]
        """A token for every thread, which takes it when it is awake; or the caller does, and no longer waits for it."""
        self.failure: BaseException | None = None
        self.failed = sys.maxsize
        """The phase in which a task raised something. All leave at the first meeting from there on."""

    def prepare(self, phases: Sequence[Sequence[Task]], scratch: Sequence[Any]) -> None:
        self.phases, self.scratch, self.begin = phases, scratch, len(phases)
        # What is for one thread alone in two phases in turn needs no meeting between them.
        shared = [len(tasks) > 1 for tasks in phases]
        self.meets = [here or after for here, after in zip(shared, [*shared[1:], False], strict=True)]

    def work(self, phase: int, thread: int, size: int) -> None:
        """A thread's share of a phase. What a task raises belongs to the caller, and ends the run for all."""
        if self.failure is not None:
            return
        try:
            for task in share_of(self.phases[phase], thread, size):
                task(self.scratch[thread])
        except BaseException as error:
            self.failure, self.failed = error, phase

    def take_token(self, thread: int) -> bool:
        try:
            return self.absent[thread].pop()
        except IndexError:
            return False


class Team:
    """The calling thread, number 0, and its helpers. One run at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        spin = CAN_SPIN and size <= default_threads()  # who has no core to itself must not keep others from theirs
        self.meeting = Meeting(size, spin)
        self.doors: list[Gate] = [SpinGate() if spin else SleepGate() for _ in range(size)]
        self.runs: list[SimpleQueue[Run | None]] = [SimpleQueue() for _ in range(size)]
        self.dismissed = False
        self.helpers = [
            threading.Thread(target=self._serve, args=(number,), name=f"cnndsl-{number}", daemon=True)
            for number in range(1, size)
        ]
        for helper in self.helpers:
            helper.start()
        self.place: tuple[int, frozenset[int]] | None = None
        self.called: Run | None = None

    def call(self) -> Run:
        """Wakes the helpers for a run, which takes them longer than preparing it takes the caller."""
        run = self.called = Run(self.size)
        for number in range(1, self.size):
            self.runs[number].put(run)
        return run

    def run(
        self,
        phases: Sequence[Sequence[Task]],
        scratch: Sequence[Any],
        after: Callable[[int], None] | None = None,
    ) -> None:
        """Runs all phases; ``scratch`` holds one buffer a thread. Raises what a task raised.

        ``after`` is told by the calling thread which phase is done. The helpers join as soon as all are awake.
        """
        if self.size == 1:
            for phase, tasks in enumerate(phases):
                for task in tasks:
                    task(scratch[0])
                if after is not None:
                    after(phase)
            return
        run, self.called = self.called or self.call(), None
        run.prepare(phases, scratch)
        shared = any(run.meets)
        joined = False
        for phase in range(len(phases)):
            if shared and not joined and self._awake(run, PATIENCE if phase == 1 else 0):
                joined = True
                self._let_in(run, phase)
            run.work(phase, 0, self.size if joined else 1)
            if joined and run.meets[phase]:
                self.meeting.meet(0)
            if run.failed <= phase and (run.meets[phase] or not joined):
                break
            if after is not None:
                after(phase)
        if not joined:
            self._let_in(run, len(phases))
        if run.failure is not None:
            raise run.failure

    @staticmethod
    def _awake(run: Run, patience: float) -> bool:
        """Whether all helpers are awake. They need Python's lock to say so: the caller gives it away for a while, or
        they would often find it taken, and be put to sleep again, until the run is over.
        """
        deadline = perf_counter() + patience
        while any(run.absent[1:]):
            if perf_counter() > deadline:
                return False
            pause()
        return True

    def _let_in(self, run: Run, phase: int) -> None:
        """Lets the helpers begin with a phase; those who are not awake yet need not come any more."""
        run.begin = phase
        for number in range(1, self.size):
            if not run.take_token(number):
                self.doors[number].open_for_waiting()

    def _serve(self, number: int) -> None:
        with np.errstate(all="ignore"):  # every thread has its own
            while (run := self.runs[number].get()) is not None:
                if run.take_token(number):
                    self.doors[number].pass_()
                    self._follow(run, number)
                del run

    def _follow(self, run: Run, number: int) -> None:
        for phase in range(run.begin, len(run.phases)):
            run.work(phase, number, self.size)
            if run.meets[phase]:
                self.meeting.meet(number)
                if run.failed <= phase or self.dismissed:
                    return

    def dismiss(self) -> None:
        """Ends the helpers, wherever they are."""
        self.dismissed = True
        for number in range(1, self.size):
            self.runs[number].put(None)
            self.doors[number].open()
        self.meeting.call_off()


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
            chosen.call()
            with _apart(chosen), single_threaded_blas():
                yield chosen
        except BaseException:  # an interrupt may have fallen anywhere
            chosen.dismiss()
            raise
        if len(waiting) < 2 and chosen.called is None:  # not one that was called for nothing
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
            if helper.native_id is not None:
                os.sched_setaffinity(helper.native_id, others)
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
