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
    """The values that the plan keeps, by name: arrays of their own, that share no memory with the inputs.

    Inputs are (N, C, spatial...) and stay as they are. Raises CnnError for word numbers outside the vocabulary.
    """
    values: dict[str, Array] = dict(inputs)
    with np.errstate(all="ignore"):
        for step in plan.steps:
            values[step.name] = step.compute(*(values[name] for name in step.inputs))
            for name in step.dead:
                del values[name]
    return {name: np.array(values[name], order="C") for name in plan.kept}


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
