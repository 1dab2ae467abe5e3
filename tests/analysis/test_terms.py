"""Integers that remember their expressions: the value is the integer's, the text evaluates to it."""

import ast
import math
import operator
from fractions import Fraction
from random import Random

import pytest

from cnndsl.analysis.terms import Term, maximum
from cnndsl.shapes import Axis, ratio

H, K, P, S, D = Term(32, "H"), Term(5, "K"), Term(0, "P"), Term(1, "S"), Term(2, "D")
SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def evaluated(text: str, **names: int) -> Fraction:
    """The exact value of an expression: an evaluator of its own."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(number):
                return Fraction(number)
            case ast.Name(name):
                return Fraction(names[name])
            case ast.UnaryOp(ast.USub(), operand):
                return -value(operand)
            case ast.BinOp(left, sign, right):
                return SIGNS[type(sign)](value(left), value(right))
            case ast.Call(ast.Name(function), arguments):
                return Fraction({"floor": math.floor, "ceil": math.ceil, "max": max}[function](*map(value, arguments)))
        raise AssertionError(ast.dump(node))

    return value(ast.parse(text, mode="eval").body)


def texts(term: Term) -> tuple[str, str]:
    return term.symbols.text, term.numbers.text


@pytest.mark.parametrize(
    ("term", "symbols", "numbers"),
    [
        ((H - K + 2 * P) // S + 1, "(H - K + 2*P)/S + 1", "(32 - 5 + 2*0)/1 + 1"),
        ((H - K) // D + 1, "floor((H - K)/D) + 1", "floor((32 - 5)/2) + 1"),
        (-(-(H - K) // D), "ceil((H - K)/D)", "ceil((32 - 5)/2)"),
        (-(-H // D), "H/D", "32/2"),
        (H - (K - D), "H - (K - D)", "32 - (5 - 2)"),
        (H - (K + D), "H - (K + D)", "32 - (5 + 2)"),
        (H + (K - D), "H + K - D", "32 + 5 - 2"),
        (H * (K + 1), "H*(K + 1)", "32*(5 + 1)"),
        ((H + K) * D, "(H + K)*D", "(32 + 5)*2"),
        (H * (K * D), "H*K*D", "32*5*2"),
        (H // D * K, "H/D*K", "32/2*5"),
        (H * (H // D), "H*H/D", "32*32/2"),
        (H // (D * D), "H/(D*D)", "32/(2*2)"),
        (H // (H // D), "H/(H/D)", "32/(32/2)"),
        (-K + H, "-K + H", "-5 + 32"),
        (H - Term(-3), "H - (-3)", "32 - (-3)"),
        (Term(-3) * H, "(-3)*H", "(-3)*32"),
        (7 - K, "7 - K", "7 - 5"),
        (10 // K, "10/K", "10/5"),
        (maximum([H, K + 1]), "max(H, K + 1)", "max(32, 5 + 1)"),
    ],
)
def test_how_expressions_are_written(term, symbols, numbers):
    assert texts(term) == (symbols, numbers)
    names = {"H": 32, "K": 5, "P": 0, "S": 1, "D": 2}
    assert evaluated(symbols, **names) == evaluated(numbers) == int(term)


def test_what_has_no_name_and_does_nothing_leaves_no_trace():
    assert {texts(term) for term in (H + 0, 0 + H, H - 0, 1 * H, H * 1, H // 1, sum([H]))} == {("H", "32")}
    assert texts(H * Term(1)) == ("H*1", "32*1")
    assert texts(H + Term(0)) == ("H + 0", "32 + 0")


def test_a_term_is_its_integer():
    assert (H, hash(H), f"{H}", H % 5, H > 3, [0] * K, K * [0]) == (32, hash(32), "32", 2, True, [0] * 5, [0] * 5)
    assert max(H, K) is H


def test_random_expressions_evaluate_to_their_values():
    random = Random(7)
    for _ in range(300):
        names = {letter: random.randint(-4, 9) for letter in "abcd"}
        pool = [Term(value, letter) for letter, value in names.items()] + [random.randint(-2, 5)]
        for _ in range(8):
            one, other = random.choice(pool), random.choice(pool)
            if not isinstance(one, Term):
                one, other = other, one
            sign = random.choice("+-*/^")
            if sign == "/" and other:
                pool.append(one // other)
            elif sign == "^" and other:
                pool.append(-(-one // other))
            elif sign in "+-*":
                pool.append({"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](one, other))
        for term in pool:
            if isinstance(term, Term):
                assert evaluated(term.symbols.text, **names) == evaluated(term.numbers.text) == int(term)


def test_the_window_rule_reads_as_in_messages():
    """``Axis.formula`` writes the same rule without computing it."""
    random = Random(3)
    for _ in range(300):
        begin = random.randint(0, 3)
        end = random.choice([begin, random.randint(0, 3)])
        numbers = (random.randint(15, 40), random.randint(1, 5), random.randint(1, 4), random.randint(1, 3), begin, end)
        output = Axis(*map(Term, numbers)).output
        axis = Axis(*numbers)
        rule, _, result = axis.formula().partition(" = ")
        division = rule.removesuffix(" + 1")
        assert result == ratio(axis.room + axis.stride, axis.stride)
        assert output.numbers.text == (rule if axis.exact else f"floor({division}) + 1")


def test_a_window_without_dilation_reaches_as_far_as_its_kernel() -> None:
    kernel = Term(3, "K")
    assert Axis(Term(9, "W"), kernel).reach is kernel
    assert Axis(Term(9, "W"), kernel, dilation=Term(2, "D")).reach.symbols.text == "D*(K - 1) + 1"
