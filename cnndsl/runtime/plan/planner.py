"""Planning: a graph and its weights become steps bound to memory, once for each batch size; running only follows them.

Of this package :mod:`fusion` says which layers are computed together, :mod:`bias_shifts` where their biases are added,
:mod:`cost_model` by which algorithm, :mod:`kernel_selection` with which kernel, :mod:`memory` where values live, and
:mod:`cnndsl.runtime.plan.barriers` where threads wait. Inside, arrays have their channels last; inputs, outputs and
kept values have them first.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array, Float32
from cnndsl.ir import Graph
from cnndsl.runtime.kernels.channels_last.gather import Outside
from cnndsl.runtime.kernels.channels_last.strips import FLOAT, Finish, Follower, Phases, Task, repeated
from cnndsl.runtime.parallel.blas import single_threaded_blas
from cnndsl.runtime.parallel.team import Job, default_threads
from cnndsl.runtime.plan import barriers
from cnndsl.runtime.plan.barriers import WorkItem
from cnndsl.runtime.plan.bias_shifts import carry
from cnndsl.runtime.plan.fusion import FusedGraph, FusedLayer, fuse
from cnndsl.runtime.plan.kernel_selection import layout, make_step
from cnndsl.runtime.plan.linear import reads_planar
from cnndsl.runtime.plan.memory import ALIGNMENT, BufferSlice, Lifetime, arena, lifetimes, places
from cnndsl.runtime.plan.precision import mark
from cnndsl.runtime.plan.step import Packed, Step

LINE_NUMBERS = ALIGNMENT // FLOAT.itemsize
"""The float32 numbers of a cache line."""
MANY_WEIGHTS = 1 << 22
"""Numbers that are worth several threads when they are arranged."""
MAX_BATCH_SIZES = 4
"""Plans are kept for so many batch sizes, those used last."""
MAX_IDLE_WORKSPACES = 2
"""Memory is kept for so many runs at once."""


class Segment(NamedTuple):
    """Jobs to be run, and the values to be kept after them, before anything is written over these."""

    jobs: Sequence[Job]
    kept: Sequence[str]


class Workspace(NamedTuple):
    """Memory for one run at a time, and the steps bound to it: inputs, phases of every step, values by name.

    ``scratch`` holds a buffer for each thread that has run so far, ``segments`` the steps arranged for so many threads.
    """

    inputs: dict[str, Array]
    steps: list[Phases]
    values: dict[str, Array]
    scratch: list[Array]
    segments: dict[int, list[Segment]]


class BatchPlan:
    """A network planned for a batch size."""

    def __init__(self, network: Graph, graph: FusedGraph, kept: Sequence[str], batch: int, packed: Packed) -> None:
        self.batch = batch
        self.kept = tuple(kept)
        self.name = network.name
        self.shapes = network.shapes
        self.dtypes = dtypes(network)
        self.holder = graph.holder
        self.inputs = tuple(value.name for value in network.inputs)
        self.planar = _planar_inputs(network, graph)
        self.steps = _steps(graph, batch, self.planar, packed)
        self.seconds = sum(step.choice.seconds for step in self.steps)
        self.place = places(graph, network)
        self.scratch = -(-max((step.scratch for step in self.steps), default=0) // LINE_NUMBERS) * LINE_NUMBERS
        self.offsets, self.value_bytes = arena(self._spans())
        channels = (self.shapes[name].channels for name in self.place if self.shapes[name].spatial)
        self.outside = 2 * max(channels, default=0)
        self.outside += sum(2 * len(step.layer.padding) for step in self.steps if step.layer.padding is not None)
        self.wanted: dict[str, list[str]] = {}
        for name in self.kept:
            self.wanted.setdefault(self.holder[name], []).append(name)
        self._idle: list[Workspace] = []

    def _spans(self) -> dict[str, Lifetime]:
        """The lifetimes of all values."""
        sizes = {name: self._bytes(name) for name in self.place}
        writes = [step.layer.name for step in self.steps]
        spans = lifetimes(sizes, writes, [step.layer.reads for step in self.steps], self.place)
        for name in self.inputs:
            spans.setdefault(name, Lifetime(sizes[name], -1, -1))
        return spans

    def _bytes(self, name: str) -> int:
        size: int = self.batch * self.shapes[name].elements * self.dtypes[name].itemsize
        return size

    def peak_bytes(self, threads: int | None = None) -> int:
        """The most memory that a run takes beside weights and inputs: arena, scratch, results, unplanned kernels."""
        results = sum(self._bytes(name) for name in self.kept)
        numbers = self.outside + self.scratch * (threads or default_threads())
        for step in self.steps:
            shape = step.layer.node.shape
            numbers += repeated((self.batch, *shape.spatial, shape.channels), step.followers)
        tables = sum({key: size for step in self.steps for key, size in step.tables.items()}.values())
        unplanned = max((step.temporary for step in self.steps), default=0)
        return self.value_bytes + numbers * FLOAT.itemsize + tables + results + unplanned

    def borrow(self) -> Workspace:
        """A workspace that no other run uses."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._workspace()

    def give_back(self, workspace: Workspace) -> None:
        """Keeps memory of a run that is over for the next one."""
        if len(self._idle) < MAX_IDLE_WORKSPACES:
            self._idle.append(workspace)

    def _workspace(self) -> Workspace:
        memory = aligned(self.value_bytes + self.outside * FLOAT.itemsize)
        behind = memory[self.value_bytes :].view(FLOAT)
        outside = Outside(behind)
        values = {name: self._view(memory, name, place) for name, place in self.place.items()}
        steps = []
        for step in self.steps:
            layer = step.layer
            others = [values[name] for name in layer.others]
            followers = [
                Follower("other", others[follower.operand]) if follower.kind == "other" else follower
                for follower in step.followers
            ]
            finish = Finish(values[layer.name], followers)
            around, padding = outside, layer.padding
            if padding is not None:
                behind, numbers = behind[: -2 * len(padding)], behind[-2 * len(padding) :]
                around = outside.of(values[layer.inputs[0]], padding, numbers)
            steps.append(step.bind([values[name] for name in layer.inputs], finish, around))
        inputs = {}
        for name in self.inputs:
            array = values[name]
            channels_first = name in self.planar or array.ndim < 3
            inputs[name] = array if channels_first else np.moveaxis(array, -1, 1)
        return Workspace(inputs, steps, values, [], {})

    def segments(self, workspace: Workspace, threads: int) -> list[Segment]:
        """The steps for so many threads: as few phases as can be."""
        if threads not in workspace.segments:
            found: list[Segment] = []
            phases: list[Sequence[Task]] = []
            for step, own in zip(self.steps, workspace.steps, strict=True):
                phases += own
                if kept := self.wanted.get(step.layer.name):
                    found.append(Segment(_jobs(barriers.merge_phases(phases, threads), threads), kept))
                    phases = []
            workspace.segments[threads] = found
        return workspace.segments[threads]

    def one_by_one(self, workspace: Workspace, threads: int) -> list[Segment]:
        """The steps, each by itself: to be measured."""
        scratch = self.scratch_for(workspace, threads)
        return [
            Segment(_jobs(barriers.separate_phases(phases, scratch), threads), self.wanted.get(step.layer.name, ()))
            for step, phases in zip(self.steps, workspace.steps, strict=True)
        ]

    def scratch_for(self, workspace: Workspace, threads: int) -> list[Array]:
        """Scratch memory for every thread."""
        while len(workspace.scratch) < threads:
            workspace.scratch.append(aligned(self.scratch * FLOAT.itemsize).view(FLOAT))
        return workspace.scratch

    def _view(self, memory: Array, name: str, place: BufferSlice) -> Array:
        """A value's array: all of its buffer, or some of the channels."""
        dtype = self.dtypes[name]
        root, shape = self.shapes[place.root], self.shapes[name]
        extents = layout(root.spatial, root.channels, self.batch, name in self.planar)
        begin = self.offsets[place.root]
        buffer: Array = memory[begin : begin + prod(extents) * dtype.itemsize].view(dtype).reshape(extents)
        return buffer if place.root == name else buffer[..., place.channel : place.channel + shape.channels]

    def results(self, workspace: Workspace, name: str) -> Array:
        """A kept value with the channels first, as an array of its own."""
        holder = self.holder[name]
        array = workspace.values[holder]
        first = array if holder in self.planar or array.ndim < 3 else np.moveaxis(array, -1, 1)
        return np.array(first, order="C")

    def flops(self, step: Step) -> int:
        """Two for every multiply-accumulate that the layers of a step are defined by, whatever the algorithm saves."""
        node = step.layer.node
        return 2 * self.batch * node.op.macs(step.layer.shapes, node.shape)

    def explain(self) -> str:
        """The steps as text: what is computed together, by which algorithm, and why."""
        lines = [f"{self.name}, batch {self.batch}: {len(self.steps)} steps, {self.peak_bytes():,} bytes at most"]
        for step in self.steps:
            covers = " + ".join(step.layer.covers)
            why = f" ({step.choice.why})" if step.choice.why else ""
            lines.append(f"  {covers}: {step.choice.algorithm}, {self._cuts(step)}{why}")
        return "\n".join(lines)

    @staticmethod
    def _cuts(step: Step) -> str:
        count = step.choice.samples * step.choice.rows * step.choice.filters
        return "1 part" if count == 1 else f"{count} parts"


class Plan:
    """A network with its weights, planned for any batch size when that is first met."""

    def __init__(self, network: Graph, weights: Mapping[str, Float32], keep: Sequence[str] = ()) -> None:
        self.network = network
        self.kept = tuple(dict.fromkeys((*network.outputs, *keep)))
        tensors: dict[str, dict[str, Float32]] = {}
        for key, node, _ in network.all_weights():
            tensors.setdefault(node.name, {})[key.removeprefix(f"{node.name}.")] = weights[key]
        self.tensors = tensors
        # BLAS's own threads would stay awake, on the cores that others need.
        with single_threaded_blas(), np.errstate(all="ignore"):
            self.graph = fuse(network, tensors, self.kept)
            carry(self.graph.layers, {self.graph.holder[name] for name in self.kept})
            mark(self.graph.layers, {self.graph.holder[name] for name in network.outputs})
            for layer in self.graph.layers:
                layer.round_constants()
        self._packed: Packed = {}
        self._plans: OrderedDict[int, BatchPlan] = OrderedDict()
        self._lock = Lock()

    def at(self, batch: int) -> BatchPlan:
        """The plan for a batch of that size. Several threads may ask."""
        with self._lock:
            plan = self._plans.get(batch)
            if plan is None:
                plan = BatchPlan(self.network, self.graph, self.kept, batch, self._packed)
                self._plans[batch] = plan
                if len(self._plans) > MAX_BATCH_SIZES:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(batch)
            return plan


def make_plan(network: Graph, weights: Mapping[str, Float32], keep: Sequence[str] = ()) -> Plan:
    """The plan for the network's outputs and the values to keep. ``weights`` holds every tensor by key."""
    return Plan(network, weights, keep)


def _jobs(phases: Sequence[Sequence[WorkItem]], threads: int) -> list[Job]:
    return [Job(works, threads) for works in phases]


def _steps(graph: FusedGraph, batch: int, planar: frozenset[str], packed: Packed) -> list[Step]:
    """The steps; where there are many weights to arrange, by several threads."""

    def make(layer: FusedLayer) -> Step:
        with np.errstate(all="ignore"):  # every thread has its own
            return make_step(layer, batch, planar, packed)

    numbers = sum(layer.weight.size for layer in graph.layers if layer.weight is not None)
    if packed or numbers < MANY_WEIGHTS:
        return list(map(make, graph.layers))
    with single_threaded_blas(), ThreadPoolExecutor(default_threads()) as pool:
        return list(pool.map(make, graph.layers))


def dtypes(network: Graph) -> dict[str, np.dtype[Any]]:
    """The type of every value by name."""
    found = {value.name: np.dtype(value.dtype) for value in network.inputs}
    return found | {node.name: np.dtype(node.dtype) for node in network.layers}


def aligned(size: int) -> NDArray[Any]:
    """Bytes that begin at a cache line."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    skip = -memory.__array_interface__["data"][0] % ALIGNMENT
    return memory[skip : skip + size]


def _planar_inputs(network: Graph, graph: FusedGraph) -> frozenset[str]:
    """The images that are only read by layers which take the channels first."""
    found = set()
    for value in network.inputs:
        readers = [layer for layer in graph.layers if value.name in layer.reads]
        if readers and all(reads_planar(layer) and value.name not in layer.others for layer in readers):
            found.add(value.name)
    return frozenset(found)
