"""Layers that another function uses too: the one that makes such a layer gives it beside its value."""

from collections.abc import Mapping, Sequence

from cnndsl.errors import CnnError, quoted
from cnndsl.interop.codegen.classes import Class
from cnndsl.interop.codegen.hierarchy import Module
from cnndsl.ir import Graph


def crosses_blocks(graph: Graph, root: Module) -> bool:
    """Whether a layer is used in another block than its own, by other means than that whole block."""
    paths = {node.name: node.path for node in graph.layers}
    twins = {module.path for module in root.walk() if module.twin is not None}
    return any(
        node.share is not None
        and paths[node.share] != node.path
        and not any(node.path[:depth] in twins for depth in range(1, len(node.path) + 1))
        for node in graph.layers
    )


def given_layers(graph: Graph, root: Module, found: Sequence[Class]) -> dict[str, list[str]]:
    """For each class the layers that its function gives, by their names inside of it.

    Raises CnnError ``export-unsupported`` for layers of a block that is itself used again: that one is a model.
    """
    by_name = {one.name: one for one in found}
    modules = {module.path: module for module in root.walk()}
    twins = {path for path, module in modules.items() if module.twin is not None}
    models = {(*path[:-1], (path[-1].rpartition(".")[0] + "." + modules[path].twin).lstrip(".")) for path in twins}  # type: ignore[operator]
    owners = {node.name: node for node in graph.layers}
    given: dict[str, list[str]] = {}
    for node in graph.layers:
        if node.share is None or any(node.path[:depth] in twins for depth in range(1, len(node.path) + 1)):
            continue
        owner = owners[node.share]
        common = 0
        while common < min(len(node.path), len(owner.path)) and node.path[common] == owner.path[common]:
            common += 1
        for depth in range(common + 1, len(owner.path) + 1):
            path = owner.path[:depth]
            if path in models:
                message = f"{quoted(node.name)} shares a layer of {quoted(path[-1])}, which is used twice as a whole"
                raise CnnError.of("export-unsupported", message, "share the whole block, or layers that stand alone")
            names = given.setdefault(_class_at(path, found[-1], by_name).name, [])
            inside = owner.name.removeprefix(path[-1] + ".")
            if inside not in names:
                names.append(inside)
    return given


def _class_at(path: tuple[str, ...], network: Class, by_name: Mapping[str, Class]) -> Class:
    one = network
    for name in path:
        (call,) = next(
            step.calls
            for step in one.steps
            if isinstance(step.part, Module) and step.calls and step.part.name == name.rpartition(".")[2]
        )
        one = by_name[call.function]
    return one
