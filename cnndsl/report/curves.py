"""The charts of a training: what they show, and a picture of them that is light enough to be made every epoch."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnndsl.training.history import Epoch, best

LEARNED, HELD_OUT = "#4c72b0", "#c44e52"
"""The colours of the two curves, legible on light and on dark."""
MOST_POINTS = 400
"""Of a curve in the picture; of more, some are left out."""
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 230, 52, 14, 30, 36
"""Of a chart in the picture, and the room around it for words and numbers."""
GUIDES = (0, 0.25, 0.5, 0.75, 1)
"""Where lines lie across a chart, as shares of its height."""


class Chart(NamedTuple):
    """One quantity, epoch by epoch; None where it does not exist."""

    name: str
    learned: tuple[float | None, ...]
    """Of the examples that are learned from."""
    held_out: tuple[float | None, ...]
    low: float
    high: float

    def words(self, value: float) -> str:
        """A number beside the chart."""
        return f"{value:.1%}" if self.name == "accuracy" else f"{value:.3g}".replace("-", "\N{MINUS SIGN}")

    def share(self, value: float) -> float:
        """How high a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def curves(self) -> Iterator[tuple[str, str, list[tuple[int, float]]]]:
        """For each curve its name, its colour, and its points: the place of the epoch, and the value."""
        for name, colour, values in (("training", LEARNED, self.learned), ("validation", HELD_OUT, self.held_out)):
            points = [(place, value) for place, value in enumerate(values) if value is not None]
            if points:
                yield name, colour, points


def charts(history: Sequence[Epoch]) -> list[Chart]:
    """That of the losses, from 0, and that of the accuracies, up to 1, where there are any."""
    losses = _pair("loss", history)
    highest = max((value for values in losses for value in values if value is not None), default=1.0)
    found = [Chart("loss", *losses, 0.0, highest or 1.0)]
    accuracies = _pair("accuracy", history)
    shares = [value for values in accuracies for value in values if value is not None]
    if shares:
        found.append(Chart("accuracy", *accuracies, min(*shares, 1 - 1e-9), 1.0))
    return found


def _pair(name: str, history: Sequence[Epoch]) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    rows = [row._asdict() for row in history]
    return tuple(row[name] for row in rows), tuple(row[f"validation_{name}"] for row in rows)


def svg(history: Sequence[Epoch], epochs: int) -> str:
    """The charts beside each other, with room for as many epochs; words have the colour of the text around it."""
    found, chosen = charts(history), best(history)
    parts = []
    for place, chart in enumerate(found):
        parts.append(f'<g transform="translate({place * WIDTH} 0)">')
        parts += _drawn(chart, history, max(epochs, len(history)), chosen.epoch if chosen else None)
        parts.append("</g>")
    width = WIDTH * len(found)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}"'
    style = 'style="max-width:100%" font-family="sans-serif" font-size="11" fill="currentColor"'
    return "\n".join([f'{head} {style} role="img" aria-label="curves of the training">', *parts, "</svg>"])


def _drawn(chart: Chart, history: Sequence[Epoch], epochs: int, chosen: int | None) -> Iterator[str]:
    wide, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(epoch: int) -> float:
        return LEFT + wide * (epoch - 1) / max(1, epochs - 1)

    def down(share: float) -> float:
        return TOP + height * (1 - share)

    for share in GUIDES:
        y, value = down(share), chart.words(chart.low + share * (chart.high - chart.low))
        yield f'<path d="M{LEFT} {y:.1f}h{wide}" stroke="currentColor" stroke-opacity=".2"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" opacity=".75">{value}</text>'
    for epoch in sorted({1, (epochs + 1) // 2, epochs}):
        x, below = across(epoch), HEIGHT - BOTTOM + 15
        yield f'<text x="{x:.1f}" y="{below}" text-anchor="middle" opacity=".75">{epoch}</text>'
    yield f'<text x="{LEFT + wide / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle" opacity=".75">epoch</text>'
    if chosen:
        yield f'<path d="M{across(chosen):.1f} {TOP}v{height}" stroke="currentColor" stroke-opacity=".5"/>'
    yield f'<text x="{LEFT}" y="{TOP - 12}"><tspan font-weight="bold">{chart.name}</tspan>'
    for name, colour, _ in chart.curves():
        yield f'<tspan dx="10" fill="{colour}">{name}</tspan>'
    yield "</text>"
    for _, colour, points in chart.curves():
        shown = points[:: -(-len(points) // MOST_POINTS)] + points[-1:]
        width = 2 if len(points) > 1 else 6
        path = " ".join(f"{across(history[place].epoch):.1f},{down(chart.share(value)):.1f}" for place, value in shown)
        line = f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"'
        yield f'<polyline points="{path}" {line}/>'
