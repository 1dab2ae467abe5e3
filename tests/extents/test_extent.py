"""Extents and sets of sizes against brute force over sizes."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from cnndsl.extents.cases import Piece, cases, united
from cnndsl.extents.expression import evaluated, names
from cnndsl.extents.extent import SIZE, Condition, Extent, Line, of, sizes_where
from cnndsl.extents.periodic import ALL, NONE, PeriodicSet, TooLong, at_least, between, only, periodic, where
from cnndsl.extents.words import condition, described, formula
from cnndsl.shapes import Axis, resolve_padding

Function = Callable[[int], int]
SIZES = range(1, 150)


def drawn(random: Random) -> tuple[Extent | int, Function]:
    """A random extent beside the function that it stands for."""
    extent: Any = SIZE
    number: Function = lambda size: size  # noqa: E731
    for _ in range(random.randint(1, 5)):
        if isinstance(extent, int):
            break
        before, a = number, random.randint(1, 6)
        match random.choice(("plus", "times", "divided", "rest", "negative", "from", "with", "least")):
            case "plus":
                extent, number = extent + (a - 4), lambda size, f=before, a=a: f(size) + a - 4
            case "times":
                extent, number = extent * a, lambda size, f=before, a=a: f(size) * a
            case "divided":
                extent, number = extent // a, lambda size, f=before, a=a: f(size) // a
            case "rest":
                extent, number = extent % a, lambda size, f=before, a=a: f(size) % a
            case "negative":
                extent, number = -extent, lambda size, f=before: -f(size)
            case "from":
                extent, number = a - extent, lambda size, f=before, a=a: a - f(size)
            case "with":
                extent, number = extent + SIZE // a, lambda size, f=before, a=a: f(size) + size // a
            case "least":
                pieces = [Piece(*one) for one in cases(lambda e=extent, a=a: max(e, a))]
                extent, number = united(pieces), lambda size, f=before, a=a: max(f(size), a)
    return extent, number


def at(extent: Extent | int, size: int) -> int:
    return extent if isinstance(extent, int) else extent.at(size)


def sizes(truth: Condition | bool) -> PeriodicSet:
    return truth.sizes if isinstance(truth, Condition) else ALL if truth else NONE


@pytest.mark.parametrize("seed", range(400))
def test_random_extents(seed: int) -> None:
    random = Random(f"extent {seed}")
    try:
        extent, number = drawn(random)
        (other, beside), bound = drawn(random), random.randint(-10, 60)
        assert [at(extent, size) for size in SIZES] == [number(size) for size in SIZES]
        if isinstance(extent, int):
            return
        for truth, wanted in (
            (extent == bound, lambda n, m: n == bound),
            (extent != bound, lambda n, m: n != bound),
            (extent < bound, lambda n, m: n < bound),
            (extent <= bound, lambda n, m: n <= bound),
            (extent > bound, lambda n, m: n > bound),
            (extent >= bound, lambda n, m: n >= bound),
            (extent == other, lambda n, m: n == m),
            (extent > other, lambda n, m: n > m),
        ):
            found = sizes(truth)
            assert [size in found for size in SIZES] == [wanted(number(size), beside(size)) for size in SIZES]
        if isinstance(other, Extent) and other.gain > 0:
            composed = of(extent, other)
            inside = [size for size in SIZES if beside(size) >= 1]
            assert [at(composed, size) for size in inside] == [number(beside(size)) for size in inside]
            values = where(7, 3, lambda size: size % 3 == 1 or size == 2)
            found = sizes_where(other, values)
            assert [size in found for size in inside] == [beside(size) in values for size in inside]
    except TooLong:
        pytest.fail("a short function is said to be long")


@pytest.mark.parametrize("seed", range(100))
def test_random_sets(seed: int) -> None:
    random = Random(f"set {seed}")

    def some() -> PeriodicSet:
        period, start = random.randint(1, 12), random.randint(1, 30)
        residues = {size for size in range(period) if random.random() < 0.5}
        below = {size for size in range(start) if random.random() < 0.3}
        return where(start, period, lambda size: size in below if size < start else size % period in residues)

    one, other = some(), some()
    everything = set(SIZES)
    members = [{size for size in SIZES if size in group} for group in (one, other)]
    assert {size for size in SIZES if size in one & other} == members[0] & members[1]
    assert {size for size in SIZES if size in one | other} == members[0] | members[1]
    assert {size for size in SIZES if size in ALL - one} == everything - members[0]
    assert (one <= other) == (not one - other)
    assert set(one.members(end=SIZES.stop)) == members[0]
    for size in (1, 17, 149):
        assert one.before(size) == max((n for n in members[0] if n < size), default=None)
    assert (one - other) | (one & other) == one  # equal sets are equal as tuples


def test_the_window_rule() -> None:
    """``Axis`` itself, with ``same`` padding and ceil, gives closed forms: no second formula."""
    for kernel, stride, dilation in ((3, 2, 1), (5, 3, 2), (1, 2, 1), (2, 4, 1), (7, 2, 3)):

        def same(size: Any, taps: int = kernel, step: int = stride, spread: int = dilation) -> Any:
            ((begin, end),) = resolve_padding("same", (size,), (taps,), (step,), (spread,))
            return Axis(size, taps, step, spread, begin, end).output

        extent = united([Piece(*one) for one in cases(lambda same=same: same(SIZE))])
        assert isinstance(extent, Line) and extent.parts == (1, stride - 1, stride, 0)
        assert [extent.at(size) for size in SIZES] == [same(size) for size in SIZES]
        for ceil in (False, True):
            rule = lambda size, c=ceil, k=kernel, s=stride: Axis(size, k, s, 1, k // 2, k // 2, c).output  # noqa: E731
            extent = united([Piece(*one) for one in cases(lambda rule=rule: rule(SIZE))])
            assert [at(extent, size) for size in SIZES] == [rule(size) for size in SIZES]


def test_a_chain_of_floors_needs_no_table() -> None:
    extent: Any = SIZE
    for _ in range(150):
        extent = (extent + 2 - 3) // 2 + 1
    assert isinstance(extent, Line) and extent.period == 2**150
    assert sizes(extent >= 1) == ALL
    with pytest.raises(TooLong):
        extent + extent // 3


def test_words() -> None:
    taken = where(188, 16, lambda size: size >= 188 and size % 16 == 12)
    assert described(taken) == "188, 204, 220, ... (16k + 12, at least 188)"
    assert condition(taken, "H") == "H % 16 == 12 and H >= 188"
    assert formula(SIZE - 184, "H", taken) == "H - 184"
    assert formula((SIZE - 184) // 4, "H", taken) == "(H - 184)/4"
    assert formula((SIZE + 31) // 32, "H") == "ceil(H/32)"
    assert formula((SIZE + 31) // 32, "H", where(1, 32, lambda size: size % 32 == 0)) == "H/32"
    assert formula(SIZE // 2 * 4 - 1, "W") == "4*floor(W/2) - 1"
    for group, text, asked in (
        (ALL, "any size", "any H"),
        (NONE, "none", "no H"),
        (at_least(32), "at least 32", "H >= 32"),
        (only(28), "28", "H == 28"),
        (between(32, 35), "32 to 35", "32 <= H <= 35"),
        (where(64, 32, lambda n: n >= 64 and n % 32 == 0), "multiples of 32, at least 64", "H % 32 == 0 and H >= 64"),
    ):
        assert (described(group), condition(group, "H")) == (text, asked)


@pytest.mark.parametrize(
    "text", ["2 ** 9", "f(1)", "'a'", "1.5", "[1]", "H if H else 1", "True", "x.y.z", "H +", "(" * 999]
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError):
        evaluated(text, {"H": 3})


def test_expressions() -> None:
    assert evaluated("(H - 184) // 4 + W % 3", {"H": 188, "W": 5}) == 3
    assert evaluated("left.H == 2 and not left.H > 3 or 1 < 0", {"left.H": 2})
    assert names("left.H // 2 + W") == {"left.H", "W"}


def test_a_long_beginning_that_is_none() -> None:
    """Sizes that follow the period are told apart from the beginning all at once: one by one that takes minutes."""
    last = 3_900_000
    assert between(1, last) | at_least(last) == ALL
    assert periodic(last, sum(1 << size for size in range(2, 200, 2)), 1, 0).start == 199
    assert (at_least(5) - between(1, last)).least == last + 1
