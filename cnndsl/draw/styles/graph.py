"""``--style graph``: operators as boxes in the order of the flow, branches side by side, blocks folded or framed."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.draw.canvas.scene import Box, Frame, Glyph, Point, Polyline, Scene, TextLabel
from cnndsl.draw.canvas.scene import Drawable as Drawn
from cnndsl.draw.canvas.text_metrics import shortened, width
from cnndsl.draw.layout.layered import STANDARD, BoxGroup, Rectangle, Size
from cnndsl.draw.layout.pages import paged
from cnndsl.draw.layout.u_columns import u_columns
from cnndsl.draw.layout.u_shape import descent
from cnndsl.draw.outline import Opened, Outline, Unit, outline
from cnndsl.draw.page import ANY_PAGE, Page
from cnndsl.draw.styles.captions import CONTINUED, facts, family, frame_titles, repeated, results

MARGIN = 16.0
PADDING = 12.0
TITLE, SMALL = 12.0, 10.0
LONGEST = 290.0
"""The room for one line of text in a box."""

LONGEST_TITLE = 2_000
"""Characters of an operator with its arguments that are looked at: tables of weights are longer."""

NARROWEST = 104.0
HEAD, LINE, STRIP, PILL = 40.0, 26.0, 19.0, 26.0
"""Heights of a box with two lines and with one, of what follows pointwise, of inputs and outputs."""

SHEET = 4.0
"""How far the boxes behind a repeated one stand out."""

FRAME_TITLE = 20.0

ARRIVAL = 12.0
"""The length of a border for each line that arrives there."""

QUIET = ("bias=", "weight=", "connect=", "eps=", "momentum=", "init=")
"""Arguments that the boxes leave out."""


class Part(NamedTuple):
    """One glyph of a stack before it has a place."""

    name: str
    layers: tuple[str, ...]
    hint: str
    role: str
    height: float
    lines: tuple[str, ...]
    sheets: int = 0


class Stack(NamedTuple):
    """A box and what follows it pointwise, without a line between them.

    ``label`` is the shape of what flows out, ``extent`` how many places that has.
    """

    parts: tuple[Part, ...]
    label: str
    extent: int = 0

    @property
    def width(self) -> float:
        texts = (_text_width(part, index) for part in self.parts for index in range(len(part.lines)))
        widest = max(texts) + 2 * PADDING
        narrow = len(self.parts) == 1 and len(self.parts[0].lines) == 1
        return float(round(max(widest, 56.0 if narrow else NARROWEST) / 4 + 0.5) * 4)

    @property
    def height(self) -> float:
        return sum(part.height for part in self.parts)

    def with_height(self, least: float) -> "Stack":
        """The same, its first part higher if it needs that."""
        first, *others = self.parts
        missing = max(0.0, least - self.height)
        return self._replace(parts=(first._replace(height=first.height + missing), *others))


def graph_scene(network: Measured, depth: int | Opened = 0, page: Page = ANY_PAGE) -> Scene:
    """The picture from above to below; block instances nested deeper than ``depth`` are one box, others are framed.

    Norms, activations and dropout stand directly under the layer that alone feeds them. Raises CnnError as
    :func:`cnndsl.draw.outline.outline`.
    """
    found = outline(network, depth)
    stacks, edges, first = _stacks(found)
    arrivals = [0] * len(stacks)
    for _, target in edges:
        arrivals[target] += 1
    direction = page.direction("down")
    if direction == "right":
        stacks = [stack.with_height(ARRIVAL * arrivals[index]) for index, stack in enumerate(stacks)]
    sizes = [
        Size(max(stack.width, ARRIVAL * arrivals[index]), stack.height, _label_size(stack.label))
        for index, stack in enumerate(stacks)
    ]
    groups = [_group(frame.units, repeated(frame.title, frame.repeat), first) for frame in found.frames]
    shape = descent(len(sizes), edges, [stack.extent for stack in stacks]) if direction == "down" else None
    if shape and not groups and not page.columns:
        placed = u_columns(shape, sizes, edges, STANDARD)
    else:
        placed = paged(sizes, edges, direction, groups=groups, page=page)
    glyphs: list[Glyph] = []
    parts: list[list[Glyph]] = []
    for stack, size, (x, y) in zip(stacks, sizes, placed.positions, strict=True):
        drawn = list(_glyphs(stack, size.width, x + MARGIN, y + MARGIN))
        parts.append(drawn)
        glyphs.extend(drawn)
    lines: list[Polyline] = []
    labelled: set[int] = set()
    for (source, target), route in zip(edges, placed.routes, strict=True):
        labels = () if source in labelled else (_label(stacks[source].label, placed.labels[source]),)
        labelled.add(source)
        points = tuple((x + MARGIN, y + MARGIN) for x, y in route)
        begin, end = _touched(parts[source], points[0][1]), _touched(parts[target], points[-1][1])
        lines.append(Polyline(begin, end, points, labels))
    titles = frame_titles(found, placed)
    frames = tuple(
        Frame(title, x + MARGIN, y + MARGIN, wide, high, found.frames[block].depth, block)
        for title, block, (x, y, wide, high) in zip(titles, placed.groups, placed.frames, strict=True)
    )
    wide, high = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    return Scene(network.name, facts(network), wide, high, tuple(glyphs), tuple(lines), frames)


def _touched(parts: Sequence[Glyph], y: float) -> str:
    """The part of a stack that a line begins or ends at."""
    return next((part.name for part in parts if y < part.y + part.height), parts[-1].name)


# --- stacks ---
def _stacks(found: Outline) -> tuple[list[Stack], list[tuple[int, int]], list[int]]:
    """The stacks, the edges between them, and for every unit the first stack that stands at it or behind it."""
    sources: list[list[int]] = [[] for _ in found.units]
    readers: list[list[int]] = [[] for _ in found.units]
    shapes: list[dict[str, str]] = [{} for _ in found.units]
    for edge in found.edges:
        sources[edge.target].append(edge.source)
        readers[edge.source].append(edge.target)
        shapes[edge.source][edge.shape] = edge.value
    around = _around(found)
    head: list[int] = []
    members: dict[int, list[int]] = {}
    for index, unit in enumerate(found.units):
        before = sources[index][0] if len(sources[index]) == 1 else None
        joins = (
            before is not None
            and around[before] == around[index]
            and readers[before] == [index]
            and _follows(unit, found.units[before])
        )
        head.append(head[before] if joins and before is not None else index)
        members.setdefault(head[-1], []).append(index)
    place_of = {index: place for place, index in enumerate(members)}
    stacks = []
    for units in members.values():
        last = units[-1]
        label = ", ".join(shapes[last]) if shapes[last] else found.units[last].shown
        parts = [_part(found.units[units[0]]), *(_strip(found.units[one]) for one in units[1:])]
        stacks.append(Stack(tuple(parts), label, prod(found.units[last].shape.spatial)))
    edges = dict.fromkeys(
        (place_of[head[edge.source]], place_of[head[edge.target]])
        for edge in found.edges
        if head[edge.source] != head[edge.target]
    )
    several = sum(len(unit.outputs) for unit in found.units) > 1
    for origin, name, shape in results(found):
        edges[place_of[head[origin]], len(stacks)] = None
        stacks.append(Stack((_output(name, shape, several),), ""))
    first = [0] * (len(found.units) + 1)
    for index in range(len(found.units)):
        first[index + 1] = first[index] + (head[index] == index)
    return stacks, list(edges), first


def _around(found: Outline) -> list[int]:
    """The innermost frame around every unit, -1 for none."""
    around = [-1] * len(found.units)
    for index, frame in sorted(enumerate(found.frames), key=lambda pair: pair[1].depth):
        for unit in frame.units:
            around[unit] = index
    return around


def _follows(unit: Unit, before: Unit) -> bool:
    """Whether a unit stands directly under the one before it. Under a folded block it would read as a part of that."""
    if unit.kind != "layer" or before.kind != "layer" or before.output:
        return False
    return unit.layers[0].node.op.follows and unit.shape == before.shape


def _group(units: Sequence[int], title: str, first: Sequence[int]) -> BoxGroup:
    """The stacks of a frame."""
    return BoxGroup(first[units[0]], first[units[-1] + 1], (width(CONTINUED + title, 11, bold=True) + 8, FRAME_TITLE))


# --- parts ---
def _part(unit: Unit) -> Part:
    names = tuple(layer.name for layer in (*unit.layers, *unit.others))
    if unit.kind == "input":
        return Part(unit.name, (), f"{unit.name}: input {unit.shown}", "input", PILL, (unit.name,))
    counted = f"{unit.params:,} params"
    if unit.kind == "block":
        count = len(unit.row)
        lines = (repeated(unit.title, unit.repeat), f"{count} layer{'' if count == 1 else 's'}, {counted}")
        hint = f"{unit.name}: {unit.title}, {lines[1]}, {unit.shown}"
        return Part(unit.name, names, hint, "block", HEAD + (2 * SHEET if unit.repeat > 1 else 0), lines, unit.repeat)
    title = _brief(unit.title)
    if family(unit) == "merge":
        return Part(unit.name, names, _hint(unit), "merge", LINE, (title,))
    second = f"{_own(unit)}, {counted}" if unit.params else _own(unit)
    return Part(unit.name, names, _hint(unit), family(unit), HEAD, (title, second))


def _strip(unit: Unit) -> Part:
    names = tuple(layer.name for layer in (*unit.layers, *unit.others))
    return Part(unit.name, names, _hint(unit), family(unit), STRIP, (_brief(unit.title),))


def _output(name: str, shape: str, several: bool) -> Part:
    return Part(
        f"{name} (output)", (name,), f"{name}: output {shape}", "output", PILL, (name if several else "output",)
    )


def _own(unit: Unit) -> str:
    """A layer's name inside its block."""
    return unit.name.rpartition(".")[2]


def _hint(unit: Unit) -> str:
    layer = unit.layers[0]
    said = [f"{unit.name}: {unit.title}", unit.shown]
    if layer.params:
        said.append(f"{layer.params:,} params")
    if layer.macs:
        said.append(f"{layer.macs:,} MACs")
    return ", ".join(said)


def _brief(title: str) -> str:
    """An operator with the arguments that matter in a picture, without lists."""
    words, nested = [], 0
    for word in title[:LONGEST_TITLE].split(" "):
        if not nested and "[" not in word and not word.startswith(QUIET):
            words.append(word)
        nested += word.count("[") - word.count("]")
    return " ".join(words)


# --- drawing ---
def _text_width(part: Part, index: int) -> float:
    size, bold = (SMALL, False) if index or part.height == STRIP else (TITLE, True)
    return min(width(part.lines[index], size, bold), LONGEST)


def _label_size(text: str) -> tuple[float, float]:
    return (width(text, SMALL), SMALL + 2) if text else (0, 0)


def _label(text: str, room: Rectangle) -> TextLabel:
    return TextLabel(room.x + MARGIN, room.y + MARGIN + SMALL, text, SMALL, "start", "faint")


def _glyphs(stack: Stack, wide: float, x: float, y: float) -> Iterator[Glyph]:
    for part in stack.parts:
        yield Glyph(part.name, part.layers, part.hint, x, y, wide, part.height, tuple(_shapes(part, wide, (x, y))))
        y += part.height


def _shapes(part: Part, wide: float, corner: Point) -> Iterator[Drawn]:
    x, y = corner
    high = part.height
    if part.sheets > 1:
        high -= 2 * SHEET
        for turn in (2, 1):
            yield Box(x + turn * SHEET, y + turn * SHEET, wide - 2 * SHEET, high, part.role, 4)
        wide -= 2 * SHEET
    pill = part.role in ("input", "output")
    strip = part.height == STRIP
    yield Box(x, y, wide, high, part.role, high / 2 if pill else 0 if strip else 4)
    middle = x + wide / 2
    size, bold = (SMALL, False) if strip else (TITLE, True)
    above = y + (high - 13 if len(part.lines) > 1 else high) / 2 + 0.35 * size
    room = LONGEST
    yield TextLabel(middle, above, shortened(part.lines[0], size, room, bold), size, "middle", "text", bold)
    for line in part.lines[1:]:
        yield TextLabel(middle, above + 14, shortened(line, SMALL, room), SMALL, "middle", "faint")
