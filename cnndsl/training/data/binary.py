"""The files that MNIST and CIFAR come in, as they are, ``.gz`` too.

IDX: 0, 0, the type, the number of axes, their extents (big-endian), then the numbers (LeCun, Cortes and Burges, "The
MNIST database of handwritten digits"). CIFAR: for every image a byte with its class, or two of which the second is the
finer one, then 32x32 of red, of green, of blue (Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny
Images").
"""

import gzip
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError, plural, quoted
from cnndsl.files import require_regular
from cnndsl.ir import Input
from cnndsl.runtime.memory_limit import require_bytes
from cnndsl.shapes import product
from cnndsl.training.data.examples import Examples, wrong

IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CIFAR_IMAGE = 3 * 32 * 32
CIFAR_NAMES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}


def idx_files(folder: Path, learning: bool = True) -> list[Path]:
    """The files of images to train on in a folder of MNIST's, or the others."""
    found = sorted(path for path in folder.iterdir() if "-images" in path.name and "idx" in path.name)
    return [path for path in found if path.name.startswith("train") == learning] or found


def cifar_files(folder: Path, learning: bool = True) -> list[Path]:
    """The files to train on in a folder of CIFAR's, or the others."""
    found = sorted(folder.glob("*.bin"))
    chosen = [path for path in found if path.name.startswith("test") != learning]
    return chosen if learning else chosen or found


def read_idx(path: Path, value: Input) -> Examples:
    """Images, and their labels from the file beside them. Raises CnnError."""
    name = path.name.replace("-images", "-labels").replace("idx3", "idx1")
    candidates = [path.with_name(name), path.with_name(f"{name}.gz"), path.with_name(name.removesuffix(".gz"))]
    labels = next((one for one in candidates if one != path and one.is_file()), None)
    if labels is None:
        raise wrong(f"the labels of {quoted(str(path))} are missing", f"they are in {quoted(name)} beside it")
    x, y = _idx(path), _idx(labels)
    if x.ndim == 3 and value.shape.channels == 1:
        x = x[:, None]
    return Examples(x, y, (), quoted(str(path)))


def _idx(path: Path) -> NDArray[Any]:
    """The array of a file, whose header is compared with the memory before it is read. Raises CnnError."""
    shown = quoted(str(path))
    try:
        require_regular(path)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            lead = stream.read(4)
            if len(lead) < 4 or lead[:2] != b"\0\0" or lead[2] not in IDX_TYPES or not lead[3]:
                raise CnnError.of("train-files", f"{shown} is no IDX file")
            shape = struct.unpack(f">{lead[3]}I", stream.read(4 * lead[3]))
            kind = np.dtype(IDX_TYPES[lead[2]])
            size = kind.itemsize * product(shape)
            require_bytes(size, f"reading {shown}", "train on a part of it")
            data = stream.read(size + 1)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise CnnError.of("train-files", f"cannot read {shown}: {error}") from None
    if len(data) != size:
        raise CnnError.of("train-files", f"{shown} is damaged: it has not as many numbers as it says")
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="))


def read_cifar(files: Sequence[Path]) -> Examples:
    """The images of all files. Raises CnnError."""
    source = quoted(str(files[0] if len(files) == 1 else files[0].parent))
    images, labels = [], []
    for path in files:
        data = np.frombuffer(_bytes(path), np.uint8)
        lead = next((lead for lead in (1, 2) if len(data) and len(data) % (CIFAR_IMAGE + lead) == 0), None)
        if lead is None:
            size = plural(len(data), "byte")
            raise CnnError.of("train-files", f"{quoted(str(path))} is no file of CIFAR's: it has {size}")
        rows = data.reshape(-1, CIFAR_IMAGE + lead)
        images.append(rows[:, lead:].reshape(-1, 3, 32, 32))
        labels.append(rows[:, lead - 1].astype(np.int64))
    names = files[0].with_name(CIFAR_NAMES[lead or 1])
    words = names.read_text(encoding="utf-8", errors="replace").split("\n") if names.is_file() else []
    return Examples(
        np.concatenate(images), np.concatenate(labels), tuple(word.strip() for word in words if word.strip()), source
    )


def _bytes(path: Path) -> bytes:
    try:
        require_regular(path)
        require_bytes(path.stat().st_size, f"reading {quoted(str(path))}", "train on a part of it")
        return path.read_bytes()
    except OSError as error:
        raise CnnError.of("train-files", f"cannot read {quoted(str(path))}: {error}") from None
