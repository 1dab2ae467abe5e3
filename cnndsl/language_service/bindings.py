"""Which word means which definition, by the text alone: what is defined where, and where it is visible."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from cnndsl import ops
from cnndsl.lang.text import syntax

Kind: TypeAlias = Literal["block", "network", "param", "let", "symbol", "parameter", "value", "loop"]

_NAME = re.compile(r"[A-Za-z_]\w*")


class Place(NamedTuple):
    """A word: the file that it is in, and its offsets there."""

    file: str
    start: int
    end: int


class Definition(NamedTuple):
    """A name where it is defined."""

    kind: Kind
    name: str
    place: Place
    """Of the name itself."""
    node: syntax.Spanned
    """What is called so: a block, a stage, a statement."""
    level: int = 0
    """A number for the body in which it is defined; 0 for the file."""


@dataclass(slots=True)
class _Names:
    """What is visible in a body."""

    outer: "_Names | None" = None
    level: int = 0
    own: dict[str, list[Definition]] = field(default_factory=dict)

    def find(self, name: str, offset: int) -> Definition | None:
        found: list[list[Definition]] = []
        names: _Names | None = self
        while names is not None:
            if name in names.own:
                found.append(names.own[name])
            names = names.outer
        above = (one for own in found for one in reversed(own) if _above(one, offset))
        return next(above, found[0][0] if found else None)


def _above(definition: Definition, offset: int) -> bool:
    """Whether a name is defined before an offset; the value of a ``let`` does not see the name that it is given."""
    if isinstance(definition.node, syntax.Let | syntax.Param):
        return definition.place.start == offset or definition.node.end <= offset
    return definition.place.start <= offset


class Bindings:
    """The definitions of a file, and every place that refers to one, of this file or an imported one.

    ``imported`` are the definitions that other files bring in, by name.
    """

    def __init__(self, tree: syntax.File, file: str, imported: Mapping[str, Definition] = {}) -> None:
        self.definitions: list[Definition] = []
        self.references: dict[tuple[int, int], Definition] = {}
        self._text = tree.text
        self._file = file
        self._around: dict[int, int] = {}
        self._blocks: dict[str, tuple[Definition, syntax.Block | None]] = {}
        top = _Names()
        for definition in imported.values():
            if definition.kind in ("block", "network"):
                node = definition.node if isinstance(definition.node, syntax.Block) else None
                self._blocks.setdefault(definition.name, (definition, node))
            else:
                top.own.setdefault(definition.name, []).append(definition)
        for item in tree.items:
            if isinstance(item, syntax.Block | syntax.Network):
                kind: Kind = "block" if isinstance(item, syntax.Block) else "network"
                made = self._add(kind, item.name, item.name_start, item, top)
                if isinstance(item, syntax.Block):
                    self._blocks.setdefault(item.name, (made, item))
        statements = [
            item for item in tree.items if not isinstance(item, syntax.Block | syntax.Network | syntax.Import)
        ]
        self._body(statements, top)
        for item in tree.items:
            if isinstance(item, syntax.Block):
                self._block(item, top)
            elif isinstance(item, syntax.Network):
                self._body(item.body.statements, self._inside(top))

    def at(self, offset: int) -> tuple[tuple[int, int], Definition] | None:
        """The place that an offset touches, with what stands there: a definition or a reference."""
        for definition in self.definitions:
            if definition.place.start <= offset <= definition.place.end:
                return (definition.place.start, definition.place.end), definition
        for (start, end), definition in self.references.items():
            if start <= offset <= end:
                return (start, end), definition
        return None

    def places(self, definition: Definition) -> Iterator[tuple[int, int]]:
        """Where this file names a definition, the definition itself included."""
        if definition.place.file == self._file:
            yield definition.place.start, definition.place.end
        for place, found in self.references.items():
            if found.place == definition.place:
                yield place

    def meet(self, first: Definition, second: Definition) -> bool:
        """Whether there is a place where both names can be seen: in the same body, or one inside the other's."""
        return first.level in self._levels(second) or second.level in self._levels(first)

    def _levels(self, definition: Definition) -> Iterator[int]:
        """The body of a definition and those around it."""
        level = definition.level
        while level:
            yield level
            level = self._around[level]
        yield 0

    def exported(self) -> Iterator[Definition]:
        """What an import of this file brings in."""
        for definition in self.definitions:
            if definition.level == 0 and definition.kind != "value":
                yield definition

    # --- definitions ---
    def _add(self, kind: Kind, name: str, start: int, node: syntax.Spanned, names: _Names) -> Definition:
        definition = Definition(kind, name, Place(self._file, start, start + len(name)), node, names.level)
        self.definitions.append(definition)
        names.own.setdefault(name, []).append(definition)
        return definition

    def _inside(self, outer: _Names) -> _Names:
        level = len(self._around) + 1
        self._around[level] = outer.level
        return _Names(outer, level)

    def _define(self, statement: syntax.Item, names: _Names) -> None:
        """What a statement names in the body that it stands in; what a loop names inside can be reached from here."""
        if isinstance(statement, syntax.Let | syntax.Param):
            kind: Kind = "let" if isinstance(statement, syntax.Let) else "param"
            self._add(kind, statement.name, statement.name_start, statement, names)
        elif isinstance(statement, syntax.Symbol):
            for one in statement.symbols:
                self._add("symbol", one.name, one.start, one, names)
        elif isinstance(statement, syntax.Input) and statement.alias:
            self._add("value", statement.alias.name, statement.alias.start, statement, names)
        elif isinstance(statement, syntax.Pipeline):
            for stage in statement.stages:
                if stage.alias:
                    self._add("value", stage.alias.name, stage.alias.start, stage, names)

    def _block(self, block: syntax.Block, top: _Names) -> None:
        names = self._inside(top)
        for parameter in block.parameters:
            self._add("parameter", parameter.name, parameter.start, parameter, names)
            if parameter.default:
                self._expression(parameter.default, names)
        self._body(block.body.statements, names)

    # --- references ---
    def _refer(self, name: str, start: int, names: _Names) -> bool:
        definition = names.find(name, start)
        if definition:
            self.references[start, start + len(name)] = definition
        return definition is not None

    def _body(self, statements: Sequence[syntax.Item], names: _Names) -> None:
        for statement in statements:
            self._define(statement, names)
        for statement in statements:
            self._statement(statement, names)

    def _statement(self, statement: syntax.Item, names: _Names) -> None:
        if isinstance(statement, syntax.Pipeline):
            for stage in statement.stages:
                self._stage(stage, names)
        elif isinstance(statement, syntax.Input):
            self._expression(statement.shape, names)
        elif isinstance(statement, syntax.Output):
            for value in statement.values:
                self._expression(value, names)
        elif isinstance(statement, syntax.Expect | syntax.Assume):
            self._expression(statement.condition, names)
        elif isinstance(statement, syntax.Let | syntax.Param):
            self._expression(statement.value, names)
        elif isinstance(statement, syntax.Symbol):
            for one in statement.symbols:
                if one.default:
                    self._expression(one.default, names)
        elif isinstance(statement, syntax.Train):
            for setting in statement.settings:
                if isinstance(setting, syntax.Apply):
                    self._arguments(setting.arguments, None, names)
        elif isinstance(statement, syntax.Broken):
            for body in statement.bodies:
                self._body(body.statements, self._inside(names))

    def _stage(self, stage: syntax.Stage, names: _Names) -> None:
        if isinstance(stage, syntax.Apply | syntax.Merge):
            definition, block = self._blocks.get(stage.name, (None, None))
            if definition and stage.name not in ops.NAMES:
                self.references[stage.start, stage.name_end] = definition
            self._arguments(stage.arguments, block, names)
            if isinstance(stage, syntax.Merge):
                self._body(stage.body.statements, self._inside(names))
        elif isinstance(stage, syntax.From):
            self._expression(stage.value, names)
        elif isinstance(stage, syntax.Group):
            self._body(stage.body.statements, self._inside(names))
        elif isinstance(stage, syntax.Repeat):
            self._expression(stage.count, names)
            self._loop(stage, [stage.variable] if stage.variable else [], stage.count.end, stage.body.start, names)
        elif isinstance(stage, syntax.For):
            self._expression(stage.rows, names)
            self._loop(stage, stage.targets, stage.start + len("for"), stage.rows.start, names)
        else:
            for condition, body in stage.arms:
                self._expression(condition, names)
                self._body(body.statements, self._inside(names))
            if stage.otherwise:
                self._body(stage.otherwise.statements, self._inside(names))

    def _loop(
        self, stage: syntax.Repeat | syntax.For, targets: Sequence[str], start: int, end: int, names: _Names
    ) -> None:
        inside = self._inside(names)
        for name in targets:
            written = next((one for one in _NAME.finditer(self._text, start, end) if one[0] == name), None)
            if written:
                self._add("loop", name, written.start(), stage, inside)
        self._body(stage.body.statements, inside)
        for name, found in inside.own.items():
            # `maps[0]` behind the loop is what it named in its first turn.
            if found[0].kind == "value":
                names.own.setdefault(name, []).extend(one for one in found if one.kind == "value")

    def _arguments(self, arguments: Sequence[syntax.Argument], block: syntax.Block | None, names: _Names) -> None:
        for argument in arguments:
            parameter = next((one for one in block.parameters if one.name == argument.name), None) if block else None
            if parameter and block and argument.name:
                file = self._blocks[block.name][0].place.file
                place = Place(file, parameter.start, parameter.start + len(parameter.name))
                made = Definition("parameter", parameter.name, place, parameter, -1)
                self.references[argument.start, argument.start + len(argument.name)] = made
            self._expression(argument.value, names)

    def _expression(self, expression: syntax.Expression, names: _Names) -> None:
        pending: list[object] = [expression]
        while pending:
            node = pending.pop()
            if isinstance(node, syntax.Name):
                self._name(node, names)
            elif isinstance(node, syntax.Attribute):
                if node.base != "in":
                    self._refer(node.base, node.start, names)
            elif isinstance(node, tuple):
                pending.extend(node)

    def _name(self, node: syntax.Name, names: _Names) -> None:
        """A name, or sizes such as ``HxW``."""
        if self._refer(node.name, node.start, names):
            return
        parts = node.name.split("x")
        if len(parts) > 1 and all(names.find(part, node.start) for part in parts):
            start = node.start
            for part in parts:
                self._refer(part, start, names)
                start += len(part) + 1
