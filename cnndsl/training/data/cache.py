"""Images are decoded once: what came of it is kept as an array that later runs map into memory."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError
from cnndsl.files import text_writer, write_together

FOLDER = "CNNDSL_CACHE"
"""The variable that names the folder; empty for none."""


def cache_folder() -> Path | None:
    """Where decoded images are kept: as the variable says, or where the system keeps what can be made again."""
    if FOLDER in os.environ:
        return Path(os.environ[FOLDER]) if os.environ[FOLDER] else None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "cnndsl"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnndsl"


def cached(
    source: Path, key: str, make: Callable[[], tuple[NDArray[Any], dict[int, str]]]
) -> tuple[NDArray[Any], dict[int, str]]:
    """What ``make`` gives, or what it gave for the same key. What is kept for ``source`` under another key goes."""
    folder = cache_folder()
    if folder is None:
        return make()
    name = hashlib.sha256(os.path.realpath(source).encode(errors="surrogateescape")).hexdigest()[:16]
    array, notes = folder / f"{name}-{key}.npy", folder / f"{name}-{key}.json"
    try:
        return _mapped(array, notes)
    except (OSError, ValueError, EOFError):
        x, bad = make()
    superseded = re.compile(rf"{name}-[0-9a-f]{{24}}\.(?:npy|json)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_together([(array, lambda path: _save(x, path)), (notes, text_writer(json.dumps(bad)))], superseded)
        return _mapped(array, notes)
    except (OSError, ValueError, CnnError):  # it would only have been quicker next time
        return x, bad


def _save(x: NDArray[Any], path: str) -> None:
    with open(path, "wb") as stream:
        np.lib.format.write_array(stream, x, allow_pickle=False)


def _mapped(array: Path, notes: Path) -> tuple[NDArray[Any], dict[int, str]]:
    bad = {int(index): str(reason) for index, reason in json.loads(notes.read_text(encoding="utf-8")).items()}
    return np.load(array, mmap_mode="c", allow_pickle=False), bad  # PyTorch warns of what cannot be written
