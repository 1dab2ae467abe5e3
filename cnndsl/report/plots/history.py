"""The curves of a training: loss and accuracy from epoch to epoch, of what is learned and of what is held out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnndsl.errors import plural
from cnndsl.report.curves import GUIDES, Chart, charts
from cnndsl.report.plots.sheet import FAINT, INK, MARGIN, WIDTH, Sheet, require_matplotlib
from cnndsl.training.history import Epoch, best

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 2.1
LEFT, RIGHT = 0.45, 0.15
"""Room beside a chart, for its numbers."""


def training_curves(history: Sequence[Epoch], title: str = "") -> "Figure":
    """A chart of the losses, and one of the accuracies where there are any; a line marks the best epoch."""
    require_matplotlib()
    sheet = Sheet()
    chosen = best(history)
    facts = [plural(len(history), "epoch"), f"the best is epoch {chosen.epoch}" if chosen else ""]
    sheet.heading(title or "training", "", facts)
    found = charts(history)
    width = (WIDTH - 2 * MARGIN) / len(found) - LEFT - RIGHT
    for place, chart in enumerate(found):
        x = MARGIN + LEFT + place * (width + LEFT + RIGHT)
        _draw(sheet, (x, sheet.y + 0.2, width, HEIGHT), chart, chosen.epoch if chosen else 0)
    sheet.y += HEIGHT + 0.55
    return sheet.finish()


def _draw(sheet: Sheet, box: tuple[float, float, float, float], chart: Chart, chosen: int) -> None:
    x, y, width, height = box
    count = max(len(chart.learned), 2)

    def across(place: int) -> float:
        return x + width * place / (count - 1)

    for share in GUIDES:
        level = y + height * (1 - share)
        sheet.line([x, x + width], [level] * 2)
        shown = chart.words(chart.low + share * (chart.high - chart.low))
        sheet.text(x - 0.06, level, shown, size=7, align="right", colour=FAINT)
    for epoch in dict.fromkeys((1, (count + 1) // 2, count)):
        sheet.text(across(epoch - 1), y + height + 0.1, str(epoch), size=7, align="center", colour=FAINT)
    sheet.text(x + width / 2, y + height + 0.24, "epoch", size=7, align="center", colour=FAINT)
    if chosen:
        sheet.line([across(chosen - 1)] * 2, [y, y + height], colour=FAINT)
    end = x + sheet.text(x, y - 0.13, chart.name, size=8, bold=True, colour=INK) + 0.15
    for name, colour, points in chart.curves():
        places = [(across(place), y + height * (1 - chart.share(value))) for place, value in points]
        sheet.line([one for one, _ in places], [two for _, two in places], colour=colour, width=1.2)
        if len(points) == 1:
            sheet.rectangle((places[0][0] - 0.02, places[0][1] - 0.02, 0.04, 0.04), fill=colour)
        end += sheet.text(end, y - 0.13, name, size=8, colour=colour) + 0.12
