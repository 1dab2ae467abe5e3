"""Small data: squares, which are large or small and bright or dark, in noise."""

from typing import NamedTuple

import numpy as np
import pytest

import cnndsl

TEXT = """
input 1@8x8
conv 4 3x3 pad=1 -> relu -> maxpool 2x2
flatten -> dropout 0.25 -> dense 3 -> softmax
train { batch 16; epochs 4; optimizer adamw lr=1e-2 }
"""


class Data(NamedTuple):
    x: np.ndarray
    y: np.ndarray


@pytest.fixture
def net() -> cnndsl.Network:
    return cnndsl.loads(TEXT.replace(";", "\n"))


@pytest.fixture(scope="session")
def data() -> Data:
    """Ninety squares of one of three sizes, uint8 levels."""
    random = np.random.default_rng(5)
    x, y = random.integers(0, 60, (90, 1, 8, 8), np.uint8), np.arange(90) % 3
    for image, label in zip(x, y, strict=True):
        size = 2 * int(label) + 2
        top, left = random.integers(0, 9 - size, 2)
        image[0, top : top + size, left : left + size] += np.uint8(random.integers(80, 190))
    return Data(x, y)
