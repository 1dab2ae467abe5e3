"""What names stand for: constants, values of the network, and what loops named in their turns; attributes of values."""

import re
from abc import abstractmethod
from collections.abc import Sequence

from cnndsl import ops
from cnndsl.errors import Span, quoted, shortened
from cnndsl.lang.expressions.coerce import Coercions
from cnndsl.lang.expressions.scope import FLOW_ATTRIBUTES, MEASURES, OF_SIZES, Context, Scope
from cnndsl.lang.expressions.values import (
    Fault,
    Flow,
    ListValue,
    Named,
    Turns,
    Unknowable,
    Value,
    fault,
    kind,
    misnamed,
    slip,
)
from cnndsl.lang.text import syntax
from cnndsl.lang.text.syntax import Expression
from cnndsl.suggest import suggest

PYTHON_WORDS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
"""How the truth values are written elsewhere, and here."""

_SHAPE_WORDS = frozenset({"shape", "output_shape", "out", "out_shape", "size"})

_EXTENTS = re.compile(r"[A-Z][a-z0-9]?(x[A-Z][a-z0-9]?)+")
"""What looks like the extents of an input: ``HxW``."""


class Names(Coercions):
    """Looks names up in one scope, with ``flow`` the value of ``in`` and ``counting`` true inside expect."""

    __slots__ = ("counting", "flow", "scope")

    def __init__(self, context: Context, scope: Scope, flow: Flow | None, counting: bool = False) -> None:
        super().__init__(context)
        self.scope = scope
        self.flow = flow
        self.counting = counting

    @abstractmethod
    def value(self, node: Expression) -> Value:
        """The value of an expression. Raises Fault, or Unknowable where it depends on an unknown shape."""

    # --- where a number or a value of the network will do ---
    def argument(self, node: Expression) -> Value | Named:
        """What a block is given: a value of the network by its name, or what any expression gives."""
        if isinstance(node, syntax.Name):
            return self._found(node)
        return self._element(node) if isinstance(node, syntax.Index) else self.value(node)

    def stage(self, node: syntax.Name | syntax.Index, span: Span) -> Named:
        """The stage that a name or an element stands for, for a statement at ``span``. Raises Fault or Unknowable."""
        if isinstance(node, syntax.Index):
            found = self._element(node)
            span = self.context.span(node)
        else:
            try:
                known = self.scope.find(node.name)
            except KeyError:
                message, advice = f"no value is called {quoted(node.name)}", "name a value above with `as`"
                raise self._unknown(node, message, span, self.scope.all_names(), advice) from None
            if known is None:
                raise Unknowable
            found = known
        if not isinstance(found, Named):
            raise fault("not-a-value", f"{quoted(written(node))} is {kind(found)}, not a value of the network", span)
        return found

    # --- names ---
    def name(self, node: syntax.Name) -> Value:
        return self._number(node, self._found(node))

    def index(self, node: syntax.Index) -> Value:
        return self._number(node, self._element(node))

    def _number(self, node: syntax.Name | syntax.Index, found: Value | Named) -> Value:
        if isinstance(found, Named):
            text = written(node)
            raise fault(
                "not-a-value",
                f"{quoted(text)} is a layer, not a number",
                self.context.span(node),
                f"ask for one of its attributes: {shortened(text)}.channels, {shortened(text)}.shape",
            )
        return found

    def _found(self, node: syntax.Name, indexed: bool = False) -> Value | Named:
        try:
            found = self.scope.find(node.name)
        except KeyError:
            if self.counting and node.name in MEASURES:
                return self.context.measure(node.name, None)
            raise self._unknown_name(node, indexed) from None
        if found is None:
            raise Unknowable
        return found

    def _unknown_name(self, node: syntax.Name, indexed: bool = False) -> Fault:
        known = self.scope.all_names() | (set(MEASURES) if self.counting else set())
        known |= self.scope.all_turns() if indexed else set()
        advice = "names come from param, let, block arguments and loops; a block sees nothing of its caller"
        if self.counting and node.name in _SHAPE_WORDS:
            advice = "the shape of the value above is written alone: `expect 8@6x6`"
        elif _EXTENTS.fullmatch(node.name):
            extents = node.name.split("x")
            if any(self.scope.has(one) and self.scope.find(one) is None for one in extents):
                raise Unknowable
            sizes = ", ".join(f"{one} = 224" for one in dict.fromkeys(extents))
            advice = f"extents of any size are symbols, and stand above the inputs: {quoted(f'symbol {sizes}')}"
        elif node.name in ops.NAMES:
            advice = f"a layer is no number; it gets a name by `as`: `{node.name} as name`"
        message = f"nothing here is called {quoted(node.name)}"
        return self._unknown(node, message, self.context.span(node), known, advice)

    def _unknown(self, node: syntax.Name, message: str, span: Span, known: set[str], advice: str) -> Fault:
        """The error for a name that has no meaning here; the sooner it is met elsewhere, the better the advice."""
        if self.context.incomplete or not self.context.doubtful.isdisjoint((node.name, *node.name.split("x"))):
            raise Unknowable
        try:
            turns = self.scope.find_indexed(node.name)
        except KeyError:
            turns = False
        if turns is None:
            raise Unknowable
        if isinstance(turns, Turns):
            raise self._several(node, turns, span)
        elsewhere = self.context.elsewhere(node.name, node.start)
        if elsewhere:
            return fault("unknown-name", message, span, elsewhere)
        if node.name in PYTHON_WORDS:
            here = PYTHON_WORDS[node.name]
            return slip("unknown-name", message, span, f"truth values are written small: {quoted(here)}", here)
        return misnamed("unknown-name", message, span, suggest(node.name, known), advice)

    # --- elements of lists, and what loops named ---
    def _element(self, node: syntax.Index) -> Value | Named:
        found = self._element_or_turns(node)
        if isinstance(found, Turns):
            raise self._several(node, found, self.context.span(node))
        return found

    def _element_or_turns(self, node: syntax.Index) -> Value | Named | Turns:
        base = self._indexed(node.base)
        position = self.as_whole(self.value(node.index), node.index, "an index")
        if isinstance(base, Named):
            message = f"{quoted(written(node.base))} is one value, which no loop above names in its turns"
            raise fault("not-a-value", message, self.context.span(node.base), "leave the index out")
        if not isinstance(base, ListValue | Turns):
            raise fault(
                "wrong-type", f"only a list has elements, but this is {kind(base)}", self.context.span(node.base)
            )
        items: Sequence[Value | Named | Turns | None] = base.items
        if not -len(items) <= position < len(items):
            raise fault("bad-index", _out_of_range(node, position, base), self.context.span(node.index))
        found = items[position]
        if found is None:
            raise Unknowable
        return found

    def _indexed(self, node: Expression) -> Value | Named | Turns:
        """What an index stands behind."""
        if isinstance(node, syntax.Index):
            return self._element_or_turns(node)
        if not isinstance(node, syntax.Name):
            return self.value(node)
        try:
            found = self.scope.find_indexed(node.name)
        except KeyError:
            return self._found(node, indexed=True)
        if found is None:
            raise Unknowable
        return found

    def _several(self, node: syntax.Name | syntax.Index, turns: Turns, span: Span) -> Fault:
        """The error where one value is wanted and a name stands for those of all turns."""
        if turns.items[-1:] == [None]:
            raise Unknowable
        text = written(node)
        if not turns.items:
            return fault("not-a-value", f"{quoted(text)} is named in a loop that has had no turn", span)
        message = f"{quoted(text)} is named in a loop: it stands for {len(turns.items):,} values, one for each turn"
        advice = f"{quoted(f'{text}[0]')} is that of the first turn, {quoted(f'{text}[-1]')} that of the last"
        return fault("not-a-value", message, span, advice)

    # --- attributes ---
    def attribute(self, node: syntax.Attribute) -> Value:
        if node.base == "in":
            if self.flow is None:
                raise fault(
                    "no-input",
                    "`in` is the value flowing into a statement, but nothing flows here",
                    self.context.span(node),
                    "start the network with input, as in `input 3@32x32`",
                )
            return self._of_flow(node, node.base, self.flow)
        base = syntax.Name(node.start, node.start + len(node.base), node.base)
        try:
            found = self.scope.find(node.base)
        except KeyError:
            raise self._unknown_name(base) from None
        if found is None:
            raise Unknowable
        return self._of_stage(node, node.base, found)

    def element_attribute(self, node: syntax.ElementAttribute) -> Value:
        return self._of_stage(node, written(node.base), self._element(node.base))

    def _of_stage(self, node: syntax.Attribute | syntax.ElementAttribute, base: str, found: Value | Named) -> Value:
        if not isinstance(found, Named):
            raise fault("not-a-value", f"{quoted(base)} is {kind(found)}, not a layer", self.context.span(node))
        if node.attribute in MEASURES:
            symbol = self.context.unknown_size() if node.attribute in OF_SIZES and not self.counting else None
            if symbol:
                raise fault(
                    "symbol-decides",
                    f"{node.attribute} depends on {quoted(symbol)}, which is known only when the network is used",
                    self.context.span(node),
                    "only `expect` may ask, for the default sizes",
                )
            return self.context.measure(node.attribute, found)
        return self._of_flow(node, base, found.flow)

    def _of_flow(self, node: syntax.Attribute | syntax.ElementAttribute, base: str, flow: Flow) -> Value:
        if node.attribute not in FLOW_ATTRIBUTES:
            span = self.context.span(syntax.Name(node.end - len(node.attribute), node.end, node.attribute))
            near = suggest(node.attribute, (*FLOW_ATTRIBUTES, *MEASURES))
            message = f"a value has no attribute {quoted(node.attribute)}"
            raise misnamed("unknown-attribute", message, span, near, f"it has {', '.join(FLOW_ATTRIBUTES)}")
        shape = self.context.symbolic(flow, node.attribute, self.context.span(node))
        if shape is None:
            raise Unknowable
        if node.attribute == "shape":
            return shape
        if node.attribute == "channels" and not shape.is_vector:
            return shape.channels
        if node.attribute == "features" and shape.is_vector:
            return shape.channels
        axis = {"width": -1, "length": -1, "height": -2, "depth": -3}.get(node.attribute)
        rank = len(shape.spatial)
        if axis is None or -axis > rank or (node.attribute == "length") != (rank == 1):
            raise fault(
                "unknown-attribute",
                f"{quoted(f'{base}.{node.attribute}')} does not exist: the value is "
                f"{'a vector' if shape.is_vector else f'a map with {rank} spatial axes'}, {shape}",
                self.context.span(node),
                "a vector has features; a map has channels and, by its axes, length, height and width, or depth",
            )
        return shape.spatial[axis]


def written(node: Expression) -> str:
    """A name or an element as it is written, long indices left out."""
    if isinstance(node, syntax.Index):
        index = node.index
        short = index.text if isinstance(index, syntax.Number) else getattr(index, "name", "...")
        return f"{written(node.base)}[{short}]"
    return node.name if isinstance(node, syntax.Name) else "..."


def _out_of_range(node: syntax.Index, position: int, base: ListValue | Turns) -> str:
    count = len(base.items)
    if isinstance(base, ListValue):
        return f"index {position} is outside a list of {count} elements (0 to {count - 1})"
    loop = f"the loop that names {quoted(written(node.base))} has had"
    return f"index {position}: {loop} {f'turns 0 to {count - 1:,}' if count > 1 else 'turn 0' if count else 'no turn'}"
