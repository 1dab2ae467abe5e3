"""Rules about the text: definitions that nothing uses.

A name counts as used if its top-level item (block or network) mentions it anywhere, so that what is reported is certain
and a shadowed namesake may go unnoticed. Names that begin with an underscore are meant to be unused. The definitions of
a file without a network are for those who import it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from cnndsl.errors import Diagnostic, Source, quoted
from cnndsl.lang.modules import Module
from cnndsl.lang.text import syntax

_LEAVES = frozenset({syntax.Number, syntax.Size, syntax.String, syntax.Bool, syntax.Alias, int, str, bool, type(None)})


class Mentions:
    """What some part of the tree uses and defines."""

    def __init__(self, nodes: Iterable[object]) -> None:
        self.names: set[str] = set()
        """Names in expressions, behind ``from`` and ``output``, and words such as ``same``."""
        self.stages: set[str] = set()
        """Operators and blocks."""
        self.definitions: list[syntax.Let | syntax.Param] = []
        pending = list(nodes)
        while pending:
            node = pending.pop()
            if isinstance(node, syntax.Name):
                self.names.add(node.name)
            elif isinstance(node, syntax.Apply):
                self.stages.add(node.name)
                pending.extend([argument.value for argument in node.arguments])
            elif isinstance(node, syntax.Pipeline):
                pending.extend(node.stages)
            elif isinstance(node, syntax.Attribute):
                self.names.add(node.base)
            elif isinstance(node, tuple):
                if isinstance(node, syntax.Merge):
                    self.stages.add(node.name)
                elif isinstance(node, syntax.Let | syntax.Param):
                    self.definitions.append(node)
                pending.extend([part for part in node if type(part) not in _LEAVES])


def unused(tree: syntax.File, source: Source, imports: Sequence[tuple[syntax.Import, Module]]) -> Iterator[Diagnostic]:
    """The blocks, parameters, constants and imports of one file that nothing uses.

    ``imports`` are the file's own, each with what it brings in.
    """
    closed = [(item, Mentions([item])) for item in tree.items if isinstance(item, syntax.Block | syntax.Network)]
    loose = Mentions(item for item in tree.items if not isinstance(item, syntax.Block | syntax.Network))
    names = loose.names.union(*(found.names for _, found in closed))
    stages = Counter(stage for found in (loose, *(found for _, found in closed)) for stage in found.stages)
    is_library = not any(isinstance(item, syntax.Network | syntax.Input) for item in tree.items)
    for item, found in closed:
        if isinstance(item, syntax.Block):
            used = stages[item.name] > (item.name in found.stages)
            if not (used or is_library or item.name.startswith("_")):
                yield _unused_block(item, source)
            yield from _parameters(item, found, source)
        yield from (_unused(node, source) for node in found.definitions if _free(node.name, found.names))
    if not is_library:
        yield from (_unused(node, source) for node in loose.definitions if _free(node.name, names))
        everything = names.union(stages)
        yield from (_unused_import(item, source) for item, module in imports if not _serves(module, everything))


def _free(name: str, used: set[str]) -> bool:
    return name not in used and not name.startswith("_")


def _parameters(block: syntax.Block, found: Mentions, source: Source) -> Iterator[Diagnostic]:
    for parameter in block.parameters:
        if _free(parameter.name, found.names):
            yield Diagnostic(
                "unused-parameter",
                f"block {quoted(block.name)} never uses its parameter {quoted(parameter.name)}",
                source.span(parameter.start, parameter.end),
                "warning",
                help=("use it, or take it out here and where the block is called",),
            )


def _unused(node: syntax.Let | syntax.Param, source: Source) -> Diagnostic:
    span = source.span(node.name_start, node.name_end)
    if isinstance(node, syntax.Let):
        advice = "use it, or take it out"
        return Diagnostic(
            "unused-let", f"nothing uses the constant {quoted(node.name)}", span, "warning", help=(advice,)
        )
    message = f"nothing uses the param {quoted(node.name)}: setting it changes nothing"
    return Diagnostic("unused-parameter", message, span, "warning", help=("use it, or take it out",))


def _unused_block(block: syntax.Block, source: Source) -> Diagnostic:
    span = source.span(block.name_start, block.name_end)
    message = f"no network of this file uses the block {quoted(block.name)}"
    advice = "use it, take it out, or move it to a file that others import"
    return Diagnostic("unused-block", message, span, "warning", help=(advice,))


def _unused_import(item: syntax.Import, source: Source) -> Diagnostic:
    span = source.span(item.path.start, item.path.end)
    message = f"nothing of {quoted(item.path.value)} is used"
    return Diagnostic("unused-import", message, span, "warning", help=("take the import out",))


def _serves(module: Module, used: set[str]) -> bool:
    """Whether an imported file brings in something that is used, or nothing but networks."""
    brought = {*module.blocks, *module.scope.names}
    return not used.isdisjoint(brought) or not brought
