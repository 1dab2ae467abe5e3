"""What all tests share: where the project is, reproducible Hypothesis runs, one thread for each worker."""

import asyncio
import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# The workers of pytest-xdist fill the cores; BLAS and PyTorch read this when they are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("KERAS_BACKEND", "torch")  # as this, when Keras is first imported
os.environ["CNNDSL_CACHE"] = ""  # no test leaves anything in the home of whoever runs it

hypothesis.settings.register_profile("cnndsl", deadline=None, derandomize=True)
hypothesis.settings.load_profile("cnndsl")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def examples(root: Path) -> Path:
    """The folder of example networks."""
    return root / "examples"


@pytest.fixture(scope="session")
def pytorch_layers() -> ModuleType | None:
    """Every operator in PyTorch, where that is installed."""
    return import_module("tests.pytorch_layers") if find_spec("torch") else None


@pytest.fixture(scope="session", autouse=True)
def event_loop_of_the_thread() -> Iterator[None]:
    """An event loop that is closed at the end: pytest-asyncio makes one where none is set, which Jupyter's replaces."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
