"""Execution: inputs are checked, then the plan's steps run in order."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.ir import Graph, Input
from cnndsl.runtime.data.weights import Header
from cnndsl.runtime.memory_limit import require_bytes
from cnndsl.runtime.parallel.team import MAX_THREADS, default_threads, team
from cnndsl.runtime.plan.planner import BatchPlan, Plan, Workspace, dtypes
from cnndsl.shapes import product

SINGLE_THREAD_SECONDS = 200e-6
"""Runs shorter than this are over before another thread is awake."""

Watch: TypeAlias = Callable[[BatchPlan, list[float]], None]


def execute(
    plan: Plan, inputs: Mapping[str, Array], threads: int | None = None, watch: Watch | None = None
) -> dict[str, Array]:
    """The values that the plan keeps, by name: arrays of their own, that share no memory with the inputs.

    Inputs are (N, C, spatial...) and stay as they are. ``threads`` is the number of threads (default: a thread a core);
    results do not depend on it. ``watch`` gets the batch's plan and the seconds of every step.
    Raises CnnError for word numbers outside the vocabulary.
    """
    batch = len(next(iter(inputs.values())))
    if not batch:
        return _empty(plan)
    planned = plan.at(batch)
    workspace = planned.borrow()
    times: list[float] | None = None if watch is None else []
    results = _follow(planned, workspace, inputs, min(threads or default_threads(), MAX_THREADS), times)
    planned.give_back(workspace)  # not after an interrupt: a helper may still be writing
    if watch is not None and times is not None:
        watch(planned, times)
    return results


def _follow(
    plan: BatchPlan, workspace: Workspace, inputs: Mapping[str, Array], threads: int, times: list[float] | None
) -> dict[str, Array]:
    results: dict[str, Array] = {}

    def keep(names: Sequence[str]) -> None:
        results.update((name, plan.results(workspace, name)) for name in names)

    with team(threads if plan.seconds > SINGLE_THREAD_SECONDS else 1) as workers, np.errstate(all="ignore"):
        for name, target in workspace.inputs.items():
            np.copyto(target, inputs[name])
            keep(plan.wanted.get(name, ()))
        scratch = plan.scratch_for(workspace, workers.size)
        if times is None:
            for jobs, kept in plan.segments(workspace, workers.size):
                workers.run(jobs, scratch)
                keep(kept)
        else:
            for jobs, kept in plan.one_by_one(workspace, workers.size):
                begun = perf_counter()
                workers.run(jobs, scratch)
                times.append(perf_counter() - begun)
                keep(kept)
    return {name: results[name] for name in plan.kept}


def _empty(plan: Plan) -> dict[str, Array]:
    """Results for no examples."""
    network = plan.network
    types = dtypes(network)
    return {name: np.empty((0, *network.shapes[name].dimensions), types[name]) for name in plan.kept}


def checked_inputs(network: Graph, given: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The inputs by name, of the network's types and with equal batch sizes. Raises CnnError.

    A network with one input takes the array alone.
    """
    names = [value.name for value in network.inputs]
    if not isinstance(given, Mapping):
        if len(names) != 1:
            raise CnnError.of(
                "input-names", f"the network has {len(names)} inputs: give a mapping with {', '.join(names)}"
            )
        given = {names[0]: given}
    if set(given) != set(names):
        wanted, got = ", ".join(names), listed(list(map(str, given))) or "none"
        raise CnnError.of("input-names", f"the network's inputs are {wanted}; given are {got}")
    arrays = {value.name: checked_input(value, given[value.name]) for value in network.inputs}
    batches = {name: len(array) for name, array in arrays.items()}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"{name} has {size}" for name, size in batches.items())
        raise CnnError.of("input-shape", f"the inputs differ in batch size: {sizes}")
    return arrays


def checked_input(value: Input, given: ArrayLike) -> Array:
    """One input as an array (N, C, spatial...) of its type. Raises CnnError."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise CnnError.of("input-shape", f"input {quoted(value.name)} is no array: its rows differ in length") from None
    if np.ma.is_masked(given):
        message = f"input {quoted(value.name)} has numbers that are masked out, and networks know no such thing"
        raise CnnError.of("input-dtype", message, "fill them in: `x.filled(0)`")
    require_fitting(value, array.shape, array.dtype)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
        return array.astype(value.dtype, copy=False)


def require_arrays(inputs: Sequence[Input], headers: Sequence[Header], shown: str) -> None:
    """Raises CnnError for arrays in a file that are none for the inputs, or too large to be read."""
    size = 0
    for header, value in zip(headers, inputs, strict=False):  # one .npy for several inputs is told of later
        given, wanted = np.dtype(header.dtype), np.dtype(value.dtype)
        require_fitting(value, header.shape, given)
        size += product(header.shape) * (given.itemsize + (0 if given == wanted else wanted.itemsize))
    require_bytes(size, f"reading {shown}", "give fewer examples at a time")


def require_fitting(value: Input, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raises CnnError where arrays of a shape and type are none for an input."""
    expected = "(N, " + ", ".join(value.extents or map(str, value.shape.dimensions)) + ")"
    if dtype.kind not in "biuf":
        raise CnnError.of("input-dtype", f"input {quoted(value.name)} must hold numbers ({value.dtype}), got {dtype}")
    if not shape or not value.may_have(shape[1:]):
        got = "(" + ", ".join(map(str, shape)) + ")"
        message = f"input {quoted(value.name)} must have the shape {expected}, got {got}"
        raise CnnError.of("input-shape", message, *_mends(shape, value.shape.dimensions))
    if value.dtype == "int64" and dtype.kind == "f":
        raise CnnError.of("input-dtype", f"input {quoted(value.name)} must hold whole numbers, got {dtype}")


def _mends(shape: tuple[int, ...], wanted: tuple[int, ...]) -> list[str]:
    """What makes an array fit an input (channels, spatial...), where an axis is missing or elsewhere."""
    single = wanted[0] == 1 and len(wanted) > 1
    last = (*wanted[1:], wanted[0])
    if shape == wanted:
        return ["add the batch axis: x[None]"]
    if single and shape == wanted[1:]:
        return ["add the axes of the batch and of the channel: x[None, None]"]
    if single and shape[1:] == wanted[1:]:
        return ["add the axis of the channel: x[:, None]"]
    if len(wanted) > 1 and last in (shape, shape[1:]):
        code = "np.moveaxis(x, -1, 1)" if shape != last else "np.moveaxis(x, -1, 0)[None]"
        return [f"the channels are the last axis: --channels-last on the command line, {code} in Python"]
    return []
