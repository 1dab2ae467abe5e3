"""A scene as PDF or PNG, by matplotlib: the extra ``plot``."""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from cnndsl.draw.canvas.fonts import Fonts
from cnndsl.draw.canvas.scene import Box, Drawable, Polygon, Polyline, Scene, TextLabel
from cnndsl.draw.canvas.strokes import drawn_once, stroke
from cnndsl.draw.canvas.text_metrics import plain
from cnndsl.draw.canvas.theme import LIGHT, PALETTES, Look, ThemeName
from cnndsl.errors import CnnError, missing_library

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIXELS, POINTS = 96.0, 72.0
"""To the inch."""

PNG_SCALE = 2
MOST_PIXELS, LONGEST_SIDE = 100_000_000, 65_000
LONGEST_PAGE = 200.0
"""Inches; readers of PDF show no larger page."""

ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def pdf(scene: Scene, theme: ThemeName = "auto") -> bytes:
    """The picture as a page of its size, the text selectable; ``auto`` is light. Raises CnnError without matplotlib."""
    inches = max(scene.width, scene.height) * scene.scale / PIXELS
    facts = {"Title": plain(scene.title), "Creator": "cnndsl", "Producer": None, "CreationDate": None}
    return _written(scene, theme, "pdf", POINTS, scene.scale * min(1.0, LONGEST_PAGE / inches), facts)


def png(scene: Scene, theme: ThemeName = "auto") -> bytes:
    """The picture at two pixels for each of its own; ``auto`` is light.

    Raises CnnError without matplotlib, and for pictures too large for an image.
    """
    width, height = (round(length * scene.scale * PNG_SCALE) for length in (scene.width, scene.height))
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise CnnError.of(
            "bad-setting",
            f"the image would have {width:,} x {height:,} pixels",
            "write .svg or .pdf, which stay sharp at any size, or fold blocks with --depth 0",
        )
    facts: dict[str, str | None] = {"Title": plain(scene.title), "Software": None}
    return _written(scene, theme, "png", PIXELS * PNG_SCALE, scene.scale, facts)


def _written(
    scene: Scene, theme: ThemeName, kind: str, resolution: float, scale: float, facts: dict[str, str | None]
) -> bytes:
    try:
        import matplotlib
    except ImportError as error:
        raise missing_library("matplotlib", "plot", error) from None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = _Canvas(scene, theme, scale)
    settings: dict[Any, Any] = {
        "pdf.fonttype": 42,
        "pdf.compression": 6,
        "pdf.use14corefonts": False,
        "savefig.bbox": None,
    }
    buffer = BytesIO()
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(scene.width / PIXELS * scale, scene.height / PIXELS * scale))
        figure.set_layout_engine("none")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, scene.width)
        axes.set_ylim(scene.height, 0)
        canvas.paint(axes)
        colour = canvas.theme.background
        figure.savefig(buffer, format=kind, dpi=resolution, facecolor=colour, edgecolor=colour, metadata=facts)
    return buffer.getvalue()


def _texts(scene: Scene) -> Iterator[tuple[str, bool]]:
    """Every text of a picture, and whether it is bold."""
    yield from ((plain(frame.title), True) for frame in scene.frames)
    labels = [label for line in scene.lines for label in line.labels]
    labels += [shape for glyph in scene.glyphs for shape in glyph.shapes if isinstance(shape, TextLabel)]
    yield from ((plain(label.text), label.bold) for label in labels)


class _Canvas:
    """Scenes on the axes of a figure, in the scene's own coordinates."""

    def __init__(self, scene: Scene, theme: ThemeName, scale: float) -> None:
        self.scene = scene
        self.theme = LIGHT if theme == "auto" else PALETTES[theme]
        self.points = POINTS / PIXELS * scale
        self.fonts = Fonts(_texts(scene))
        self.layer = 0.0

    def paint(self, axes: "Axes") -> None:
        for frame in sorted(self.scene.frames, key=lambda frame: frame.depth):
            box = Box(frame.x, frame.y, frame.width, frame.height, "", 6)
            self._box(axes, box, self.theme.frame, dashed=True)
            self._label(axes, TextLabel(frame.x + 8, frame.y + 14, frame.title, 11, "start", "faint", True))
        for line in drawn_once(self.scene.lines):
            self._line(axes, line)
        for glyph in self.scene.glyphs:
            for shape in glyph.shapes:
                self._shape(axes, shape)
        for mark in self.scene.marks:
            self._polygon(axes, mark)

    def _shape(self, axes: "Axes", shape: Drawable) -> None:
        if isinstance(shape, TextLabel):
            self._label(axes, shape)
        elif isinstance(shape, Box):
            self._box(axes, shape, self.theme.look(shape.role))
        else:
            self._polygon(axes, shape)

    def _box(self, axes: "Axes", box: Box, look: Look, dashed: bool = False) -> None:
        from matplotlib.patches import FancyBboxPatch

        radius = min(box.radius, box.width / 2, box.height / 2)
        style = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
        patch = FancyBboxPatch(
            (box.x, box.y), box.width, box.height, style, fc=look.fill, ec=look.stroke, lw=self.points
        )
        if dashed:
            patch.set_linestyle((0, (4, 3)))
        self._add(axes, patch)

    def _polygon(self, axes: "Axes", polygon: Polygon) -> None:
        from matplotlib.patches import Polygon as Outline

        look = self.theme.look(polygon.role)
        self._add(
            axes, Outline(polygon.points, fc=look.fill, ec=look.stroke, lw=self.points, joinstyle="round", closed=True)
        )

    def _line(self, axes: "Axes", line: Polyline) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.patches import Polygon as Outline
        from matplotlib.path import Path

        drawn = stroke(line.points, line.arrow)
        vertices, codes = [drawn.start], [Path.MOVETO]
        for corner in drawn.corners:
            vertices += corner
            codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
        path = Path([*vertices, drawn.end], [*codes, Path.LINETO])
        self._add(axes, PathPatch(path, fc="none", ec=self.theme.line, lw=1.25 * self.points, capstyle="butt"))
        if drawn.head:
            self._add(axes, Outline(drawn.head, fc=self.theme.line, ec="none", closed=True))
        for label in line.labels:
            self._label(axes, label)

    def _label(self, axes: "Axes", label: TextLabel) -> None:
        self.layer += 1
        axes.text(
            label.x,
            label.y,
            self.fonts.writable(plain(label.text), label.bold),
            fontproperties=self.fonts.fonts[label.bold],
            fontsize=label.size * self.points,
            color=self.theme.ink(label.role),
            ha=ANCHORS[label.anchor],
            va="baseline",
            zorder=self.layer,
            parse_math=False,
            usetex=False,
        )

    def _add(self, axes: "Axes", patch: Any) -> None:
        self.layer += 1
        patch.set_zorder(self.layer)
        patch.set_snap(False)
        axes.add_patch(patch)
