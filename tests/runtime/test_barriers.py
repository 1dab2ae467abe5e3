"""Phases that become one: whatever needs another's result still comes after it."""

from functools import partial

import numpy as np
import pytest

import cnndsl
from cnndsl.runtime.kernels.channels_last.strips import Task
from cnndsl.runtime.plan.barriers import MAX_MERGED_TASKS, merge_phases, separate_phases
from cnndsl.runtime.plan.planner import make_plan

MEMORY = np.zeros(64, np.float32)


def part(random):
    begin = int(random.integers(0, 60))
    return MEMORY[begin : begin + int(random.integers(0, 5))]


def drawn(random, done):
    """Phases of tasks that note their number, and the parts that each reads and writes."""
    phases, uses = [], []
    for _ in range(int(random.integers(1, 12))):
        tasks = []
        for _ in range(int(random.integers(0, 5))):
            reads = tuple(part(random) for _ in range(random.integers(0, 3)))
            writes = tuple(part(random) for _ in range(random.integers(1, 3)))
            number = len(uses)
            tasks.append(Task(lambda scratch, number=number: [partial(done.append, number)], reads, writes))
            uses.append((len(phases), reads, writes))
        phases.append(tasks)
    return phases, uses


def touches(some, others):
    return any(np.shares_memory(one, other) for one in some for other in others)


def disturbs(one, other):
    _, reads, writes = one
    _, other_reads, other_writes = other
    return touches(writes, (*other_reads, *other_writes)) or touches(reads, other_writes)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_disturbs_another_is_in_its_thread_or_separated_by_a_barrier(seed, threads):
    random, done = np.random.default_rng([seed, threads]), []
    phases, uses = drawn(random, done)
    merged = merge_phases(phases, threads)
    place = {}
    for index, works in enumerate(merged):
        for share, work in enumerate(works):
            done.clear()
            work(None)
            for order, number in enumerate(done):
                assert number not in place
                place[number] = (index, share, order)
    assert sorted(place) == list(range(len(uses)))
    for late, one in enumerate(uses):
        for early, other in enumerate(uses[:late]):
            if one[0] != other[0] and disturbs(one, other):
                before, after = place[early], place[late]
                apart_in_time = before[0] < after[0]
                same_thread = before[:2] == after[:2] and before[2] < after[2]
                assert apart_in_time or same_thread or (threads == 1 and before < after)


def test_all_phases_of_one_thread_are_one():
    done = []
    phases, uses = drawn(np.random.default_rng(5), done)
    (works,) = merge_phases(phases, 1)
    for work in works:
        work(None)
    assert done == list(range(len(uses)))
    assert [len(works) for works in separate_phases(phases, [None])] == [len(tasks) for tasks in phases]


def test_layers_that_read_only_their_own_rows_need_no_barrier():
    text = "input 16@64x64\nconv 32 1x1 as a -> conv 16 1x1 as b\nconv 16 3x3 pad=1 as c"
    network = cnndsl.loads(text)
    plan = make_plan(network.graph, network.weights()).at(1)
    workspace = plan.borrow()
    assert [[len(tasks) for tasks in phases] for phases in workspace.steps] == [[2], [2], [2]]
    (segment,) = plan.segments(workspace, 2)
    assert [len(job.shares) for job in segment.jobs] == [2, 2], "a and b; then the kernel that looks around"


def test_a_long_chain_has_a_barrier_now_and_then():
    first, second = MEMORY[:8], MEMORY[8:16]
    phases = [[Task(lambda scratch: [], (part,), (part,)) for part in (first, second)]] * (3 * MAX_MERGED_TASKS + 1)
    assert [[len(work.tasks) for work in works] for works in merge_phases(phases, 2)] == [
        [MAX_MERGED_TASKS] * 2
    ] * 3 + [[1, 1]]
