"""Values as the numbers, dimensions and truths that a place needs, or a diagnostic."""

from fractions import Fraction
from typing import TypeAlias

from cnndsl.errors import quoted
from cnndsl.lang.expressions.scope import Context
from cnndsl.lang.expressions.symbols import Symbolic
from cnndsl.lang.expressions.values import Fault, Value, fault, kind, shown
from cnndsl.lang.text.syntax import Expression

Rational: TypeAlias = int | Fraction


class Coercions:
    """Raises Fault at the expression that gave a value of the wrong kind or size."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def dimension(self, value: Value, node: Expression) -> int:
        """A positive whole number within the limit on dimensions."""
        number = value if isinstance(value, Symbolic) else self.as_whole(value, node, "a dimension")
        if number < 1:
            raise fault("wrong-type", f"a dimension must be at least 1, got {number}", self.context.span(node))
        if number > self.context.limits.dimension:
            raise fault(
                "dimension-limit",
                f"a dimension of {number} is over the limit of {self.context.limits.dimension:,}",
                self.context.span(node),
            )
        return number if isinstance(number, Symbolic) else int(number)

    def as_rational(self, value: Value, node: Expression, what: str = "this") -> Rational:
        if isinstance(value, Symbolic):
            raise self.unknown(value, node, what)
        if isinstance(value, bool) or not isinstance(value, int | Fraction):
            raise fault("wrong-type", f"a number is needed here, but this is {kind(value)}", self.context.span(node))
        return value

    def as_whole(self, value: Value, node: Expression, what: str) -> int:
        number = self.as_rational(value, node, what)
        if isinstance(number, int):
            return number
        raise fault(
            "not-whole",
            f"{what} must be a whole number, got {shown(number)}",
            self.context.span(node),
            "`/` is exact; `//` rounds down",
        )

    def unknown(self, number: Symbolic, node: Expression, what: str) -> Fault:
        """The fault for what a symbol may not decide."""
        name, symbol = next(iter(number.symbols.items()))
        setting = f"--set {name}={symbol.default}"
        return fault(
            "symbol-decides",
            f"{what} may not depend on {number.names}, which is known only when the network is used",
            self.context.span(node),
            f"write a number or a param instead, or make one of it: {quoted(setting)}",
            "a symbol meets `+ - * // %`; it decides extents: those of inputs, of `crop`, `pad`, `resize`, "
            "`adaptive_avgpool`",
        )

    def as_truth(self, value: Value, node: Expression) -> bool:
        if not isinstance(value, bool):
            raise fault(
                "wrong-type",
                f"true or false is needed here, but this is {kind(value)}: {shown(value)}",
                self.context.span(node),
                "compare it: `stride != 1`",
            )
        return value

    def too_large(self, node: Expression) -> Fault:
        bits = self.context.limits.integer_bits
        return fault("number-limit", f"this number is larger than 2^{bits}, the limit", self.context.span(node))

    def bounded(self, number: Rational, node: Expression) -> Rational:
        limit = self.context.limits.integer_bits
        if number.numerator.bit_length() > limit or number.denominator.bit_length() > limit:
            raise self.too_large(node)
        return number
