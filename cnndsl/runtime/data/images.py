"""Inputs from files: images scaled to 0..1, arrays, folders of images."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cnndsl.arrays import Float32
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.files import require_regular
from cnndsl.ir import Input
from cnndsl.runtime.data.weights import DAMAGE, Header, first_line, npy_header, npz_headers, read_npz

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


def image_files(folder: Path) -> list[Path]:
    """The images directly in a folder, by name. Raises CnnError if there are none."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise CnnError.of("input-file", f"cannot read {quoted(str(folder))}: {error.strerror or error}") from None
    if not files:
        raise CnnError.of("input-file", f"there are no images in {quoted(str(folder))}")
    return files


def read_image(path: Path, value: Input) -> Float32:
    """An image as (1, C, H, W), RGB or grey, scaled to 0..1. Raises CnnError where it does not fit the input."""
    from PIL import Image, UnidentifiedImageError

    shown = quoted(str(path))
    try:
        require_regular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damage that Pillow gets over
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_size(image.size, value, shown)
                pixels = _pixels(image)
    except CnnError:
        raise
    except FileNotFoundError:
        raise CnnError.of("input-file", f"there is no file {shown}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise CnnError.of("input-file", f"{shown} is too large an image to open safely") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise CnnError.of("input-file", f"cannot read the image {shown}: {reason}") from None
    if pixels.shape[0] != value.shape.channels:
        kinds = {1: "grey", 3: "RGB", 4: "RGB with transparency"}
        raise CnnError.of(
            "image-channels",
            f"{shown} has {pixels.shape[0]} channels ({kinds[pixels.shape[0]]}), but input {quoted(value.name)} "
            f"takes {value.shape.channels}: {value.shape}",
            "convert the image, or begin the network with an input of its channels and a 1x1 convolution",
        )
    return pixels[None]


def _check_size(size: tuple[int, int], value: Input, shown: str) -> None:
    width, height = size
    if len(value.shape.spatial) != 2:
        raise CnnError.of("input-shape", f"{shown} is an image, but input {quoted(value.name)} is {value.shape}")
    if (height, width) != value.shape.spatial:
        raise CnnError.of(
            "image-size",
            f"{shown} is {height}x{width} (height x width), but input {quoted(value.name)} is {value.shape}",
            "resize the image",
        )


def _pixels(image: Any) -> Float32:
    """Channels first, scaled to 0..1; palettes become RGB, 16-bit grey keeps its precision."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):  # the latter: before Pillow 11
        return (np.asarray(image, np.float32) / np.float32(65535))[None]
    if image.mode in ("I", "F"):
        raise ValueError("its pixels are numbers of 32 bits, whose range is unknown; save it with 8 or 16 bits")
    if image.mode in ("1", "LA"):
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    array = np.asarray(image, np.float32) / np.float32(255)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


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


def read_batch(files: Sequence[Path], value: Input) -> Float32:
    """Images as one array (N, C, H, W)."""
    return np.concatenate([read_image(path, value) for path in files])
