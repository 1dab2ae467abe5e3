"""The built-in functions of expressions."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias

from cnndsl.lang.expressions.coerce import Coercions, Rational
from cnndsl.lang.expressions.values import ListValue, Value, fault, kind
from cnndsl.lang.text import syntax


def check_arity(place: Coercions, node: syntax.Call, least: int, most: int | None = None) -> None:
    given = len(node.arguments)
    if given < least or given > (least if most is None else most):
        wanted = str(least) if most is None else f"{least} to {most}" if most < 1000 else f"at least {least}"
        raise fault(
            "wrong-arguments",
            f"{node.function} takes {wanted} argument{'s' if wanted != '1' else ''}, got {given}",
            place.context.span(node),
        )


def extreme_of(place: Coercions, node: syntax.Call, arguments: Sequence[Value]) -> Value:
    check_arity(place, node, 1, 1_000_000)
    values: Sequence[Value] = arguments
    if len(arguments) == 1 and isinstance(arguments[0], ListValue):
        values = arguments[0].items
    if not values:
        raise fault("wrong-type", f"{node.function} of an empty list", place.context.span(node))
    place.context.budget.spend(len(values))
    numbers: list[Rational] = [place.as_rational(value, node) for value in values]
    return max(numbers) if node.function == "max" else min(numbers)


def rounded(place: Coercions, node: syntax.Call, arguments: Sequence[Value]) -> Value:
    check_arity(place, node, 1)
    number = place.as_rational(arguments[0], node.arguments[0])
    if node.function == "abs":
        return number if number >= 0 else -number
    if node.function == "floor":
        return number // 1
    if node.function == "ceil":
        return -(-number // 1)
    return round(Fraction(number))


def length_of(place: Coercions, node: syntax.Call, arguments: Sequence[Value]) -> Value:
    check_arity(place, node, 1)
    if not isinstance(arguments[0], ListValue):
        raise fault("wrong-type", f"len is for lists, but this is {kind(arguments[0])}", place.context.span(node))
    return len(arguments[0].items)


def range_of(place: Coercions, node: syntax.Call, arguments: Sequence[Value]) -> Value:
    check_arity(place, node, 1, 3)
    bounds = [place.as_whole(value, node, "a bound of range") for value in arguments]
    if len(bounds) == 3 and bounds[2] == 0:
        raise fault("wrong-type", "range needs a step other than 0", place.context.span(node))
    start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds[:2], bounds[2] if bounds[2:] else 1)
    count = max(-(-(stop - start) // step), 0)
    limit = place.context.limits.literal_elements
    if count > limit:
        raise fault(
            "list-limit", f"this range has {count:,} elements; the limit is {limit:,}", place.context.span(node)
        )
    place.context.budget.spend(count)
    return ListValue(tuple(range(start, stop, step)), count)


def make_divisible(place: Coercions, node: syntax.Call, arguments: Sequence[Value]) -> Value:
    """MobileNet's rounding: the nearest multiple of d, at least d, one more d if that is below 0.9 v."""
    check_arity(place, node, 1, 2)
    number = place.as_rational(arguments[0], node.arguments[0])
    divisor = place.as_whole(arguments[1], node.arguments[1], "the divisor") if len(arguments) > 1 else 8
    if divisor < 1:
        raise fault("wrong-type", f"the divisor must be at least 1, got {divisor}", place.context.span(node))
    nearest_multiple = max(divisor, (number + Fraction(divisor, 2)) // divisor * divisor)
    result = nearest_multiple if nearest_multiple * 10 >= number * 9 else nearest_multiple + divisor
    return place.bounded(result, node)


Function: TypeAlias = Callable[[Coercions, syntax.Call, Sequence[Value]], Value]

FUNCTIONS: dict[str, Function] = {
    "min": extreme_of,
    "max": extreme_of,
    "abs": rounded,
    "ceil": rounded,
    "floor": rounded,
    "round": rounded,
    "len": length_of,
    "range": range_of,
    "make_divisible": make_divisible,
}
