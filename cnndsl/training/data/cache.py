"""Images are decoded once: what came of it is kept as numbers in a file that later runs map into memory.

The file grows while images are decoded, so that a data set need not fit into memory.
"""

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError
from cnndsl.files import write_together

FOLDER = "CNNDSL_CACHE"
"""The variable that names the folder; empty for none."""
CHUNK_BYTES = 1 << 24
"""Of levels that become numbers at a time."""


class Decoded(NamedTuple):
    """What became of images, whose numbers are in a file of nothing else."""

    shape: tuple[int, ...]
    """Of all those that could be read, in order."""
    dtype: str
    """uint8 for levels if every one of them has 8 bits, else float32."""
    bad: dict[int, str]
    """Why the others could not be read, by their number."""

    def mapped(self, file: Path | IO[bytes]) -> NDArray[Any]:
        """The numbers of the file. Raises OSError and ValueError where it has not as many."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        return np.memmap(file, self.dtype, "c", shape=self.shape)  # PyTorch warns of what cannot be written


Images = Callable[[], Iterable[NDArray[Any] | str]]
"""Gives images as float32 arrays of one shape, or what is wrong with them."""


def cache_folder() -> Path | None:
    """Where decoded images are kept: as the variable says, or where the system keeps what can be made again."""
    if FOLDER in os.environ:
        return Path(os.environ[FOLDER]) if os.environ[FOLDER] else None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "cnndsl"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnndsl"


def cached(source: Path, key: str, shape: tuple[int, ...], images: Images) -> tuple[NDArray[Any], dict[int, str]]:
    """The images of that shape, and what is wrong with the others; decoded, or as they are kept for the same key.

    What is kept for ``source`` under another key goes.
    """
    folder = cache_folder()
    if folder is not None:
        name = hashlib.sha256(os.path.realpath(source).encode(errors="surrogateescape")).hexdigest()[:16]
        numbers, notes = folder / f"{name}-{key}.raw", folder / f"{name}-{key}.json"
        try:
            return _kept(numbers, notes)
        except (OSError, ValueError, KeyError):
            pass
        superseded = re.compile(rf"{name}-[0-9a-f]{{24}}\.(?:npy|raw|json)")
        try:
            _keep(numbers, notes, superseded, shape, images)
            return _kept(numbers, notes)
        except (OSError, ValueError, KeyError, CnnError):
            pass  # it would only have been quicker next time
    with tempfile.TemporaryFile() as stream:  # what is mapped stays
        found = decode(stream, shape, images())
        return found.mapped(stream), found.bad


def _keep(numbers: Path, notes: Path, superseded: re.Pattern[str], shape: tuple[int, ...], images: Images) -> None:
    found: list[Decoded] = []

    def write_numbers(path: str) -> None:
        with open(path, "w+b") as stream:
            found.append(decode(stream, shape, images()))

    def write_notes(path: str) -> None:
        Path(path).write_text(json.dumps(found[-1]._asdict()), encoding="utf-8")

    numbers.parent.mkdir(parents=True, exist_ok=True)
    write_together([(numbers, write_numbers), (notes, write_notes)], superseded)


def _kept(numbers: Path, notes: Path) -> tuple[NDArray[Any], dict[int, str]]:
    facts = json.loads(notes.read_text(encoding="utf-8"))
    bad = {int(index): str(reason) for index, reason in facts["bad"].items()}
    found = Decoded(tuple(facts["shape"]), facts["dtype"], bad)
    return found.mapped(numbers), bad


def decode(stream: IO[bytes], shape: tuple[int, ...], images: Iterable[NDArray[Any] | str]) -> Decoded:
    """Writes images to an empty file, one after the other. Raises OSError."""
    dtype: np.dtype[Any] = np.dtype(np.uint8)
    count = 0
    bad: dict[int, str] = {}
    for index, image in enumerate(images):
        if isinstance(image, str):
            bad[index] = image
            continue
        if dtype == np.uint8:
            levels = np.rint(image * 255).astype(np.uint8) if image.min() >= 0 and image.max() <= 1 else None
            if levels is not None and np.array_equal(_values(levels), image):
                image = levels
            else:
                _levels_to_values(stream)
                dtype = np.dtype(np.float32)
        stream.write(np.ascontiguousarray(image, dtype).data)
        count += 1
    stream.flush()
    return Decoded((count, *shape), dtype.name, bad)


def _values(levels: NDArray[Any]) -> NDArray[np.float32]:
    return levels.astype(np.float32) / np.float32(255)


def _levels_to_values(stream: IO[bytes]) -> None:
    """Makes numbers of the levels in a file, from its end to its beginning: each takes four times the room."""
    end = stream.tell()
    while end:
        start = max(0, end - CHUNK_BYTES)
        stream.seek(start)
        levels = np.frombuffer(stream.read(end - start), np.uint8)
        stream.seek(4 * start)
        stream.write(_values(levels).data)
        end = start
    stream.seek(0, os.SEEK_END)
