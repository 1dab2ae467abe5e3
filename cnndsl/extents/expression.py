"""Expressions of symbols as text, ``H // 4 - 1`` or ``H % 32 == 0 and W == H``, worked out with numbers or extents."""

import ast
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from keyword import kwlist
from operator import add, eq, floordiv, ge, gt, le, lt, mod, mul, ne, neg, sub
from typing import Any

LONGEST = 100_000
"""Characters of an expression; names may be long."""

MOST_PARTS = 2_000
"""Names, numbers and operators in it."""

_MARK = "\N{GREEK SMALL LETTER KAPPA}"
_PYTHONS = re.compile(rf"\b(?:{'|'.join(word for word in kwlist if word not in ('and', 'or', 'not'))})\b")
"""Words that Python keeps for itself, and no symbol of the language: they are marked by a letter that none has."""

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv, ast.Mod: mod,
    ast.Eq: eq, ast.NotEq: ne, ast.Lt: lt, ast.LtE: le, ast.Gt: gt, ast.GtE: ge,
}  # fmt: skip


def evaluated(text: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression. Comparisons of extents are decided by the cases that are looked at.

    Raises ValueError for anything but whole numbers, the names in ``values``, ``+ - * // %``, comparisons, ``and``,
    ``or`` and ``not``; divisors are numbers, from 1 on.
    """
    return _value(_tree(text), values)


def names(text: str) -> set[str]:
    """The symbols that an expression reads."""
    found: set[str] = set()
    waiting: list[ast.AST] = [_tree(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name | ast.Attribute):
            found.add(_name(node))
        else:
            waiting += ast.iter_child_nodes(node)
    return found


def conjuncts(text: str) -> list[set[str]]:
    """The symbols that each part of a condition reads, the parts being joined by ``and``."""
    tree = _tree(text)
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    return [names(ast.unparse(part)) for part in parts]


def same(one: str, other: str) -> bool:
    """Whether two expressions differ in nothing but spaces and needless parentheses."""
    return one == other or ast.dump(_tree(one)) == ast.dump(_tree(other))


@lru_cache(maxsize=1024)
def _tree(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ValueError("an expression is too long")
    try:
        tree = ast.parse(_PYTHONS.sub(rf"{_MARK}\g<0>", text.strip()), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text[:60]!r} is no expression") from error
    if sum(1 for _ in ast.walk(tree)) > MOST_PARTS:
        raise ValueError("an expression has too many parts")
    return tree


def _name(node: ast.Name | ast.Attribute) -> str:
    """A name, or an axis of an input such as ``left.H``."""
    return ast.unparse(node).replace(_MARK, "")


def _value(tree: ast.expr, values: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name() | ast.Attribute() if (name := _name(tree)) in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return neg(_value(operand, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.BinOp(left=left, op=ast.FloorDiv() | ast.Mod() as operation, right=right):
            divisor = _value(right, {})
            if divisor < 1:
                raise ValueError("an expression of symbols divides by whole numbers from 1 on")
            return _BINARY[type(operation)](_value(left, values), divisor)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _BINARY:
            return _BINARY[type(operation)](_value(left, values), _value(right, values))
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, values) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(_value(part, values) for part in parts)
        case ast.Compare(left=left, ops=operations, comparators=others):
            ends = [_value(part, values) for part in (left, *others)]
            steps = zip(ends, operations, ends[1:], strict=False)
            return all(_BINARY[type(operation)](one, other) for one, operation, other in steps)
    raise ValueError("an expression of symbols has whole numbers, names, + - * // %, comparisons, and, or, not")
