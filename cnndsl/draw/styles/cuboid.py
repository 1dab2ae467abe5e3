"""Values as cuboids in cabinet projection: what is larger is drawn larger, compressed so that all of it can be seen."""

from collections.abc import Iterable
from typing import NamedTuple

from cnndsl.draw.canvas.scene import Point, Polygon
from cnndsl.shapes import Shape

SLANT = 0.354
"""Receding edges at half their length, 45 degrees: 1/2 * cos(45 degrees)."""

LONGEST, SHORTEST = 104.0, 5.0
THICKEST, THINNEST = 40.0, 4.0
EXTENT_POWER, CHANNEL_POWER, FEATURE_POWER = 0.6, 0.5, 0.4
BAR, BAR_DEPTH = 9.0, 12.0
"""How thick a vector is, and how deep whatever has no depth of its own."""


class Cuboid(NamedTuple):
    """Its edges on paper: the front face is ``width`` x ``height``, the receding edges go ``depth`` right and up."""

    width: float
    height: float
    depth: float

    @property
    def span(self) -> float:
        return self.width + self.depth

    @property
    def rise(self) -> float:
        return self.height + self.depth

    def left(self, down: float) -> float:
        """Where the outline begins, ``down`` below its top."""
        return max(self.depth - down, 0.0)

    def right(self, down: float) -> float:
        """Where the outline ends, ``down`` below its top."""
        return self.span - max(down - self.height, 0.0)

    def faces(self, x: float, y: float, family: str) -> tuple[Polygon, ...]:
        """Its three visible faces; ``x`` and ``y`` are the upper left corner of what surrounds them."""
        right, back = x + self.width, x + self.span
        top, front, bottom = y, y + self.depth, y + self.rise
        roof: tuple[Point, ...] = ((x, front), (x + self.depth, top), (back, top), (right, front))
        side: tuple[Point, ...] = ((right, front), (back, top), (back, bottom - self.depth), (right, bottom))
        face: tuple[Point, ...] = ((x, front), (right, front), (right, bottom), (x, bottom))
        return (Polygon(roof, f"{family}-top"), Polygon(side, f"{family}-side"), Polygon(face, f"{family}-front"))


class Scales(NamedTuple):
    """The largest sizes of a picture, which set the scales of all."""

    extent: int
    channels: int
    features: int

    def cuboid(self, shape: Shape) -> Cuboid:
        """Height and depth follow the last two extents, the width follows the channels; vectors are bars."""
        if shape.is_vector:
            share = (shape.channels / self.features) ** FEATURE_POWER
            return Cuboid(BAR, SHORTEST + (LONGEST - SHORTEST) * share, BAR_DEPTH * SLANT)
        width = THINNEST + (THICKEST - THINNEST) * (shape.channels / self.channels) ** CHANNEL_POWER
        if len(shape.spatial) == 1:
            return Cuboid(width, self.edge(shape.spatial[0]), BAR_DEPTH * SLANT)
        return Cuboid(width, self.edge(shape.spatial[-2]), self.edge(shape.spatial[-1]) * SLANT)

    def edge(self, extent: int) -> float:
        """How long an extent is drawn."""
        return SHORTEST + (LONGEST - SHORTEST) * float((extent / self.extent) ** EXTENT_POWER)


def scales(shapes: Iterable[Shape]) -> Scales:
    """Scales for these shapes; small networks are drawn small."""
    extent, channels, features = 28, 64, 100
    for shape in shapes:
        if shape.is_vector:
            features = max(features, shape.channels)
        else:
            extent = max(extent, *shape.spatial[-2:])
            channels = max(channels, shape.channels)
    return Scales(extent, channels, features)
