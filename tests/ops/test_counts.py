"""Multiply-accumulates, connections and parameters against naive loops that count one by one."""

from itertools import product as every
from math import ceil, floor, prod

import pytest

from cnndsl.ir import Graph, Node
from cnndsl.lang.compile import compile_text
from cnndsl.ops.global_pool import window_sum


def compiled(text: str) -> Graph:
    (network,) = compile_text(text).networks
    return network


def counted(text: str) -> tuple[Node, int, int, int]:
    """The last layer of a text, its parameters, MACs and connections."""
    network = compiled(text)
    node = network.layers[-1]
    shapes = network.input_shapes(node)
    params = sum(weight.elements for weight in node.op.weights(shapes).values() if not weight.buffer)
    return node, params, node.op.macs(shapes, node.shape), node.op.connections(shapes, node.shape)


def convolution(channels: int, filters: int, groups: int, kernel: tuple[int, ...], output: tuple[int, ...]) -> int:
    """The multiplications of a convolution, done one at a time."""
    multiplications = 0
    for filter_, _position in every(range(filters), every(*map(range, output))):
        group = filter_ * groups // filters
        for channel, _tap in every(range(channels), every(*map(range, kernel))):
            multiplications += channel * groups // channels == group
    return multiplications


@pytest.mark.parametrize(
    ("shape", "arguments", "groups", "kernel"),
    [
        ("4@7", "6 3", 1, (3,)),
        ("4@7x6", "6 3x2 pad=1", 1, (3, 2)),
        ("4@7x6", "6 3x2 stride=2 groups=2", 2, (3, 2)),
        ("4@9x9", "8 3x3 dilation=2 pad=same groups=4", 4, (3, 3)),
        ("2@4x5x3", "3 2x3x1", 1, (2, 3, 1)),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_conv(shape: str, arguments: str, groups: int, kernel: tuple[int, ...], bias: bool) -> None:
    written = "" if bias else " bias=false"
    node, params, macs, connections = counted(f"input {shape}\nconv {arguments}{written}")
    channels, filters = int(shape.partition("@")[0]), node.shape.channels
    multiplications = convolution(channels, filters, groups, kernel, node.shape.spatial)
    assert macs == multiplications
    assert connections == multiplications + bias * node.shape.elements
    assert params == multiplications // node.shape.positions + bias * filters


def test_depthwise_is_a_convolution_with_a_group_for_each_channel() -> None:
    for multiplier in (1, 3):
        depthwise = counted(f"input 4@9x8\ndepthwise 3x2 stride=2 multiplier={multiplier}")
        grouped = counted(f"input 4@9x8\nconv {4 * multiplier} 3x2 stride=2 groups=4")
        assert depthwise[1:] == grouped[1:]
        assert depthwise[0].shape == grouped[0].shape
        assert depthwise[2] == convolution(4, 4 * multiplier, 4, (3, 2), depthwise[0].shape.spatial)


def test_connect_counts_its_links() -> None:
    table = [[0, 1], [2], [0, 2, 3]]
    node, params, macs, connections = counted(f"input 4@6x5\nconv 3 3x2 connect={table}")
    links = sum(len(seen) * 3 * 2 for seen in table)
    assert params == links + 3
    assert macs == links * prod(node.shape.spatial)
    assert connections == (links + 3) * prod(node.shape.spatial)


@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose_multiplies_every_input_with_every_tap(groups: int) -> None:
    node, params, macs, connections = counted(f"input 4@3x5\nconv_transpose 6 3x2 stride=2 groups={groups}")
    multiplications = 0
    for channel, _cell, filter_, _tap in every(range(4), range(15), range(6), range(6)):
        multiplications += channel * groups // 4 == filter_ * groups // 6
    assert macs == multiplications
    assert params == 4 * (6 // groups) * 6 + 6
    assert connections == 0
    assert node.shape.spatial == (7, 10)


def test_dense_and_rbf() -> None:
    assert counted("input 7\ndense 5")[1:] == (7 * 5 + 5, 7 * 5, 8 * 5)
    assert counted("input 7\ndense 5 bias=false")[1:] == (7 * 5, 7 * 5, 7 * 5)
    assert counted("input 7\nrbf 5")[1:] == (0, 0, 7 * 5)
    assert counted("input 7 dtype=int64\nembedding 100 5")[1:] == (500, 0, 0)


def test_a_parameter_counts_its_elements() -> None:
    node, *counts = counted("input 7\nparameter 2@3x5")
    assert (node.shape.dimensions, counts) == ((2, 3, 5), [2 * 3 * 5, 0, 0])


@pytest.mark.parametrize(
    "layer", ["relu", "softmax", "dropout 0.5", "identity", "flatten", "batchnorm", "lrn 3", "pad 1", "abs", "pow 2"]
)
def test_what_has_no_connections(layer: str) -> None:
    assert counted(f"input 3@4x4\n{layer}")[2:] == (0, 0)


def test_pools_count_padding_cells() -> None:
    for pool in ("maxpool", "avgpool", "lppool"):
        node, params, macs, connections = counted(f"input 3@7x7\n{pool} 3x2 stride=2 pad=1")
        cells = sum(1 for _ in every(range(3), *map(range, node.shape.spatial), range(3), range(2)))
        assert (params, macs, connections) == (0, 0, cells)
    node, params, macs, connections = counted("input 3@8x6\nsubsample 2x3")
    assert (params, macs, connections) == (6, 0, node.shape.elements * (2 * 3 + 1))
    assert counted("input 3@8x6\nglobal_avgpool")[1:] == (0, 0, 3 * 8 * 6)
    assert counted("input 3@8x6\nreduce by=max axis=1")[1:] == (0, 0, 3 * 8 * 6)


def test_adaptive_windows_added_up() -> None:
    for size, cells in every(range(1, 20), range(1, 20)):
        windows = [(floor(i * size / cells), ceil((i + 1) * size / cells)) for i in range(cells)]
        assert window_sum(size, cells) == sum(end - begin for begin, end in windows), (size, cells)
    assert counted("input 3@7x5\nadaptive_avgpool 3x2")[3] == 3 * window_sum(7, 3) * window_sum(5, 2)


def test_published_counts() -> None:
    """LeCun's convention: 32x32 with ten 5x5 filters, and 1,960 inputs to 200 neurons."""
    assert counted("input 1@32x32\nconv 10 5x5")[3] == 203_840
    assert counted("input 1960\ndense 200")[3] == 392_200
