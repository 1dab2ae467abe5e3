"""Weights on disk: ``.safetensors`` and ``.npz``, never pickled, keys as in a PyTorch state dict.

Headers are checked against the network before any tensor is read, and files are written whole.
"""

import json
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from cnndsl import progress
from cnndsl.arrays import Float32
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.files import Write, require_regular, write_whole
from cnndsl.ir import Graph
from cnndsl.runtime.data.initial_weights import initial_weights, link_mask
from cnndsl.shapes import extents, product

DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    SyntaxError,
    TokenError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
"""What zipfile and NumPy raise for archives and arrays that are damaged, encrypted or packed in unknown ways."""

MAX_INFLATION = 1100
"""More than any byte of a file can inflate to: 1032 for the deflate method."""

SUFFIXES = (".safetensors", ".npz")
"""Of files with weights."""

SAFETENSORS_TYPES = {"F32": "float32", "F64": "float64", "F16": "float16", "I64": "int64", "I32": "int32"}


CLASSES = "cnndsl.classes"
"""The key of the metadata of a ``.safetensors`` file with the names of the classes, as JSON."""


class Header(NamedTuple):
    """What a file says of one tensor before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any] | str
    """A name where NumPy has no such type."""


def load_weights(network: Graph, path: str | os.PathLike[str]) -> dict[str, Float32]:
    """The network's tensors from a file. Literal weights may be missing there.

    Raises CnnError: ``weights-file`` for a file that cannot be read or holds numbers that are not finite,
    ``weights-mismatch`` with all missing, unexpected and mismatched tensors in one message.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise _unreadable(file, f"weights are .safetensors or .npz files, not {quoted(file.suffix or file.name)}")
    read = _read_safetensors if file.suffix.lower() == ".safetensors" else read_npz
    try:
        headers = _headers(file)
        check_headers(network, headers, str(file))
        wanted = [key for key, _, _ in network.all_weights() if key in headers]
        progress.begin("reading weights")
        given = read(file, wanted)
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from None
    except DAMAGE as error:
        raise _unreadable(file, f"damaged, or no {file.suffix} file ({first_line(error)})") from None
    if broken := _not_finite(given):
        raise _unreadable(file, broken)
    return check_values(network, initial_weights(network, keep=given), str(file))


def fits(network: Graph, path: str | os.PathLike[str]) -> bool:
    """Whether a file of weights, by its header, holds the network's."""
    try:
        check_headers(network, _headers(Path(path)), str(path))
    except (CnnError, OSError, *DAMAGE):
        return False
    return True


def _headers(file: Path) -> dict[str, Header]:
    require_regular(file)
    return _safetensors_headers(file) if file.suffix.lower() == ".safetensors" else npz_headers(file)


def given_weights(network: Graph, weights: Mapping[str, ArrayLike]) -> dict[str, Float32]:
    """The network's tensors from arrays in memory, with the same checks."""
    source = "the set of weights given"
    if masked := [key for key, value in weights.items() if np.ma.is_masked(value)]:
        advice = "fill in what is masked: `array.filled(0)`"
        raise CnnError.of("weights-mismatch", f"{source} has masked arrays: {listed(masked)}", advice)
    arrays = {key: np.asarray(value) for key, value in weights.items()}
    headers = {key: Header(array.shape, array.dtype) for key, array in arrays.items()}
    check_headers(network, headers, source)
    if broken := _not_finite(arrays):
        raise CnnError.of("weights-mismatch", f"{source} cannot be used: {broken}")
    return check_values(network, initial_weights(network, keep=arrays), source)


def _not_finite(arrays: Mapping[str, NDArray[Any]]) -> str:
    """What is wrong with numbers that are none, or nothing."""
    broken = [key for key, values in arrays.items() if values.dtype.kind == "f" and not np.isfinite(values).all()]
    return f"numbers that are infinite or not a number (NaN) are in {listed(broken)}" if broken else ""


def check_headers(network: Graph, headers: Mapping[str, Header], source: str) -> None:
    """Raises CnnError naming every tensor that is missing, unexpected, or of another shape or type."""
    problems = []
    wanted = {key: weight for key, _, weight in network.all_weights()}
    for key, weight in wanted.items():
        header = headers.get(key)
        if header is None:
            if weight.literal is None:
                problems.append(f"{key} ({shape_text(weight.shape)}) is missing")
        elif header.shape != weight.shape:
            expected = shape_text(weight.shape)
            problems.append(f"{key} is {shape_text(header.shape)}, but the network needs {expected}")
        elif header.dtype != "float32":
            problems.append(f"{key} is {header.dtype}, but must be float32")
    for key in headers:
        if key not in wanted and not key.endswith(".num_batches_tracked"):
            problems.append(f"{quoted(key)} is not in the network")
    if problems:
        more = [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
        raise CnnError.of(
            "weights-mismatch",
            f"{source} does not fit network {quoted(network.name)}:\n  " + "\n  ".join(problems[:20] + more),
            "keys are <layer>.<weight>, as `cnndsl check` names the layers; layouts are PyTorch's",
        )


def check_values(network: Graph, weights: dict[str, Float32], source: str) -> dict[str, Float32]:
    """Refuses values where a ``connect`` table has no link."""
    for key, _, weight in network.all_weights():
        if weight.links is not None and np.any(np.where(link_mask(weight), 0, weights[key])):
            raise CnnError.of(
                "weights-mismatch",
                f"{source}: {key} has values for links that the connect table leaves out",
                "set them to 0",
            )
    return weights


def shape_text(shape: tuple[int, ...]) -> str:
    return extents(shape) if shape else "a single number"


def first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:120] if lines else type(error).__name__


def _unreadable(file: Path, reason: str) -> CnnError:
    return CnnError.of("weights-file", f"cannot read weights from {quoted(str(file))}: {reason}")


def _safetensors_headers(file: Path) -> dict[str, Header]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as tensors:
            slices = {key: tensors.get_slice(key) for key in tensors.keys()}  # noqa: SIM118  # no mapping
            return {
                key: Header(tuple(part.get_shape()), SAFETENSORS_TYPES.get(part.get_dtype(), part.get_dtype()))
                for key, part in slices.items()
            }
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def _read_safetensors(file: Path, keys: Sequence[str]) -> dict[str, Float32]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as tensors:
            return {key: tensors.get_tensor(key) for key in keys}
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def npz_headers(file: Path) -> dict[str, Header]:
    """What an ``.npz`` holds, by name. Raises ValueError and others of ``DAMAGE``, and OSError."""
    headers = {}
    room = file.stat().st_size * MAX_INFLATION
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                with archive.open(member) as stream:
                    header = npy_header(stream, min(member.file_size, room))
                headers[member.filename.removesuffix(".npy")] = header
    return headers


def npy_header(stream: IO[bytes], length: int) -> Header:
    """What a ``.npy`` of ``length`` bytes holds. Raises ValueError for pickled objects and for more than fits in."""
    version = npy.read_magic(stream)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    with warnings.catch_warnings(action="ignore"):  # about headers that Python 2 wrote
        shape, _, dtype = reader(stream)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never loaded")
    if min(shape, default=0) < 0 or stream.tell() + product(shape) * dtype.itemsize > length:
        raise ValueError(f"it ends before its array of {shape_text(shape)} does")
    return Header(shape, dtype)


def read_npz(file: Path, keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Those arrays of an ``.npz``, in order."""
    with warnings.catch_warnings(action="ignore"), np.load(file, allow_pickle=False) as archive:
        return {key: archive[key] for key in keys}


def class_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names of the classes that weights were trained for, in the order of the outputs; none where none are said."""
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if file.suffix.lower() != ".safetensors":
        return ()
    try:
        require_regular(file)
        with safe_open(file, framework="numpy") as tensors:
            names = json.loads((tensors.metadata() or {}).get(CLASSES, "[]"))
    except (OSError, SafetensorError, ValueError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


def save_weights(weights: Mapping[str, NDArray[np.float32]], path: str | os.PathLike[str]) -> None:
    """Writes tensors as ``.safetensors`` or ``.npz``, the whole file or nothing."""
    file = Path(path)
    if file.suffix == ".safetensors":
        write_whole(file, weights_writer(weights))
    elif file.suffix == ".npz":
        save_arrays(weights, file)
    else:
        raise CnnError.of("weights-file", f"weights are written as .safetensors or .npz, not {quoted(file.name)}")


def weights_writer(weights: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str] | None = None) -> Write:
    """What fills a ``.safetensors`` file."""
    from safetensors.numpy import save

    arrays = {key: np.ascontiguousarray(value) for key, value in weights.items()}
    return lambda target: Path(target).write_bytes(save(arrays, dict(metadata or {}) or None))


def save_arrays(arrays: Mapping[str, NDArray[Any]], path: str | os.PathLike[str]) -> None:
    """Writes arrays as ``.npz``, the whole file or nothing."""

    def write(temporary: str) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:  # np.savez has parameters, and so names that it cannot write
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                    npy.write_array(stream, np.asanyarray(array), allow_pickle=False)

    write_whole(path, write)
