"""Teams that share out tasks, and BLAS held to one thread."""

import os
from queue import SimpleQueue
from threading import Timer

import numpy as np
import pytest

from cnndsl.runtime.threads import SPIN_SECONDS, blas_libraries, single_threaded_blas, soon, team


@pytest.mark.parametrize("size", [1, 2, 4])
def test_every_task_runs_once_with_scratch_that_no_other_uses(size):
    done = []
    used = set()

    def task(index):
        def work(scratch):
            assert scratch not in used
            used.add(scratch)
            np.ones((200, 200)) @ np.ones((200, 200))
            used.remove(scratch)
            done.append(index)

        return work

    with team(size) as workers:
        for _ in range(20):
            done.clear()
            workers.run([task(index) for index in range(17)], list(range(size)))
            assert sorted(done) == list(range(17))


@pytest.mark.parametrize("size", [1, 3])
def test_what_a_task_raises_reaches_the_caller_and_the_team_works_on(size):
    def broken(scratch):
        raise ZeroDivisionError

    count = []
    with team(size) as workers:
        with pytest.raises(ZeroDivisionError):
            workers.run([broken, *[count.append] * 20], [None] * size)
        count.clear()
        workers.run([count.append] * 5, [None] * size)
    assert len(count) == 5


def test_no_thread_warns_of_infinities():
    large = np.full((200, 200), 1e30, np.float32)
    with team(2) as workers, np.errstate(all="ignore"):
        workers.run([lambda scratch: large @ large] * 40, [None] * 2)


def test_blas_gets_its_threads_back_after_the_last_run():
    before = [library.get_num_threads() for library in blas_libraries()]
    assert before, "NumPy comes with a BLAS that threadpoolctl knows"
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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not place threads")
def test_helpers_stay_off_the_core_of_the_caller() -> None:
    allowed = os.sched_getaffinity(0)
    with team(3) as workers:
        for core in allowed:
            workers.avoid(core)
            for helper in workers.helpers:
                assert helper.native_id is not None
                assert os.sched_getaffinity(helper.native_id) == (allowed - {core} or allowed)
    assert os.sched_getaffinity(0) == allowed


def test_an_item_that_comes_late_is_waited_for() -> None:
    queue: SimpleQueue[int] = SimpleQueue()
    Timer(20 * SPIN_SECONDS, queue.put, [7]).start()
    assert soon(queue) == 7
