"""Threads: a team of workers that share out tasks, and BLAS held to one thread while they do.

NumPy lets other threads run during matrix products and long ufunc loops. A BLAS that threads by itself would leave all
element-wise work on one core; a team that takes strip after strip keeps every core busy with both.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from time import perf_counter, sleep
from typing import Any, TypeAlias, TypeVar

import numpy as np

Item = TypeVar("Item")

Task: TypeAlias = Callable[[Any], None]
"""Computes a part of a layer; gets the scratch memory of the thread that runs it."""

MAX_THREADS = 64
SPIN_SECONDS = 0.0005


def default_threads() -> int:
    """The cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_THREADS)


def soon(queue: "SimpleQueue[Item]") -> Item:
    """The next item, awaited by looking again and again for a moment, then by sleeping.

    To wake a sleeping thread takes as long as a small layer does. ``sleep(0)`` gives way to other threads each time.
    """
    patience = perf_counter() + SPIN_SECONDS
    while queue.empty() and perf_counter() < patience:
        sleep(0)
    return queue.get()


class Job:
    """Tasks under way: whoever is free takes the next one."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = iter(tasks)
        self.done: SimpleQueue[BaseException | None] = SimpleQueue()

    def help(self, scratch: Any) -> None:
        """Runs tasks until none is left, and reports each."""
        for task in self.tasks:
            try:
                task(scratch)
            except BaseException as error:  # it belongs to the caller's thread
                self.done.put(error)
            else:
                self.done.put(None)


class Team:
    """The calling thread and its helpers. One caller at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.queue: SimpleQueue[tuple[Job, Any] | None] = SimpleQueue()
        self.helpers = [
            threading.Thread(target=self._serve, name=f"cnndsl-{index}", daemon=True) for index in range(1, size)
        ]
        for helper in self.helpers:
            helper.start()
        self._avoided: int | None = None

    def _serve(self) -> None:
        with np.errstate(all="ignore"):  # every thread has its own
            while (call := soon(self.queue)) is not None:
                job, scratch = call
                del call
                job.help(scratch)
                del job, scratch

    def run(self, tasks: Sequence[Task], scratch: Sequence[Any]) -> None:
        """Runs all tasks; ``scratch`` holds one buffer a thread. Raises what a task raised.

        The end is counted in tasks, not in helpers: one that wakes when all is done is not waited for.
        """
        if self.size == 1 or len(tasks) == 1:
            for task in tasks:
                task(scratch[0])
            return
        job = Job(tasks)
        for index in range(1, min(self.size, len(tasks))):
            self.queue.put((job, scratch[index]))
        missing = len(tasks)
        failure: BaseException | None = None
        try:
            for task in job.tasks:
                missing -= 1
                task(scratch[0])
        except BaseException:
            missing -= sum(1 for _ in job.tasks)  # nobody begins these any more
            for _ in range(missing):
                job.done.get()
            raise
        for _ in range(missing):
            failure = soon(job.done) or failure
        if failure is not None:
            raise failure

    def avoid(self, core: int | None) -> None:
        """Keeps the helpers off the core that the caller is on.

        A helper is woken by the caller, and Linux likes to put the two on one core (wake affinity), where they take
        turns instead of working at the same time. Layers are too short for the balancer to part them.
        """
        if core is None or core == self._avoided:
            return
        others = os.sched_getaffinity(0) - {core}
        for helper in self.helpers:
            if others and helper.native_id is not None:
                os.sched_setaffinity(helper.native_id, others)
        self._avoided = core

    def dismiss(self) -> None:
        for _ in range(1, self.size):
            self.queue.put(None)


_idle: dict[int, list[Team]] = {}
os.register_at_fork(after_in_child=_idle.clear) if hasattr(os, "register_at_fork") else None


@contextmanager
def team(size: int) -> Iterator[Team]:
    """A team of that size for one run, from those that are idle if there is one."""
    waiting = _idle.setdefault(size, [])
    try:
        chosen = waiting.pop()
    except IndexError:
        chosen = Team(size)
    try:
        chosen.avoid(current_core())
        with single_threaded_blas():
            yield chosen
    finally:
        if len(waiting) < 2:
            waiting.append(chosen)
        else:
            chosen.dismiss()


def current_core() -> int | None:
    """The core that this thread runs on; None where the system does not say."""
    try:
        core = int(ctypes.CDLL(None).sched_getcpu())
    except (OSError, AttributeError):
        return None
    return core if core >= 0 and hasattr(os, "sched_setaffinity") else None


_lock = threading.Lock()
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
