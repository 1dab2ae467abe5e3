"""Keras on PyTorch, which chooses what computes when it is imported."""

import os
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras; it is asked for by every test that needs it."""
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    found: ModuleType = pytest.importorskip("keras")
    return found
