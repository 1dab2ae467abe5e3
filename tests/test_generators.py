"""Random cases keep what they are when the language gets one operator more."""

import pytest

from cnndsl import ops
from cnndsl.lang.compile import compile_text
from tests import generators

LAYERS = 12


@pytest.fixture(scope="module")
def networks() -> list[str]:
    return [generators.network_text(seed, LAYERS) for seed in range(40)]


def operators(text: str) -> set[str]:
    (network,) = compile_text(text).networks
    return {node.op.operator for node in network.layers}


@pytest.mark.parametrize("new", ["conv", "softmax", "concat", "pad"])
def test_an_operator_changes_only_the_networks_that_it_is_in(new: str, networks: list[str]) -> None:
    older = [name for name in ops.NAMES if name != new]
    others = [seed for seed, text in enumerate(networks) if new not in operators(text)]
    assert 0 < len(others) < len(networks)
    for seed in others[:10]:
        assert generators.network_text(seed, LAYERS, older) == networks[seed]


def test_the_order_of_the_table_does_not_matter(networks: list[str]) -> None:
    for seed in range(5):
        assert generators.network_text(seed, LAYERS, ops.NAMES[::-1]) == networks[seed]


def test_networks_are_of_many_kinds(networks: list[str]) -> None:
    assert len(set().union(*map(operators, networks))) > len(ops.NAMES) * 0.9
    assert any("share=" in text for text in networks)
