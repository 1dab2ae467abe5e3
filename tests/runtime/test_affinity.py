"""Where threads run: helpers off their caller's core, the caller wherever it was."""

import os
import threading

import numpy as np
import pytest

import cnndsl
from cnndsl.runtime.parallel import affinity
from cnndsl.runtime.parallel import team as threads
from cnndsl.runtime.parallel.team import Job, team

places_threads = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not place threads")
CORES = affinity.allowed_cores()


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(threads, "default_threads", lambda: 2)


@places_threads
@pytest.mark.parametrize("own", [CORES, frozenset(sorted(CORES)[:1])], ids=["all", "one"])
def test_a_run_leaves_its_caller_where_it_may_be(own, two_cores):
    """Looked at from each task, and from another thread all the while."""
    caller, over = threading.get_native_id(), threading.Event()
    seen = set()

    def watch():
        while not over.is_set():
            seen.add(frozenset(os.sched_getaffinity(caller)))

    net = cnndsl.loads("input 3@32x32\nrepeat 4 { conv 32 3x3 pad=1 -> relu }\nflatten\ndense 10")
    run = net.runner(threads=2)
    image = np.ones((4, 3, 32, 32), np.float32)
    watcher = threading.Thread(target=watch)
    os.sched_setaffinity(0, own)
    try:
        watcher.start()
        for _ in range(20):
            run(image)
        with team(2) as workers:
            tasks = [lambda scratch: seen.add(frozenset(os.sched_getaffinity(caller)))] * 4
            workers.run([Job(tasks, 2)], [0, 1])
        over.set()
        watcher.join(10)
        assert seen == {own} and os.sched_getaffinity(0) == own
    finally:
        over.set()
        os.sched_setaffinity(0, CORES)


@places_threads
@pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")
def test_helpers_are_off_the_core_that_the_caller_is_held_to(two_cores, monkeypatch):
    for core in sorted(CORES)[:2]:
        monkeypatch.setattr(affinity, "_sched_getcpu", lambda core=core: core)
        with team(2) as workers:
            workers.run([Job([lambda scratch: None] * 4, 2)], [0, 1])
            (helper,) = workers.helpers
            assert os.sched_getaffinity(helper.thread.native_id) == CORES - {core}
    assert affinity.allowed_cores() == CORES


def refuse(*arguments):
    raise PermissionError


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        pytest.param(os, "sched_setaffinity", refuse, marks=places_threads, id="forbidden"),
        pytest.param(os, "sched_getaffinity", refuse, marks=places_threads, id="unknown"),
        (affinity, "_sched_getcpu", None),
    ],
)
def test_threads_that_cannot_be_placed_work_all_the_same(owner, name, value, two_cores, monkeypatch):
    monkeypatch.setattr(owner, name, value)
    done = []
    with team(2) as workers:
        workers.run([Job([done.append] * 4, 2)] * 3, [0, 1])
        if owner is affinity or name == "sched_getaffinity":
            assert affinity.other_cores() == frozenset()
    assert len(done) == 12
    assert threads.default_threads() == 2 and affinity.core_count() >= 1
