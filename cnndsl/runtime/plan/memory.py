"""Where values live: one arena, places given by the time they are needed, concatenations written in place."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import accumulate
from typing import NamedTuple

from cnndsl.ir import Graph
from cnndsl.ops.merge import Concat
from cnndsl.runtime.plan.fusion import FusedGraph

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


class BufferSlice(NamedTuple):
    """A value lies in the buffer of ``root``, from that channel on."""

    root: str
    channel: int = 0


SPARED_BYTES = 1 << 21
"""A buffer of at most so many is not written over at once."""
SPARED_STEPS = 2
"""For so many steps: a thread may go on to them while another still reads it (see ``barriers``)."""
ERA_STEPS = 32
"""Steps that are looked at together when places are given: a long network is not searched through for every buffer."""


MOST_COMPARED = 256
"""Buffers alive at once, up to which each new one is compared with all."""


class Lifetime(NamedTuple):
    """A buffer: its bytes, and the first and last step that need it."""

    size: int
    first: int
    last: int


def places(graph: FusedGraph, network: Graph) -> dict[str, BufferSlice]:
    """The place of every value. The branches of a concatenation of channels lie side by side in its buffer.

    From the last concatenation to the first, so that in a chain (DenseNet) all lie in the last one's. A value has one
    place: where a second concatenation reads it, it is copied, and so are inputs and what a branch repeats.
    """
    found = {layer.name: BufferSlice(layer.name) for layer in graph.layers}
    found |= {value.name: BufferSlice(value.name) for value in network.inputs}
    given = {value.name for value in network.inputs}
    taken: set[str] = set()
    for layer in reversed(graph.layers):
        if not isinstance(layer.node.op, Concat) or layer.node.op.axis != 0:
            continue
        if layer.shapes[0].is_vector or layer.node.dtype != "float32":
            continue
        root, channel = found[layer.name]
        for name, shape in zip(layer.inputs, layer.shapes, strict=True):
            if name not in taken and name not in given:
                found[name] = BufferSlice(root, channel)
                taken.add(name)
            channel += shape.channels
    return found


def arena(spans: Mapping[str, Lifetime]) -> tuple[dict[str, int], int]:
    """The offset of every buffer and the size of all: those alive at once do not overlap.

    The largest first, each at the lowest place that is free for its time (Pisarchyk and Lee 2020, greedy by size). That
    compares each with all that are alive beside it; where these are many, places are given in the order of time.
    """
    if _most_alive(spans.values()) > MOST_COMPARED:
        return _arena_in_time(spans)
    offsets: dict[str, int] = {}
    placed: defaultdict[int, list[tuple[int, int, Lifetime]]] = defaultdict(
        list
    )  # by era: who is alive in it, and where
    end = 0
    for name, span in sorted(spans.items(), key=lambda item: -item[1].size):
        eras = range(span.first // ERA_STEPS, span.last // ERA_STEPS + 1)
        near = {place for era in eras for place in placed[era]}
        offset = 0
        for begin, stop in sorted((begin, stop) for begin, stop, other in near if _meet(span, other)):
            if offset + span.size <= begin:
                break
            offset = max(offset, stop)
        stop = offset + _aligned(span.size)
        for era in eras:
            placed[era].append((offset, stop, span))
        offsets[name] = offset
        end = max(end, stop)
    return offsets, end


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _most_alive(spans: Iterable[Lifetime]) -> int:
    """The largest number of buffers that are alive at once."""
    changes = sorted(change for span in spans for change in ((span.first, 1), (span.last + 1, -1)))
    return max(accumulate(change for _, change in changes), default=0)


def _arena_in_time(spans: Mapping[str, Lifetime]) -> tuple[dict[str, int], int]:
    """Each buffer, by its first step, in the smallest gap that holds it (best fit); gaps that meet become one."""
    offsets: dict[str, int] = {}
    alive: list[tuple[int, int, int]] = []  # last step, offset, end
    gaps: list[tuple[int, int]] = []  # size and offset, in order
    begins: dict[int, int] = {}  # the end of a gap by its offset
    ends: dict[int, int] = {}  # and its offset by its end
    top = 0

    def take(offset: int) -> int:
        stop = begins.pop(offset)
        del ends[stop]
        gaps.pop(bisect_left(gaps, (stop - offset, offset)))
        return stop

    def give(offset: int, stop: int) -> None:
        if stop in begins:
            stop = take(stop)
        if offset in ends:
            offset = ends[offset]
            take(offset)
        if offset < stop:
            begins[offset], ends[stop] = stop, offset
            insort(gaps, (stop - offset, offset))

    for name, span in sorted(spans.items(), key=lambda item: (item[1].first, -item[1].size)):
        while alive and alive[0][0] < span.first:
            give(*heappop(alive)[1:])
        size = _aligned(span.size)
        fit = bisect_left(gaps, (size, 0))
        offset = gaps[fit][1] if fit < len(gaps) else ends.get(top, top)
        stop = take(offset) if offset in begins else top
        give(offset + size, max(stop, offset + size))
        top = max(top, offset + size)
        heappush(alive, (span.last, offset, offset + size))
        offsets[name] = offset
    return offsets, top


def _meet(one: Lifetime, other: Lifetime) -> bool:
    return one.first <= other.last and other.first <= one.last


def lifetimes(
    sizes: Mapping[str, int], writes: Sequence[str], reads: Sequence[Sequence[str]], place: Mapping[str, BufferSlice]
) -> dict[str, Lifetime]:
    """The buffers' spans: step i writes ``writes[i]`` and reads ``reads[i]``; what is written first is -1 (inputs)."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    results = set(writes)
    for index, (written, read) in enumerate(zip(writes, reads, strict=True)):
        for name in (*read, written):
            root = place[name].root
            first.setdefault(root, index if name in results else -1)
            last[root] = index
    return {
        root: Lifetime(sizes[root], first[root], last[root] + (SPARED_STEPS if sizes[root] <= SPARED_BYTES else 0))
        for root in first
    }
