"""What the units of an outline are called and which family's colours they have, for formats that lay out themselves."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.draw.layout.layered import Placement
from cnndsl.draw.outline import Outline, Unit

LINE_LENGTH = 48

CONTINUED = "… "
"""Before the title of a frame that goes on from another row."""


class OutlineStep(NamedTuple):
    """A unit in order, or the beginning or end of the frame around the next ones; ``place`` is where it is listed."""

    kind: Literal["open", "unit", "close"]
    place: int


def family(unit: Unit) -> str:
    """The family of a unit's colours: that of its operator, or what kind of unit it is."""
    if unit.kind == "layer":
        return type(unit.layers[0].node.op).__module__.rpartition(".")[2]
    return unit.kind


def caption(unit: Unit) -> tuple[str, ...]:
    """The lines of a unit's label."""
    if unit.kind == "input":
        return (cut(unit.name),)
    if unit.kind == "layer":
        return cut(unit.title), cut(unit.name)
    count = len(unit.row)
    return repeated(unit.title, unit.repeat), f"{count} layer{'' if count == 1 else 's'}, {unit.params:,} params"


def facts(network: Measured) -> str:
    """A network in numbers, and the sizes that they are for if there are several."""
    count = len(network.layers)
    sizes = f" for {network.numbers_for}" if network.symbols else ""
    return f"{count:,} layer{'' if count == 1 else 's'}, {network.params:,} parameters, {network.macs:,} MACs{sizes}"


def repeated(title: str, count: int) -> str:
    return cut(title) + (f" x {count}" if count > 1 else "")


def cut(text: str, length: int = LINE_LENGTH) -> str:
    """At most ``length`` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def frame_titles(outline: Outline, placed: Placement) -> Iterator[str]:
    """The titles of all frames; of a block that is parted, the later pieces say so."""
    seen: set[int] = set()
    for block in placed.groups:
        frame = outline.frames[block]
        yield (CONTINUED if block in seen else "") + repeated(frame.title, frame.repeat)
        seen.add(block)


def steps(outline: Outline) -> Iterator[OutlineStep]:
    """The units in order, each frame opened before its first member and closed behind its last."""
    begins: dict[int, list[int]] = {}
    for index in sorted(range(len(outline.frames)), key=lambda index: outline.frames[index].depth):
        begins.setdefault(outline.frames[index].units[0], []).append(index)
    inside: list[int] = []
    for unit in range(len(outline.units)):
        for index in begins.get(unit, ()):
            inside.append(index)
            yield OutlineStep("open", index)
        yield OutlineStep("unit", unit)
        while inside and outline.frames[inside[-1]].units[-1] == unit:
            yield OutlineStep("close", inside.pop())


def results(outline: Outline) -> Iterator[tuple[int, str, str]]:
    """The network's outputs: the unit that makes each, its name and its shape as text."""
    for index, unit in enumerate(outline.units):
        shapes = {layer.name: layer.shown for layer in (*unit.layers, *unit.others)}
        for name in unit.outputs:
            yield index, name, shapes.get(name, unit.shown)
