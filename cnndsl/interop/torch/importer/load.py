"""``package.module:callable`` of a command line, and files that are refused."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from cnndsl.errors import CnnError, missing_library, quoted, said_by
from cnndsl.ir import Dtype
from cnndsl.shapes import Shape

PICKLES = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"})
"""Suffixes of files that run code when they are loaded."""

_OBJECT = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*(\.\w+)*")


def is_object(name: str) -> bool:
    """Whether a name means something in a Python module: ``package.module:callable``."""
    return bool(_OBJECT.fullmatch(name)) and not os.path.exists(name)


def require_no_pickle(path: Path) -> None:
    """Raises CnnError ``pickle-file`` for what PyTorch saved as a pickle."""
    if path.suffix.lower() in PICKLES:
        beside = path.with_suffix(".safetensors").name
        raise CnnError.of(
            "pickle-file",
            f"{quoted(str(path))} is a pickle: whoever loads it runs the code in it, and it says nothing of the "
            "network but its weights",
            "the network: cnndsl import package.module:callable --input 3@224x224 -o net.cnn",
            f'its weights, if you trust it: safetensors.torch.save_file(torch.load("{path.name}", weights_only=True), '
            f'"{beside}")',
        )


def module_of(name: str) -> Any:
    """The module that an object is, or gives when it is called. This runs the code of the Python module.

    Raises CnnError ``python-object``.
    """
    with _from_here():
        try:
            found = resolve_name(name)
        except (Exception, SystemExit) as error:
            home = quoted(name.partition(":")[0])
            if isinstance(error, AttributeError):
                raise CnnError.of(
                    "python-object", f"{home} has no {quoted(name.partition(':')[2])}: {said_by(error)}"
                ) from error
            raise CnnError.of(
                "python-object",
                f"{home} cannot be imported: {said_by(error)}",
                "start in the folder of the Python module, or name that in PYTHONPATH",
            ) from error
        try:
            import torch
        except ImportError as error:
            raise missing_library("torch", "torch", error) from None
        if isinstance(found, torch.nn.Module):
            return found
        if not callable(found):
            raise CnnError.of(
                "python-object", f"{quoted(name)} is a {type(found).__name__}, no function that can be called"
            )
        try:
            made = found()
        except (Exception, SystemExit) as error:
            raise CnnError.of(
                "python-object",
                f"{quoted(name)}, called without arguments, fails: {said_by(error)}",
                "write a function without arguments that makes the network",
            ) from error
    if not isinstance(made, torch.nn.Module):
        raise CnnError.of("python-object", f"{quoted(name)} gives a {type(made).__name__}, no torch.nn.Module")
    return made


def examples_of(shapes: Sequence[tuple[Shape, Dtype]]) -> tuple[Any, ...]:
    """A batch of one example for each input. Raises CnnError ``memory-limit`` for more than there is room for."""
    import torch

    found = []
    for shape, dtype in shapes:
        sizes = (1, *shape.dimensions)
        try:
            if dtype == "float32":
                found.append(torch.randn(sizes, generator=torch.Generator().manual_seed(0)))
            else:
                found.append(torch.zeros(sizes, dtype=torch.int64))
        except RuntimeError:
            message = f"an example of {shape} does not fit into memory"
            raise CnnError.of("memory-limit", message, "give a smaller shape by --input") from None
    return tuple(found)


@contextmanager
def _from_here() -> Iterator[None]:
    """Modules of the working directory can be imported, as with ``python -m``."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)
