"""Names for values and blocks, that the language can write and a person can read."""

import re
from collections.abc import Sequence

from cnndsl import ops
from cnndsl.ir import Graph
from cnndsl.lang.decompile.printer import identifier
from cnndsl.lang.decompile.stages import LayerStage, Stage, Use, alias, inner, reads, sources
from cnndsl.lang.elaborate.naming import KEYWORDS, snake_case

LONGEST_NAME = 24
"""Characters of a name that is kept; of a longer one ``SHORT_NAME`` remain."""
SHORT_NAME = 20
SHORTEST_WORD = 4

_AUTOMATIC = re.compile(rf"({'|'.join(ops.NAMES)})_?\d*")
_OUTER = ("model", "net", "network", "backbone", "module", "features", "layers", "stages", "blocks", "branches")
"""Words that say nothing of a layer: what its network and its parts are called."""
_GENERIC = {"layer", "conv", "node", "stage", "block", "branch", *_OUTER, *ops.NAMES}
_GROWS = ("upsample", "resize", "conv_transpose", "unpool")


class ValueNames:
    """A name for every value that must have one, all different, given when it is first asked for."""

    def __init__(self, network: Graph) -> None:
        self.given: dict[str, str] = {}
        self._operators = {node.name: node.op.operator for node in network.layers}
        self._taken: set[str] = set()

    def __getitem__(self, name: str) -> str:
        if name not in self.given:
            self.given[name] = self._fresh(name)
        return self.given[name]

    def _fresh(self, name: str) -> str:
        plain = "x" if name == "input" else _short(identifier(name))
        if name[:1].isdigit():  # PyTorch counts the parts of a Sequential
            plain = f"{self._operators.get(name, 'input')}{plain}"
        if plain in ops.NAMES or plain in KEYWORDS:
            plain += "_"
        base, number = plain, 1
        while plain in self._taken:
            number += 1
            plain = f"{base}_{number}"
        self._taken.add(plain)
        return plain


def _short(name: str) -> str:
    """A long name by its first word that says something, and as many of its last ones as there is room for."""
    if len(name) <= LONGEST_NAME:
        return name
    words = [word for word in name.split("_") if word]
    while len(words) > 1 and (words[0] in _OUTER or words[0].isdigit()):
        del words[0]
    while len(words) > 1 and len("_".join(words)) > SHORT_NAME:
        del words[min(1, len(words) - 2)]
    return identifier("_".join(words)[:SHORT_NAME])


def block_name(pieces: Sequence[Sequence[Stage]], taken: set[str]) -> str:
    """What the layers of all pieces are called in common, otherwise what the block is."""
    names = [name for piece in pieces for name in sources(piece) if name is not None]
    base = _common_word(names) or _kind(pieces[0])
    name, number = base, 1
    while snake_case(name) in taken or name in ops.NAMES or name.lower() in KEYWORDS:
        number += 1
        name = f"{base}{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number - 1]}" if number <= 26 else f"{base}_{number}"
    return name


def _common_word(names: Sequence[str]) -> str:
    """``Inception`` for inception_3a/1x1 and inception_3b/pool; "" where the names share no word."""
    words = [re.match(r"[A-Za-z]*", name) for name in names if not _AUTOMATIC.fullmatch(name)]
    found = {word.group().lower() for word in words if word}
    if len(found) != 1:
        return ""
    (word,) = found
    plain = len(word) < SHORTEST_WORD or word in _GENERIC or word.endswith("conv")
    return "" if plain else word.capitalize()


def _kind(piece: Sequence[Stage]) -> str:
    """A name by what a block does."""
    merges = [stage for stage in piece if isinstance(stage, LayerStage) and stage.branches is not None]
    if len(merges) != 1:
        return "Cell" if merges or any(isinstance(stage, Use) for stage in piece) else "Unit"
    branches = merges[0].branches or ()
    if {name for stage in piece for name in reads(stage)} - set(map(alias, piece)):
        return "Up" if _grows(piece) else "Fuse"
    identity = any(not branch for branch in branches)
    if merges[0].operator == "add":
        return "Residual" if identity else "Projection" if len(branches) == 2 else "Branches"
    if merges[0].operator == "concat":
        return "DenseLayer" if identity and len(branches) == 2 else "Inception"
    return "Gate" if merges[0].operator == "mul" else "Merge"


def _grows(stages: Sequence[Stage]) -> bool:
    return any(
        (isinstance(stage, LayerStage) and stage.operator in _GROWS) or any(map(_grows, inner(stage)))
        for stage in stages
    )
