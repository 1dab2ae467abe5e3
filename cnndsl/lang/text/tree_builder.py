"""What the parser calls for every production it has read: the nodes of :mod:`cnndsl.lang.text.syntax`.

A function here has the name of a rule (or of an alternative, behind ``->``) of ``grammar/cnn.lark`` and receives the
parts of the production as written there, keywords and punctuation included.
"""

import re
from collections.abc import Sequence
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, TypeAlias

from cnndsl.lang.text import syntax
from cnndsl.lang.text.lexer import Refused, Token
from cnndsl.limits import DEFAULT_LIMITS, Limits

Parts: TypeAlias = list[Any]

current_limits: ContextVar[Limits] = ContextVar("current_limits", default=DEFAULT_LIMITS)
"""The limits of the parse that runs in this thread: the parser and these functions are shared by all threads."""

LARGEST_EXPONENT = 30
_MOST_DIGITS = 640  # the least that Python's own guard of int() can be set to
_SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class TreeBuilder:
    """The productions; a class only because Lark looks them up by name on an object."""

    # --- expressions --------------------------------------------------------------------------------------------------
    @staticmethod
    def number(parts: Parts) -> syntax.Number:
        token: Token = parts[0]
        text = token.value
        _check_digits(token)
        if text.isdigit():
            return syntax.Number(token.start, token.end, int(text), text)
        digits = text.replace("_", "")
        if digits.isdigit():
            return syntax.Number(token.start, token.end, int(digits), text)
        factor = _SUFFIXES.get(digits[-1])
        if factor:
            scaled = Fraction(digits[:-1]) * factor
            whole = scaled.denominator == 1
            return syntax.Number(token.start, token.end, scaled.numerator if whole else scaled, text)
        exponent = digits.lower().partition("e")[2]
        if exponent and abs(int(exponent)) > LARGEST_EXPONENT:
            raise Refused(
                "number-too-long",
                f"the exponent of this number is beyond {LARGEST_EXPONENT}",
                token.start,
                token.end,
            )
        return syntax.Number(token.start, token.end, Fraction(digits), text)

    @staticmethod
    def size(parts: Parts) -> syntax.Size:
        token: Token = parts[0]
        _check_digits(token)
        return syntax.Size(token.start, token.end, tuple(map(int, token.value.split("x"))))

    @staticmethod
    def string(parts: Parts) -> syntax.String:
        token: Token = parts[0]
        return syntax.String(token.start, token.end, _unescaped(token))

    @staticmethod
    def true(parts: Parts) -> syntax.Bool:
        return syntax.Bool(parts[0].start, parts[0].end, True)

    @staticmethod
    def false(parts: Parts) -> syntax.Bool:
        return syntax.Bool(parts[0].start, parts[0].end, False)

    @staticmethod
    def name(parts: Parts) -> syntax.Name:
        token: Token = parts[0]
        return syntax.Name(token.start, token.end, token.value)

    @staticmethod
    def attribute(parts: Parts) -> syntax.Attribute:
        base, _, attribute = parts
        return syntax.Attribute(base.start, attribute.end, base.value, attribute.value)

    @staticmethod
    def call(parts: Parts) -> syntax.Call:
        arguments = _nodes(parts)
        start, end = parts[0].start, parts[-1].end
        return syntax.Call(start, end, parts[0].value, arguments, _depth(start, end, arguments))

    @staticmethod
    def list_literal(parts: Parts) -> syntax.ListLiteral:
        items = _nodes(parts)
        start, end = parts[0].start, parts[-1].end
        return syntax.ListLiteral(start, end, items, _depth(start, end, items))

    @staticmethod
    def parentheses(parts: Parts) -> syntax.Expression:
        opening, expression, closing = parts
        inside: syntax.Expression = expression
        return inside._replace(start=opening.start, end=closing.end)

    @staticmethod
    def index(parts: Parts) -> syntax.Index:
        base, _, index, closing = parts
        return syntax.Index(base.start, closing.end, base, index, _depth(base.start, closing.end, (base, index)))

    @staticmethod
    def element_attribute(parts: Parts) -> syntax.ElementAttribute:
        *indexed, _, name = parts
        base = TreeBuilder.index(indexed)
        return syntax.ElementAttribute(base.start, name.end, base, name.value, base.depth)

    @staticmethod
    def unary(parts: Parts) -> syntax.Unary:
        operator, operand = parts
        start, end = operator.start, operand.end
        return syntax.Unary(start, end, operator.value, operand, _depth(start, end, (operand,)))

    @staticmethod
    def chain(parts: Parts) -> syntax.Chain:
        operands = tuple(parts[::2])
        operators = tuple([token.value for token in parts[1::2]])
        start, end = operands[0].start, operands[-1].end
        return syntax.Chain(start, end, operands, operators, _depth(start, end, operands))

    @staticmethod
    def if_else(parts: Parts) -> syntax.IfElse:
        value, _, condition, _, otherwise = parts
        start, end = value.start, otherwise.end
        return syntax.IfElse(start, end, value, condition, otherwise, _depth(start, end, (value, condition, otherwise)))

    @staticmethod
    def shape_literal(parts: Parts) -> syntax.ShapeLiteral:
        channels, _, spatial = parts
        start, end = channels.start, spatial.end
        return syntax.ShapeLiteral(start, end, channels, spatial, _depth(start, end, (channels, spatial)))

    # --- stages -------------------------------------------------------------------------------------------------------
    @staticmethod
    def positional(parts: Parts) -> syntax.Argument:
        value = parts[0] if len(parts) == 1 else TreeBuilder.shape_literal(parts)
        return syntax.Argument(value.start, value.end, None, value)

    @staticmethod
    def keyword(parts: Parts) -> syntax.Argument:
        name, _, value = parts
        return syntax.Argument(name.start, value.end, name.value, value)

    @staticmethod
    def alias(parts: Parts) -> syntax.Alias:
        return _named(parts[1])

    @staticmethod
    def stage(parts: Parts) -> syntax.Stage:
        unnamed: syntax.Stage = parts[0]
        alias: syntax.Alias = parts[1]
        return unnamed._replace(end=alias.end, alias=alias)

    @staticmethod
    def apply(parts: Parts) -> syntax.Apply:
        word: Token = parts[0]
        return syntax.Apply(word.start, parts[-1].end, word.value, word.end, tuple(parts[1:]))

    @staticmethod
    def merge(parts: Parts) -> syntax.Merge:
        word, *arguments, body = parts
        return syntax.Merge(word.start, body.end, word.value, word.end, tuple(arguments), body)

    @staticmethod
    def from_(parts: Parts) -> syntax.From:
        word, value = parts
        return syntax.From(word.start, value.end, value)

    @staticmethod
    def group(parts: Parts) -> syntax.Group:
        body: syntax.Body = parts[0]
        return syntax.Group(body.start, body.end, body)

    @staticmethod
    def repeat(parts: Parts) -> syntax.Repeat:
        word, count, *alias, body = parts
        return syntax.Repeat(word.start, body.end, count, alias[0].name if alias else None, body)

    @staticmethod
    def target(parts: Parts) -> tuple[tuple[str, ...], bool]:
        names = tuple([token.value for token in parts if token.type == "NAME"])
        return names, len(parts) > 1

    @staticmethod
    def for_(parts: Parts) -> syntax.For:
        word, (names, destructured), _, rows, body = parts
        return syntax.For(word.start, body.end, names, destructured, rows, body)

    @staticmethod
    def if_(parts: Parts) -> syntax.If:
        nodes = _nodes(parts)
        arms = tuple(zip(nodes[::2], nodes[1::2], strict=False))
        otherwise = nodes[-1] if len(nodes) % 2 else None
        return syntax.If(parts[0].start, parts[-1].end, arms, otherwise)

    # --- statements ---------------------------------------------------------------------------------------------------
    @staticmethod
    def pipeline(parts: Parts) -> syntax.Pipeline:
        return syntax.Pipeline(parts[0].start, parts[-1].end, tuple(parts[::2]))

    @staticmethod
    def input(parts: Parts) -> syntax.Input:
        word, shape, *arguments = parts
        last = parts[-1]
        alias = arguments.pop() if isinstance(last, syntax.Alias) else None
        return syntax.Input(word.start, last.end, shape, tuple(arguments), alias)

    @staticmethod
    def output(parts: Parts) -> syntax.Output:
        return syntax.Output(parts[0].start, parts[-1].end, tuple(parts[1:]))

    @staticmethod
    def expect(parts: Parts) -> syntax.Expect:
        word, condition = parts
        return syntax.Expect(word.start, condition.end, condition)

    @staticmethod
    def param(parts: Parts) -> syntax.Param:
        word, name, _, value = parts
        return syntax.Param(word.start, value.end, name.value, name.start, name.end, value)

    @staticmethod
    def let(parts: Parts) -> syntax.Let:
        word, name, _, value = parts
        return syntax.Let(word.start, value.end, name.value, name.start, name.end, value)

    @staticmethod
    def symbol(parts: Parts) -> syntax.Symbol:
        return syntax.Symbol(parts[0].start, parts[-1].end, tuple(parts[1::2]))

    @staticmethod
    def declared(parts: Parts) -> syntax.Declared:
        name: Token = parts[0]
        default = parts[2] if len(parts) > 1 else None
        return syntax.Declared(name.start, parts[-1].end, name.value, default)

    @staticmethod
    def assume(parts: Parts) -> syntax.Assume:
        word, condition = parts
        return syntax.Assume(word.start, condition.end, condition)

    @staticmethod
    def train(parts: Parts) -> syntax.Train:
        return syntax.Train(parts[0].start, parts[-1].end, _nodes(parts))

    @staticmethod
    def error(parts: Parts) -> syntax.Broken:
        token: Token = parts[0]
        return syntax.Broken(token.start, parts[-1].end, token.value, tuple(parts[1:]))

    @staticmethod
    def body(parts: Parts) -> syntax.Body:
        return syntax.Body(parts[0].start, parts[-1].end, _nodes(parts))

    # --- files --------------------------------------------------------------------------------------------------------
    @staticmethod
    def parameter(parts: Parts) -> syntax.BlockParameter:
        name: Token = parts[0]
        default = parts[2] if len(parts) > 1 else None
        return syntax.BlockParameter(name.start, parts[-1].end, name.value, default)

    @staticmethod
    def block(parts: Parts) -> syntax.Block:
        word, name = parts[:2]
        *parameters, body = _nodes(parts)
        return syntax.Block(word.start, body.end, name.value, name.start, name.end, tuple(parameters), body)

    plain_block = block

    @staticmethod
    def network(parts: Parts) -> syntax.Network:
        word, name, body = parts
        return syntax.Network(word.start, body.end, name.value, name.start, name.end, body)

    @staticmethod
    def import_(parts: Parts) -> syntax.Import:
        word, token = parts
        return syntax.Import(word.start, token.end, syntax.String(token.start, token.end, _unescaped(token)))

    @staticmethod
    def file(parts: Parts) -> tuple[syntax.Item, ...]:
        return _nodes(parts)


def _nodes(parts: Parts) -> tuple[Any, ...]:
    return tuple([part for part in parts if type(part) is not Token])


def _named(token: Token) -> syntax.Alias:
    return syntax.Alias(token.start, token.end, token.value)


def _depth(start: int, end: int, children: Sequence[syntax.Expression]) -> int:
    """The height of a node above ``children``; a node without children, like a leaf with them, adds one to 0.

    Raises :class:`Refused` (``nesting-too-deep``) beyond the limit, so that no walk over a tree can overflow a stack.
    """
    depth = 1 + max([getattr(child, "depth", 0) for child in children], default=0)
    nesting = current_limits.get().nesting
    if depth > nesting:
        raise Refused.nesting(nesting, start, end)
    return depth


def _check_digits(token: Token) -> None:
    most = min(current_limits.get().number_digits, _MOST_DIGITS)
    if len(token.value) > most:
        digits = max(sum(map(str.isdigit, extent)) for extent in token.value.split("x"))
        if digits > most:
            raise Refused(
                "number-too-long", f"a number of {digits} digits; at most {most} are allowed", token.start, token.end
            )


def _unescaped(token: Token) -> str:
    if "\\" not in token.value:
        return token.value[1:-1]

    def character(match: re.Match[str]) -> str:
        code, letter = match.groups()
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if code and not 0xD800 <= int(code, 16) <= 0xDFFF:
            return chr(int(code, 16))
        raise Refused(
            "bad-escape",
            f"`{match[0]}` is half of a surrogate pair, not a character" if code else f"`{match[0]}` is no escape",
            token.start + 1 + match.start(),
            token.start + 1 + match.end(),
            r"the escapes are \" \\ \n \t and \uXXXX with four hexadecimal digits; a backslash itself is \\",
        )

    return _ESCAPE.sub(character, token.value[1:-1])
