"""Examples that a module is traced with, and files that are refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Dtype
from cnndsl.shapes import Shape

PICKLES = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt"})
"""Suffixes of files that run code when they are loaded."""


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
