"""Which blocks a picture opens when nobody says: as many as tell the idea of the network and fit on a page."""

from collections.abc import Iterator

from cnndsl.analysis.measured import Measured
from cnndsl.draw.outline import Nesting, Opened, Outline, Unit, nesting, outline
from cnndsl.errors import CnnError

FEWEST, MOST = 8, 30
"""Boxes that tell something of a network, and boxes that fit on a page."""


def telling(network: Measured) -> Opened:
    """The blocks to open: the outermost first, until there are :data:`FEWEST` boxes, never more than :data:`MOST`.

    Where all of a level would be too many, those blocks are opened that hold most layers, as far as there is room.
    Blocks of one name are opened together. A network that says enough by itself stays folded.
    """
    opened: Opened = frozenset()
    closed: set[Nesting] = set()
    while True:
        found = outline(network, opened)
        folded = {kind: count for kind, count in _folded(network, found).items() if kind not in closed}
        if boxes(found) >= FEWEST or not folded:
            return opened
        level = min(map(len, folded))
        kinds = [kind for kind in folded if len(kind) == level]
        if _fits(network, opened.union(kinds)):
            opened = opened.union(kinds)
            continue
        for kind in sorted(kinds, key=lambda kind: -folded[kind]):
            if _fits(network, opened | {kind}):
                opened |= {kind}
            else:
                closed.add(kind)


def boxes(found: Outline) -> int:
    """The units without those that are named at another: norms, activations, ``flatten``."""
    return sum(not _named_elsewhere(unit) for unit in found.units)


def _named_elsewhere(unit: Unit) -> bool:
    return unit.kind == "layer" and (unit.layers[0].node.op.follows or unit.layers[0].node.op.transparent)


def _fits(network: Measured, opened: Opened) -> bool:
    try:
        return boxes(outline(network, opened)) <= MOST
    except CnnError:  # far too many boxes
        return False


def _folded(network: Measured, found: Outline) -> dict[Nesting, int]:
    """The kinds of folded blocks, and how many layers each has."""
    counts: dict[Nesting, int] = {}
    for kind, count in _blocks(network, found):
        counts[kind] = counts.get(kind, 0) + count
    return counts


def _blocks(network: Measured, found: Outline) -> Iterator[tuple[Nesting, int]]:
    blocks = {instance.path: instance.block for instance in network.graph.instances}
    for unit in found.units:
        path = unit.layers[0].node.path if unit.layers else ()
        if unit.kind == "block" and unit.name in path:
            yield nesting(blocks, path[: path.index(unit.name) + 1]), len(unit.row)
