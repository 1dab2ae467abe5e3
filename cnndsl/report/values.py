"""Numbers of a value as text, laid out as they lie: a map is rows below each other."""

from collections.abc import Iterator, Sequence
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from cnndsl.shapes import product

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 64
"""Numbers that are shown of any value."""
SIDE = 16
MANY = SIDE * SIDE
"""Numbers that are shown of maps of at most SIDE rows and columns."""
IN_A_ROW = 10
"""Numbers of a vector in one line."""


def is_small(shape: tuple[int, ...]) -> bool:
    """Whether the numbers of a value (C, spatial...) of one example are few enough to be read."""
    count = product(shape)
    return count <= FEW or (len(shape) > 1 and max(shape[1:]) <= SIDE and count <= MANY)


def laid_out(value: "NDArray[Any]") -> Iterator[str]:
    """The lines of a value of one example: a sequence is a line a channel, a map a line a row."""
    texts = _texts(value.reshape(-1).tolist())
    width = max(map(len, texts), default=0)
    row = value.shape[-1] if value.ndim > 1 else IN_A_ROW
    lines = ["  ".join(text.rjust(width) for text in texts[at : at + row]) for at in range(0, len(texts), row)]
    if value.ndim < 3:
        yield from lines
        return
    rows = value.shape[-2]
    slices = product(value.shape[1:-2])
    for index in range(0, len(lines), rows):
        channel, number = divmod(index // rows, slices)
        if len(lines) > rows:
            yield f"channel {channel}" + (f", slice {number}" if slices > 1 else "")
        yield from lines[index : index + rows]


def _texts(numbers: Sequence[float]) -> list[str]:
    """Whole numbers as they are, others with as many places as give the largest of them four digits."""
    finite = [abs(number) for number in numbers if isfinite(number)]
    largest = max(finite, default=0)
    if all(number == int(number) for number in finite) and largest < 1e6:
        return [f"{number + 0.0:.0f}" for number in numbers]
    if not 1e-3 <= largest < 1e6:
        return [f"{number:.3e}" for number in numbers]
    places = max(3 - floor(log10(largest)), 0)
    return [f"{round(number, places) + 0.0:.{places}f}" for number in numbers]  # 0.0: there is no -0
