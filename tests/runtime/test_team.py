"""Teams that share out the phases of a run."""

import os
import threading

import numpy as np
import pytest

from cnndsl.runtime.parallel import team as threads
from cnndsl.runtime.parallel.team import Job, Team, team


@pytest.fixture
def many_cores(monkeypatch):
    """As on a machine with a core for every thread: who waits waits awake."""
    monkeypatch.setattr(threads, "default_threads", lambda: 8)


def jobs(phases, size):
    return [Job(tasks, size) for tasks in phases]


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
        workers.run(jobs(tasks_of(counts, done), size), list(range(size)))
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
            phases = [[lambda scratch: None], first, [late.append] * 6, [late.append]]
            workers.run(jobs(phases, size), list(range(size)))
        assert not late
        workers.run(jobs([[late.append] * 5], size), list(range(size)))
        assert len(late) == 5
    workers.dismiss()


def test_a_caller_that_is_interrupted_ends_the_team(many_cores):
    def interrupt(scratch):
        raise KeyboardInterrupt

    phases = [*[[lambda scratch: None] * 6] * 3, [interrupt], [lambda scratch: None] * 6]
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), team(3) as workers:
        workers.run(jobs(phases, 3), [0, 1, 2])
    for helper in set(threading.enumerate()) - before:
        helper.join(10)
        assert not helper.is_alive()


def test_a_helper_that_is_busy_elsewhere_is_not_waited_for(many_cores):
    workers = Team(2)
    (helper,) = workers.helpers
    helper.thread = threading.Thread(target=lambda: None)  # as one that has no core to wake up on
    done = []
    workers.run(jobs([[done.append] * 4] * 5, 2), [0, 1])
    assert helper.runs.get_nowait() is True and done == [0] * 20


def test_no_thread_warns_of_infinities():
    large = np.full((200, 200), 1e30, np.float32)
    with team(2) as workers, np.errstate(all="ignore"):
        workers.run(jobs([[lambda scratch: large @ large] * 40], 2), [None] * 2)


def test_runs_at_the_same_time_share_the_cores(monkeypatch):
    monkeypatch.setattr(threads, "default_threads", lambda: 4)
    with team(3) as first, team(3) as second, team(2) as third:
        assert (first.size, second.size, third.size) == (3, 1, 1)
    with team(3) as again:
        assert again.size == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_during_a_run_has_threads_of_its_own(many_cores):
    with team(2) as workers:
        workers.run(jobs([[lambda scratch: None] * 4], 2), [0, 1])
        child = os.fork()
        if not child:
            done = []
            with team(2) as own:
                own.run(jobs([[done.append] * 4] * 3, 2), [0, 1])
            os._exit(0 if len(done) == 12 and own.size == 2 and own is not workers else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
