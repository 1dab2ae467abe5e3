"""Words along a chart: which layers are named below it, and which numbers stand in it."""

from collections.abc import Sequence

from cnndsl.analysis.measured import Layer
from cnndsl.report.markup import text

MOST_NAMES, FEW_NAMES = 40, 14
"""Names below a chart, and below one on a phone."""
LONGEST = 20
"""Characters of a name; of longer ones the end is shown, which tells them apart."""
ROOM = {"": 0.027, "minor": 0.0125, "roomy": 0.0085}
"""Of the width for a character of a number: on a phone, on paper, and on a wide screen."""


def names_html(layers: Sequence[Layer]) -> str:
    """The layers' names on end, all where there is room, else where blocks begin; ``minor`` are not for phones."""
    starts = _starts(layers)
    shown = sorted(_spread(starts, len(layers) / MOST_NAMES))
    major = set(_spread([index for index in starts if index in shown], len(layers) / FEW_NAMES))
    names = {index: _shortened(_name(layers, index, len(shown) < len(layers))) for index in shown}
    longest = max(map(len, names.values()))
    spans = "".join(
        f'<span{"" if index in major else " class=minor"} style="left:{place(index, len(layers))}%">{text(name)}</span>'
        for index, name in names.items()
    )
    return f'<div class="layers" aria-hidden="true" style="--longest:{longest}">{spans}</div>'


def _starts(layers: Sequence[Layer]) -> list[int]:
    """All layers; of many the first of each outermost block, and then those outside of blocks."""
    if len(layers) <= MOST_NAMES:
        return list(range(len(layers)))
    units = [layer.node.path[:1] or (layer.name,) for layer in layers]
    starts = [index for index, unit in enumerate(units) if index == 0 or unit != units[index - 1]]
    return sorted(starts, key=lambda index: not layers[index].node.path)


def _name(layers: Sequence[Layer], index: int, folded: bool) -> str:
    layer = layers[index]
    return layer.node.path[0] if folded and layer.node.path else layer.name


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"


def values_html(shares: Sequence[float], shown: Sequence[str]) -> str:
    """Numbers at the tops of a chart's highest places, ``shares`` of its height; where they would meet, the highest.

    Of class ``roomy`` are those for wide screens alone, ``minor`` those for all but phones.
    """
    widths = {kind: len(shares) * room * (max(map(len, shown)) + 0.5) for kind, room in ROOM.items()}
    near = int(widths["roomy"] / 2)
    highest = sorted((index for index, share in enumerate(shares) if share), key=lambda index: -shares[index])
    peaks = [index for index in highest if shares[index] >= max(shares[max(index - near, 0) : index + near + 1])]
    kinds: dict[int, str] = {}
    for kind, width in widths.items():
        for index in _spread([*kinds, *peaks], width):
            kinds.setdefault(index, kind)
    return "".join(
        f'<span class="value{kind and " "}{kind}" style="left:{place(index, len(shares))}%;'
        f'bottom:{round(100 * shares[index], 2):g}%">{shown[index]}</span>'
        for index, kind in sorted(kinds.items())
    )


def _spread(indices: Sequence[int], least: float) -> list[int]:
    """Those that are at least so far from every one before them."""
    kept: list[int] = []
    for index in indices:
        if all(abs(index - other) >= least for other in kept):
            kept.append(index)
    return kept


def place(index: int, count: int) -> str:
    """The middle of a layer's column, in percent."""
    return f"{100 * (index + 0.5) / count:.2f}".rstrip("0").rstrip(".")
