"""A picture as plain shapes, before it becomes SVG, PDF or PNG.

Lengths are CSS pixels (1/96 inch), x grows to the right and y downwards. Colours are not here: a shape has a role, and
the theme says how the role looks.
"""

from typing import Literal, NamedTuple, TypeAlias

Anchor: TypeAlias = Literal["start", "middle", "end"]
Point: TypeAlias = tuple[float, float]


class Box(NamedTuple):
    """A rectangle with rounded corners; ``x`` and ``y`` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    role: str
    radius: float = 3


class Polygon(NamedTuple):
    """A filled outline, such as one face of a volume."""

    points: tuple[Point, ...]
    role: str


class TextLabel(NamedTuple):
    """One line of text; ``y`` is its baseline, ``size`` the font's."""

    x: float
    y: float
    text: str
    size: float = 12
    anchor: Anchor = "middle"
    role: str = "text"
    bold: bool = False


Drawable: TypeAlias = Box | Polygon | TextLabel


class Glyph(NamedTuple):
    """What is drawn for an input, a layer or a folded block: its shapes, all inside a rectangle of its own.

    ``layers`` are the names of the layers that it stands for, ``hint`` is what pointing at it shows.
    """

    name: str
    layers: tuple[str, ...]
    hint: str
    x: float
    y: float
    width: float
    height: float
    shapes: tuple[Drawable, ...]


class Frame(NamedTuple):
    """The border around the members of an open block, with its title inside the upper edge.

    ``block`` is the block's place in the outline's frames: one that is parted by the end of a row has several frames.
    """

    title: str
    x: float
    y: float
    width: float
    height: float
    depth: int = 1
    block: int = 0


class Polyline(NamedTuple):
    """A connection from one glyph to another: straight pieces through ``points``, an arrow at the end.

    ``labels`` are the shapes of the value that flows, set beside the line. A line without an ``arrow`` ends at a glyph
    that has one among its own shapes.
    """

    source: str
    target: str
    points: tuple[Point, ...]
    labels: tuple[TextLabel, ...] = ()
    arrow: bool = True


class Scene(NamedTuple):
    """A whole picture. Frames lie behind lines, lines behind glyphs, those behind marks.

    It is shown ``scale`` times as large.
    """

    title: str
    description: str
    width: float
    height: float
    glyphs: tuple[Glyph, ...]
    lines: tuple[Polyline, ...] = ()
    frames: tuple[Frame, ...] = ()
    scale: float = 1.0
    marks: tuple[Polygon, ...] = ()
