"""A graph as expanded .cnn text: one line a layer. Reading it back gives the same graph.

Names inside blocks (``bottleneck1.conv1``) become names that the language can write (``bottleneck1_conv1``).
"""

from collections.abc import Iterator

from cnndsl import ops
from cnndsl.ir import Graph, Input, Node
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.ops.fields import symbolic_shape


def print_network(network: Graph) -> str:
    """The network as text."""
    names = _plain_names(network)
    bound = _bound(network) | (set() if _numbered(network, names) else {node.name for node in network.layers})
    lines = [f"network {identifier(network.name)} {{", *(f"  {line}" for line in _lines(network, names, bound)), "}"]
    return "\n".join(lines) + "\n"


def identifier(name: str) -> str:
    """A name that the language can write."""
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
    return text if text.isidentifier() and text not in KEYWORDS else f"_{text}"


def _plain_names(network: Graph) -> dict[str, str]:
    """Every value's name in the text, all different."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for name in network.shapes:
        plain = identifier(name)
        while plain in taken:
            plain += "_"
        taken.add(plain)
        names[name] = plain
    return names


def _bound(network: Graph) -> set[str]:
    """The values that the text must name: read from elsewhere than the next line, shared, or results."""
    bound = {node.share for node in network.layers if node.share}
    current = network.inputs[-1].name
    for node in network.layers:
        if node.op.operator in ops.MERGES or node.inputs != (current,):
            bound.update(node.inputs)
        current = node.name
    if network.outputs != (current,):
        bound.update(network.outputs)
    return bound


def _numbered(network: Graph, names: dict[str, str]) -> bool:
    """Whether the layers' names are those that the language would give them by itself."""
    counters: dict[str, int] = {}
    for node in network.layers:
        number = counters[node.op.operator] = counters.get(node.op.operator, 0) + 1
        if names[node.name] != f"{node.op.operator}{number}":
            return False
    return True


def _lines(network: Graph, names: dict[str, str], bound: set[str]) -> Iterator[str]:
    yield from symbol_lines(network)
    for value in network.inputs:
        dtype = "" if value.dtype == "float32" else f" dtype={value.dtype}"
        alias = f" as {names[value.name]}" if value.name != "input" or value.name in bound else ""
        yield f"input {input_shape(value)}{dtype}{alias}"
    expected: dict[str, list[str]] = {}
    for expectation in network.expectations:
        expected.setdefault(expectation.value, []).append(f"expect {symbolic_shape(expectation.extents)}")
    yield from expected.get(network.inputs[-1].name, ())
    current = network.inputs[-1].name
    for node in network.layers:
        alias = f" as {names[node.name]}" if node.name in bound else ""
        yield _layer(node, names, current) + alias
        yield from expected.get(node.name, ())
        current = node.name
    if network.outputs != (current,):
        yield "output " + " ".join(names[name] for name in network.outputs)
    yield from train_lines(network)


def symbol_lines(network: Graph) -> list[str]:
    """The symbols of a network, and what it assumes of them."""
    if not network.symbols:
        return []
    symbols = ", ".join(f"{one.name} = {one.default}" for one in network.symbols)
    return [f"symbol {symbols}", *(f"assume {each.text}" for each in network.assumptions)]


def input_shape(value: Input) -> str:
    """The shape of an input as it is written, in symbols where they decide it."""
    return symbolic_shape(value.extents) if value.extents else str(value.shape)


def train_lines(network: Graph) -> list[str]:
    """The ``train { }`` of a network, if it has one."""
    if network.training is None:
        return []
    lines = network.training.lines()
    return ["train {", *(f"  {line}" for line in lines), "}"] if lines else ["train { }"]


def _layer(node: Node, names: dict[str, str], current: str) -> str:
    call = f"{node.op.operator} {node.arguments()}".rstrip()
    if node.share:
        call += f" share={names[node.share]}"
    if node.op.operator in ops.MERGES:
        return f"{call} {{ {'; '.join(f'from {names[name]}' for name in node.inputs)} }}"
    return call if node.inputs == (current,) else f"from {names[node.inputs[0]]} -> {call}"
