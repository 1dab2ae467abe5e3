"""Teams that walk through a run together, and BLAS held to one thread."""

import os
import threading
from queue import SimpleQueue

import numpy as np
import pytest

from cnndsl.runtime import threads
from cnndsl.runtime.threads import Job, Team, blas_libraries, single_threaded_blas, team


@pytest.fixture
def many_cores(monkeypatch):
    """As on a machine with a core for every thread: who waits waits awake."""
    monkeypatch.setattr(threads, "default_threads", lambda: 8)


def tasks_of(counts, done):
    """Phases of so many tasks, which note themselves and that the phase before is whole."""

    def task(phase, index):
        def work(scratch):
            before = done[phase - 1] if phase else []
            assert len(before) == (counts[phase - 1] if phase else 0)
            np.ones((60, 60)) @ np.ones((60, 60))
            done[phase].append((index, scratch))

        return work

    return [[task(phase, index) for index in range(count)] for phase, count in enumerate(counts)]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("awake", [False, True])
def test_every_task_runs_once_in_its_phase(size, awake, monkeypatch):
    if awake:
        monkeypatch.setattr(threads, "default_threads", lambda: 8)
    counts = [1, 5, 2, 1, 1, 17, 0, 3, 1]
    workers = Team(size)
    for _ in range(30):
        done = [[] for _ in counts]
        told = []
        workers.run(tasks_of(counts, done), list(range(size)), told.append)
        assert told == list(range(len(counts)))
        assert [sorted(index for index, _ in phase) for phase in done] == [list(range(count)) for count in counts]
    workers.dismiss()
    for helper in workers.helpers:
        helper.thread.join(10)
        assert not helper.thread.is_alive()


@pytest.mark.parametrize(("count", "size"), [(0, 2), (1, 2), (1, 5), (2, 2), (3, 2), (7, 3), (17, 4)])
def test_shares_cover_the_tasks_in_order(count, size):
    shares = Job(list(range(count)), size).shares
    assert [task for share in shares for task in share] == list(range(count))
    assert len(shares) == max(1, min(count, size))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert len(shares[0]) == max(map(len, shares))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("guilty", [0, 5])
def test_what_a_task_raises_reaches_the_caller_and_the_team_works_on(size, guilty, many_cores):
    workers = Team(size)
    for _ in range(20):
        late = []

        def broken(scratch):
            raise ZeroDivisionError

        first = [lambda scratch: None] * 6
        first[guilty] = broken
        with pytest.raises(ZeroDivisionError):
            workers.run([[lambda scratch: None], first, [late.append] * 6, [late.append]], list(range(size)))
        assert not late
        workers.run([[late.append] * 5], list(range(size)))
        assert len(late) == 5
    workers.dismiss()


def test_a_caller_that_is_interrupted_ends_the_team(many_cores):
    def interrupt(phase):
        if phase == 3:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), team(3) as workers:
        workers.run([[lambda scratch: None] * 6] * 10, [0, 1, 2], interrupt)
    for helper in set(threading.enumerate()) - before:
        helper.join(10)
        assert not helper.is_alive()


def test_a_helper_that_is_busy_elsewhere_is_not_waited_for(many_cores):
    workers = Team(2)
    (helper,) = workers.helpers
    queue, helper.runs = helper.runs, SimpleQueue()  # as one that has no core to wake up on
    done = []
    workers.run([[done.append] * 4] * 5, [0, 1])
    assert helper.runs.get_nowait() is True and done == [0] * 20
    queue.put(False)


def test_no_thread_warns_of_infinities():
    large = np.full((200, 200), 1e30, np.float32)
    with team(2) as workers, np.errstate(all="ignore"):
        workers.run([[lambda scratch: large @ large] * 40], [None] * 2)


def test_runs_at_the_same_time_share_the_cores(monkeypatch):
    monkeypatch.setattr(threads, "default_threads", lambda: 4)
    with team(3) as first, team(3) as second, team(2) as third:
        assert (first.size, second.size, third.size) == (3, 1, 1)
    with team(3) as again:
        assert again.size == 3


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
        with single_threaded_blas():  # whoever was in control no longer is
            pass
        for library, count in zip(blas_libraries(), before, strict=True):
            library.set_num_threads(count)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not place threads")
def test_the_caller_and_the_helpers_are_on_cores_of_their_own_during_a_run():
    allowed = os.sched_getaffinity(0)
    with team(2) as workers:
        if len(allowed) > 1:
            (own,) = os.sched_getaffinity(0)
            for helper in workers.helpers:
                assert os.sched_getaffinity(helper.thread.native_id) == allowed - {own}
    assert os.sched_getaffinity(0) == allowed
