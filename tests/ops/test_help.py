"""The numbers in what an error says: help that is followed mends the network, and a little less does not."""

import re
from itertools import permutations
from itertools import product as every
from math import gcd
from random import Random

import pytest

from cnndsl.analysis.costs import layer_costs
from cnndsl.errors import Diagnostic
from cnndsl.lang.compile import compile_text
from cnndsl.ops.conv import largest_divisor


def refused(text: str, code: str) -> Diagnostic:
    (diagnostic,) = compile_text(text).diagnostics
    assert diagnostic.code == code, text
    return diagnostic


def accepted(text: str) -> bool:
    return bool(compile_text(text).networks)


def numbers(pattern: str, text: str) -> list[int]:
    found = re.search(pattern, text)
    assert found, text
    return [int(number.replace(",", "")) for number in found.groups()]


@pytest.mark.parametrize(
    ("spatial", "kernel", "pad"),
    [("4x3", "5x7", 0), ("3x4", "3x9", 0), ("1", "6", 0), ("4x4x4", "5x1x8", 0), ("4x3", "9x9", 1), ("5x9", "6x2", 0)],
)
def test_kernels_that_are_too_large(spatial: str, kernel: str, pad: int) -> None:
    layer = f"input 3@{spatial}\nconv 8 {{}} pad={{}}"
    diagnostic = refused(layer.format(kernel, pad), "kernel-too-large")
    first = diagnostic.help[0]
    (most, needed) = re.fullmatch(r"use a kernel of at most (\S+), or pad=(\d+)", first).groups()
    sizes = [int(size) + 2 * pad for size in spatial.split("x")]
    assert [int(size) for size in most.split("x")] == sizes
    assert (f"padded to {most}" in diagnostic.message) == (pad > 0)
    assert accepted(layer.format(most, pad)) and accepted(layer.format(kernel, needed))
    refused(layer.format(kernel, int(needed) - 1), "kernel-too-large")
    misfit = next(
        i for i, (size, taps) in enumerate(zip(sizes, map(int, kernel.split("x")), strict=True)) if taps > size
    )
    assert f": ({sizes[misfit] - 2 * pad} - {kernel.split('x')[misfit]} + 2*{pad})/1 + 1 = " in diagnostic.message


def test_kernels_that_their_dilation_makes_too_large() -> None:
    assert "the 5x5 dilated kernel" in refused("input 3@4x4\nconv 8 3x3 dilation=2", "kernel-too-large").message
    assert "the 5x3 dilated kernel" in refused("input 3@4x4\nconv 8 3x3 dilation=2x1", "kernel-too-large").message
    assert "the 5x5 kernel" in refused("input 3@4x4\nconv 8 5x5", "kernel-too-large").message
    assert "padded to 7x8" in refused("input 3@4x4\nconv 8 9x9 pad=[1, 2, 2, 2]", "kernel-too-large").message


def test_a_window_may_be_as_large_as_the_map() -> None:
    assert accepted("input 3@3x4\nconv 8 3x4") and accepted("input 3@3x4\nmaxpool 3x4")


@pytest.mark.parametrize("spatial", ["3", "3x3", "3x3x3"])
def test_one_to_three_axes(spatial: str) -> None:
    assert accepted(f"input 3@{spatial}\nconv 8 3")


def test_four_axes_are_too_many() -> None:
    refused("input 16\nreshape (2@2x2x2x1)\nconv 8 1", "wrong-rank")


@pytest.mark.parametrize("merge", ["add", "concat"])
def test_branches_that_do_not_fit(merge: str) -> None:
    """Where no layer is proposed, the smallest stride that brings the heights together leaves the widths apart."""
    random, proposed, none = Random(3), 0, 0
    for _ in range(250):
        shapes = [(random.randint(2, 4), random.randint(2, 9), random.randint(2, 9)) for _ in range(2)]
        if random.randrange(3) == 0:
            shapes[1] = (shapes[1][0], *(-(-size // random.randint(2, 3)) for size in shapes[0][1:]))
        if random.randrange(3) == 0:
            shapes.insert(1, shapes[0])
        inputs = "".join(f"input {c}@{h}x{w} as x{index}\n" for index, (c, h, w) in enumerate(shapes))

        def merged(branch: int = -1, layer: str = "", inputs: str = inputs, count: int = len(shapes)) -> str:
            ways = [f"from x{index}" + (f" -> {layer}" if index == branch else "") for index in range(count)]
            return f"{inputs}{merge} {{ {'; '.join(ways)} }}"

        if accepted(merged()):
            continue
        (help_,) = refused(merged(), "merge-mismatch").help
        found = re.match(r"`(conv .*)` at the end of branch (\d) makes it (\S+?)(?:, with (\d+) parameters)?$", help_)
        if found is None:
            for one, other in permutations([(h, w) for _, h, w in shapes], 2):
                stride = next(s for s in range(1, 10) if -(-one[0] // s) <= other[0])
                assert one == other or tuple(-(-size // stride) for size in one) != other, inputs
            none += 1
            continue
        layer, branch, made, parameters = found.groups()
        if branch == "1" and len(shapes) == 3:  # the second branch is as large as the first, and so it stays
            continue
        (network,) = compile_text(merged(int(branch) - 1, layer)).networks
        (at,) = [index for index, node in enumerate(network.layers) if node.op.operator == "conv"]
        assert str(network.layers[at].shape) == made
        assert parameters is None or layer_costs(network)[at].params == int(parameters)
        if merge == "concat":  # the channels of the changed branch stay
            assert made.partition("@")[0] == str(shapes[int(branch) - 1][0])
        proposed += 1
    assert proposed > 20 and none > 20


def test_the_branch_to_blame_is_the_first_that_does_not_fit() -> None:
    text = "input 2@4x4 as a\ninput 2@4x4 as b\ninput 2@1x4 as c\ninput 3@4x4 as d\ninput 2@5x4 as e\n"
    diagnostic = refused(f"{text}add {{ from a; from b; from c; from d; from e }}", "merge-mismatch")
    assert "branch 4" in diagnostic.help[0] and "makes it 2@4x4" in diagnostic.help[0]
    different = refused("input 2@4x4 as a\ninput 2@4 as b\nadd { from a; from b }", "merge-mismatch")
    assert "number of axes" in different.help[0]
    different = refused("input 2@4x4 as a\ninput 2@4 as b\nconcat { from a; from b }", "merge-mismatch")
    assert "number of axes" in different.help[0]


@pytest.mark.parametrize(("layer", "counted"), [("dense 7", "parameters with bias"), ("rbf 7", "values")])
def test_vectors_made_of_maps(layer: str, counted: str) -> None:
    flat, pooled = refused(f"input 3@4x5\n{layer}", "needs-vector").help
    for way, text in (("flatten", flat), ("global_avgpool -> flatten", pooled)):
        features, count = numbers(rf"{way}` \(([\d,]+) features → ([\d,]+) {counted}\)", text)
        (network,) = compile_text(f"input 3@4x5\n{way} -> {layer}").networks
        cost = layer_costs(network)[-1]
        assert (network.layers[-2].shape.elements, cost.params + cost.buffers) == (features, count)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("pool", ["maxpool", "avgpool", "lppool"])
def test_padding_of_pools(pool: str, kernel: int) -> None:
    (most,) = numbers(r"use pad=(\d+) or less", refused(f"input 3@9x9\n{pool} {kernel} pad=9", "pool-padding").help[0])
    assert accepted(f"input 3@9x9\n{pool} {kernel} pad={most}")
    for pad in (most + 1, [0, 0, most + 1, 0], [0, most + 1, 0, 0]):
        refused(f"input 3@9x9\n{pool} {kernel} pad={pad}", "pool-padding")


def test_padding_in_words_is_never_too_much() -> None:
    assert accepted("input 3@9x9\nmaxpool 2 stride=5 pad=same")


@pytest.mark.parametrize("mode", ["reflect", "circular"])
@pytest.mark.parametrize("layer", ["conv 1 3x3 pad=4 pad_mode={}", "pad 4 mode={}", "pad [0, 4, 0, 1] mode={}"])
def test_axes_that_are_too_short_to_pad(mode: str, layer: str) -> None:
    layer = layer.format(mode)
    (least, size) = numbers(
        r"an axis of at least (\d+), but this one has (\d+)", refused(f"input 1@9x2\n{layer}", "pad-too-large").message
    )
    assert size == 2
    assert accepted(f"input 1@9x{least}\n{layer}")
    refused(f"input 1@9x{least - 1}\n{layer}", "pad-too-large")


@pytest.mark.parametrize("mode", ["zeros", "edge"])
def test_other_modes_pad_any_axis(mode: str) -> None:
    assert accepted(f"input 1@2x2\nconv 1 3x3 pad=4 pad_mode={mode}")


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("concat axis={} {{ identity; relu }}", "wrong-rank"),
        ("slice 0 1 axis={}", "wrong-rank"),
        ("permute [0, 1, {}]", "bad-argument"),
    ],
)
def test_the_last_axis(layer: str, code: str) -> None:
    (last,) = numbers(r"axes 0 to (\d+)", refused(f"input 3@4x5\n{layer.format(3)}", code).message)
    assert last == 2 and accepted(f"input 3@4x5\n{layer.format(last)}")


def test_channels_to_connect() -> None:
    (last,) = numbers(r"0 to (\d+), each", refused("input 3@4x4\nconv 1 3 connect=[[7]]", "bad-connect").message)
    assert accepted(f"input 3@4x4\nconv 1 3 connect=[[{last}]]")
    refused(f"input 3@4x4\nconv 1 3 connect=[[{last + 1}]]", "bad-connect")


def test_slices_to_the_edges() -> None:
    assert accepted("input 3@4x5\nslice 0 5 axis=2") and accepted("input 3@4x5\nslice 4 5 axis=2")
    refused("input 3@4x5\nslice 0 6 axis=2", "bad-slice")
    refused("input 3@4x5\nslice 5 5 axis=2", "bad-slice")


def test_a_cell_may_be_left_of_a_crop() -> None:
    assert accepted("input 3@4x5\ncrop [1, 2, 2, 2]")
    refused("input 3@4x5\ncrop [2, 2, 2, 2]", "crop-too-large")


def test_constants_of_clip_and_normalize() -> None:
    assert accepted("input 3@4x5\nclip 1 1") and accepted("input 3@4x5\nnormalize mean=0 std=0.5")
    assert accepted("input 3@4x5\nnormalize mean=[0, 1, 2] std=[0.1, 1, 2]")
    refused("input 3@4x5\nnormalize mean=0 std=0", "bad-argument")
    assert accepted("input 3@4x5\nnormalize mean=0 std=(-0.5)")


def test_the_largest_divisor() -> None:
    for number, most in every(range(1, 61), range(1, 70)):
        assert largest_divisor(number, most) == max(n for n in range(1, most + 1) if number % n == 0)


def test_the_next_smaller_number_of_groups() -> None:
    for channels, filters, groups in every((6, 12), (9, 16), (4, 5)):
        text = f"input {channels}@4\nconv {filters} 3 groups={{}}"
        if channels % groups == filters % groups == 0:
            continue
        (fewer,) = numbers(r" is (\d+)$", refused(text.format(groups), "bad-groups").help[0])
        assert accepted(text.format(fewer)) and gcd(channels, filters) % fewer == 0
        assert not any(accepted(text.format(more)) for more in range(fewer + 1, groups + 1))
