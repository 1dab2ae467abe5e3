"""The layers of a graph as a tree of modules: every block instance is one, with what it reads and gives."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from cnndsl.interop.codegen.site import Expression, Modules, Site, Translator
from cnndsl.ir import Graph, Node

SHARED = "@"
"""Before the name of a layer: not its value, but the module itself, for another layer to use."""


class Leaf:
    """A layer inside its module: ``name`` is its own there, ``reads`` and ``gives`` are names of values."""

    def __init__(self, node: Node, translation: Modules | Expression) -> None:
        self.node = node
        self.name = node.name.rpartition(".")[2]
        self.translation = translation
        shared = [SHARED + node.share] if node.share else []
        self.reads: list[str] = [*node.inputs, *shared]
        self.gives: list[str] = [node.name]


class Module:
    """A block instance, or the network itself, whose ``path`` is empty: the names of the instances around it, and its
    own."""

    def __init__(self, path: tuple[str, ...], block: str) -> None:
        self.path = path
        self.name = path[-1].rpartition(".")[2] if path else ""
        self.block = block
        self.twin: str | None = None
        """The module beside it that does the same with the same weights, and is called again in its place."""
        self.parts: list[Part] = []
        self.reads: list[str] = []
        self.gives: list[str] = []
        self.channels = 0
        """Of the first value that it reads."""
        self.arguments: Mapping[str, int | float] = {}
        """The numbers that the text gives it."""

    def walk(self) -> "Iterator[Module]":
        """The modules inside, innermost first, and itself."""
        for part in self.parts:
            if isinstance(part, Module):
                yield from part.walk()
        yield self


Part: TypeAlias = Leaf | Module


def hierarchy(graph: Graph, layers: Mapping[str, Translator]) -> Module:
    """The tree of a graph; ``layers`` is the table from operator to what it is in the target."""
    instances = {instance.path: instance for instance in graph.instances}
    root = Module((), graph.name)
    modules: dict[tuple[str, ...], Module] = {(): root}
    for node in graph.layers:
        for depth in range(len(node.path)):
            path = node.path[: depth + 1]
            if path not in modules:
                instance = instances.get(path)
                modules[path] = Module(path, instance.block if instance else path[-1])
                modules[path].arguments = instance.arguments if instance else {}
                modules[path[:-1]].parts.append(modules[path])
        modules[node.path].parts.append(Leaf(node, layers[node.op.operator](Site(graph, node))))
    for module in root.walk():
        _find_twins(module, graph)
    _connect(root, graph)
    return root


def _find_twins(module: Module, graph: Graph) -> None:
    """The modules inside all of whose weights are those of another one beside it."""
    beside = {part.name: part for part in module.parts if isinstance(part, Module)}
    for part in beside.values():
        inside = [*leaves(part)]
        owners = [leaf.node for leaf in inside if leaf.node.op.weights(graph.input_shapes(leaf.node))]
        if not owners or any(node.share is None for node in owners):
            continue
        prefix = part.path[-1] + "."
        for name, other in beside.items():
            others = other.path[-1] + "."
            same = _inside(inside, prefix, others) == _inside([*leaves(other)], others, others)
            if other is not part and same and all(node.share == _moved(node.name, prefix, others) for node in owners):
                part.twin = name
                break


def _inside(inside: list[Leaf], prefix: str, others: str) -> list[object]:
    """The layers of a module, and what they read of each other, by the names of another one."""
    return [
        (
            _moved(leaf.node.name, prefix, others),
            leaf.node.op,
            [_moved(name, prefix, others) if name.startswith(prefix) else None for name in leaf.node.inputs],
        )
        for leaf in inside
    ]


def _moved(name: str, prefix: str, others: str) -> str:
    return name.replace(prefix, others, 1)


def leaves(module: Module) -> Iterator[Leaf]:
    """The layers inside, in order."""
    for part in module.parts:
        if isinstance(part, Leaf):
            yield part
        else:
            yield from leaves(part)


def _connect(root: Module, graph: Graph) -> None:
    """What every module reads from outside, and what of its values is read outside or is an output."""
    readers: dict[str, list[tuple[str, ...]]] = {name: [()] for name in graph.outputs}
    for node in graph.layers:
        for name in node.inputs:
            readers.setdefault(name, []).append(node.path)
        if node.share:
            readers.setdefault(SHARED + node.share, []).append(node.path)
    outputs = set(graph.outputs)
    for module in root.walk():
        depth = len(module.path)
        made = {name for part in module.parts for name in _made(part)}
        asked = (name for part in module.parts for name in part.reads if name not in made)
        module.reads = list(dict.fromkeys(name for name in asked if not (module.twin and name.startswith(SHARED))))
        own = [name for part in module.parts for name in part.gives]
        module.gives = [
            name
            for name in own
            if (name in outputs and depth) or any(path[:depth] != module.path for path in readers.get(name, []))
        ]
        module.channels = (
            graph.shapes[module.reads[0]].channels if module.reads[:1] and module.reads[0] in graph.shapes else 0
        )
    root.reads = [value.name for value in graph.inputs]
    root.gives = list(graph.outputs)


def _made(part: Part) -> Iterator[str]:
    """The values, and the modules that others may share, which a part makes."""
    if isinstance(part, Leaf):
        yield part.node.name
        if not part.node.share:
            yield SHARED + part.node.name
        return
    for inner in part.parts:
        yield from _made(inner)
