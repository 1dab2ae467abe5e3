"""BLAS held to one thread while a run shares out its work.

A BLAS that threads by itself would leave all element-wise work on one core, and compete with the run's own threads.
"""

import os
import threading
from collections.abc import Sequence
from typing import Any

_lock = threading.Lock()
_running = 0
_libraries: list[Any] | None = None
_before: list[int] = []


def _forget() -> None:
    """A forked child has none of its parent's runs."""
    global _lock, _running
    _lock, _running = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class single_threaded_blas:
    """Holds BLAS to one thread. Of several runs at once the first sets it and the last gives back what was."""

    def __enter__(self) -> None:
        global _running, _before
        with _lock:
            if not _running:
                _before = [library.get_num_threads() or 1 for library in blas_libraries()]
                _set_threads([1] * len(_before))
            _running += 1

    def __exit__(self, *error: object) -> None:
        global _running
        with _lock:
            _running -= 1
            if not _running:
                _set_threads(_before)


def _set_threads(counts: Sequence[int]) -> None:
    for library, count in zip(blas_libraries(), counts, strict=True):
        if library.get_num_threads() == count:
            continue
        # threadpoolctl lets the thread that asked first set OpenBLAS's number, and ignores all others. Here the first
        # run of several sets it and the last one sets it back, whichever threads they are in.
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
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
