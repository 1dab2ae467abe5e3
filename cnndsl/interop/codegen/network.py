"""The classes of a whole network, with those of its params as arguments that can be."""

from collections.abc import Callable, Mapping, Sequence

from cnndsl.interop.codegen.classes import Class, classes
from cnndsl.interop.codegen.hierarchy import Module, leaves
from cnndsl.interop.codegen.layout import WIDTH
from cnndsl.interop.codegen.site import Modules
from cnndsl.ir import Graph
from cnndsl.shapes import Shape


def network_classes(
    root: Module,
    params: Mapping[str, tuple[int, int, Module]],
    taken: Sequence[str],
    conditions: bool = True,
    asks_channels: bool = False,
) -> list[Class]:
    """The classes of a network, the last of which is its own; ``conditions`` and ``asks_channels`` as of
    :func:`classes`.

    ``params`` are the value of each, another one, and the network with that.
    """
    usable = {
        name: (value, other, module)
        for name, (value, other, module) in params.items()
        if classes([root, module], taken, {name: (value, other)}, conditions, asks_channels)
    }
    roots = [root, *(module for *_, module in usable.values())]
    rows = {
        name: (value, *(other if name == changed else value for changed in usable))
        for name, (value, other, _) in usable.items()
    }
    found = classes(roots, taken, rows, conditions, asks_channels) or classes(
        [root], taken, {}, conditions, asks_channels
    )
    assert found is not None
    return found


def helpers(root: Module) -> list[str]:
    """The classes that the file must define, in the order of their first layers."""
    made = (leaf.translation for leaf in leaves(root))
    return list(dict.fromkeys(name for one in made if isinstance(one, Modules) for name in one.helpers))


def comment(one: Class, graph: Graph, shape_text: Callable[[Shape], str]) -> str:
    """The line above a class: its first instance if it has arguments, shapes in and out, and the parameters."""
    module, shapes = one.module, graph.shapes
    reads = ", ".join(shape_text(shapes[name]) for name in module.reads if name in shapes)
    gives = ", ".join(shape_text(shapes[name]) for name in module.gives)
    count = sum(
        weight.elements for leaf in leaves(module) for weight in graph.weights(leaf.node).values() if not weight.buffer
    )
    place = f"{module.path[-1]}: " if one.arguments and module.path else ""
    text = f"# {place}{reads} -> {gives}, {count:,} parameters"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
