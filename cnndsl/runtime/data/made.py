"""Inputs that are made up. Their names are known without NumPy, so that the command line can list them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnndsl.ir import Input

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _random(value: Input, shape: Sequence[int], seed: int) -> "NDArray[Any]":
    """Uniform in 0..1, or word numbers."""
    import numpy as np

    generator = np.random.default_rng([seed, *value.name.encode()])
    if value.dtype == "int64":
        return generator.integers(0, 2, shape, np.int64)
    return generator.random(shape, np.float32)


def _zeros(value: Input, shape: Sequence[int], seed: int) -> "NDArray[Any]":
    import numpy as np

    return np.zeros(shape, value.dtype)


def _ones(value: Input, shape: Sequence[int], seed: int) -> "NDArray[Any]":
    import numpy as np

    return np.ones(shape, value.dtype)


MADE: dict[str, Callable[[Input, Sequence[int], int], "NDArray[Any]"]] = {
    "random": _random,
    "zeros": _zeros,
    "ones": _ones,
}
"""Every kind of made-up input, and what makes it in a shape from a seed."""


def made_input(value: Input, kind: str, batch: int, seed: int) -> "NDArray[Any]":
    """A batch for an input, of a kind of :data:`MADE`. Raises KeyError for another."""
    return MADE[kind](value, (batch, *value.shape.dimensions), seed)
