"""Arrays that arrive a batch at a time, written as one ``.npz`` without ever holding them all."""

import shutil
import zipfile
from contextlib import ExitStack
from io import BytesIO
from os import PathLike
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cnndsl.files import write_whole

CHUNK_BYTES = 1 << 20
"""Bytes that are copied at a time."""


class StreamedArray(NamedTuple):
    """The elements of one array so far, row-major, in a temporary file."""

    stream: IO[bytes]
    dtype: np.dtype[Any]
    sample: tuple[int, ...]


class NpzStream:
    """Batches of arrays by name; to be closed, by which the temporary files vanish."""

    def __init__(self) -> None:
        self.piles: dict[str, StreamedArray] = {}
        self.files = ExitStack()

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Appends along the first axis. Raises OSError where the disk is full."""
        if name not in self.piles:
            stream = self.files.enter_context(TemporaryFile())  # noqa: SIM115  # it is a context manager
            self.piles[name] = StreamedArray(stream, values.dtype, values.shape[1:])
        self.piles[name].stream.write(np.ascontiguousarray(values).data)

    def write(self, path: str | PathLike[str]) -> None:
        """Writes the arrays as ``.npz``, the whole file or nothing. Raises OSError."""

        def fill(temporary: str) -> None:
            with zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
                for name, pile in self.piles.items():
                    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                        member.write(_header(pile))
                        pile.stream.seek(0)
                        shutil.copyfileobj(pile.stream, member, CHUNK_BYTES)

        write_whole(path, fill)

    def close(self) -> None:
        self.files.close()


def _header(pile: StreamedArray) -> bytes:
    """What stands before the elements in a ``.npy``."""
    row = int(np.prod(pile.sample)) * pile.dtype.itemsize
    facts = {
        "descr": npy.dtype_to_descr(pile.dtype),
        "fortran_order": False,
        "shape": (pile.stream.tell() // row, *pile.sample),
    }
    header = BytesIO()
    npy.write_array_header_1_0(header, facts)
    return header.getvalue()
