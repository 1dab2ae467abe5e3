"""A U of boxes that are read from above to below: what narrows in one column, what widens in another, going up."""

from collections.abc import Iterator, Sequence

from cnndsl.draw.canvas.scene import Point
from cnndsl.draw.layout.columns import LABEL_GAP
from cnndsl.draw.layout.layered import Placement, Rectangle, Size, Spacing
from cnndsl.draw.layout.u_shape import Descent


def u_columns(found: Descent, sizes: Sequence[Size], edges: Sequence[tuple[int, int]], spacing: Spacing) -> Placement:
    """Where a skip begins, what stands in it and where it ends are beside each other."""
    return _Columns(found, sizes, spacing).placement(edges)


class _Columns:
    """Middles of boxes, and which of them flow up or to the right."""

    def __init__(self, found: Descent, sizes: Sequence[Size], spacing: Spacing) -> None:
        self.sizes, self.spacing = sizes, spacing
        *down, lowest = found.down
        self.last = lowest[-1:] if len(lowest) > 1 else ()
        self.left = [box for way in found.down for box in way if box not in self.last]
        self.up = [*self.last, *(box for way in reversed(found.up) for box in way)]
        self.inside = [skip.inside for skip in found.skips]
        self.sideways = {*(box for boxes in self.inside for box in boxes), lowest[-2] if self.last else lowest[-1]}
        self.gap = spacing.rank + max(size.label[1] for size in sizes)
        self.y: dict[int, float] = {}
        y = 0.0
        for way, back, inside in zip(down, found.up, self.inside, strict=True):
            y = self._place_level(y, way[:-1], (way[-1], *inside, back[0]), back[1:])
        self._place_level(y, [box for box in lowest if box not in self.last][:-1], self._lowest(lowest), ())
        self.x = dict(self._across())

    def _lowest(self, lowest: Sequence[int]) -> tuple[int, ...]:
        return (lowest[-2], lowest[-1]) if self.last else (lowest[-1],)

    def _place_level(self, y: float, above: Sequence[int], row: Sequence[int], back: Sequence[int]) -> float:
        """Boxes on the way down, the row that ends it, and the boxes on the way up; gives where the next begins."""
        half = max(self.sizes[box].height for box in row) / 2
        need = max(sum(self.sizes[box].height + self.gap for box in boxes) for boxes in (above, back))
        middle = y + need + half
        self.y.update(dict.fromkeys(row, middle))
        for boxes in (list(reversed(above)), back):
            at = middle - half
            for box in boxes:
                at -= self.gap + self.sizes[box].height
                self.y[box] = at + self.sizes[box].height / 2
        return middle + half + self.gap

    def _across(self) -> Iterator[tuple[int, float]]:
        """The columns; those within skips stand before the end of the skip."""
        reach = max(self._reach(box) for box in self.left)
        width = max((self._long(boxes) for boxes in self.inside), default=0.0)
        lowest = max((self._after(box) for box in self.sideways), default=0.0)
        right = reach + max(width, lowest) + 2 * self.spacing.boxes
        right += max(self.sizes[box].width for box in self.up) / 2
        yield from ((box, 0.0) for box in self.left)
        yield from ((box, right) for box in self.up)
        for boxes in self.inside:
            at = right - max(self.sizes[box].width for box in self.up) / 2 - self.spacing.boxes
            for box in reversed(boxes):
                at -= self._after(box) + self.sizes[box].width / 2
                yield box, at
                at -= self.sizes[box].width / 2

    def _reach(self, box: int) -> float:
        """From the middle of a box to the end of what stands on its right."""
        return max(self.sizes[box].width / 2, LABEL_GAP + self.sizes[box].label[0])

    def _after(self, box: int) -> float:
        """The room for the text behind a box that flows to the right."""
        return self.sizes[box].label[0] + 2 * LABEL_GAP + self.spacing.arrow

    def _long(self, boxes: Sequence[int]) -> float:
        return sum(self.sizes[box].width + self._after(box) for box in boxes)

    def placement(self, edges: Sequence[tuple[int, int]]) -> Placement:
        shift = max(self.sizes[box].width for box in self.left) / 2
        top = min(self.y[box] - size.height / 2 for box, size in enumerate(self.sizes))
        places = {box: (self.x[box] + shift, self.y[box] - top) for box in self.x}
        boxes = [(*places[box], size) for box, size in enumerate(self.sizes)]
        positions = tuple((x - size.width / 2, y - size.height / 2) for x, y, size in boxes)
        routes = tuple(tuple(self._route(source, target, places)) for source, target in edges)
        labels = tuple(self._label(box, *places[box]) for box in range(len(self.sizes)))
        right = max(*(x + size.width / 2 for x, _, size in boxes), *(one.x + one.width for one in labels))
        bottom = max(y + size.height / 2 for _, y, size in boxes)
        return Placement(positions, routes, labels, (), right, bottom)

    def _route(self, source: int, target: int, places: dict[int, Point]) -> Iterator[Point]:
        (x, y), (to_x, to_y) = places[source], places[target]
        begin, end = self.sizes[source], self.sizes[target]
        down = 1 if to_y > y else -1
        if y == to_y:
            yield from ((x + begin.width / 2, y), (to_x - end.width / 2, y))
        elif x == to_x:
            yield from ((x, y + down * begin.height / 2), (x, to_y - down * end.height / 2))
        else:
            yield from ((x + begin.width / 2, y), (to_x, y), (to_x, to_y - down * end.height / 2))

    def _label(self, box: int, x: float, y: float) -> Rectangle:
        """Beside the line that leaves a box: below it, above it, or behind it."""
        size = self.sizes[box]
        wide, high = size.label
        if box in self.sideways:
            return Rectangle(x + size.width / 2 + LABEL_GAP, y + 3, wide, high)
        if box in self.up:
            return Rectangle(x + LABEL_GAP, y - size.height / 2 - 3 - high, wide, high)
        return Rectangle(x + LABEL_GAP, y + size.height / 2 + 3, wide, high)
