"""What all tests share: where the project is, reproducible Hypothesis runs, one thread for each worker."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# The workers of pytest-xdist fill the cores; BLAS and PyTorch read this when they are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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


def helper(name: str) -> ModuleType:
    """A module of this folder that several tests share."""
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def generators() -> ModuleType:
    """Random layers and networks as text."""
    return helper("generators")


@pytest.fixture(scope="session")
def pytorch_layers() -> ModuleType | None:
    """Every operator in PyTorch, where that is installed."""
    return helper("pytorch_layers") if importlib.util.find_spec("torch") else None
