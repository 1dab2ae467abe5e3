"""Extents, and the sizes that chains take, against isl, which decides formulas over all whole numbers.

Brute force looks at sizes up to a bound; here sets and functions are compared as wholes (isl: Verdoolaege 2010).
"""

from random import Random
from typing import Any, NamedTuple

import pytest

import cnndsl
from cnndsl.analysis.sizes import along, with_symbols
from cnndsl.extents.extent import SIZE, Extent
from cnndsl.extents.periodic import ALL, PeriodicSet

isl = pytest.importorskip("islpy")
SIZES = "x >= 1"


def as_set(sizes: PeriodicSet) -> Any:
    """The same sizes, said to isl."""
    residues = [size for size in range(sizes.period) if sizes.residues >> size & 1]
    parts = [f"({sizes.start} <= x and x mod {sizes.period} = {rest})" for rest in residues]
    parts += [f"x = {size}" for size in sizes.members(end=sizes.start)]
    return isl.Set(f"{{ [x] : {' or '.join(parts) or 'false'} }}")


def require_same(extent: Extent | int, sizes: PeriodicSet, text: str) -> None:
    """The function for these sizes, piece by piece: a straight line for every remainder, and single numbers below."""
    if isinstance(extent, int):
        pieces = [(str(extent), SIZES)]
    else:
        start, period = extent.start, extent.period
        pieces = [(str(extent.at(size)), f"x = {size}") for size in sizes.members(end=start)]
        for size in range(start, start + period):
            line = f"{extent.maybe(size)} + {extent.gain} * floor((x - {size})/{period})"
            pieces.append((line, f"x >= {size} and (x - {size}) mod {period} = 0"))
    for line, where in pieces:
        one, other = (isl.PwAff(f"{{ [x] -> [({said})] : {where} }}") for said in (line, text))
        assert (one.ne_set(other) & as_set(sizes)).is_empty(), (line, where, text)


def drawn(random: Random) -> tuple[Any, str]:
    """An extent, and the same for isl."""
    extent, text = SIZE, "x"
    for _ in range(random.randint(1, 5)):
        a = random.randint(1, 6)
        match random.randrange(6):
            case 0:
                extent, text = extent + (a - 4), f"({text} + {a - 4})"
            case 1:
                extent, text = extent * a, f"({a} * {text})"
            case 2:
                extent, text = extent // a, f"floor({text}/{a})"
            case 3:
                extent, text = extent % a, f"({text} mod {a})"
            case 4:
                extent, text = a - extent, f"({a} - {text})"
            case _:
                extent, text = extent + SIZE // a, f"({text} + floor(x/{a}))"
    return extent, text


@pytest.mark.parametrize("seed", range(100))
def test_extents(seed: int) -> None:
    random = Random(f"isl {seed}")
    extent, text = drawn(random)
    require_same(extent, ALL, text)
    number = random.randint(-3, 20)
    for found, sign in ((extent >= number, ">="), (extent == number, "="), (extent < number, "<")):
        sizes = found.sizes if hasattr(found, "sizes") else ALL if found else ALL - ALL
        assert as_set(sizes).is_equal(isl.Set(f"{{ [x] : {SIZES} and {text} {sign} {number} }}")), text


class Step(NamedTuple):
    """A layer in the language; for isl, the size that it gives and what it asks, of a size of which both are known."""

    text: str
    size: str
    asks: tuple[str, ...] = ()


def window(random: Random, size: str) -> Step:
    kernel, stride, dilation = random.randint(1, 6), random.randint(1, 4), random.randint(1, 2)
    begin, end = random.randint(0, 2), random.randint(0, 2)
    match random.randrange(4):
        case 0:
            text = f"conv 2 {kernel} stride={stride} dilation={dilation} pad=same"
            return Step(text, f"floor(({size} + {stride - 1})/{stride})")
        case 1:
            crop = 2 * min(begin, kernel // 2)
            asked = f"{stride} * ({size} - 1) + {kernel - crop}"
            return Step(f"conv_transpose 2 {kernel} stride={stride} pad={crop // 2}", f"({asked})", (f"{asked} >= 1",))
        case _:
            room = f"{size} + {begin + end - dilation * (kernel - 1) - 1}"
            text = f"conv 2 {kernel} stride={stride} dilation={dilation} pad=[{begin}, {end}]"
            return Step(text, f"(floor(({room})/{stride}) + 1)", (f"{room} >= 0",))


def step(random: Random, size: str) -> Step:
    match random.randrange(9):
        case 0:
            return Step(f"upsample {(scale := random.randint(2, 3))}", f"({scale} * {size})")
        case 1:
            begin, end = random.randint(0, 3), random.randint(0, 3)
            return Step(f"crop [{begin}, {end}]", f"({size} - {begin + end})", (f"{size} - {begin + end} >= 1",))
        case 2:
            begin, end = random.randint(0, 3), random.randint(0, 3)
            return Step(f"pad [{begin}, {end}]", f"({size} + {begin + end})")
        case 3:
            one, other = window(random, size), window(random, size)
            asks = (*one.asks, *other.asks, f"{one.size} = {other.size}")
            return Step(f"concat {{ {one.text}; {other.text} }}", one.size, asks)
        case 4:
            one, other = window(random, size), window(random, size)
            text = f"concat axis=1 {{ {one.text}; {other.text} }}"
            return Step(text, f"({one.size} + {other.size})", (*one.asks, *other.asks))
        case _:
            return window(random, size)


@pytest.mark.parametrize("part", range(10))
def test_chains(part: int) -> None:
    """Both what a chain takes and what comes out: no size of all that there are is told otherwise."""
    compared = 0
    for seed in range(400):
        random = Random(f"isl chain {part} {seed}")
        texts, size, asks = ["input 2@48"], "x", [SIZES]
        for _ in range(random.randint(2, 5)):
            found = step(random, size)
            texts.append(found.text)
            size, asks = found.size, [*asks, *found.asks]
        result = cnndsl.check("\n".join(texts), ignore=["all"])
        if not result.ok:
            continue
        graph = with_symbols(result.networks[0].graph)
        answer = along(graph, ["L"])
        assert as_set(answer.taken).is_equal(isl.Set(f"{{ [x] : {' and '.join(asks)} }}")), texts
        require_same(answer.shapes[graph.outputs[0]].dimensions[1], answer.taken, size)
        compared += 1
        if compared == 10:
            return
    pytest.fail("too few chains fit")
