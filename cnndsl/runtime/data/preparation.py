"""What is done to images on their way in, by Pillow, where it is asked for: converted, resized, cropped, scaled."""

from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from cnndsl.arrays import Float32
from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Input
from cnndsl.shapes import extents

Kind: TypeAlias = Literal["grey", "rgb"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MODES = {"grey": "L", "rgb": "RGB"}
KINDS_OF: dict[int, Kind] = {1: "grey", 3: "rgb"}
BANDS = {"L": 1, "RGB": 3, "RGBA": 4}
CHANNELS = {1: "grey", 3: "RGB", 4: "RGB with transparency"}
LARGEST = 1 << 26
"""Pixels that an image may have once it is resized."""


class Preparation(NamedTuple):
    """In this order: ``convert``, ``resize``, ``crop``, numbers in 0..1, then ``(x - mean) / std``.

    ``resize`` is (height, width), the length of the shorter side, or nothing for the size of the input; with ``crop``
    the last keeps the sides' ratio and covers the input. ``crop`` cuts the input's size out of the middle.
    """

    convert: Kind | None = None
    resize: tuple[int, ...] | None = None
    crop: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


def prepared(image: Any, value: Input, preparation: Preparation, shown: str) -> Float32:
    """An open image as (C, H, W). Raises CnnError where it does not fit, ValueError for pixels of no known range."""
    if len(value.shape.spatial) != 2:
        advice = "begin the network with maps, as in `input 1@28x28`, and flatten them"
        raise CnnError.of(
            "input-shape", f"{shown} is an image, but input {quoted(value.name)} is {value.shape}", advice
        )
    if preparation.resize is None and not preparation.crop:
        kept = preparation.convert is None and BANDS.get(image.mode, value.shape.channels) != value.shape.channels
        _require_size(image.size, value, shown, KINDS_OF.get(value.shape.channels) if kept else None)
    image = _plain(image)
    if preparation.convert is not None and image.mode != "F":
        image = image.convert(MODES[preparation.convert])
    if preparation.resize is not None:
        width, height = _resized(image.size, value, preparation)
        if width * height > LARGEST:
            raise CnnError.of("input-file", f"{shown} would have {width * height:,} pixels once it is resized")
        image = image.resize((width, height), 2)  # bilinear, over all the pixels that a new one covers
    if preparation.crop:
        image = _cropped(image, value, shown)
    _require_size(image.size, value, shown)
    pixels = _pixels(image)
    if preparation.convert == "rgb" and len(pixels) == 1:
        pixels = np.repeat(pixels, 3, axis=0)
    _require_channels(len(pixels), value, shown)
    return _scaled(pixels, preparation)


def _plain(image: Any) -> Any:
    """Grey (``L``), ``RGB``, ``RGBA``, or in 0..1 with the precision of 16 bits (``F``); palettes become RGB."""
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):  # the latter: before Pillow 11
        return Image.fromarray(np.asarray(image, np.float32) / np.float32(65535))
    if image.mode in ("I", "F"):
        raise ValueError("its pixels are numbers of 32 bits, whose range is unknown; save it with 8 or 16 bits")
    if image.mode in ("1", "LA"):
        return image.convert("L")
    if image.mode not in ("L", "RGB", "RGBA"):
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image


def _pixels(image: Any) -> Float32:
    """Channels first, in 0..1."""
    array = np.asarray(image, np.float32)
    if image.mode != "F":
        array = array / np.float32(255)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _resized(size: tuple[int, int], value: Input, preparation: Preparation) -> tuple[int, int]:
    """The width and height that an image is to have."""
    width, height = size
    wanted_height, wanted_width = value.shape.spatial
    if preparation.resize == () and preparation.crop:
        scale = max(wanted_height / height, wanted_width / width)
        return max(round(width * scale), wanted_width), max(round(height * scale), wanted_height)
    if preparation.resize == () or preparation.resize is None:
        return wanted_width, wanted_height
    if len(preparation.resize) == 2:
        return preparation.resize[1], preparation.resize[0]
    (side,) = preparation.resize
    return (side, side * height // width) if width <= height else (side * width // height, side)


def _cropped(image: Any, value: Input, shown: str) -> Any:
    """The middle of an image."""
    width, height = image.size
    wanted_height, wanted_width = value.shape.spatial
    if height < wanted_height or width < wanted_width:
        message = f"{shown} is {height}x{width} (height x width), too small to cut {extents(value.shape.spatial)} out"
        raise CnnError.of("image-size", message, "resize it first: --resize")
    left, top = round((width - wanted_width) / 2), round((height - wanted_height) / 2)
    return image.crop((left, top, left + wanted_width, top + wanted_height))


def _require_size(size: tuple[int, int], value: Input, shown: str, kind: Kind | None = None) -> None:
    """Raises CnnError for another size; ``kind`` is what the image has to be converted to as well."""
    width, height = size
    if not value.may_have((value.shape.channels, height, width)):
        raise CnnError.of(
            "image-size",
            f"{shown} is {height}x{width} (height x width), but input {quoted(value.name)} is {value.shape}",
            "make it fit, as the training images were made to: --resize stretches it, --resize --crop center keeps the "
            "ratio of its sides" + (f"; its channels need --convert {kind} too" if kind else ""),
        )


def _require_channels(channels: int, value: Input, shown: str) -> None:
    wanted = value.shape.channels
    if channels != wanted:
        kind = KINDS_OF.get(wanted)
        lost = ", which leaves the transparency out" if channels == 4 else ""
        advice = "convert the image, or begin the network with an input of its channels and a 1x1 convolution"
        raise CnnError.of(
            "image-channels",
            f"{shown} has {channels} channel{'' if channels == 1 else 's'} ({CHANNELS[channels]}), but input "
            f"{quoted(value.name)} takes {wanted}: {value.shape}",
            f"convert it: --convert {kind}{lost}" if kind else advice,
        )


def _scaled(pixels: Float32, preparation: Preparation) -> Float32:
    for name in ("mean", "std"):
        numbers = getattr(preparation, name)
        if len(numbers) not in (0, 1, len(pixels)):
            message = f"--{name} has {len(numbers)} numbers, but the image has {len(pixels)} channels"
            raise CnnError.of("bad-setting", message, "give one for all, or one for each, separated by commas")
    mean, std = (
        np.array(numbers or (default,), np.float32)[:, None, None]
        for numbers, default in ((preparation.mean, 0.0), (preparation.std, 1.0))
    )
    return (pixels - mean) / std if preparation.mean or preparation.std else pixels
