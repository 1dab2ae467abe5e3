"""Examples from ``.npz`` and ``.csv`` files, and from arrays in memory."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnndsl.errors import CnnError, listed, plural, quoted
from cnndsl.files import require_regular
from cnndsl.ir import Input
from cnndsl.runtime.data.weights import DAMAGE, first_line, npz_headers, read_npz
from cnndsl.runtime.memory_limit import require_bytes
from cnndsl.shapes import product
from cnndsl.training.data.examples import Examples, wrong

SHOWN = 10
"""Bad lines that are named."""


def of_arrays(x: ArrayLike, y: ArrayLike) -> Examples:
    """Examples in memory. Raises CnnError for what is no array."""
    try:
        return Examples(np.asarray(x), np.asarray(y), (), "the data")
    except ValueError:
        raise wrong("the data is no array: its rows differ in length") from None


def read_arrays(path: Path) -> Examples:
    """``x`` and ``y`` of an ``.npz``, and the names of the classes if it has ``classes``. Raises CnnError."""
    shown = quoted(str(path))
    try:
        require_regular(path)
        held = npz_headers(path)
        if missing := [name for name in ("x", "y") if name not in held]:
            has = listed([*map(quoted, held)]) or "nothing"
            raise wrong(f"{shown} lacks {', '.join(missing)}; it holds {has}", "x has the examples, y their labels")
        size = sum(product(held[name].shape) * np.dtype(held[name].dtype).itemsize for name in ("x", "y"))
        require_bytes(size, f"reading {shown}", "train on a part of it")
        arrays = read_npz(path, [name for name in ("x", "y", "classes") if name in held])
    except OSError as error:
        raise CnnError.of("train-files", f"cannot read {shown}: {error.strerror or error}") from None
    except DAMAGE as error:
        raise CnnError.of("train-files", f"cannot read {shown}: {first_line(error)}") from None
    names = tuple(map(str, arrays["classes"].tolist())) if "classes" in arrays and arrays["classes"].ndim == 1 else ()
    return Examples(arrays["x"], arrays["y"], names, shown)


def read_csv(path: Path, value: Input, classes: bool) -> Examples:
    """A row an example, channel by channel, with its label or value last; words as labels are names of classes.

    A first row of words is a heading. Raises CnnError with all the lines that do not fit.
    """
    shown, width = quoted(str(path)), value.shape.elements
    try:
        require_regular(path)
        with path.open(encoding="utf-8", newline="") as stream:
            lines = [(number, row) for number, row in enumerate(csv.reader(stream), 1) if row]
    except OSError as error:
        raise CnnError.of("train-files", f"cannot read {shown}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CnnError.of("train-files", f"cannot read {shown}: {first_line(error)}") from None
    if lines and _numbers(lines[0][1][:-1]) is None and not any(map(_is_number, lines[0][1])):
        lines = lines[1:]
    rows, labels, bad = [], [], []
    for number, row in lines:
        numbers = _numbers(row[:-1])
        if len(row) != width + 1:
            bad.append(f"line {number} has {plural(len(row), 'value')}, not {width} and a label")
        elif numbers is None:
            bad.append(f"line {number} has a value that is no number")
        else:
            rows.append(numbers)
            labels.append(row[-1].strip())
    if bad:
        more = [f"and {len(bad) - SHOWN:,} more"] if len(bad) > SHOWN else []
        raise CnnError.of("train-files", f"{shown} does not fit {value.shape}:\n  " + "\n  ".join(bad[:SHOWN] + more))
    if not rows:
        raise wrong(f"{shown} holds no examples")
    x = np.array(rows, np.int64 if value.dtype == "int64" else np.float32).reshape(-1, *value.shape.dimensions)
    y, names = _labels(labels, classes)
    return Examples(x, y, names, shown)


def _labels(labels: Sequence[str], classes: bool) -> tuple[NDArray[Any], tuple[str, ...]]:
    if all(map(_is_number, labels)):
        return np.array(labels, np.float64), ()
    names = sorted(set(labels)) if classes else []
    return (np.array([names.index(label) for label in labels]) if names else np.array(labels)), tuple(names)


def _numbers(row: Sequence[str]) -> list[float] | None:
    try:
        return list(map(float, row))
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return _numbers([text]) is not None
