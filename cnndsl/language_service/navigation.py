"""Where a word is defined and used, new names for it, and which block uses which."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cnndsl import ops
from cnndsl.errors import Fix, Source, Span, quoted
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.lang.text import syntax
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.bindings import Definition, Place
from cnndsl.language_service.workspace import Workspace


class NotRenamed(Exception):
    """A name cannot be given; the text says why."""


class Link(NamedTuple):
    """The path of an import, and the file that it reads."""

    span: Span
    file: str


class Caller(NamedTuple):
    """A block or network that uses another, or the other way round, with the places of the uses."""

    definition: Definition
    span: Span
    name_span: Span
    uses: tuple[Span, ...]


def definition(workspace: Workspace, analysis: Analysis, offset: int) -> Span | None:
    """Where the word at an offset is defined; the file that an import reads."""
    link = next((link for link in links(analysis) if _holds(analysis, link.span, offset)), None)
    if link:
        return Span(link.file, 1, 1, 1, 1)
    found = workspace.bindings(analysis).at(offset)
    return _span(analysis, found[1].place) if found else None


def references(workspace: Workspace, analysis: Analysis, offset: int) -> list[Span]:
    """Every place in the open files, and in those that they import, that names what the word at an offset names."""
    found = workspace.bindings(analysis).at(offset)
    return list(_places(workspace, analysis, found[1])) if found else []


def _places(workspace: Workspace, analysis: Analysis, wanted: Definition) -> Iterator[Span]:
    seen: set[Span] = set()
    others = [other for other in workspace.analyses() if other.file != analysis.file]
    for around in (analysis, *others):
        for file, tree in around.trees.items():
            source = Source(file, tree.text)
            for start, end in workspace.bindings(around, file).places(wanted):
                span = source.span(start, end)
                if span not in seen:
                    seen.add(span)
                    yield span


def name_at(workspace: Workspace, analysis: Analysis, offset: int) -> Span | None:
    """The name at an offset that could be given another; None if there is none."""
    found = workspace.bindings(analysis).at(offset)
    return analysis.source.span(*found[0]) if found else None


def rename(workspace: Workspace, analysis: Analysis, offset: int, name: str) -> list[Fix]:
    """The edits, in all files, that give what stands at an offset another name. Raises NotRenamed."""
    bindings = workspace.bindings(analysis)
    found = bindings.at(offset)
    if found is None:
        raise NotRenamed("there is no name here")
    wanted = found[1]
    if not name.isidentifier() or not name.isascii():
        raise NotRenamed(f"{quoted(name)} is no name: letters, digits and _, not a digit first")
    if name in KEYWORDS or name == "assume":
        raise NotRenamed(f"{quoted(name)} is a keyword")
    if wanted.kind == "block" and name in ops.NAMES:
        raise NotRenamed(f"{quoted(name)} is an operator")
    if name != wanted.name:
        clash = next((one for one in _neighbours(workspace, analysis, wanted) if one.name == name), None)
        if clash:
            raise NotRenamed(f"there is a {clash.kind} {quoted(name)} already")
    places = list(_places(workspace, analysis, wanted))
    if "x" in name and any(_in_sizes(workspace, analysis, span) for span in places):
        raise NotRenamed(f"{quoted(name)} has an x, which joins sizes such as {quoted('HxW')}")
    return [Fix(f"rename to {name}", span, name) for span in places]


def _in_sizes(workspace: Workspace, analysis: Analysis, span: Span) -> bool:
    """Whether a name is part of a longer word: of sizes such as ``HxW``."""
    trees = next(one.trees for one in (analysis, *workspace.analyses()) if span.file in one.trees)
    line = trees[span.file].text.split("\n")[span.line - 1]
    around = line[max(span.column - 2, 0) : span.column - 1] + line[span.end_column - 1 : span.end_column]
    return any(character.isalnum() or character == "_" for character in around)


def _neighbours(workspace: Workspace, analysis: Analysis, wanted: Definition) -> Iterator[Definition]:
    """What else could be met by a name in the same places: the same body, those around it, or bodies inside."""
    bindings = workspace.bindings(analysis, wanted.place.file if wanted.place.file in analysis.trees else None)
    # A parameter that is named by a use of its block is one of that block.
    wanted = next((one for one in bindings.definitions if one.place == wanted.place), wanted)
    kinds = {"block", "network"}
    for one in bindings.definitions:
        alike = one.kind == wanted.kind or not {one.kind, wanted.kind} & kinds
        if alike and bindings.meet(one, wanted):
            yield one


def links(analysis: Analysis) -> list[Link]:
    """The imports whose file could be read."""
    loader = analysis.recording.loader
    return [
        Link(analysis.span(item.path), module.source.file)
        for importer, item, module in (loader.imports if loader else [])
        if importer == analysis.file
    ]


# --- which block uses which ---
def block_at(workspace: Workspace, analysis: Analysis, offset: int) -> Definition | None:
    """The block or network that is named at an offset, else the one around it."""
    found = workspace.bindings(analysis).at(offset)
    if found and found[1].kind in ("block", "network"):
        return found[1]
    around = [node for node in analysis.path(offset) if isinstance(node, syntax.Block | syntax.Network)]
    if not around:
        return None
    return next(one for one in workspace.bindings(analysis).definitions if one.node is around[-1])


def callers(workspace: Workspace, analysis: Analysis, wanted: Definition) -> list[Caller]:
    """The blocks and networks that use a block."""
    uses = [(user, span) for user, used, span in _uses(workspace, analysis) if used.place == wanted.place]
    return _grouped(workspace, analysis, uses)


def callees(workspace: Workspace, analysis: Analysis, wanted: Definition) -> list[Caller]:
    """The blocks that a block or network uses."""
    uses = [(used, span) for user, used, span in _uses(workspace, analysis) if user.place == wanted.place]
    return _grouped(workspace, analysis, uses)


def described(analysis: Analysis, found: Definition) -> Caller:
    """A definition with its places."""
    tree = analysis.trees.get(found.place.file)
    source = Source(found.place.file, tree.text if tree else analysis.text)
    node = found.node
    return Caller(found, source.span(node.start, node.end), source.span(found.place.start, found.place.end), ())


def _grouped(workspace: Workspace, analysis: Analysis, uses: Iterable[tuple[Definition, Span]]) -> list[Caller]:
    found: dict[Place, tuple[Definition, list[Span]]] = {}
    for one, span in uses:
        found.setdefault(one.place, (one, []))[1].append(span)
    around = [analysis, *workspace.analyses()]
    return [
        described(next(other for other in around if one.place.file in other.trees), one)._replace(uses=tuple(spans))
        for one, spans in found.values()
    ]


def _uses(workspace: Workspace, analysis: Analysis) -> Iterator[tuple[Definition, Definition, Span]]:
    """Every use of a block: who uses it, which it is, and where."""
    seen: set[Span] = set()
    for around in (analysis, *(other for other in workspace.analyses() if other.file != analysis.file)):
        for file, tree in around.trees.items():
            source, bindings = Source(file, tree.text), workspace.bindings(around, file)
            owners = [one for one in bindings.definitions if one.kind in ("block", "network")]
            for (start, end), target in bindings.references.items():
                owner = next((one for one in owners if one.node.start <= start < one.node.end), None)
                span = source.span(start, end)
                if target.kind == "block" and owner and span not in seen:
                    seen.add(span)
                    yield owner, target, span


def _holds(analysis: Analysis, span: Span, offset: int) -> bool:
    start, end = analysis.source.offsets(span)
    return start <= offset <= end


def _span(analysis: Analysis, place: Place) -> Span:
    tree = analysis.trees.get(place.file)
    return Source(place.file, tree.text if tree else analysis.text).span(place.start, place.end)
