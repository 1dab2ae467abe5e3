"""Values as maps: which are shown, on which grid, in which range. And as PNG bytes, by Pillow alone."""

from dataclasses import dataclass
from io import BytesIO
from math import inf, log
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from cnndsl.shapes import product

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scale: TypeAlias = Literal["shared", "map"]
SCALES: tuple[Scale, ...] = get_args(Scale)

MOST = 64
"""Maps of a layer that are shown, unless asked otherwise."""

GOLDEN = (1 + 5**0.5) / 2
NOT_FINITE = (0, 158, 115)
"""The colour of NaN and infinities: a green, far from every grey and from red and blue."""


def grid(count: int, columns: int | None = None, aspect: float = 1.0) -> tuple[int, int]:
    """Rows and columns for ``count`` tiles: a full grid near the golden rectangle, or one whose last row is short.

    32 become 4x8, 64 8x8, 6 2x3, 31 4x8. ``aspect`` is the width of a tile over its height; what is nearly square
    counts as square.
    """
    if 2 / 3 <= aspect <= 3 / 2:
        aspect = 1.0
    if columns is not None:
        columns = min(columns, count)
        return -(-count // columns), columns
    if count <= 3:
        return 1, count
    shapes = [(-(-count // columns), columns) for columns in range(1, count + 1)]
    full = [(rows, columns) for rows, columns in shapes if rows * columns == count]
    chosen = [(rows, columns) for rows, columns in full if rows <= columns * aspect <= 2 * rows]

    def strangeness(shape: tuple[int, int]) -> float:
        rows, columns = shape
        return 2 * (rows * columns - count) / count + abs(log(columns * aspect / rows / GOLDEN))

    return min(chosen or shapes, key=strangeness)


def widest(count: int, aspect: float = 1.0) -> int:
    """Columns for ``count`` tiles in a place that is about three times as wide as high: the tiles are largest, or
    nearly so in full rows."""
    side = {columns: min(3 / (columns * aspect), 1 / -(-count // columns)) for columns in range(1, count + 1)}
    largest = max(side.values())
    full = [columns for columns in side if count % columns == 0 and side[columns] > 0.85 * largest]
    return max(full or side, key=side.__getitem__)


@dataclass(frozen=True)
class Maps:
    """The 2-D maps of a value that are shown, (n, H, W) floats, the first of ``total``.

    ``note`` says where they lie in maps of more axes: ``middle slice, 8 of 0 to 15``.
    """

    shown: "NDArray[Any]"
    total: int
    note: str = ""

    @property
    def count(self) -> str:
        """``32 maps``, ``64 of 512 maps``."""
        number = len(self.shown)
        plural = "" if self.total == 1 else "s"
        return f"{number}{f' of {self.total:,}' if number < self.total else ''} map{plural}"


def maps_of(value: "NDArray[Any]", most: int = MOST) -> Maps:
    """The maps of a value of one example, (C, spatial...); of more than two spatial axes the middle slice.

    A sequence is one map of its channels (rows) and positions; a vector is a map with one row.
    """
    if value.ndim < 2 or product(value.shape[1:]) == 1:
        return Maps(_floats(value).reshape(1, 1, -1), 1)
    if value.ndim == 2:
        return Maps(_floats(value[:most])[None], len(value))
    first, note = middle_slice(value[:most])
    return Maps(_floats(first), len(value), note)


def _floats(value: "NDArray[Any]") -> "NDArray[Any]":
    """Floats as they are, which may be large; other numbers as float64."""
    import numpy as np

    return value if value.dtype.kind == "f" else np.asarray(value, np.float64)


def thinned(value: "NDArray[Any]", most: tuple[int, int], axis: int = 0) -> "NDArray[Any]":
    """A value with at most so many cells along ``axis`` and the axis behind it: means of blocks if it is larger.

    The mean of a block in which something is not finite is not finite either.
    """
    import numpy as np

    for along, limit in enumerate(most, axis):
        size = value.shape[along]
        if size > limit:
            starts = np.arange(0, size, -(-size // limit))
            counts = np.diff(starts, append=size).reshape([-1 if at == along else 1 for at in range(value.ndim)])
            with np.errstate(all="ignore"):
                value = np.add.reduceat(value, starts, axis=along, dtype=np.float64) / counts
    return value


def middle_slice(value: "NDArray[Any]", axes: int = 3) -> "tuple[NDArray[Any], str]":
    """The value with its last two axes and ``axes - 2`` others before them, the middle of all between, and its name."""
    between = value.shape[axes - 2 : value.ndim - 2]
    middle = tuple(size // 2 for size in between)
    if not between:
        return value, ""
    places = " and ".join(f"{index} of 0 to {size - 1}" for index, size in zip(middle, between, strict=True))
    return value[(slice(None),) * (axes - 2) + middle], f"middle slice, {places}"


def value_range(values: "NDArray[Any]") -> tuple[float, float] | None:
    """The least and the largest finite number, or None if there is none."""
    import numpy as np

    finite = np.isfinite(values)
    if not finite.any():
        return None
    values = _floats(values)
    return float(values.min(where=finite, initial=inf)), float(values.max(where=finite, initial=-inf))


def scale_ends(limits: tuple[float, float] | None) -> tuple[float, float]:
    """The numbers that become black and white; a value that is the same everywhere lies between them."""
    if limits is None:
        return 0.0, 1.0
    low, high = limits
    if low < high:
        return low, high
    margin = max(abs(low), 1.0) / 2
    return low - margin, high + margin


def levels(values: "NDArray[Any]", ends: tuple[float, float]) -> "NDArray[Any]":
    """Values as fractions of the way from one end to the other; what is not finite becomes NaN."""
    import numpy as np

    low, high = ends
    finite = np.where(np.isfinite(values), values, np.nan)
    return np.clip((finite / 2 - low / 2) / (high / 2 - low / 2), 0, 1)  # halves: the width may exceed all floats


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether a value (C, H, W) can be shown as one grey or RGB picture."""
    return len(shape) == 3 and shape[0] in (1, 3) and product(shape[1:]) > 1


def picture(value: "NDArray[Any]") -> "NDArray[Any]":
    """An image-like value (1 or 3, H, W) as RGB, (H, W, 3) in 0..1, from its own least to its own largest number."""
    import numpy as np

    value = np.asarray(value, np.float64)
    shades = levels(value, scale_ends(value_range(value)))
    shades = np.broadcast_to(shades, (3, *value.shape[1:])).transpose(1, 2, 0)
    broken = np.isnan(shades).any(axis=2, keepdims=True)
    return np.where(broken, np.array(NOT_FINITE) / 255, shades)


def png_of_picture(value: "NDArray[Any]", side: int = 128) -> bytes:
    """PNG bytes of an image-like value (1 or 3, H, W); whole pixels, at most about ``side`` wide and high."""
    import numpy as np
    from PIL import Image

    pixels = np.round(picture(_sized(value, side)) * 255).astype(np.uint8)
    return _png(Image.fromarray(pixels, "RGB") if value.shape[0] == 3 else Image.fromarray(pixels))


def png_of_maps(
    value: "NDArray[Any]", *, columns: int | None = None, scale: Scale = "shared", most: int = MOST, side: int = 64
) -> bytes:
    """PNG bytes of a value's maps, (C, spatial...) of one example, as a grid with transparent gaps.

    Maps are grey from the least (black) to the largest value of all that are shown, or each of its own under
    ``scale="map"``; what is not finite is green. A pixel of a map is a whole number of pixels; maps larger than
    ``side`` are thinned out. A sequence is a map of its channels and positions, a vector a row.
    """
    import numpy as np
    from PIL import Image

    maps = np.asarray(_sized(maps_of(value, most).shown, side), np.float64)
    count, height, width = maps.shape
    rows, columns = grid(count, columns, width / height)
    shared = scale_ends(value_range(maps))
    broken, gap = 254, 255
    sheet = np.full((rows * (height + 2) - 2, columns * (width + 2) - 2), gap, np.uint8)
    for index, one in enumerate(maps):
        row, column = divmod(index, columns)
        shades = levels(one, shared if scale == "shared" else scale_ends(value_range(one)))
        top, left = row * (height + 2), column * (width + 2)
        shown = np.where(np.isnan(shades), broken, np.round(np.nan_to_num(shades) * 253))
        sheet[top : top + height, left : left + width] = shown
    image = Image.fromarray(sheet)
    greys = [shade for grey in range(254) for shade in (round(grey * 255 / 253),) * 3]
    image.putpalette([*greys, *NOT_FINITE, 0, 0, 0])
    return _png(image, transparency=gap)


def _sized(value: "NDArray[Any]", side: int) -> "NDArray[Any]":
    """The last two axes brought near ``side``: small ones repeated, large ones every n-th."""
    import numpy as np

    for axis in (value.ndim - 2, value.ndim - 1):
        step = -(-value.shape[axis] // side)
        value = np.take(value, range(step // 2, value.shape[axis], step), axis)
    times = max(side // max(value.shape[-2:]), 1)
    return value.repeat(times, axis=-1).repeat(times, axis=-2)


def _png(image: Any, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG", optimize=True, **options)
    return stream.getvalue()
