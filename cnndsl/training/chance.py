"""Chance: every draw has a generator of its own, seeded by what it is for, so that any step can be drawn again."""

import hashlib
from functools import lru_cache

import numpy as np


def generator(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """The generator of a purpose at a place, such as an epoch and a step."""
    digest = hashlib.sha256(f"{seed}:{purpose}:{place}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


@lru_cache(8)
def number(seed: int, purpose: str, *place: int) -> int:
    """A seed for somebody else's generator, with room above it to count the steps."""
    return int(generator(seed, purpose, *place).integers(0, 2**62))


def order(count: int, seed: int, epoch: int) -> "np.typing.NDArray[np.int64]":
    """The order of the examples in an epoch."""
    return generator(seed, "order", epoch).permutation(count)
