"""The layer table as text."""

import pytest

import cnndsl
from cnndsl.report.table import bytes_text, one_line, stride_text

TINY = "input 1@8x8 as x\nconv 2 3x3 stride=2 pad=1 as c -> batchnorm\nflatten"
BLOCKS = "block Pair(n) { conv n 1x1 -> relu }\ninput 2@4x4\nPair 3; Pair 5 as second; tanh; Pair 7"


def body(network, **options):
    lines = network.summary(**options).splitlines()
    first, last = (index for index, line in enumerate(lines) if line and set(line) == {"-"})
    return lines[first + 1 : last]


def test_exactly():
    # weights 2*(9+1), batch norm's 2+2 beside 2+2 buffers; 16 positions; 28 numbers of 4 bytes; input and first output
    assert cnndsl.loads(TINY, file="tiny.cnn").summary().splitlines() == [
        "tiny: x 1@8x8",
        "layer       operator                   output  params  MACs  connections  receptive field",
        "-----------------------------------------------------------------------------------------",
        "c           conv 2 3x3 stride=2 pad=1  2@4x4       20   288          320  3x3 /2",
        "batchnorm1  batchnorm                  2@4x4        4     -            -  3x3 /2",
        "flatten1    flatten                    32           -     -            -  9x9",
        "-----------------------------------------------------------------------------------------",
        "total       3 layers                               24   288          320",
        "",
        "parameters   24, 4 buffer elements",
        "MACs         288 (FLOPs 576) an example",
        "connections  320 an example",
        "memory       weights 112 B, activations 384 B, peak 384 B",
    ]


def test_a_batch():
    last = cnndsl.loads(TINY).summary(batch=1000).splitlines()[-1]
    words = "activations 375.0 KiB (batch of 1,000), peak 375.0 KiB (batch of 1,000)"
    assert last == f"memory       weights 112 B, {words}"


def test_what_an_input_is():
    text = "input 4 dtype=int64 as words\nembedding 9 3\ninput 3@4 as sound\nadd { from sound; relu }"
    assert cnndsl.loads(text, file="n.cnn").summary().startswith("n: words 4 int64, sound 3@4\n")


def test_folding():
    network = cnndsl.loads(BLOCKS)
    assert [line.split("  ")[0] for line in body(network)] == [
        "pair1.conv1", "pair1.relu1", "second.conv1", "second.relu1", "tanh1", "pair2.conv1", "pair2.relu1"
    ]  # fmt: skip
    folded = [line.split() for line in body(network, depth=0)]
    assert [row[0] for row in folded] == ["pair1", "second", "tanh1", "pair2"]
    assert folded[0][1:6] == ["block", "of", "2", "3@4x4", "9"]
    assert folded[1][1:6] == ["block", "of", "2", "5@4x4", "20"]
    assert body(network, depth=1) == body(network)
    short, long = (network.summary(depth=depth).splitlines()[-6:] for depth in (0, 1))
    assert [line.split() for line in short] == [line.split() for line in long]


def test_numbers_in_all_rows_add_up():
    network = cnndsl.loads(BLOCKS)
    for depth in (0, 1):
        cells = [line.split() for line in body(network, depth=depth)]
        counted = [int(row[-5].replace(",", "")) for row in cells if row[-5] != "-" and "relu" not in row]
        assert sum(counted) == network.params == 9 + 20 + 42


def test_long_arguments_are_cut_off_and_equal_operators_look_equal():
    table = ", ".join(f"[{row}]" for row in range(30))
    text = f"input 30@4x4\nconv 30 1x1 connect=[{table}] as a\nconv 30 1x1 share=a connect=[{table}] as b"
    first, second = body(cnndsl.loads(text))
    assert "…" in first and len(first) < 120
    assert first.split()[1:5] == second.split()[1:5]
    shared = body(cnndsl.loads("input 3\ndense 3 as a\ndense 3 share=a\ndense 3"))
    assert ["share=a" in line for line in shared] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("input 1@32x32; conv 4 3x3; maxpool 2x2", "4x4 /2"),
        ("input 1@32x32; conv 4 3x5 stride=[1, 2]", "3x5 /1x2"),
        ("input 1@8x8; upsample 2", "1x1 /(1/2)"),
        ("input 1@9; conv 2 4 dilation=2", "7 /1"),
        ("input 1@8x8; global_avgpool", "8x8"),
        ("input 12; dense 4", "12"),
    ],
)
def test_receptive_fields(text, field):
    assert body(cnndsl.loads(text))[-1].endswith(f" {field}")


@pytest.mark.parametrize(("shift", "positions", "text"), [(2, 1, "2"), (1, 2, "(1/2)"), (6, 4, "(3/2)"), (4, 2, "2")])
def test_strides(shift, positions, text):
    assert stride_text(shift, positions) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (5 << 30, "5.0 GiB"),
     (3 << 40, "3.0 TiB"), (1 << 54, "16,384.0 TiB")],
)  # fmt: skip
def test_bytes(count, text):
    assert bytes_text(count) == text


def test_one_line():
    line = one_line(cnndsl.loads(TINY, file="tiny.cnn"))
    assert line == "tiny: 3 layers, 24 parameters, 288 MACs, 320 connections"
