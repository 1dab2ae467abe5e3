"""Expressions: exact arithmetic on integers and fractions, comparisons, lists, shapes and the built-in functions.

Evaluation always ends and never outgrows the limits: the size of every number and list is known before it is computed.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import cast

from cnndsl.errors import quoted
from cnndsl.lang.expressions.coerce import Rational
from cnndsl.lang.expressions.functions import FUNCTIONS
from cnndsl.lang.expressions.names import Names
from cnndsl.lang.expressions.symbols import LONGEST, Symbolic, combined, joined, negative, symbolic_part
from cnndsl.lang.expressions.values import (
    Fault,
    ListValue,
    Value,
    fault,
    kind,
    make_list,
    misnamed,
    shown,
    simplified,
    slip,
)
from cnndsl.lang.text import syntax
from cnndsl.lang.text.syntax import Expression
from cnndsl.shapes import MAX_RANK, Shape
from cnndsl.suggest import suggest


class Evaluator(Names):
    """Evaluates expressions in one scope."""

    __slots__ = ()

    def value(self, node: Expression) -> Value:
        """The value of an expression. Raises Fault, or Unknowable where it depends on an unknown shape."""
        self.context.budget.spend(1)
        return _EVALUATE[type(node)](self, node)

    # --- leaves ---
    def number(self, node: syntax.Number) -> Value:
        return simplified(node.value)

    def size(self, node: syntax.Size) -> Value:
        for extent in node.extents:
            self.bounded(extent, node)
        return ListValue(node.extents, len(node.extents))

    def literal(self, node: syntax.String | syntax.Bool) -> Value:
        return node.value

    # --- compound ---
    def list(self, node: syntax.ListLiteral) -> Value:
        return self._limited(make_list(tuple(map(self.value, node.items))), node)

    def call(self, node: syntax.Call) -> Value:
        function = FUNCTIONS.get(node.function)
        if function is None:
            span = self.context.span(syntax.Name(node.start, node.start + len(node.function), node.function))
            message = f"there is no function {quoted(node.function)}"
            near = suggest(node.function, FUNCTIONS)
            raise misnamed("unknown-function", message, span, near, f"there are {', '.join(FUNCTIONS)}")
        return function(self, node, [self.value(argument) for argument in node.arguments])

    def unary(self, node: syntax.Unary) -> Value:
        operand = self.value(node.operand)
        if node.operator == "not":
            return not self.as_truth(operand, node.operand)
        if isinstance(operand, Symbolic):
            return negative(operand)
        return simplified(-self.as_rational(operand, node.operand))

    def chain(self, node: syntax.Chain) -> Value:
        operator = node.operators[0]
        if operator in ("and", "or"):
            return self._logic(node, operator == "or")
        value = self.value(node.operands[0])
        if operator in _COMPARE:
            return self._compare(node, operator, value, self.value(node.operands[1]))
        left_node = node.operands[0]
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            right = self.value(operand)
            if operator == "+" and isinstance(value, ListValue) and isinstance(right, ListValue):
                value = self._joined(value, right, node)
                continue
            if isinstance(value, Symbolic) or isinstance(right, Symbolic):
                value = self._symbolic(node, operator, value, right)
                continue
            left = self.as_rational(value, left_node)
            value = self._arithmetic(node, operator, left, self.as_rational(right, operand))
        return value

    def _symbolic(self, node: syntax.Chain, operator: str, left: Value, right: Value) -> Value:
        """``+ - * // %`` with numbers that follow from symbols; anything else is a fault."""
        number = left if isinstance(left, Symbolic) else right
        assert isinstance(number, Symbolic)
        span = self.context.span(node)
        if not all(isinstance(side, int) and not isinstance(side, bool) for side in (left, right)):
            other = right if number is left else left
            raise fault(
                "symbol-decides",
                f"a number that depends on {number.names} meets whole numbers only, but this is {kind(other)}: "
                f"{shown(other)}",
                span,
                "`//` rounds down",
            )
        assert isinstance(left, int) and isinstance(right, int)
        if operator in ("/", "**"):
            message = f"`{operator}` is not for numbers that depend on {number.names}"
            advice = "`//` rounds down, `-(-a//b)` rounds up" if operator == "/" else "write the product"
            raise fault("symbol-decides", message, span, advice)
        if operator in ("//", "%") and (isinstance(right, Symbolic) or right < 1):
            divisor = f"what depends on {right.names}" if isinstance(right, Symbolic) else shown(right)
            message = f"what depends on {number.names} is divided by positive numbers only, not by {divisor}"
            raise fault("symbol-decides", message, span)
        result = combined(operator, left, right, int(self._arithmetic(node, operator, int(left), int(right))))
        if len(result.text) > LONGEST:
            message = f"this expression of {number.names} has more than {LONGEST:,} characters"
            raise fault("number-limit", message, span)
        return result

    def _joined(self, left: ListValue, right: ListValue, node: Expression) -> ListValue:
        self.context.budget.spend(len(left.items) + len(right.items))
        joined = ListValue(left.items + right.items, left.elements + right.elements, max(left.depth, right.depth))
        return self._limited(joined, node)

    def _logic(self, node: syntax.Chain, until: bool) -> Value:
        for operand in node.operands:
            if self.as_truth(self.value(operand), operand) is until:
                return until
        return not until

    def _compare(self, node: syntax.Chain, operator: str, left: Value, right: Value) -> bool:
        symbolic = [part for part in (symbolic_part(left), symbolic_part(right)) if part is not None]
        if symbolic and (len(symbolic) > 1 or not self.counting):
            raise self.unknown(symbolic[0], node, "a condition")
        if symbolic:  # an expectation in plain numbers is about the default sizes
            left, right = (int(side) if isinstance(side, Symbolic) else side for side in (left, right))
        if operator in ("==", "!="):
            left, right = _alike(left, right), _alike(right, left)
            if kind(left) != kind(right):
                raise fault(
                    "wrong-type",
                    f"{kind(left)} and {kind(right)} are never equal: {shown(left)} {operator} {shown(right)}",
                    self.context.span(node),
                )
            return (left == right) is (operator == "==")
        a = self.as_rational(left, node.operands[0])
        b = self.as_rational(right, node.operands[1])
        return _COMPARE[operator](a, b)

    def _arithmetic(self, node: syntax.Chain, operator: str, left: Rational, right: Rational) -> Rational:
        if operator in ("/", "//", "%") and right == 0:
            raise fault("division-by-zero", "division by zero", self.context.span(node))
        if operator == "**":
            return self._power(node, left, right)
        return self.bounded(simplified(_ARITHMETIC[operator](left, right)), node)

    def _power(self, node: syntax.Chain, base: Rational, exponent: Rational) -> Rational:
        if not isinstance(exponent, int):
            raise fault(
                "wrong-type", f"an exponent must be a whole number, got {shown(exponent)}", self.context.span(node)
            )
        if base == 0 and exponent < 0:
            raise fault("division-by-zero", "0 has no negative powers", self.context.span(node))
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if base not in (0, 1, -1) and (bits - 1) * abs(exponent) > self.context.limits.integer_bits:
            raise self.too_large(node)
        if base in (0, 1, -1):
            if exponent == 0:
                return 1
            return base if exponent % 2 else base * base
        return self.bounded(simplified(Fraction(base) ** exponent), node)

    def _limited(self, value: ListValue, node: Expression) -> ListValue:
        limit = self.context.limits.literal_elements
        if value.elements > limit or len(value.items) > limit:
            raise fault(
                "list-limit",
                f"this list has {max(value.elements, len(value.items)):,} elements; the limit is {limit:,}",
                self.context.span(node),
            )
        if value.depth > self.context.limits.nesting:
            message = f"lists are nested more than {self.context.limits.nesting} deep"
            raise fault("list-limit", message, self.context.span(node))
        return value

    def if_else(self, node: syntax.IfElse) -> Value:
        return self.value(node.value if self.as_truth(self.value(node.condition), node.condition) else node.otherwise)

    def shape(self, node: syntax.ShapeLiteral) -> Value:
        channels_value = self.value(node.channels)
        spatial = self._extents(node.spatial)
        if isinstance(channels_value, ListValue) and not isinstance(spatial, ListValue):
            raise self._channels_last(node)
        channels = self.dimension(channels_value, node.channels)
        sizes: Sequence[Value] = spatial.items if isinstance(spatial, ListValue) else (spatial,)
        if not sizes:
            raise fault("wrong-type", "a map needs at least one spatial axis", self.context.span(node.spatial))
        if len(sizes) > MAX_RANK:
            message = f"a map has 1 to {MAX_RANK} spatial axes, not {len(sizes):,}"
            raise fault("wrong-rank", message, self.context.span(node.spatial))
        return Shape(channels, tuple(self.dimension(size, node.spatial) for size in sizes))

    def _extents(self, node: Expression) -> Value:
        """What stands behind an ``@``: ``HxW`` is ``[H, W]`` where H and W are symbols."""
        if isinstance(node, syntax.Name) and "x" in node.name and not self.scope.has(node.name):
            found = {part: self.scope.find(part) for part in node.name.split("x") if self.scope.has(part)}
            extents = joined(node.name, found)
            if extents:
                return make_list(extents)
        return self.value(node)

    def _channels_last(self, node: syntax.ShapeLiteral) -> Fault:
        size, channels = self.context.text(node.channels), self.context.text(node.spatial)
        written = f"{channels}@{size}"
        message = f"channels stand before the `@`, but {quoted(size)} is a size"
        return slip("wrong-type", message, self.context.span(node), f"write {quoted(written)}", written)

    def truth(self, node: Expression) -> bool:
        """The value of a condition."""
        return self.as_truth(self.value(node), node)

    def whole(self, node: Expression, what: str) -> int:
        """The value of an expression that must be a whole number."""
        return self.as_whole(self.value(node), node, what)


def _alike(value: Value, other: Value) -> Value:
    """A number as the shape of a vector, or as one number for every axis, where the other side is a shape or a list."""
    if isinstance(value, int) and not isinstance(value, bool):
        if isinstance(other, Shape):
            return Shape(value)
        if isinstance(other, ListValue):
            return make_list((value,) * len(other.items))
    return value


_ARITHMETIC: dict[str, Callable[[Rational, Rational], Rational]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: Fraction(a) / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}

_COMPARE: dict[str, Callable[[Rational, Rational], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}

_EVALUATE = cast(
    "dict[type[Expression], Callable[[Evaluator, Expression], Value]]",
    {
        syntax.Number: Evaluator.number,
        syntax.Size: Evaluator.size,
        syntax.String: Evaluator.literal,
        syntax.Bool: Evaluator.literal,
        syntax.Name: Evaluator.name,
        syntax.Attribute: Evaluator.attribute,
        syntax.ElementAttribute: Evaluator.element_attribute,
        syntax.ListLiteral: Evaluator.list,
        syntax.Index: Evaluator.index,
        syntax.Call: Evaluator.call,
        syntax.Unary: Evaluator.unary,
        syntax.Chain: Evaluator.chain,
        syntax.IfElse: Evaluator.if_else,
        syntax.ShapeLiteral: Evaluator.shape,
    },
)
