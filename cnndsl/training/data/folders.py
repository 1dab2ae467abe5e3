"""A folder with a folder of images for each class, whose name is that of its folder."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl import progress
from cnndsl.errors import CnnError, plural, quoted
from cnndsl.ir import Input
from cnndsl.runtime.data.images import SUFFIXES, read_image
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.training.data.cache import cached
from cnndsl.training.data.examples import Examples, wrong

SHOWN = 10
"""Bad files that are named."""
AHEAD_BYTES = 1 << 26
"""Of images that are decoded before they are asked for, at most."""


def class_folders(folder: Path) -> list[Path]:
    """The folders in a folder that hold images or nothing, in the order of their names; numbers by their size."""
    found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    if found and all(path.name.isdecimal() for path in found):
        return sorted(found, key=lambda path: (int(path.name), path.name))
    return sorted(found)


def read_folder(
    folder: Path, value: Input, preparation: Preparation, skip_bad: bool, learning: bool = True
) -> Examples:
    """The images of every class. Raises CnnError: where there are none; for all files that cannot be read, at once."""
    shown = quoted(str(folder))
    classes = class_folders(folder)
    if not classes:
        advice = "put the images of each class into a folder of its own, which has the name of the class"
        raise wrong(f"there are no folders of classes in {shown}", advice)
    files: list[Path] = []
    labels: list[int] = []
    for label, one in enumerate(classes):
        inside = _images_inside(one)
        if not inside:
            raise wrong(f"there are no images in the folder {quoted(one.name)} of {shown}", "remove it, or fill it")
        files += inside
        labels += [label] * len(inside)
    names = tuple(path.name for path in classes)
    if len(names) == 1 and learning:
        message = f"{shown} has one class only, {quoted(names[0])}"
        raise CnnError.of("train-classes", message, "there is nothing to tell apart")
    key, dimensions = _key(folder, files, value, preparation), value.shape.dimensions
    x, bad = cached(folder, key, dimensions, lambda: _images(files, value, preparation))
    if bad and (not skip_bad or len(bad) == len(files)):
        raise _bad_files(folder, files, bad)
    y = np.array([label for index, label in enumerate(labels) if index not in bad], np.int64)
    left_out = tuple(str(files[index].relative_to(folder)) for index in bad)
    return Examples(x, y, names, shown, left_out)


def _images_inside(folder: Path) -> list[Path]:
    """The images in a folder and the folders in it. Raises OSError for one that cannot be read."""

    def unreadable(error: OSError) -> None:
        raise error

    found = [Path(place, name) for place, _, names in os.walk(folder, onerror=unreadable) for name in names]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file())


def _bad_files(folder: Path, files: Sequence[Path], bad: dict[int, str]) -> CnnError:
    lines = [f"{files[index].relative_to(folder)}: {reason}" for index, reason in list(bad.items())[:SHOWN]]
    more = [f"and {len(bad) - SHOWN:,} more"] if len(bad) > SHOWN else []
    advice = ["mend or remove them, or go on without them: --skip-bad"]
    if any("(height x width)" in reason for reason in bad.values()):
        advice.append("images of other sizes: --resize stretches them, --resize --crop center keeps the ratio of sides")
    if any(" channel" in reason for reason in bad.values()):
        advice.append("images with other channels: --convert grey or --convert rgb")
    return CnnError.of(
        "train-files",
        f"{plural(len(bad), 'file')} of {len(files):,} in {quoted(str(folder))} cannot be used:\n  "
        + "\n  ".join(map(quoted_line, lines + more)),
        *advice,
    )


def quoted_line(text: str) -> str:
    """A line of a message, safe to print."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])


def _key(folder: Path, files: Sequence[Path], value: Input, preparation: Preparation) -> str:
    """What the decoded images depend on: names, sizes and times of the files, and what is done to them."""
    found = hashlib.sha256(json.dumps([3, preparation, value.shape.dimensions]).encode())
    for path in files:
        facts = path.stat()
        found.update(
            f"{path.relative_to(folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode(errors="surrogateescape")
        )
    return found.hexdigest()[:24]


def _images(files: Sequence[Path], value: Input, preparation: Preparation) -> Iterator[NDArray[Any] | str]:
    """The images in order, or what is wrong with them; Pillow decodes several at a time."""
    progress.begin("reading images", len(files), "images")
    processors = os.cpu_count() or 1
    ahead = max(processors, AHEAD_BYTES // (4 * max(1, value.shape.elements)))

    def read(path: Path) -> NDArray[Any] | str:
        try:
            return read_image(path, value, preparation)
        except CnnError as error:
            diagnostic = error.diagnostics[0]
            if diagnostic.code in ("bad-setting", "input-shape"):  # which no file is to blame for
                raise
            message = diagnostic.message
            for said in (
                f"{quoted(str(path))} ",
                f" {quoted(str(path))}",
                f" {str(path)!r}",
            ):  # the line begins with it
                message = message.replace(said, "", 1)
            return message

    with ThreadPoolExecutor(processors) as pool:
        for start in range(0, len(files), ahead):
            for image in pool.map(read, files[start : start + ahead]):
                progress.advance(1)
                yield image
