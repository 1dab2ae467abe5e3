"""Which examples are held out: of every class the same share, by chance."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.training.chance import generator

Indices = NDArray[np.int64]


class Split(NamedTuple):
    """The numbers of the examples, in ascending order."""

    training: Indices
    validation: Indices


def split(y: NDArray[Any], share: float, seed: int) -> Split:
    """Holds out ``share`` of each class, of a class with two examples or more at least one; where ``y`` are no classes,
    of all examples."""
    chance = generator(seed, "split")
    labels = y if y.ndim == 1 and y.dtype.kind == "i" else np.zeros(len(y), np.int64)
    held: list[Indices] = []
    for label in np.unique(labels):
        members = chance.permutation(np.flatnonzero(labels == label))
        count = 0 if share == 0 or len(members) < 2 else min(max(1, round(share * len(members))), len(members) - 1)
        held.append(members[:count])
    validation = np.sort(np.concatenate(held)).astype(np.int64)
    return Split(np.setdiff1d(np.arange(len(y), dtype=np.int64), validation), validation)
