"""A graph as text that a person would have written; reading it back gives the same graph.

Sequences are folded to ``->``, merges get their branches, and what repeats is written once: as a block, a ``repeat``,
or a ``for`` over a table. :func:`cnndsl.lang.decompile.printer.print_network` writes one line a layer instead.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnndsl import ops
from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError
from cnndsl.ir import Graph, Node
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.branches import Stages
from cnndsl.lang.decompile.printer import identifier, print_network
from cnndsl.lang.decompile.rerolling import BlockDefinition, Roller
from cnndsl.lang.decompile.stages import LayerStage, Stage, sources
from cnndsl.lang.decompile.text import Writer
from cnndsl.lang.elaborate.naming import KEYWORDS, snake_case
from cnndsl.limits import DEFAULT_LIMITS

SHORTEST_WORD = 4
LONGEST_TEXT = 1 << 26
"""Bytes of a text with one line a layer, which is longer than what a person would write."""

_AUTOMATIC = re.compile(rf"({'|'.join(ops.NAMES)})_?\d*")


class Decompiled(NamedTuple):
    """The text, the graph that it gives, and what each of that graph's layers is called in the original."""

    text: str
    network: Graph
    names: Mapping[str, str]
    """An ``identity`` that is in the text alone has none."""


def decompile(network: Graph, folded: bool = True) -> Decompiled:
    """The network as text. Without ``folded``, and where folding does not give the same graph, it is one line a layer.

    Such a graph has more merges inside merges, or more layers, than a text may have.
    """
    if not folded:
        return _flat(network)
    stages = Stages(network)
    listed = stages.stages()
    order = list(sources(listed))
    text = _written(network, stages, listed)
    return _checked(network, text, order) or _flat(network)


def _written(network: Graph, stages: Stages, listed: list[Stage]) -> str:
    blocks: dict[str, BlockDefinition] = {}
    writer = Writer(blocks)
    taken = {snake_case(name) for name in stages.names.values()} | {network.name}

    def name(pieces: Sequence[Sequence[Stage]]) -> str:
        chosen = _block_name(pieces, taken)
        taken.add(snake_case(chosen))
        return chosen

    roller = Roller(lambda piece: len(writer.lines(piece)), name)
    rolled = roller.rolled(listed)
    blocks.update((block.name, block) for block in roller.blocks)
    lines = [line for block in roller.blocks for line in (*writer.block(block), "")]
    title = identifier(network.name)
    body = [*_inputs(network, stages), *writer.lines(rolled)]
    outputs = network.outputs
    if outputs != (next(reversed(list(sources(listed))), network.inputs[-1].name),):
        body.append("output " + " ".join(stages.names[name] for name in outputs))
    body.append(f"expect params == {Measured(network).params:_}")
    return "\n".join([*lines, f"network {title} {{", *(f"  {line}" for line in body), "}"]) + "\n"


def _inputs(network: Graph, stages: Stages) -> list[str]:
    lines = []
    for value in network.inputs:
        dtype = "" if value.dtype == "float32" else f" dtype={value.dtype}"
        name = stages.names[value.name]
        alias = f" as {name}" if value.name in stages.named or value.name != "input" else ""
        lines.append(f"input {value.shape}{dtype}{alias}")
    return lines


def _checked(network: Graph, text: str, order: Sequence[str | None]) -> Decompiled | None:
    """The text with its graph, if that is the same as the network's."""
    compiled = compile_text(text, "decompiled")
    if len(compiled.networks) != 1 or any(found.severity == "error" for found in compiled.diagnostics):
        return None
    (found,) = compiled.networks
    names = {layer.name: name for layer, name in zip(found.layers, order, strict=False) if name is not None}
    return Decompiled(text, found, names) if same_graph(found, network, names) else None


def same_graph(found: Graph, original: Graph, names: Mapping[str, str]) -> bool:
    """Whether the graphs are one but for names and order; ``names`` are the original's by those of ``found``.

    Layers of ``found`` without a name there must be identities.
    """
    if len(names) != len(original.layers) or len(found.inputs) != len(original.inputs):
        return False
    values = {a.name: b.name for a, b in zip(found.inputs, original.inputs, strict=True)}
    nodes = {node.name: node for node in original.layers}
    inputs = zip(found.inputs, original.inputs, strict=True)
    if any((a.shape, a.dtype) != (b.shape, b.dtype) for a, b in inputs):
        return False
    for node in found.layers:
        if node.name not in names:
            if node.op.operator != "identity":
                return False
            values[node.name] = values[node.inputs[0]]
            continue
        other = nodes[names[node.name]]
        values[node.name] = other.name
        if [values[name] for name in node.inputs] != list(other.inputs) or not _same_layer(node, other):
            return False
        if (node.share and values[node.share]) != other.share:
            return False
    return tuple(values[name] for name in found.outputs) == original.outputs


def _same_layer(node: Node, other: Node) -> bool:
    """Whether two layers do the same; sizes may be written as one number or one per axis."""
    if type(node.op) is not type(other.op) or node.shape != other.shape:
        return False
    mine, theirs = node.op.model_dump(), other.op.model_dump()
    for fields in (mine, theirs):
        if fields.get("stride", 1) is None:
            fields["stride"] = fields["kernel"]
    return all(_plain(mine[name]) == _plain(theirs[name]) for name in mine)


def _plain(value: object) -> object:
    return value[0] if isinstance(value, tuple) and len(set(map(str, value))) == 1 and len(value) > 0 else value


def _flat(network: Graph) -> Decompiled:
    text = print_network(network)
    compiled = compile_text(text, "decompiled", limits=DEFAULT_LIMITS._replace(source_bytes=LONGEST_TEXT))
    if not compiled.networks:
        raise CnnError(compiled.diagnostics, compiled.sources)
    (found,) = compiled.networks
    pairs = zip(found.layers, network.layers, strict=True)
    return Decompiled(text, found, {layer.name: node.name for layer, node in pairs})


def _block_name(pieces: Sequence[Sequence[Stage]], taken: set[str]) -> str:
    """What the layers of all pieces are called in common, otherwise what the block is."""
    names = [name for piece in pieces for name in sources(piece) if name is not None]
    word = _common_word(names)
    base = word or _kind(pieces[0])
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
    generic = {"layer", "features", "conv", "node", "model", "net", "network", "backbone", "module", *ops.NAMES}
    plain = len(word) < SHORTEST_WORD or word in generic or word.endswith("conv")
    return "" if plain else word.capitalize()


def _kind(piece: Sequence[Stage]) -> str:
    """A name by what a block does."""
    merge = next((stage for stage in piece if isinstance(stage, LayerStage) and stage.branches), None)
    if merge is None or merge.branches is None:
        return "Unit"
    identity = any(not branch for branch in merge.branches)
    if merge.operator == "add":
        return "Residual" if identity else "Projection"
    if merge.operator == "concat":
        return "DenseLayer" if identity else "Inception"
    return "Gate" if merge.operator == "mul" else "Merge"
