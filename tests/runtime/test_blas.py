"""BLAS held to one thread while networks run, and its numbers given back."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from threadpoolctl import threadpool_limits

from cnndsl.runtime.parallel import blas
from cnndsl.runtime.parallel.blas import blas_libraries, limit_this_thread, single_threaded_blas

pytestmark = pytest.mark.skipif(not blas_libraries(), reason="NumPy's BLAS is none that threadpoolctl knows")


def test_blas_gets_its_threads_back_after_the_last_run():
    before = [library.get_num_threads() for library in blas_libraries()]
    try:
        for library in blas_libraries():
            library.set_num_threads(2)
        with single_threaded_blas():
            with single_threaded_blas():
                assert {library.get_num_threads() for library in blas_libraries()} == {1}
            assert {library.get_num_threads() for library in blas_libraries()} == {1}
        assert {library.get_num_threads() for library in blas_libraries()} == {2}
    finally:
        for library, count in zip(blas_libraries(), before, strict=True):
            library.set_num_threads(count)


def test_blas_is_held_whatever_thread_the_run_is_in():
    found = []

    def look(inside, done):
        with single_threaded_blas():
            found.append([library.get_num_threads() for library in blas_libraries()])
            inside.set()
            done.wait(10)

    before = [library.get_num_threads() for library in blas_libraries()]
    try:
        for library in blas_libraries():
            library.set_num_threads(2)  # from this thread, which makes threadpoolctl ignore others
        first, second = ((threading.Event(), threading.Event()) for _ in range(2))
        runs = [threading.Thread(target=look, args=events) for events in (first, second)]
        for run, (inside, _) in zip(runs, (first, second), strict=True):
            run.start()
            assert inside.wait(10)
        for run, (_, done) in zip(runs, (first, second), strict=True):
            done.set()
            run.join(10)
        assert found == [[1] * len(before)] * 2
        assert {library.get_num_threads() for library in blas_libraries()} == {2}
    finally:
        for library, count in zip(blas_libraries(), before, strict=True):
            library.set_num_threads(count)


def numbers():
    return {library.get_num_threads() for library in blas_libraries()}


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_blas_gets_its_threads_back_however_a_run_ends(error):
    with threadpool_limits(2, "blas"):
        with pytest.raises(error), single_threaded_blas():
            assert numbers() == {1}
            raise error
        assert numbers() == {2}


def test_a_number_that_another_sets_during_a_run_stays():
    with threadpool_limits(2, "blas"):
        with single_threaded_blas():
            for library in blas_libraries():
                library.set_num_threads(3)
        assert numbers() == {3}


def test_limits_of_another_thread_end_as_if_there_had_been_no_run():
    """threadpoolctl remembers which thread is in control of OpenBLAS, and ignores all others."""
    before = numbers()

    def run():
        with single_threaded_blas():
            pass
        over.set()
        leave.wait(10)  # alive, as one that could be in control

    over, leave = threading.Event(), threading.Event()
    with threadpool_limits(2, "blas"):
        thread = threading.Thread(target=run)
        thread.start()
        assert over.wait(10)
        assert numbers() == {2}
    assert numbers() == before
    leave.set()
    thread.join(10)


class OpenMP(threading.local):
    """OpenBLAS built with OpenMP, as threadpoolctl shows it: every thread has a number of its own."""

    user_api, internal_api, threading_layer = "blas", "openblas", "openmp"
    number = 4

    def get_num_threads(self):
        return self.number

    def set_num_threads(self, number):
        self.number = number


def test_a_library_with_a_number_for_every_thread_is_held_in_each(monkeypatch):
    library = OpenMP()
    monkeypatch.setattr(blas, "_libraries", [library])
    seen, inside, done = {}, threading.Event(), threading.Event()

    def run():
        seen["before"] = library.number
        with single_threaded_blas():
            seen["during"] = library.number
            inside.set()
            done.wait(10)
        seen["after"] = library.number

    other = threading.Thread(target=run)
    with single_threaded_blas():
        assert library.number == 1
        other.start()
        assert inside.wait(10)
    assert library.number == 4
    done.set()
    other.join(10)
    assert seen == {"before": 4, "during": 1, "after": 4}
    helper = threading.Thread(target=lambda: (limit_this_thread(), seen.update(helper=library.number)))
    helper.start()
    helper.join(10)
    assert seen["helper"] == 1 and library.number == 4


INTERRUPTED = """
import random, signal
import numpy as np
import cnndsl
from cnndsl.runtime.parallel import blas, team

team.default_threads = lambda: 2
signal.signal(signal.SIGALRM, signal.default_int_handler)
run = cnndsl.loads("input 3@16x16; repeat 3 { conv 32 3x3 pad=1 -> relu }; flatten; dense 10").runner(threads=2)
image = np.ones((4, 3, 16, 16), np.float32)
expected = run(image)["dense1"]
for library in blas.blas_libraries():
    library.set_num_threads(2)
random.seed(1)
interrupted = 0
for _ in range(300):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 5e-3))
        for _ in range(20):
            run(image)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupted += 1
    assert {library.get_num_threads() for library in blas.blas_libraries()} == {2}
    assert not team._granted, "cores that no run gives back"
assert interrupted > 100
assert np.array_equal(run(image)["dense1"], expected)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_nothing_is_left_behind_wherever_an_interrupt_falls(root):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_during_a_run_has_blas_as_it_was_before():
    with threadpool_limits(2, "blas"), single_threaded_blas():
        child = os.fork()
        if not child:
            os._exit(0 if numbers() == {2} and not blas._runs else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert numbers() == {1}
