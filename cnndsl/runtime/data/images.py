"""Inputs from files: images scaled to 0..1, arrays, folders of images. And values as images."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cnndsl.arrays import Float32
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.files import require_regular
from cnndsl.ir import Input
from cnndsl.runtime.data.preparation import Preparation, prepared
from cnndsl.runtime.data.weights import DAMAGE, Header, first_line, npy_header, npz_headers, read_npz

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
AS_IT_IS = Preparation()


def image_files(folder: Path) -> list[Path]:
    """The images directly in a folder, by name. Raises CnnError if there are none."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise CnnError.of("input-file", f"cannot read {quoted(str(folder))}: {error.strerror or error}") from None
    if not files:
        raise CnnError.of("input-file", f"there are no images in {quoted(str(folder))}")
    return files


def read_image(path: Path, value: Input, preparation: Preparation = AS_IT_IS) -> Float32:
    """An image as (1, C, H, W), RGB or grey, scaled to 0..1. Raises CnnError where it does not fit the input."""
    from PIL import Image, UnidentifiedImageError

    shown = quoted(str(path))
    try:
        require_regular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damage that Pillow gets over
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return prepared(image, value, preparation, shown)[None]
    except CnnError:
        raise
    except FileNotFoundError:
        raise CnnError.of("input-file", f"there is no file {shown}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise CnnError.of("input-file", f"{shown} is too large an image to open safely") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise CnnError.of("input-file", f"cannot read the image {shown}: {reason}") from None


def array_headers(path: Path, inputs: Sequence[Input]) -> dict[str, Header]:
    """What ``.npy`` (the only input) or ``.npz`` (inputs by name, or its only array) holds, by its names there.

    Raises CnnError where the file cannot be read, or lacks an input.
    """
    with _explained(path):
        require_regular(path)
        if path.suffix.lower() != ".npz":
            with path.open("rb") as stream:
                return {inputs[0].name: npy_header(stream, path.stat().st_size)}
        held = npz_headers(path)
        wanted = list(held) if len(held) == len(inputs) == 1 else [value.name for value in inputs]
        if missing := [name for name in wanted if name not in held]:
            has = listed([*map(quoted, held)]) or "nothing"
            raise CnnError.of("input-names", f"{quoted(str(path))} lacks {', '.join(missing)}; it holds {has}")
        return {name: held[name] for name in wanted}


def read_array(path: Path, inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    """The arrays of a file by the names of the inputs. Raises CnnError as :func:`array_headers` does."""
    headers = array_headers(path, inputs)
    with _explained(path):
        if path.suffix.lower() == ".npz":
            return dict(zip((value.name for value in inputs), read_npz(path, list(headers)).values(), strict=True))
        with path.open("rb") as stream, warnings.catch_warnings(action="ignore"):
            return {inputs[0].name: npy.read_array(stream, allow_pickle=False)}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What keeps a file of arrays from being read, as a CnnError."""
    shown = quoted(str(path))
    try:
        yield
    except FileNotFoundError:
        raise CnnError.of("input-file", f"there is no file {shown}") from None
    except OSError as error:
        raise CnnError.of("input-file", f"cannot read {shown}: {error.strerror or error}") from None
    except DAMAGE as error:
        raise CnnError.of("input-file", f"cannot read the array {shown}: {first_line(error)}") from None


def png(value: NDArray[Any], ends: Sequence[tuple[float, float]]) -> bytes:
    """A value of 1 or 3 channels (C, H, W) as a grey or RGB image; each channel's ``ends`` become black and white.

    What lies outside is black or white, what is not a number black.
    """
    from PIL import Image

    levels = np.stack([_levels(channel, *both) for channel, both in zip(value, ends, strict=True)], axis=-1)
    stream = BytesIO()
    Image.fromarray(levels.squeeze(-1) if len(value) == 1 else levels).save(stream, "PNG")
    return stream.getvalue()


def _levels(channel: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    with np.errstate(all="ignore"):
        shades = (channel.astype(np.float64) - low) / (high - low) if high > low else np.full(channel.shape, 0.5)
    levels: NDArray[np.uint8] = np.round(np.nan_to_num(shades.clip(0, 1)) * 255).astype(np.uint8)
    return levels


def count_outside(value: NDArray[Any], ends: Sequence[tuple[float, float]]) -> int:
    """How many numbers are no shade between the ends; what rounding makes of the ends themselves is one."""
    found = 0
    for channel, (low, high) in zip(value, ends, strict=True):
        slack = (high - low) / 510
        found += int(channel.size - ((channel >= low - slack) & (channel <= high + slack)).sum())
    return found
