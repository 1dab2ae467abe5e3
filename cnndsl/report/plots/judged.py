"""What an evaluation shows: which classes are taken for which, and the examples that are. Needs matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnndsl.errors import CnnError, plural
from cnndsl.report.plots.maps import is_picture, thinned
from cnndsl.report.plots.sheet import FAINT, FINEST, GREY, INK, MARGIN, WIDTH, Sheet, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cnndsl.training.evaluation import Evaluation, Mistake

SHADES = "Blues"
DARK = 0.6
"""From this share on, numbers on a cell are white."""
MOST_NUMBERED = 20
"""Classes whose cells have their numbers."""
MOST_MISTAKES = 48
ACROSS = 8


def confusion(found: "Evaluation", title: str) -> "Figure":
    """The confusion matrix: a row for each class, shaded by shares of the row. Raises CnnError where there is none."""
    require_matplotlib()
    import numpy as np

    if not found.confusion.size:
        raise CnnError.of("bad-setting", "there is no confusion matrix: an example has not one class out of several")
    names, numbers = [one.name for one in found.classes], found.confusion
    count = len(names)
    sheet = Sheet()
    share = "" if found.accuracy is None else f"accuracy {found.accuracy:.2%} of {plural(found.examples, 'example')}"
    sheet.heading("confusion matrix", title, [share, "rows: the class", "columns: what it is taken for"])
    left, longest = MARGIN + 1.5, 1.3
    cell = min((WIDTH - MARGIN - left) / count, 0.55)
    step = max(1, -(-count * 13 // int(100 * cell * count)))
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    top = sheet.y + 0.05
    sheet.image(shares, (left, top, cell * count, cell * count), (0, 1), SHADES, "confusion")
    if count <= MOST_NUMBERED:
        for (row, column), number in np.ndenumerate(numbers):
            if number:
                colour = "white" if shares[row, column] > DARK else INK
                x, y = left + (column + 0.5) * cell, top + (row + 0.5) * cell
                sheet.text(x, y, str(number), size=8 if cell > 0.35 else 6.5, align="center", colour=colour)
    bottom = top + cell * count + 0.08
    widest = max(sheet.length(name, 7.5) for name in names[::step])
    for index in range(0, count, step):
        middle = (index + 0.5) * cell
        sheet.text(left - 0.08, top + middle, names[index], size=7.5, align="right", room=longest)
        if widest < 0.9 * cell:
            sheet.text(left + middle, bottom + 0.05, names[index], size=7.5, align="center")
        else:
            sheet.upright(left + middle, bottom, names[index], size=7.5, room=longest)
    sheet.y = bottom + (0.15 if widest < 0.9 * cell else min(widest, longest) + 0.05)
    return sheet.finish()


def mistakes(found: "Evaluation", title: str) -> "Figure":
    """The examples that are taken for another class, the surest mistakes first. Raises CnnError where they are no
    pictures."""
    require_matplotlib()
    if found.accuracy is None or not found.confusion.size:
        raise CnnError.of("bad-setting", "there is no sheet of mistakes: an example has not one class out of several")
    shown = found.mistakes[:MOST_MISTAKES]
    if shown and not is_picture(shown[0].x.shape):
        message = "a sheet of mistakes is for grey or RGB images, (1, H, W) or (3, H, W)"
        raise CnnError.of("bad-setting", message, "--format json has the confusion matrix of all other examples")
    sheet = Sheet()
    total = len(found.mistakes)
    counted = f"{total:,} of {plural(found.examples, 'example')}"
    first = f"the first {len(shown)}, " if len(shown) < total else ""
    facts = [counted, f"{first}surest first", "below: class → taken for, probability"] if total else [counted]
    sheet.heading("mistakes", title, facts)
    names = [one.name for one in found.classes]
    pitch = (WIDTH - 2 * MARGIN) / ACROSS
    for start in range(0, len(shown), ACROSS):
        for column, mistake in enumerate(shown[start : start + ACROSS]):
            _mistake(sheet, MARGIN + column * pitch, pitch - 0.12, mistake, names)
        sheet.y += pitch - 0.12 + 0.34
    return sheet.finish()


def _mistake(sheet: Sheet, x: float, side: float, mistake: "Mistake", names: Sequence[str]) -> None:
    """A picture with what it is and what it is taken for below."""
    image = thinned(picture(mistake.x), (FINEST, FINEST))
    height, width = (side * extent / max(image.shape[:2]) for extent in image.shape[:2])
    box = (x + (side - width) / 2, sheet.y + (side - height) / 2, width, height)
    sheet.image(image, box, (0, 1), GREY, f"example {mistake.example}")
    middle, below = x + side / 2, sheet.y + side + 0.1
    words = f"{names[mistake.true]} → {names[mistake.given]}"
    sheet.text(middle, below, words, size=7.5, align="center", room=side + 0.08)
    probability = f"{mistake.probability:.1%}, no. {mistake.example}"
    sheet.text(middle, below + 0.13, probability, size=6.5, align="center", colour=FAINT, room=side + 0.08)


def picture(x: Any) -> Any:
    """An example (1 or 3, H, W) as RGB in 0..1: what is in 0..1, or levels, as it is, else from least to largest."""
    import numpy as np

    from cnndsl.report.plots.maps import picture as stretched

    values = np.asarray(x, np.float64) / (255 if x.dtype == np.uint8 else 1)
    if not (values.min() >= 0 and values.max() <= 1):
        return stretched(values)
    return np.broadcast_to(values, (3, *values.shape[1:])).transpose(1, 2, 0)
