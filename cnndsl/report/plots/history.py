"""The curves of a training: loss and accuracy from epoch to epoch, of what is learned and of what is held out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnndsl.report.plots.sheet import BAR, FAINT, INK, MARGIN, WIDTH, Sheet, number, require_matplotlib
from cnndsl.training.history import Epoch, best

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HELD_OUT = "#c44e52"
HEIGHT = 2.1
LEFT, RIGHT = 0.45, 0.15
"""Room beside a chart, for its numbers."""


def training_curves(history: Sequence[Epoch], title: str = "") -> "Figure":
    """A chart of the losses, and one of the accuracies where there are any; a line marks the best epoch."""
    require_matplotlib()
    sheet = Sheet()
    chosen = best(history)
    facts = [f"{len(history)} epochs", f"the best is epoch {chosen.epoch}" if chosen else ""]
    sheet.heading(title or "training", "", facts)
    charts: list[tuple[str, Sequence[float | None], Sequence[float | None]]]
    charts = [("loss", [row.loss for row in history], [row.validation_loss for row in history])]
    if any(row.accuracy is not None for row in history):
        charts.append(("accuracy", [row.accuracy for row in history], [row.validation_accuracy for row in history]))
    width = (WIDTH - 2 * MARGIN) / len(charts) - LEFT - RIGHT
    for place, (name, learned, held) in enumerate(charts):
        x = MARGIN + LEFT + place * (width + LEFT + RIGHT)
        box = (x, sheet.y + 0.2, width, HEIGHT)
        _chart(sheet, box, name, learned, held, chosen.epoch if chosen else 0)
    sheet.y += HEIGHT + 0.55
    return sheet.finish()


def _chart(
    sheet: Sheet,
    box: tuple[float, float, float, float],
    name: str,
    learned: Sequence[float | None],
    held: Sequence[float | None],
    chosen: int,
) -> None:
    x, y, width, height = box
    values = [value for value in (*learned, *held) if value is not None]
    low, high = (0.0, max(values, default=1.0) or 1.0) if name == "loss" else (min(values, default=0.0), 1.0)
    low = min(low, high - 1e-9)
    count = max(len(learned), 2)

    def at(epoch: int, value: float) -> tuple[float, float]:
        return x + width * (epoch - 1) / (count - 1), y + height * (1 - (value - low) / (high - low))

    for share in (0, 0.25, 0.5, 0.75, 1):
        value = low + share * (high - low)
        sheet.line([x, x + width], [at(1, value)[1]] * 2)
        shown = number(value) if name == "loss" else f"{value:.1%}"
        sheet.text(x - 0.06, at(1, value)[1], shown, size=7, align="right", colour=FAINT)
    for epoch in dict.fromkeys((1, (count + 1) // 2, count)):
        sheet.text(at(epoch, low)[0], y + height + 0.1, str(epoch), size=7, align="center", colour=FAINT)
    sheet.text(x + width / 2, y + height + 0.24, "epoch", size=7, align="center", colour=FAINT)
    if chosen:
        sheet.line([at(chosen, low)[0]] * 2, [y, y + height], colour=FAINT)
    end = x + sheet.text(x, y - 0.13, name, size=8, bold=True, colour=INK) + 0.15
    for words, colour, numbers in (("training", BAR, learned), ("validation", HELD_OUT, held)):
        points = [at(epoch, value) for epoch, value in enumerate(numbers, 1) if value is not None]
        if not points:
            continue
        sheet.line([one for one, _ in points], [two for _, two in points], colour=colour, width=1.2)
        if len(points) == 1:
            sheet.rectangle((points[0][0] - 0.02, points[0][1] - 0.02, 0.04, 0.04), fill=colour)
        end += sheet.text(end, y - 0.13, words, size=8, colour=colour) + 0.12
