"""What the kernels share: types, and how work is cut so that temporary buffers stay small."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal, TypeAlias

from cnndsl.arrays import Array

Sizes: TypeAlias = tuple[int, ...]
Padding: TypeAlias = tuple[tuple[int, int], ...]
PadMode: TypeAlias = Literal["zeros", "reflect", "edge", "circular"]

BUFFER_BYTES = 16 << 20
"""Aim for the size of a temporary buffer that grows with more than the result."""
CACHE_BYTES = 1 << 19
"""Aim for a working set that several passes should find in a core's cache."""


def blocks(extents: Sequence[int], cells: int) -> Iterator[tuple[slice, ...]]:
    """Slices that tile ``extents``: tiles of at most ``cells`` cells but at least one, later axes kept whole first."""
    steps = []
    for extent in reversed(extents):
        step = max(1, min(extent, cells))
        cells //= step
        steps.append(step)
    steps.reverse()
    return product(
        *(
            [slice(start, min(start + step, extent)) for start in range(0, extent, step)]
            for extent, step in zip(extents, steps, strict=True)
        )
    )


def per_channel(values: Array, x: Array) -> Array:
    """``values`` (C,) shaped to broadcast along axis 1 of ``x`` (N, C, ...)."""
    return values.reshape((-1,) + (1,) * (x.ndim - 2))
