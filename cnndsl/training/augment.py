"""Random changes of examples: drawn for all of a batch, so that processes that share it draw the same, then applied.

What lies outside of a picture is 0.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Input
from cnndsl.training_settings import Augment

Numbers = NDArray[Any]
ERASED_AREA = (0.02, 0.33)
ERASED_RATIO = math.log(1 / 0.3)
"""Of a rectangle that is erased: its share of the area, and the largest logarithm of the ratio of its sides (Zhong,
Zheng, Kang, Li, Yang 2020, "Random Erasing Data Augmentation")."""


class Changes(NamedTuple):
    """What is drawn for each example of a batch; None for what is not asked for."""

    flip: Numbers | None = None
    """Whether it is mirrored, (N,)."""
    affine: Numbers | None = None
    """Where its pixels come from: (N, 2, 3), in coordinates from -1 to 1."""
    shift: Numbers | None = None
    """By how many cells, (N, axes)."""
    brightness: Numbers | None = None
    contrast: Numbers | None = None
    """Factors, (N,)."""
    noise: Numbers | None = None
    """Of the shape of the batch."""
    kept: tuple[Numbers, ...] = ()
    """For each axis which of its cells are outside of the rectangle that is erased, (N, cells); empty for all."""


def require_pictures(augment: Augment, value: Input) -> None:
    """Raises CnnError for changes that an input cannot have."""
    asked = [name for name, number in augment if name != "mixup" and number != getattr(Augment(), name)]
    if not asked:
        return
    plane = [name for name in asked if name in ("rotate", "scale", "crop")]
    if value.dtype == "int64":
        raise _impossible(asked[0], value, "the numbers of words")
    if plane and len(value.shape.spatial) != 2:
        raise _impossible(plane[0], value, "no picture")
    if not value.shape.spatial and {"shift", "flip", "erase"} & {*asked}:
        raise _impossible(asked[0], value, "no picture")


def _impossible(name: str, value: Input, what: str) -> CnnError:
    message = f"{quoted(f'augment {name}')} is for pictures; input {quoted(value.name)} is {value.shape}, {what}"
    return CnnError.of("bad-setting", message)


def draw(augment: Augment, shape: tuple[int, ...], chance: np.random.Generator) -> Changes:
    """Changes for a batch of that shape, (N, C, spatial...)."""
    count, spatial = shape[0], shape[2:]

    def factors(share: float) -> Numbers | None:
        return 1 + chance.uniform(-share, share, count) if share else None

    return Changes(
        flip=chance.random(count) < 0.5 if augment.flip else None,
        affine=_affine(augment, count, spatial, chance),
        shift=chance.integers(-augment.shift, augment.shift, (count, len(spatial)), endpoint=True)
        if augment.shift
        else None,
        brightness=factors(augment.brightness),
        contrast=factors(augment.contrast),
        noise=chance.standard_normal(shape, np.float32) * np.float32(augment.noise) if augment.noise else None,
        kept=_kept(augment.erase, count, spatial, chance) if augment.erase else (),
    )


def _affine(augment: Augment, count: int, spatial: tuple[int, ...], chance: np.random.Generator) -> Numbers | None:
    """Rotation about the centre in pixels, whatever the ratio of the sides; enlargement; the place of a cut."""
    if not augment.rotate and not augment.scale and augment.crop == 1:
        return None
    height, width = spatial
    angle = np.deg2rad(chance.uniform(-augment.rotate, augment.rotate, count))
    side = np.sqrt(chance.uniform(augment.crop, 1, count))
    size = side / (1 + chance.uniform(-augment.scale, augment.scale, count))
    place = chance.uniform(-1, 1, (count, 2)) * (1 - side)[:, None]
    sine, cosine = size * np.sin(angle), size * np.cos(angle)
    rows: list[Any] = [[cosine, -sine * (height / width), place[:, 0]], [sine * (width / height), cosine, place[:, 1]]]
    return np.moveaxis(np.array(rows, np.float32), -1, 0)


def _kept(probability: float, count: int, spatial: tuple[int, ...], chance: np.random.Generator) -> tuple[Numbers, ...]:
    erased = chance.random(count) < probability
    side = chance.uniform(*ERASED_AREA, count) ** (1 / len(spatial))
    ratio = np.exp(chance.uniform(-ERASED_RATIO, ERASED_RATIO, count) / 2) if len(spatial) > 1 else np.ones(count)
    kept = []
    for axis, size in enumerate(spatial):
        stretched = side * (ratio if axis == 0 else 1 / ratio if axis == 1 else 1)
        cells = np.clip(np.rint(stretched * size), 1, size).astype(int)
        start = np.floor(chance.random(count) * (size - cells + 1)).astype(int)[:, None]
        place = np.arange(size)
        kept.append(((place < start) | (place >= start + cells[:, None])) | ~erased[:, None])
    return tuple(kept)


def apply(x: Any, changes: Changes, rows: NDArray[np.int64]) -> Any:
    """A tensor (n, C, spatial...) of the examples at ``rows`` of the batch, changed as was drawn for them."""
    import torch

    def of(values: Numbers, *shape: int) -> Any:
        return torch.from_numpy(np.ascontiguousarray(values[rows])).to(x.device).reshape(len(rows), *shape)

    ones = (1,) * (x.ndim - 1)
    if changes.flip is not None:
        x = torch.where(of(changes.flip, *ones), x.flip(-1), x)
    if changes.affine is not None:
        places = torch.nn.functional.affine_grid(of(changes.affine, 2, 3), list(x.shape), align_corners=False)
        x = torch.nn.functional.grid_sample(x, places, align_corners=False)
    if changes.shift is not None:
        for axis in range(2, x.ndim):
            x = _shifted(x, of(changes.shift[:, axis - 2]), axis)
    if changes.brightness is not None:
        x = x * of(changes.brightness, *ones).to(x.dtype)
    if changes.contrast is not None:
        mean = x.mean(dim=tuple(range(1, x.ndim)), keepdim=True)
        x = mean + (x - mean) * of(changes.contrast, *ones).to(x.dtype)
    if changes.noise is not None:
        x = x + of(changes.noise, *x.shape[1:])
    if changes.kept:
        outside = False
        for axis, kept in enumerate(changes.kept, 2):
            outside = of(kept, *(size if one == axis else 1 for one, size in enumerate(x.shape) if one)) | outside
        x = x * outside
    return x


def _shifted(x: Any, cells: Any, axis: int) -> Any:
    """Every example moved along an axis by a number of cells of its own."""
    import torch

    size = x.shape[axis]
    source = torch.arange(size, device=x.device) - cells[:, None]
    shape = [len(x), *(size if one == axis else 1 for one in range(1, x.ndim))]
    inside = ((source >= 0) & (source < size)).reshape(shape)
    return x.take_along_dim(source.clamp(0, size - 1).reshape(shape), dim=axis) * inside
