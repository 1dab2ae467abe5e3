"""Long pictures in several runs: rows below each other, or columns side by side, so that they fit a page."""

from collections.abc import Iterator, Sequence
from functools import partial

from cnndsl.draw.layout.layered import STANDARD, BoxGroup, Direction, Placement, Size, Spacing, place
from cnndsl.draw.layout.u_shape import descent, u_shape
from cnndsl.draw.page import ANY_PAGE, Page

LONG, SLIM, LONGEST = 1_200, 5.5, 1_800
"""A row is parted that is longer than the first and so many times as long as high, or longer than the last."""

TALL, NARROW = 1_000, 2.5
"""A column is parted that is higher than the first, in pixels, and so many times as high as wide."""

BROADEST = {"right": 3.0, "down": 1.3}
"""How many times as long as broad, at most, a parted picture is."""

PORTRAIT = 1.4
"""How many times as high as wide a picture of columns may be that has to fit a width."""

SMALLER, SMALLEST = 0.85, 0.7
"""How small rows may be shown to hold more, and columns to be less high than that."""

MOST_RUNS = 12
ENDS = (40, 80, 120, 200)
"""Room at the ends of a row, in pixels, for borders and lines that go back: tried until the row fits."""

ANOTHER_LINE, OPEN_FRAME = 400, 40
"""What a cut loses, in pixels, for each line that goes back beside the first, and for a frame that is parted."""


def paged(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    direction: Direction = "down",
    spacing: Spacing = STANDARD,
    groups: Sequence[BoxGroup] = (),
    page: Page = ANY_PAGE,
    extents: Sequence[int] = (),
) -> Placement:
    """Boxes in as many runs as the page asks for; without a wish, a picture that is too long is parted.

    ``extents`` of what the boxes stand for tell a bottleneck: with skips across it the picture is a U, if it may be.
    """
    found = descent(len(sizes), edges, extents) if extents and not page.runs and direction == "right" else None
    shape = u_shape(found, sizes, edges, spacing, groups) if found else None
    if shape:
        return shape
    layout = _Layout(sizes, edges, direction, spacing, groups)
    if page.runs is not None:
        return layout.in_runs(page.runs)
    if page.width is None:
        return layout.in_runs(_usual_runs(layout.length, layout.breadth, direction))
    return layout.in_rows(page.width) if layout.right else layout.in_columns(page.width)


def _usual_runs(length: float, breadth: float, direction: Direction) -> int:
    """The runs of a picture that nobody has a wish for."""
    slim = length / max(breadth, 1)
    if direction == "right":
        wraps = length > LONGEST or (length > LONG and slim > SLIM)
    else:
        wraps = length > TALL and slim > NARROW
    if not wraps:
        return 1
    return next((count for count in range(2, MOST_RUNS) if slim / count**2 <= BROADEST[direction]), MOST_RUNS)


class _Layout:
    """A picture in one run, and what comes of parting it."""

    def __init__(
        self,
        sizes: Sequence[Size],
        edges: Sequence[tuple[int, int]],
        direction: Direction,
        spacing: Spacing,
        groups: Sequence[BoxGroup],
    ) -> None:
        self.parted = partial(place, sizes, edges, direction, spacing, groups)
        self.whole = self.parted()
        self.right = direction == "right"
        long, broad = self.whole.width, self.whole.height
        self.length, self.breadth = (long, broad) if self.right else (broad, long)
        self.starts = [at[0] if self.right else at[1] for at in self.whole.positions]
        self.losses = list(_losses(len(sizes), edges, groups))

    def in_runs(self, count: int) -> Placement:
        """So many runs, about equally long; as many as there are places to part them."""
        cuts: list[int] = []
        for part in range(1, count):
            ideal = part * self.length / count
            free = range(cuts[-1] + 1 if cuts else 1, len(self.starts))
            if free:
                cuts.append(min(free, key=lambda box: (abs(self.starts[box] - ideal) + self.losses[box], box)))
        return self.parted(cuts) if cuts else self.whole

    def in_rows(self, width: float) -> Placement:
        """Rows, each as full as the width allows."""
        width /= SMALLER
        if self.length <= width:
            return self.whole
        found = self.whole
        for ends in ENDS:
            found = self.parted(list(self._filled(width - ends)))
            if found.width <= width:
                break
        return found

    def _filled(self, room: float) -> Iterator[int]:
        """The first box of every row but the first."""
        begin = 0
        while self.length - self.starts[begin] > room:
            fitting = [
                box for box in range(begin + 1, len(self.starts)) if self.starts[box] - self.starts[begin] <= room
            ]
            if not fitting:
                fitting = [begin + 1]
            if fitting[-1] >= len(self.starts):
                return
            begin = min(fitting, key=lambda box: self.losses[box] - self.starts[box])
            yield begin

    def in_columns(self, width: float) -> Placement:
        """As few columns as make the picture no higher than a page is, if they fit the width."""
        best = self.whole
        for count in range(2, MOST_RUNS):
            scale = min(1.0, width / best.width)
            if best.height * scale <= PORTRAIT * width:
                break
            found = self.in_runs(count)
            if found.width * SMALLEST > width:
                break
            best = found
        return best


def _losses(boxes: int, edges: Sequence[tuple[int, int]], groups: Sequence[BoxGroup]) -> Iterator[float]:
    """What a cut before every box loses."""
    last: dict[int, int] = {}
    for source, target in edges:
        last[source] = max(last.get(source, 0), target)
    lines, frames = [0] * (boxes + 1), [0] * (boxes + 1)
    for source, target in last.items():
        lines[source + 1] += 1
        lines[target + 1] -= 1
    for group in groups:
        if group.start < group.stop:
            frames[group.start + 1] += 1
            frames[group.stop] -= 1
    carried = inside = 0
    for box in range(boxes):
        carried += lines[box]
        inside += frames[box]
        yield ANOTHER_LINE * max(carried - 1, 0) + OPEN_FRAME * inside**2
