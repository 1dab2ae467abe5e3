"""Extents and counts that several symbols decide: what is said of them against the network at joint sizes."""

from itertools import product
from math import ceil, floor
from pathlib import Path

import pytest

import cnndsl
from cnndsl.analysis.polynomials import counts
from cnndsl.errors import CnnError
from cnndsl.network import Network
from cnndsl.report.table import table

SIZES = range(1, 90, 11)
BOTH = "symbol H = 64, W = 48\ninput 3@HxW\n"


def numbers(formula: str, sizes: dict[str, int]) -> list[float]:
    """The extents that a shape's formula gives, by Python's arithmetic."""
    names = {"floor": floor, "ceil": ceil, **sizes}
    channels, _, spatial = formula.partition("@")
    parts = [channels] + (spatial.replace("ceil", "?").split("x") if spatial else [])
    return [eval(part.replace("?", "ceil"), {}, names) for part in parts]


@pytest.mark.parametrize(
    ("layers", "shown"),
    [
        ("resize [H + W, 8]\nconv 5 3x3 pad=1", "5@(H + W)x8"),
        ("resize [H + 2*W - 1, W - H//2 + 100]", "3@(H + 2*W - 1)x(-floor(H/2) + W + 100)"),
        ("resize [H*W, 2*H*(W + 1)]", "3@(H*W)x(2*H*(W + 1))"),
        ("crop (H//4)", "3@(H - floor(H/4) - floor(H/4))x(-2*floor(H/4) + W)"),
        ("conv 5 3x3\nflatten", "5*(H - 2)*(W - 2)"),
        ("maxpool 2x2\nflatten", "3*floor(H/2)*floor(W/2)"),
        ("reshape (3@[H*W])\nmaxpool 2", None),
        ("conv 4 4x4 stride=4\nconv 2 3x3 stride=2\nflatten", None),
    ],
)
def test_formulas(layers: str, shown: str | None) -> None:
    network = cnndsl.loads(BOTH + layers)
    sizes = network.sizes()
    formula = sizes.shape(network.graph.outputs[0])
    assert shown in (formula, None)
    compared = 0
    for values in (dict(zip("HW", one, strict=True)) for one in product(SIZES, SIZES)):
        try:
            there = network.at(values)
        except CnnError:
            continue
        if "f(" not in formula:
            assert numbers(formula, values) == list(there.outputs[network.graph.outputs[0]].dimensions), values
        compared += 1
    assert compared > 30


def test_no_formula_is_better_than_a_wrong_one() -> None:
    network = cnndsl.loads(BOTH + "resize [(H + W)//3, 8]")
    assert network.sizes().shape("resize1") == "3@f(H, W)x8"


@pytest.mark.parametrize(
    "layers",
    [
        "conv 4 3x3",
        "resize [H + W, 2*W]\nconv 4 3x3 pad=1",
        "resize [H*W, H]\nconv 4 3x3 pad=1",
        "conv 5 3x3 pad=1\nreshape (5@[H*W])\nconv 4 3 pad=1",
    ],
)
def test_polynomials(layers: str) -> None:
    network = cnndsl.loads(BOTH + layers)
    found = counts(network.sizes())
    assert found is not None
    for values in ({"H": 5, "W": 31}, {"H": 40, "W": 7}, {"H": 33, "W": 33}):
        there = network.at(values)
        for name, number in (("macs", there.macs), ("connections", there.connections)):
            text = found[name].replace(",", "").replace("·", "*").replace("^", "**")
            assert eval(text, {}, values) == number


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (BOTH + "resize [H + W, 8]", "resize1"),
        (BOTH + "slice 0 (H//2) axis=2", "slice1"),
        (BOTH + "crop (H//4) as c", "c"),
        (BOTH + "assume H >= W and W >= 2\nrelu", "H >= W and W >= 2"),
        (BOTH + "assume H % 16 == 0 and W >= 2\nmaxpool 2x2\nresize [H, W]", None),
        (BOTH.replace("48", "64") + "add { identity; permute [0, 2, 1] }", None),
        ("input 1@28x28\nconv 2 5x5\nflatten\ndense 3", None),
    ],
)
def test_where_symbols_meet(text: str, where: str | None) -> None:
    """There, and only there, sizes that each may have beside the others' defaults may be refused together."""
    network = cnndsl.loads(text)
    found = network.sizes()
    assert found.meeting == where
    said = f"each beside the others' defaults: they meet in `{where}`"
    assert (said in table(network)) == bool(where and network.symbols)
    if where is None:
        first, second = (list(one.taken.members(end=one.taken.start + 40))[:6] for one in found.symbols)
        pairs = zip(first, second, strict=True) if found.ties else product(first, second)
        assert all(found.allows(dict(zip([one.name for one in found.symbols], pair, strict=True))) for pair in pairs)


def test_sizes_that_are_refused_together() -> None:
    found = cnndsl.loads(BOTH + "slice 0 (H//2) axis=2").sizes()
    assert found.allows(H=96) and found.allows(W=33) and not found.allows(H=96, W=33)


def test_the_networks_of_the_examples_meet_nowhere(examples: Path) -> None:
    for file in ("tiny_unet.cnn", "zoo/unet.cnn", "zoo/fpn.cnn", "zoo/espcn.cnn", "zoo/deeplab_v3.cnn"):
        for network in cnndsl.check_file(examples / file, ignore=["all"]).networks:
            assert Network(network.graph).sizes().meeting is None
