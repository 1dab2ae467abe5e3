"""Sums over layers, and weights that several layers share."""

import pytest

from cnndsl.analysis.costs import Cost, layer_costs, total
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from tests import generators


def compiled(text: str) -> Graph:
    (network,) = compile_text(text).networks
    return network


def test_shared_weights_count_once_and_work_every_time() -> None:
    network = compiled("input 3@8x8\nconv 3 3x3 pad=1 as a\nconv 3 3x3 pad=1 share=a\nconv 3 3x3 pad=1 share=a")
    first, *others = layer_costs(network)
    assert first == Cost(3 * 27 + 3, 0, 81 * 64, 84 * 64)
    assert others == [first._replace(params=0)] * 2
    assert total(layer_costs(network)) == Cost(84, 0, 3 * 81 * 64, 3 * 84 * 64)


def test_shared_buffers_count_once() -> None:
    first, second = layer_costs(compiled("input 3@8x8\nbatchnorm as a -> batchnorm share=a"))
    assert (first, second) == (Cost(6, 6), Cost())


def test_totals_count_every_tensor_once() -> None:
    """Parameters are the elements of the tensors that a state dict of the network would hold."""
    for seed in range(40):
        network = compiled(generators.network_text(seed, 12))
        weights = [weight for _, _, weight in network.all_weights()]
        cost = total(layer_costs(network))
        assert cost.params == sum(weight.elements for weight in weights if not weight.buffer)
        assert cost.buffers == sum(weight.elements for weight in weights if weight.buffer)


def test_counts_against_pytorch() -> None:
    nn = pytest.importorskip("torch.nn")
    network = compiled(
        "input 3@16x16\nconv 8 3x3 bias=false -> batchnorm -> relu -> depthwise 3x3 -> conv 16 1x1\n"
        "groupnorm 4 -> prelu -> global_avgpool -> flatten -> dense 10"
    )
    modules = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 16, 1),
        nn.GroupNorm(4, 16),
        nn.PReLU(16),
        nn.Linear(16, 10),
    )
    cost = total(layer_costs(network))
    assert cost.params == sum(parameter.numel() for parameter in modules.parameters())
    assert cost.buffers == sum(buffer.numel() for name, buffer in modules.named_buffers() if "num_batches" not in name)


def test_nothing_costs_nothing() -> None:
    assert total(layer_costs(compiled("input 3@4x4"))) == Cost() == (0, 0, 0, 0)


def test_costs_add_up_one_by_one() -> None:
    assert Cost(1, 2, 3, 4).plus(Cost(10, 20, 30, 40)) == (11, 22, 33, 44)
