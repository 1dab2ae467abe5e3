"""Names for values and blocks, that the language can write and a person can read."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from cnndsl import ops
from cnndsl.ir import Graph
from cnndsl.lang.decompile.printer import identifier
from cnndsl.lang.decompile.stages import For, LayerStage, Repeat, Stage, Use, alias, inner, reads, sources
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


class BlockNames:
    """A name for every block, all different and none in ``taken``.

    What the pieces of a block were in the network already, they are again; otherwise what their layers are called in
    common, or what the block is.
    """

    def __init__(self, network: Graph, taken: set[str]) -> None:
        self.taken = taken
        self._paths = {node.name: node.path for node in network.layers}
        self._blocks = {instance.path: instance.block for instance in network.instances}
        self._sizes = Counter(path[:depth] for path in self._paths.values() for depth in range(1, len(path) + 1))

    def __call__(self, pieces: Sequence[Sequence[Stage]]) -> str:
        names = [name for piece in pieces for name in sources(piece) if name is not None]
        base = self._instance(pieces) or _common_word(names) or _kind(pieces[0])
        name, number = base, 1
        while snake_case(name) in self.taken or name in ops.NAMES or name.lower() in KEYWORDS:
            number += 1
            name = f"{base}{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number - 1]}" if number <= 26 else f"{base}_{number}"
        self.taken.add(snake_case(name))
        return name

    def _instance(self, pieces: Sequence[Sequence[Stage]]) -> str:
        """The block that all pieces were instances of, or most of such; "" if there is none."""
        found = {self._block(piece) for piece in pieces} if self._blocks else set()
        return identifier(found.pop().strip("_")) if len(found) == 1 and "" not in found else ""

    def _block(self, piece: Sequence[Stage]) -> str:
        """The block whose instance has most in common with the piece: more layers than either has beside them."""
        names = [name for name in sources(piece) if name is not None]
        within = Counter(self._paths[name][:depth] for name in names for depth in range(1, len(self._paths[name]) + 1))
        whole = not any(map(_holds_written, piece))
        best, least = "", 1.0
        for path, count in sorted(within.items(), key=lambda item: -len(item[0])):
            apart = len(names) - count + (self._sizes[path] - count if whole else 0)
            if apart / count < least:
                best, least = self._blocks.get(path, ""), apart / count
        return best


def _holds_written(stage: Stage) -> bool:
    """Whether some of the layers in a stage are written elsewhere, or count several times."""
    return isinstance(stage, Use | Repeat | For) or any(map(_holds_written, chain(*inner(stage))))


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
