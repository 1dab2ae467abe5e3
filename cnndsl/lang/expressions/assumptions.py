"""Conditions on symbols: what is assumed of them, as text that can be worked out for any size."""

from collections.abc import Mapping
from typing import NamedTuple

from cnndsl.errors import quoted
from cnndsl.ir import Assumption, Symbol
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.symbols import LONGEST, Given, Symbolic, expression, symbolic_part, symbols_of
from cnndsl.lang.expressions.values import fault, kind
from cnndsl.lang.text import syntax
from cnndsl.lang.text.syntax import Expression

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_OR, _AND, _NOT = range(3)


class Assumed(NamedTuple):
    """An assumption with the symbols that it is about."""

    assumption: Assumption
    symbols: Mapping[str, Symbol]


class _Condition(NamedTuple):
    """A condition as text; ``level`` says how tightly its last word binds."""

    text: str
    level: int
    symbols: Mapping[str, Symbol]


def assumed(node: Expression, evaluator: Evaluator) -> Assumed | None:
    """What an ``assume`` says; None where it is about no symbol and holds. Raises Fault or Unknowable."""
    span = evaluator.context.span(node)
    found = _condition(node, evaluator)
    if isinstance(found, bool):
        if not found:
            raise fault("assumption", f"this does not hold{_facts(node, evaluator)}", span)
        return None
    if len(found.text) > LONGEST:
        raise fault("number-limit", f"this condition has more than {LONGEST:,} characters", span)
    return Assumed(Assumption(text=found.text, span=span), found.symbols)


def _condition(node: Expression, evaluator: Evaluator) -> _Condition | bool:
    if isinstance(node, syntax.Chain) and node.operators[0] in ("and", "or"):
        return _several(node, evaluator)
    if isinstance(node, syntax.Unary) and node.operator == "not":
        inner = _condition(node.operand, evaluator)
        if isinstance(inner, bool):
            return not inner
        return _Condition(f"not {_within(inner, _NOT)}", _NOT, inner.symbols)
    if isinstance(node, syntax.Chain) and node.operators[0] in _COMPARISONS:
        sides = [evaluator.value(operand) for operand in node.operands]
        if all(symbolic_part(side) is None for side in sides):
            return evaluator.truth(node)
        numbers = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
        if len(numbers) < 2:
            other = next(side for side in sides if not isinstance(side, Symbolic))
            message = f"sizes are compared with whole numbers, but this is {kind(other)}"
            raise fault("wrong-type", message, evaluator.context.span(node))
        left, right = numbers
        text = f"{expression(left)} {node.operators[0]} {expression(right)}"
        return _Condition(text, _NOT, {**symbols_of(left), **symbols_of(right)})
    value = evaluator.value(node)
    if isinstance(value, Symbolic):
        message = f"a condition is needed here, but this is a number that depends on {value.names}"
        number = value.text if value.is_name else f"({value.text})"
        example = f"compare it: {quoted(f'{number} % 32 == 0')}"
        raise fault("wrong-type", message, evaluator.context.span(node), example)
    return evaluator.as_truth(value, node)


def _several(node: syntax.Chain, evaluator: Evaluator) -> _Condition | bool:
    """Conditions joined by ``and`` or ``or``; those about no symbol are worked out."""
    word = node.operators[0]
    parts: list[_Condition] = []
    for operand in node.operands:
        part = _condition(operand, evaluator)
        if isinstance(part, _Condition):
            parts.append(part)
        elif part is (word == "or"):
            return part
    if not parts:
        return word == "and"
    level = _AND if word == "and" else _OR
    symbols = {name: symbol for part in parts for name, symbol in part.symbols.items()}
    if len(parts) == 1:
        return parts[0]
    return _Condition(f" {word} ".join(_within(part, level) for part in parts), level, symbols)


def _within(part: _Condition, level: int) -> str:
    return part.text if part.level >= level else f"({part.text})"


def _facts(node: Expression, evaluator: Evaluator) -> str:
    """The symbols in a condition that are given from outside, with their sizes."""
    found: dict[str, int] = {}
    pending: list[object] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, syntax.Name):
            value = evaluator.value(part)
            if isinstance(value, Given):
                found[part.name] = int(value)
        elif isinstance(part, tuple):
            pending.extend(part[::-1])
    return f": {', '.join(f'{name} is {size}' for name, size in found.items())}" if found else ""
