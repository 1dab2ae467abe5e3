"""Bytes against a naive simulator written from the sentence in docs/conventions.md.

"Peak memory: the largest sum of live values over the printed order; a value lives until its last reader; an operator
that works in place may reuse what dies with it."
"""

import pytest

from cnndsl.analysis.memory import live, memory
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from tests import generators

SIZES = {"float32": 4, "int64": 8}


def compiled(text: str) -> Graph:
    result = compile_text(text)
    (network,) = result.networks
    return network


def naive_peak(network: Graph) -> int:
    return max(naive_live(network))


def naive_live(network: Graph) -> list[int]:
    """Every moment by itself: what is alive while a layer runs, found by looking through all layers again."""
    values = [*network.inputs, *network.layers]
    size = {value.name: value.shape.elements * SIZES[value.dtype] for value in values}

    def readers(name: str) -> list[int]:
        late = [len(network.layers)] if name in network.outputs else []
        return [index for index, node in enumerate(network.layers) if name in node.inputs] + late

    made = {value.name: -1 for value in network.inputs} | {node.name: i for i, node in enumerate(network.layers)}
    moments = [sum(size[value.name] for value in network.inputs)]
    for now, node in enumerate(network.layers):
        alive = [name for name in size if made[name] < now and any(reader >= now for reader in readers(name))]
        alive += [value.name for value in network.inputs if not readers(value.name)]
        dying = [name for name in alive if name in node.inputs and max(readers(name)) == now]
        over = node.op.in_place and any(size[name] == size[node.name] for name in dying)
        moments.append(sum(size[name] for name in alive) + (0 if over else size[node.name]))
    return moments


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("input 10\ndense 20 -> dense 5", 10 + 20),  # the second has 20 + 5 alive
        ("input 10\ndense 20 -> relu", 10 + 20),  # relu writes over its input
        ("input 10\ndense 20 as a -> relu\nadd { identity; from a }", 20 + 20),  # a is read later: relu cannot
        ("input 4@4x4\nmaxpool 2x2 -> flatten -> dense 100", 64 + 16 if 64 > 100 else 16 + 100),
        ("input 10 as x\ndense 20\noutput x", 10 + 20),
    ],
)
def test_peaks_counted_by_hand(text: str, elements: int) -> None:
    network = compiled(text)
    assert memory(network).peak == 4 * elements == naive_peak(network)


def test_peaks_of_random_networks() -> None:
    different = set()
    for seed in range(60):
        network = compiled(generators.network_text(seed, 10))
        assert memory(network).peak == naive_peak(network)
        assert list(live(network.inputs, network.layers, network.outputs)) == naive_live(network)
        different.add(memory(network).peak)
    assert len(different) > 30


def test_batches_multiply_activations_only() -> None:
    network = compiled("input 3@8x8\nconv 8 3x3 -> batchnorm -> relu -> flatten -> dense 10")
    one, many = memory(network), memory(network, 7)
    assert (many.activation, many.peak, many.weight) == (7 * one.activation, 7 * one.peak, one.weight)
    assert one.activation == 4 * (3 * 8 * 36 + 8 * 36 + 10)
    assert one.weight == 4 * (8 * 27 + 8 + 4 * 8 + 288 * 10 + 10)


def test_word_numbers_take_eight_bytes() -> None:
    network = compiled("input 10 dtype=int64\nslice 0 5 -> embedding 100 3")
    assert memory(network).activation == 5 * 8 + 15 * 4
    assert memory(network).peak == 10 * 8 + 5 * 8
