"""Argument binding: what was written behind an operator's name becomes an instance of its class."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from pydantic import ValidationError

from cnndsl import ops
from cnndsl.errors import Span, quoted
from cnndsl.lang.accepted import accepted, words
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.names import PYTHON_WORDS
from cnndsl.lang.expressions.scope import Context, Scope
from cnndsl.lang.expressions.symbols import Symbolic, symbolic_part
from cnndsl.lang.expressions.values import Fault, ListValue, Value, fault, misnamed, plain, repeated, shown
from cnndsl.lang.text import syntax
from cnndsl.ops.base import Operator
from cnndsl.ops.fields import Tensor
from cnndsl.shapes import Shape
from cnndsl.suggest import suggest

Shared: TypeAlias = syntax.Name | syntax.Index
"""What ``share=`` takes."""

MOST_SHOWING = 100
"""Arguments of a layer that are looked at for what was meant."""


class Arguments(Mapping[str, Span]):
    """The places of a stage's arguments by parameter, worked out when a diagnostic asks."""

    def __init__(self, context: Context, stage: syntax.Apply | syntax.Merge, positional: Sequence[str]) -> None:
        self._context = context
        self._stage = stage
        self._positional = positional

    def _nodes(self) -> dict[str, syntax.Argument]:
        positional = iter(self._positional)
        return {argument.name or next(positional): argument for argument in self._stage.arguments}

    def __getitem__(self, name: str) -> Span:
        return self._context.span(self._nodes()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes())

    def __len__(self) -> int:
        return len(self._stage.arguments)


class Bound(NamedTuple):
    """An operator with its arguments, what ``share=`` names, and the arguments that follow from symbols."""

    operator: Operator
    share: Shared | None = None
    symbolic: Mapping[str, tuple[int, ...]] = {}


class Binder:
    """Binds arguments for one expansion; equal arguments give the same operator instance."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._instances: dict[tuple[object, ...], Operator] = {}
        self._constant: dict[int, tuple[syntax.Apply | syntax.Merge, Operator]] = {}

    def bind(self, node: syntax.Apply | syntax.Merge, evaluator: Evaluator) -> Bound:
        """The operator that a stage asks for. Raises Fault or Unknowable."""
        known = self._constant.get(id(node))
        if known is not None:
            return Bound(known[1])
        cls = ops.operator(node.name)
        share: Shared | None = None
        values: dict[str, tuple[syntax.Argument, Value]] = {}
        symbolic: dict[str, tuple[int, ...]] = {}
        constant = True
        for name, argument in self._assigned(cls, node, evaluator.scope):
            if name == "share":
                share, constant = self._shared(argument), False
                continue
            value, fixed = self._argument(cls, name, node, argument, evaluator)
            constant = constant and fixed
            if not fixed and (number := symbolic_part(value)) is not None:
                symbolic[name] = self._sized(cls, name, argument, value, number)
            values[name] = (argument, value)
        self._check_required(cls, node, values)
        key = (node.name, *((name, type(value), value) for name, (_, value) in values.items()))
        instance = self._instances.get(key)
        if instance is None:
            instance = self._instances[key] = self._instantiate(cls, node, values)
        if constant:
            self._constant[id(node)] = (node, instance)
        return Bound(instance, share, symbolic)

    def _sized(
        self, cls: type[Operator], name: str, argument: syntax.Argument, value: Value, number: Symbolic
    ) -> tuple[int, ...]:
        """The numbers of an argument that follows from symbols. Raises Fault where it may not."""
        if name not in cls.sized:
            of_weights = name in ("filters", "units", "kernel", "shape")
            decides = "the shape of its weights" if of_weights else "how it computes"
            raise fault(
                "symbol-decides",
                f"{cls.operator}: {name} may not depend on {number.names}: it decides {decides}, which is the same "
                "whatever the size",
                self._span(argument),
                "write a number, or a param; symbols decide extents: `crop`, `pad`, `resize`, `slice`, `reshape`, "
                "`adaptive_avgpool`",
            )
        parts = value.items if isinstance(value, ListValue) else getattr(value, "dimensions", (value,))
        return tuple(part for part in parts if isinstance(part, int))

    def _assigned(
        self, cls: type[Operator], node: syntax.Apply | syntax.Merge, scope: Scope
    ) -> list[tuple[str, syntax.Argument]]:
        assigned: dict[str, syntax.Argument] = {}
        position = 0
        for argument in node.arguments:
            name = argument.name
            if name is None:
                if position >= len(cls.positional):
                    raise self._bare_word(cls, node, argument, scope) or self._too_many(cls, node, argument, scope)
                name = cls.positional[position]
                position += 1
            elif name not in cls.model_fields and not (name == "share" and takes_share(cls)):
                raise self._unknown_parameter(cls, node, argument, name)
            if name in assigned:
                message = f"{cls.operator}: {quoted(name)} is given twice"
                raise self._bare_word(cls, node, argument, scope) or repeated(
                    message, self.context.span(assigned[name]), self.context.span(argument)
                )
            assigned[name] = argument
        return list(assigned.items())

    def _bare_word(
        self, cls: type[Operator], node: syntax.Apply | syntax.Merge, argument: syntax.Argument, scope: Scope
    ) -> Fault | None:
        """The fault for a word by position that shows what was meant, where ``argument`` has no place left."""
        from cnndsl.lang.elaborate import slips

        for other in node.arguments[:MOST_SHOWING]:
            word = other.value
            if isinstance(word, syntax.Name) and not other.name and (other is argument or not scope.has(word.name)):
                found = slips.positional(self.context, cls, node, other)
                if found:
                    return found
        return None

    def _too_many(
        self, cls: type[Operator], node: syntax.Apply | syntax.Merge, argument: syntax.Argument, scope: Scope
    ) -> Fault:
        from cnndsl.lang.elaborate import slips

        positional = cls.positional
        takes = f"takes {', '.join(positional)} by position" if positional else "takes no arguments by position"
        message = f"{cls.operator} {takes}; this one is too many"
        others = [name for name in cls.parameters() if name not in positional]
        advice = [f"by keyword it takes {', '.join(others)}"] if others else []
        slip = slips.surplus(self.context, cls, node, argument, scope, message)
        return slip or fault("too-many-arguments", message, self._span(argument), *advice)

    def _unknown_parameter(
        self, cls: type[Operator], node: syntax.Apply | syntax.Merge, argument: syntax.Argument, name: str
    ) -> Fault:
        from cnndsl.lang.elaborate import slips
        from cnndsl.lang.synonyms import parameter_meant

        slip = slips.keyword(self.context, cls, node, argument)
        if slip:
            return slip
        known = [*cls.parameters(), *(["share"] if takes_share(cls) else [])]
        span = self.context.span(syntax.Name(argument.start, argument.start + len(name), name))
        takes = f"{cls.operator} takes {', '.join(known)}" if known else f"{cls.operator} takes no arguments"
        message = f"{cls.operator} has no parameter {quoted(name)}"
        return misnamed("unknown-parameter", message, span, parameter_meant(name, known), takes)

    def _shared(self, argument: syntax.Argument) -> Shared:
        if not isinstance(argument.value, syntax.Name | syntax.Index):
            raise fault("bad-argument", "share= takes the name of a layer", self._span(argument))
        return argument.value

    def _argument(
        self,
        cls: type[Operator],
        name: str,
        stage: syntax.Apply | syntax.Merge,
        argument: syntax.Argument,
        evaluator: Evaluator,
    ) -> tuple[Value, bool]:
        """The value, and whether it is the same wherever the statement is expanded."""
        node = argument.value
        if isinstance(node, syntax.Name):
            if node.name in accepted(cls.operator, name):
                return node.name, True
            if not evaluator.scope.has(node.name):
                self._check_word(cls, name, stage, argument, node)
        return evaluator.value(node), isinstance(node, syntax.Number | syntax.Size | syntax.Bool | syntax.String)

    def _check_word(
        self,
        cls: type[Operator],
        name: str,
        stage: syntax.Apply | syntax.Merge,
        argument: syntax.Argument,
        node: syntax.Name,
    ) -> None:
        """Raises Fault for a word that nothing is called, if it shows what was meant or is to be one of some words."""
        from cnndsl.lang.elaborate import slips

        if self.context.incomplete:
            return
        slip = slips.nothing(self.context, cls, stage, argument)
        if not slip and argument.name is None:
            slip = slips.positional(self.context, cls, stage, argument)
        if slip:
            raise slip
        choices = words(cls.operator, name)
        if not choices or node.name in PYTHON_WORDS:
            return
        message = f"{cls.operator}: {name} must be {cls.expects(name)}, got {quoted(node.name)}"
        found = suggest(node.name, choices)
        raise misnamed("bad-argument", message, self.context.span(node), found, f"the words are {', '.join(choices)}")

    def _check_required(self, cls: type[Operator], node: syntax.Apply | syntax.Merge, given: dict[str, Any]) -> None:
        missing = [name for name, field in cls.model_fields.items() if field.is_required() and name not in given]
        if missing:
            from cnndsl.lang.elaborate import slips

            slip = slips.size_for_number(self.context, cls, node)
            if slip:
                raise slip
            missing.sort(key=cls.parameters().index)
            what = " and ".join(f"{quoted(name)} ({cls.expects(name)})" for name in missing)
            raise fault(
                "missing-argument",
                f"{cls.operator} needs {what}",
                self.context.span(syntax.Name(node.start, node.name_end, node.name)),
                f"for example: {next(line for line in cls.example.splitlines() if cls.operator in line)}",
            )

    def _instantiate(
        self,
        cls: type[Operator],
        node: syntax.Apply | syntax.Merge,
        values: dict[str, tuple[syntax.Argument, Value]],
    ) -> Operator:
        converted = {name: self._converted(cls, name, argument, value) for name, (argument, value) in values.items()}
        try:
            return cls(**converted)
        except ValidationError as error:
            name = str(error.errors(include_url=False, include_context=False)[0]["loc"][0])
            argument, value = values[name]
            message = f"{cls.operator}: {name} must be {cls.expects(name)}, got {shown(value)}"
            from cnndsl.lang.elaborate import slips

            slip = slips.size_for_number(self.context, cls, node)
            slip = slip or slips.value(self.context, cls, name, argument, value, message)
            raise (slip or fault("bad-argument", message, self._span(argument))) from None

    def _converted(self, cls: type[Operator], name: str, argument: syntax.Argument, value: Value) -> object:
        types = accepted(cls.operator, name)
        if Shape in types:
            return numeric(Shape(value) if isinstance(value, int) and not isinstance(value, bool) else value)
        if isinstance(value, ListValue) and Tensor in types:
            return self._tensor(name, argument, value)
        if float not in types:
            self._check_dimension(argument, value)
        return plain(value)

    def _check_dimension(self, argument: syntax.Argument, value: Value) -> None:
        limit = self.context.limits.dimension
        numbers = value.items if isinstance(value, ListValue) else (value,)
        if any(isinstance(number, int) and abs(number) > limit for number in numbers):
            raise fault("dimension-limit", f"{shown(value)} is over the limit of {limit:,}", self._span(argument))

    def _tensor(self, name: str, argument: syntax.Argument, value: ListValue) -> Tensor:
        """Nested lists as a tensor; every list of one depth must have the same length."""
        shape: list[int] = []
        level: Sequence[Value] = (value,)
        while level and isinstance(level[0], ListValue):
            extent = len(level[0].items)
            if any(not isinstance(item, ListValue) or len(item.items) != extent for item in level) or extent == 0:
                raise fault(
                    "ragged-literal",
                    f"{name}: the lists at depth {len(shape) + 1} differ in length, or one is empty",
                    self._span(argument),
                    "give every row the same number of elements",
                )
            shape.append(extent)
            level = [inner for item in level if isinstance(item, ListValue) for inner in item.items]
        if any(isinstance(item, bool | str | Shape | ListValue) for item in level):
            raise fault("bad-argument", f"{name} must hold numbers only", self._span(argument))
        return Tensor(tuple(shape), tuple(float(number) for number in level if isinstance(number, int | Fraction)))

    def _span(self, argument: syntax.Argument) -> Span:
        return self.context.span(argument.value)


def takes_share(cls: type[Operator]) -> bool:
    """Whether the operator has weights that another layer may use."""
    return cls.weights is not ops.base.Unweighted.weights


def numeric(value: Value) -> Value:
    """A shape whose extents follow from symbols with the numbers for their defaults."""
    return Shape(int(value.channels), tuple(map(int, value.spatial))) if isinstance(value, Shape) else value
