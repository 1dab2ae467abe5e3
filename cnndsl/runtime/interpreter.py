"""Execution: inputs are checked, then the plan's steps run in order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Input, Network
from cnndsl.runtime.plan import Plan

Array = NDArray[Any]


def execute(plan: Plan, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The values that the plan keeps, by name. Inputs are (N, C, spatial...) and stay as they are."""
    values: dict[str, Array] = dict(inputs)
    with np.errstate(all="ignore"):
        for step in plan.steps:
            values[step.name] = step.compute(*(values[name] for name in step.inputs))
            for name in step.dead:
                del values[name]
    return {name: np.ascontiguousarray(values[name]) for name in plan.kept}


def checked_inputs(network: Network, given: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, Array]:
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
        wanted, got = ", ".join(names), ", ".join(map(str, given)) or "none"
        raise CnnError.of("input-names", f"the network's inputs are {wanted}; given are {got}")
    arrays = {value.name: checked_input(value, given[value.name]) for value in network.inputs}
    batches = {name: len(array) for name, array in arrays.items()}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"{name} has {size}" for name, size in batches.items())
        raise CnnError.of("input-shape", f"the inputs differ in batch size: {sizes}")
    _check_indices(network, arrays)
    return arrays


def checked_input(value: Input, given: ArrayLike) -> Array:
    """One input as an array (N, C, spatial...) of its type. Raises CnnError."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise CnnError.of("input-shape", f"input {quoted(value.name)} is no array: its rows differ in length") from None
    expected = "(N, " + ", ".join(map(str, value.shape.dimensions)) + ")"
    if array.dtype.kind not in "biuf":
        raise CnnError.of(
            "input-dtype", f"input {quoted(value.name)} must hold numbers ({value.dtype}), got {array.dtype}"
        )
    if array.shape[1:] != value.shape.dimensions:
        got = "(" + ", ".join(map(str, array.shape)) + ")"
        advice = ["add the batch axis: x[None]"] if array.shape == value.shape.dimensions else []
        raise CnnError.of(
            "input-shape", f"input {quoted(value.name)} must have the shape {expected}, got {got}", *advice
        )
    if value.dtype == "int64" and array.dtype.kind == "f":
        raise CnnError.of("input-dtype", f"input {quoted(value.name)} must hold whole numbers, got {array.dtype}")
    return array.astype(value.dtype, copy=False)


def _check_indices(network: Network, arrays: Mapping[str, Array]) -> None:
    """Word numbers must lie in the vocabulary of the embedding that reads them."""
    for node in network.layers:
        vocabulary = getattr(node.op, "vocabulary", None)
        array = arrays.get(node.inputs[0])
        if vocabulary is None or array is None or array.size == 0:
            continue
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= vocabulary:
            raise CnnError.of(
                "input-range",
                f"{node.name} knows the word numbers 0 to {vocabulary - 1}, but {quoted(node.inputs[0])} holds "
                f"{low if low < 0 else high}",
            )
