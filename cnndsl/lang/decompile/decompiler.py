"""A graph as text that a person would have written; reading it back gives the same graph.

Sequences are folded to ``->``, merges get their branches, and what repeats is written once: as a block, a ``repeat``,
or a ``for`` over a table. :func:`cnndsl.lang.decompile.printer.print_network` writes one line a layer instead.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError
from cnndsl.ir import Graph, Node
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.branches import Stages
from cnndsl.lang.decompile.names import BlockNames
from cnndsl.lang.decompile.printer import identifier, input_shape, print_network, symbol_lines, train_lines
from cnndsl.lang.decompile.rerolling import BlockDefinition, Roller
from cnndsl.lang.decompile.stages import Value, sources
from cnndsl.lang.decompile.sums import flattened
from cnndsl.lang.decompile.text import Writer
from cnndsl.lang.elaborate.naming import snake_case
from cnndsl.limits import DEFAULT_LIMITS

T = TypeVar("T")

LARGER_BLOCKS = 1.1
"""How much longer a text may be whose blocks hold one merge each, not several."""
LONGEST_TEXT = 1 << 26
"""Bytes of a text with one line a layer, which is longer than what a person would write."""


class Decompiled(NamedTuple):
    """The text, the graph that it gives, and what each of that graph's layers is called in the original."""

    text: str
    network: Graph
    names: Mapping[str, str]
    """An ``identity`` that is in the text alone has none."""

    def renamed(self, weights: Mapping[str, T]) -> dict[str, T]:
        """The original's tensors by the names of the text."""
        keys = (
            (key, self.names[node.name] + key.removeprefix(node.name)) for key, node, _ in self.network.all_weights()
        )
        return {key: weights[original] for key, original in keys}

    def renamed_modules(self, modules: Mapping[str, str]) -> dict[str, str]:
        """What the original's layers and weights are called elsewhere, by the names of the text."""
        found: dict[str, str] = {}
        for key, node, _ in self.network.all_weights():
            name = self.names[node.name]
            originals = {node.name: name, key: name + key.removeprefix(node.name)}
            found |= {new: modules[original] for new, original in originals.items() if original in modules}
        return found


def decompile(network: Graph, folded: bool = True) -> Decompiled:
    """The network as text. Without ``folded``, and where folding does not give the same graph, it is one line a layer.

    Such a graph has more merges inside merges, or more layers, than a text may have.
    """
    if not folded:
        return _flat(network)
    simpler = flattened(network)
    orders = [Stages(simpler), Stages(simpler, given_order=True)]
    found: list[tuple[float, str, list[str | None]]] = []
    for stages in orders if orders[0].listed != orders[1].listed else orders[:1]:
        order = list(sources(stages.listed))
        text, several = _written(simpler, stages, single=True)
        found.append((text.count("\n"), text, order))
        if several:
            text, _ = _written(simpler, stages, single=False)
            found.append((text.count("\n") * LARGER_BLOCKS, text, order))
    for _, text, order in sorted(found, key=lambda choice: choice[0]):
        if (checked := _checked(simpler, text, order)) is not None:
            return checked
    return _flat(network)


def _written(network: Graph, stages: Stages, single: bool) -> tuple[str, bool]:
    """The text, and whether it might have blocks with several merges."""
    blocks: dict[str, BlockDefinition] = {}
    writer = Writer(blocks)
    inputs = _inputs(network, stages)
    values = set(stages.names.given.values())
    name = BlockNames(network, {*map(snake_case, values), network.name})
    outputs = [Value(stages.names[name]) for name in network.outputs]
    roller = Roller(lambda piece: len(writer.lines(piece)), name, outputs, values, single)
    rolled = roller.rolled(stages.listed)
    blocks.update((block.name, block) for block in roller.blocks)
    lines = [line for block in roller.blocks for line in (*writer.block(block), "")]
    title = identifier(network.name)
    body = [*inputs, *writer.lines(rolled)]
    if network.outputs != (next(reversed(list(sources(stages.listed))), network.inputs[-1].name),):
        body.append("output " + " ".join(value.text for value in roller.results))
    body.append(f"expect params == {Measured(network).params:_}")
    body += train_lines(network)
    # Blocks see the symbols of the file, not those of the network.
    lines = [*symbol_lines(network), *lines]
    return "\n".join([*lines, f"network {title} {{", *(f"  {line}" for line in body), "}"]) + "\n", roller.passed_over


def _inputs(network: Graph, stages: Stages) -> list[str]:
    lines = []
    for value in network.inputs:
        dtype = "" if value.dtype == "float32" else f" dtype={value.dtype}"
        name = stages.names[value.name]
        alias = f" as {name}" if value.name in stages.named or value.name != "input" else ""
        lines.append(f"input {input_shape(value)}{dtype}{alias}")
    return lines


def _checked(network: Graph, text: str, order: Sequence[str | None]) -> Decompiled | None:
    """The text with its graph, if that is the same as the network's."""
    compiled = compile_text(text, "decompiled")
    if len(compiled.networks) != 1 or any(found.severity == "error" for found in compiled.diagnostics):
        return None
    (found,) = compiled.networks
    nodes = {node.name: node for node in network.layers}
    names = {}
    pending = deque(order)
    for layer in found.layers:
        name = pending[0] if pending else None
        if name is None or layer.op.operator != "identity" or nodes[name].op.operator == "identity":
            if pending:
                pending.popleft()
            if name is not None:
                names[layer.name] = name
    return Decompiled(text, found, names) if not pending and same_graph(found, network, names) else None


def same_graph(found: Graph, original: Graph, names: Mapping[str, str]) -> bool:
    """Whether the graphs are one but for names, order and sums of sums; ``names`` are the original's by those of
    ``found``.

    Layers of ``found`` without a name there must be identities.
    """
    found, original = flattened(found), flattened(original)
    names = {node.name: names[node.name] for node in found.layers if node.name in names}
    if len(names) != len(original.layers) or len(found.inputs) != len(original.inputs):
        return False
    values = {a.name: b.name for a, b in zip(found.inputs, original.inputs, strict=True)}
    nodes = {node.name: node for node in original.layers}
    inputs = zip(found.inputs, original.inputs, strict=True)
    if any((a.shape, a.dtype) != (b.shape, b.dtype) or not _alike(a.extents, b.extents) for a, b in inputs):
        return False
    for node in found.layers:
        if node.name not in names:
            if node.op.operator != "identity":
                return False
            values[node.name] = values[node.inputs[0]]
            continue
        other = nodes.get(names[node.name])
        if other is None or [values[name] for name in node.inputs] != list(other.inputs):
            return False
        values[node.name] = other.name
        if not _same_layer(node, other) or (node.share and values[node.share]) != other.share:
            return False
    return tuple(values[name] for name in found.outputs) == original.outputs


def _same_layer(node: Node, other: Node) -> bool:
    """Whether two layers do the same; sizes may be written as one number or one per axis."""
    if type(node.op) is not type(other.op) or node.shape != other.shape:
        return False
    if node.symbolic.keys() != other.symbolic.keys():
        return False
    if not all(_alike(texts, other.symbolic[name]) for name, texts in node.symbolic.items()):
        return False
    mine, theirs = node.op.model_dump(), other.op.model_dump()
    for fields in (mine, theirs):
        if fields.get("stride", 1) is None:
            fields["stride"] = fields["kernel"]
    return all(_plain(mine[name]) == _plain(theirs[name]) for name in mine)


def _alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether expressions are the same, however they are spaced."""
    if not (one or other):
        return True
    from cnndsl.extents.expression import same

    return len(one) == len(other) and all(map(same, one, other))


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
