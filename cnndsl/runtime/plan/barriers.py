"""Barriers: threads wait for each other only where one needs what another has done.

Where phase follows phase, all threads wait for each other at the end of each. But a 1x1 convolution, a sum or an
activation reads, in a thread's share, only what that thread has computed itself: it can go on at once. Which parts of
memory a task reads and writes is known, so phases become one wherever no thread reads or overwrites what another one
writes in the meantime, nor overwrites what another one reads.
"""

from collections.abc import Sequence
from typing import TypeAlias

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.channels_last.strips import Call, Phases, Task

MAX_MERGED_TASKS = 16
"""Tasks of a thread between two barriers: looking for what disturbs what should not take long in long networks."""

ByteRange: TypeAlias = tuple[int, int]
"""The address of the first byte, and of the one behind the last."""


class WorkItem:
    """Tasks, to be done one after the other by one thread; called with the scratch memory of that thread.

    Their calls are made once for every thread that does them: then nothing remains but NumPy's calls, one by one. What
    a thread does between two of them, it does holding Python's lock.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.calls: dict[int, list[Call]] = {}

    def __call__(self, scratch: Array) -> None:
        for call in self.calls.get(id(scratch)) or self.bound(scratch):
            call()

    def bound(self, scratch: Array) -> list[Call]:
        """Makes the calls for a thread's scratch memory."""
        calls = [call for task in self.tasks for call in task.calls(scratch)]
        self.calls[id(scratch)] = calls
        return calls


def separate_phases(phases: Phases, scratch: Sequence[Array]) -> list[list[WorkItem]]:
    """The phases as they are, with all calls made beforehand."""
    works = [[WorkItem([task]) for task in tasks] for tasks in phases]
    for some in works:
        for work in some:
            for memory in scratch:
                work.bound(memory)
    return works


def merge_phases(phases: Phases, threads: int) -> list[list[WorkItem]]:
    """As few phases as can be, for so many threads.

    What has more tasks than threads stays a phase of its own: there, who is done early helps the others.
    """
    if threads == 1:
        return [[WorkItem([task for tasks in phases for task in tasks])]]
    found: list[list[WorkItem]] = []
    shares: list[_Share] = []
    for tasks in phases:
        new = list(map(_Share, tasks))
        if (
            len(tasks) > threads
            or (shares and len(shares[0].tasks) == MAX_MERGED_TASKS)
            or any(
                share.disturbs(other)
                for number, share in enumerate(new)
                for index, other in enumerate(shares)
                if index != number
            )
        ):
            found.append([WorkItem(share.tasks) for share in shares])
            shares = []
        if len(tasks) > threads:
            found.append([WorkItem([task]) for task in tasks])
            continue
        for number, share in enumerate(new):
            if number < len(shares):
                shares[number].add(share)
            else:
                shares.append(share)
    found.append([WorkItem(share.tasks) for share in shares])
    return [phase for phase in found if phase]


class _Share:
    """What one thread does between two barriers."""

    def __init__(self, task: Task) -> None:
        self.tasks = [task]
        self.reads = list(map(_byte_range, task.reads))
        self.writes = list(map(_byte_range, task.writes))

    def add(self, later: "_Share") -> None:
        self.tasks += later.tasks
        self.reads += later.reads
        self.writes += later.writes

    def disturbs(self, other: "_Share") -> bool:
        """Whether it must not run at the same time as the other."""
        return (
            _overlap(self.writes, other.writes)
            or _overlap(self.writes, other.reads)
            or _overlap(self.reads, other.writes)
        )


def _overlap(some: Sequence[ByteRange], others: Sequence[ByteRange]) -> bool:
    return any(begin < stop and start < end for begin, end in some for start, stop in others)


def _byte_range(array: Array) -> ByteRange:
    begin = array.__array_interface__["data"][0]
    steps = zip(array.shape, array.strides, strict=True)
    return begin, begin + sum((extent - 1) * step for extent, step in steps) + array.itemsize if array.size else begin
