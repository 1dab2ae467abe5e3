"""The examples that a name means."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.errors import CnnError, listed, quoted
from cnndsl.ir import Graph
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.training.data.arrays import of_arrays, read_arrays, read_csv
from cnndsl.training.data.binary import cifar_files, idx_files, read_cifar, read_idx
from cnndsl.training.data.examples import CLASSIFYING, Examples, checked, only_input, wrong
from cnndsl.training.data.folders import read_folder
from cnndsl.training_settings import Loss

FORMATS = "a folder with a folder of images for each class, an .npz with x and y, a .csv, or files of MNIST or CIFAR"


def load_examples(
    data: object,
    graph: Graph,
    loss: Loss,
    preparation: Preparation | None = None,
    channels_last: bool = False,
    skip_bad: bool = False,
    learned: Sequence[str] | None = None,
) -> Examples:
    """The examples of a folder, a file, or a pair of arrays, as the network takes them. Raises CnnError.

    ``preparation`` is for images, and so is ``skip_bad``, which leaves out those that cannot be read;
    ``channels_last`` is for arrays. ``learned`` are the names of the classes of a network that is to be judged and not
    to learn: classes of these names are meant then, and one example is enough.
    """
    value = only_input(graph)
    if isinstance(data, tuple | list) and len(data) == 2:
        found = of_arrays(*data)
    elif isinstance(data, str | os.PathLike):
        path = Path(os.fspath(data))
        try:
            found = _read(path, value, loss, preparation or Preparation(), skip_bad, learned is None)
        except OSError as error:
            message = f"cannot read {quoted(str(error.filename or path))}: {error.strerror or error}"
            raise CnnError.of("train-files", message) from None
    else:
        raise CnnError.of("bad-setting", f"the data is {FORMATS}, or a pair of arrays, not {type(data).__name__}")
    if channels_last and found.x.ndim > 2:
        found = found._replace(x=np.moveaxis(found.x, -1, 1))
    return checked(found if learned is None else _as_learned(found, learned), graph, loss, learned is None)


def _as_learned(examples: Examples, learned: Sequence[str]) -> Examples:
    """Labels in the order of the classes that were learned. Raises CnnError where there are others."""
    names = examples.class_names
    if not learned or not names or names == tuple(learned):
        return examples
    if others := [name for name in names if name not in learned]:
        message = f"{examples.source} has classes that the network has not learned: {listed([*map(quoted, others)])}"
        raise CnnError.of("train-classes", message, f"it has learned {listed([*map(quoted, learned)])}")
    y = examples.y
    if y.dtype.kind not in "iu" or ((y < 0) | (y >= len(names))).any():
        return examples  # what is wrong is said by who checks them
    return examples._replace(y=np.array([learned.index(name) for name in names])[y], class_names=tuple(learned))


def _read(path: Path, value: Any, loss: Loss, preparation: Preparation, skip_bad: bool, learning: bool) -> Examples:
    if not path.exists():
        raise wrong(f"there is no file or folder {quoted(str(path))}", f"the data is {FORMATS}")
    suffix = path.suffix.lower()
    if path.is_dir():
        if files := idx_files(path, learning):
            return read_idx(files[0], value)
        if files := cifar_files(path, learning):
            return read_cifar(files)
        return read_folder(path, value, preparation, skip_bad, learning)
    if suffix == ".npz":
        return read_arrays(path)
    if suffix == ".csv":
        return read_csv(path, value, loss.kind in CLASSIFYING)
    if suffix == ".bin":
        return read_cifar([path])
    if "idx" in path.name:
        return read_idx(path, value)
    raise wrong(f"{quoted(str(path))} is no data to train on", f"the data is {FORMATS}")
