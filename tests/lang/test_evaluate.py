"""Expressions against Python's own arithmetic; names, attributes, lists and functions by the words of the reference."""

from fractions import Fraction
from math import ceil, floor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.lang.compile import compile_text
from cnndsl.lang.expressions.values import ListValue, shown
from cnndsl.lang.settings import parse_value
from cnndsl.shapes import Shape


def value(text: str) -> object:
    """The value of an expression, lists as Python lists."""
    return python(parse_value(f"({text})"))


def python(found: object) -> object:
    return list(map(python, found.items)) if isinstance(found, ListValue) else found


def codes(text: str) -> list[str]:
    """The codes of the errors in a text."""
    return [diagnostic.code for diagnostic in compile_text(text).diagnostics if diagnostic.severity == "error"]


def failure(expression: str) -> str:
    """The only code that an expression gives in a network."""
    (code,) = codes(f"let x = {expression}\ninput 3@8x8 as image\nconv 8 3x3")
    return code


def expression(random: Random, depth: int) -> tuple[str, str]:
    """An expression in the language and the same for Python, with exact division."""
    if depth == 0:
        number = random.randint(0, 20)
        return str(number), f"F({number})"
    left, mine = expression(random, depth - 1), expression(random, random.randrange(depth))
    operator = random.choice(["+", "-", "*", "/", "//", "%"])
    return f"({left[0]} {operator} {mine[0]})", f"({left[1]} {operator} {mine[1]})"


def test_arithmetic_against_python() -> None:
    random = Random(3)
    divided_by_zero = computed = 0
    for _ in range(400):
        mine, theirs = expression(random, random.randint(1, 4))
        try:
            expected = eval(theirs, {"F": Fraction})
        except ZeroDivisionError:
            assert failure(mine) == "division-by-zero"
            divided_by_zero += 1
            continue
        found = value(mine)
        assert found == expected, mine
        assert isinstance(found, int) == (expected.denominator == 1)
        computed += 1
    assert divided_by_zero > 10 and computed > 200


@given(st.integers(-4, 4), st.integers(-9, 9))
def test_powers_against_python(base: int, exponent: int) -> None:
    if base == 0 and exponent < 0:
        assert failure(f"({base})**({exponent})") == "division-by-zero"
    else:
        assert value(f"({base})**({exponent})") == Fraction(base) ** exponent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("7 // 2 * 2", 6),
        ("10 - 3 - 2", 5),
        ("7 / 2", Fraction(7, 2)),
        ("6 / 2", 3),
        ("1 if 2 > 1 else 1 // 0", 1),
        ("true or 1 // 0 == 1", True),
        ("false and 1 // 0 == 1", False),
        ("not 1 == 2", True),
        ("1 < 2 and 2 <= 2 and 3 != 4", True),
        ("62K", 62_000),
        ("1.8G", 1_800_000_000),
        ("1e-5", Fraction(1, 100_000)),
        ("1_000", 1000),
        ("[1, 2][1]", 2),
        ("[1, 2][-1]", 2),
        ("[[1, 2], [3]][1][0]", 3),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("3x4", [3, 4]),
        ("3x4 == [3, 4]", True),
        ("[3, 3] == 3", True),
        ("[3, 4] == 3", False),
        ("(3@4x5) == (3@[4, 5])", True),
        ("120 == 120", True),
        ('"same" == "same"', True),
        ("min(3, 1, 2)", 1),
        ("max([3, 1, 2])", 3),
        ("max(1/2, 1/3)", Fraction(1, 2)),
        ("abs(-3/2)", Fraction(3, 2)),
        ("ceil(7/2)", 4),
        ("floor(-7/2)", -4),
        ("round(7/2)", 4),
        ("len([1, [2, 3]])", 2),
        ("range(3)", [0, 1, 2]),
        ("range(5, 0, -2)", [5, 3, 1]),
        ("range(3, 3)", []),
        ("make_divisible(16 * 0.75, 8)", 16),
    ],
)
def test_values(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected and isinstance(found, bool) == isinstance(expected, bool)


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-5, 5).filter(bool))
def test_range_against_python(start: int, stop: int, step: int) -> None:
    assert value(f"range({start}, {stop}, {step})") == list(range(start, stop, step))


@given(st.integers(1, 4000), st.integers(1, 64))
def test_make_divisible_against_mobilenet(tenths: int, divisor: int) -> None:
    """The function as MobileNet's authors publish it (Sandler et al. 2018, tensorflow/models)."""
    v = Fraction(tenths, 10)
    new_v = max(divisor, int(v + Fraction(divisor, 2)) // divisor * divisor)
    if new_v < Fraction(9, 10) * v:
        new_v += divisor
    assert value(f"make_divisible({tenths}/10, {divisor})") == new_v


@given(st.fractions(-100, 100, max_denominator=50))
def test_rounding_against_python(number: Fraction) -> None:
    text = f"({number.numerator}/{number.denominator})"
    assert value(f"floor({text})") == floor(number)
    assert value(f"ceil({text})") == ceil(number)
    assert value(f"round({text})") == round(number)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 / 0", "division-by-zero"),
        ("1 % 0", "division-by-zero"),
        ("2 ** 0.5", "wrong-type"),
        ("2 ** 256", "number-limit"),
        ("(1/3) ** 400", "number-limit"),
        ("true + 1", "wrong-type"),
        ("1 and true", "wrong-type"),
        ("not 1", "wrong-type"),
        ('"a" + "b"', "wrong-type"),
        ('"a" < "b"', "wrong-type"),
        ('1 == "a"', "wrong-type"),
        ("1 == true", "wrong-type"),
        ("[1] + 1", "wrong-type"),
        ("(3)[0]", "wrong-type"),
        ("[1][1]", "bad-index"),
        ("[1][-2]", "bad-index"),
        ("[][0]", "bad-index"),
        ("[1][1/2]", "not-whole"),
        ("max([])", "wrong-type"),
        ("max()", "wrong-arguments"),
        ("abs(1, 2)", "wrong-arguments"),
        ("len(3)", "wrong-type"),
        ("range()", "wrong-arguments"),
        ("range(1, 2, 0)", "wrong-type"),
        ("range(1/2)", "not-whole"),
        ("make_divisible(8, 0)", "wrong-type"),
        ("sqrt(2)", "unknown-function"),
        ("nothing", "unknown-name"),
        ("in.channels", "no-input"),
        ("0@3x3", "wrong-type"),
        ("3@[]", "wrong-type"),
        ("3@[1, 1, 1, 1, 1, 1, 1, 1, 1]", "wrong-rank"),
        ("3@(5/2)", "not-whole"),
        ("9999999999@3x3", "dimension-limit"),
        ("params", "unknown-name"),
    ],
)
def test_faults(text: str, code: str) -> None:
    assert failure(text) == code


@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ("3@20", {"channels": 3, "length": 20}),
        ("3@20x30", {"channels": 3, "height": 20, "width": 30}),
        ("3@9x20x30", {"channels": 3, "depth": 9, "height": 20, "width": 30}),
        ("50", {"features": 50}),
    ],
)
def test_attributes_of_values(shape: str, attributes: dict[str, int]) -> None:
    for name in ("channels", "length", "height", "width", "depth", "features"):
        expected = [] if name in attributes else ["unknown-attribute"]
        wanted = attributes.get(name, 0)
        for base in ("in", "image"):
            assert codes(f"input {shape} as image\nexpect {base}.{name} == {wanted}") == expected, (base, name)
    assert codes(f"input {shape} as image\nexpect in.shape == ({shape}) and image.shape == ({shape})") == []
    assert codes(f"input {shape}\nexpect in.chanels == 3") == ["unknown-attribute"]


def test_names_of_values_are_no_numbers() -> None:
    assert codes("input 3@8x8 as image\nconv image 3x3") == ["not-a-value"]
    assert codes("let k = 3\ninput 3@8x8\nexpect k.channels == 3") == ["not-a-value"]


def test_measures_are_for_expectations() -> None:
    text = "input 3@8x8\nconv 8 3x3 as a -> relu\nconv 4 1x1 as b\n"
    counts = "params == 260 and macs == 8928 and connections == 9360 and layers == 3 and receptive_field == 3"
    assert codes(f"{text}expect {counts}") == []  # 8*28 + 4*9; 36*(8*27 + 4*8); 36*(8*28 + 4*9)
    assert codes(f"{text}expect a.params == 224 and b.params == 36 and b.macs == 1152 and a.layers == 1") == []
    assert codes(f"{text}let n = params") == ["unknown-name"]


def test_bytes_are_measures() -> None:
    """Float32 throughout: maps of 4*64 elements, two of them alive in a conv; 4*4 + 4 weights, shared; 16 of a norm."""
    text = "input 4@8x8\nconv 4 1x1 as a\nconv 4 1x1 share=a as b\nbatchnorm as norm\n"
    assert codes(f"{text}expect weight_bytes == 144 and activation_bytes == 3_072 and peak_bytes == 2_048") == []
    assert codes(f"{text}expect a.weight_bytes == 80 and b.weight_bytes == 0 and norm.weight_bytes == 64") == []
    assert codes(f"{text}expect weight_bytes < 144") == ["expect-failed"]
    assert codes("input 4@8x8\nexpect weight_bytes == 0") == []
    assert codes(f"{text}let n = weight_bytes") == ["unknown-name"]


def test_a_constant_may_be_called_like_a_measure() -> None:
    assert codes("let params = 3\ninput 3@8x8\nexpect params == 3") == []


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (True, "true"),
        (Fraction(1, 2), "0.5"),
        (Fraction(1, 3), "1/3 = 0.333333"),
        (Shape(3, (4, 5)), "3@4x5"),
        ("same", '"same"'),
        (ListValue((1, ListValue((2, 3), 2)), 3), "[1, [2, 3]]"),
        (ListValue(tuple(range(1000)), 1000), "a list of 1,000"),
    ],
)
def test_values_in_messages(found: object, text: str) -> None:
    assert shown(found) == text  # type: ignore[arg-type]


@given(st.text(max_size=40))
def test_settings_never_raise_anything_else(text: str) -> None:
    from cnndsl.errors import CnnError

    try:
        parse_value(text)
    except CnnError as error:
        assert error.diagnostics
