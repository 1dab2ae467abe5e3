"""The explanations of all layers, packed: pieces that are the same in many layers are stored once."""

import re
from typing import NamedTuple

from cnndsl.analysis.arithmetic import arithmetic
from cnndsl.analysis.measured import Measured
from cnndsl.report import explained

PIECE = re.compile(r"(?<=</tr>)|(?<=</td>)|(?<=</dt>)|(?<=</dd>)|(?<=</h3>)|(?<=</p>)|(?<=</th>)")

MOST_CHARACTERS = 1_000_000
"""Of all explanations, packed; the layers behind are left to the command line."""


class Explanations(NamedTuple):
    """``pieces`` of HTML, and for the layers in order the indices of the pieces that make each one's fragment."""

    pieces: list[str]
    layers: list[list[int]]


def explanations(network: Measured) -> Explanations:
    """The arithmetic of the layers as HTML, of all of them unless there are thousands."""
    known: dict[str, int] = {}
    layers: list[list[int]] = []
    size = 0
    for name in network.layers:
        pieces = [piece for piece in PIECE.split(explained.html(arithmetic(network, name))) if piece]
        size += sum(len(piece) for piece in pieces if piece not in known)
        layers.append([known.setdefault(piece, len(known)) for piece in pieces])
        size += sum(len(str(index)) + 1 for index in layers[-1])
        if size > MOST_CHARACTERS:
            break
    return Explanations(list(known), layers)
