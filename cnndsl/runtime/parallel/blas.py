"""BLAS held to one thread while a run shares out its work.

A BLAS that threads by itself would leave all element-wise work on one core, and compete with the run's own threads.
Most libraries have one number of threads for the whole process: of several runs at once the first sets it to one and
the last gives back what was. OpenBLAS built with OpenMP has a number for every thread, which each run sets for its own.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

Setting: TypeAlias = tuple[Any, int]
"""A library of threadpoolctl, and a number of threads."""

_lock = threading.Lock()
_runs: set["_Run"] = set()
_before: list[Setting] = []
"""What the first of the runs found."""
_libraries: list[Any] | None = None


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Holds BLAS to one thread, and gives its numbers back however the block ends."""
    run = _Run()
    try:
        run.hold()
        yield
    finally:
        try:
            run.release()
        finally:
            run.release()  # an interrupt may have fallen into the first


class _Run:
    """A run that holds BLAS. An interrupt may end either method anywhere; ``release`` undoes whatever has been done."""

    def __init__(self) -> None:
        self.own: list[Setting] = []
        """What the run found in libraries that have a number for every thread."""

    def hold(self) -> None:
        libraries = blas_libraries()
        self.own = _settings(filter(_counts_by_thread, libraries))
        _set((library, 1) for library, _ in self.own)
        with _lock:
            if not _runs:
                _before[:] = _settings(library for library in libraries if not _counts_by_thread(library))
            _runs.add(self)
            _set((library, 1) for library, _ in _before)

    def release(self) -> None:
        _give_back(self.own)
        with _lock:
            if self in _runs:
                if len(_runs) == 1:
                    _give_back(_before)
                _runs.remove(self)


def limit_this_thread() -> None:
    """For a thread that does nothing but runs, where every thread has a number of its own."""
    _set((library, 1) for library in blas_libraries() if _counts_by_thread(library))


def _settings(libraries: Iterable[Any]) -> list[Setting]:
    return [(library, library.get_num_threads() or 1) for library in libraries]


def _give_back(settings: Iterable[Setting]) -> None:
    """A number that someone else has set in the meantime stays."""
    _set((library, count) for library, count in settings if library.get_num_threads() == 1)


def _set(settings: Iterable[Setting]) -> None:
    for library, count in settings:
        if library.get_num_threads() != count:
            # threadpoolctl's own method lets only the thread that asked first set OpenBLAS's number, and remembers it
            # as the one in control. Runs are in any thread, and leave that as it is.
            getattr(library, "_real_set_num_threads", library.set_num_threads)(count)


def _counts_by_thread(library: Any) -> bool:
    return library.internal_api == "openblas" and getattr(library, "threading_layer", "") == "openmp"


def blas_libraries() -> list[Any]:
    """The BLAS libraries of the process, found once; none that threadpoolctl knows where NumPy uses Accelerate."""
    global _libraries
    if _libraries is None:
        name = "KMP_DUPLICATE_LIB_OK"
        unset = name not in os.environ
        from threadpoolctl import ThreadpoolController

        if unset:  # threadpoolctl sets it, for whom it may concern
            os.environ.pop(name, None)
        try:
            controllers = ThreadpoolController().lib_controllers
        except OSError:  # on Linux it reads /proc, which a sandbox may lack
            controllers = []
        _libraries = [library for library in controllers if library.user_api == "blas"]
    return _libraries


def blas_core() -> str:
    """The processor that BLAS chose its kernels for, such as ``SkylakeX``."""
    return ", ".join(str(getattr(library, "architecture", library.internal_api)) for library in blas_libraries())


def _forget() -> None:
    """A forked child has none of its parent's runs, and BLAS as it was before them."""
    global _lock
    _lock = threading.Lock()
    if _runs:
        _runs.clear()
        _give_back(_before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
