"""``cnndsl explain FILE LAYER --at POSITION``: one output value worked out."""

import json

import numpy as np
import pytest

DETECTOR = """let vertical = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
input 1@8x8
conv 1 3x3 weight=vertical bias=[0]
"""


@pytest.fixture
def line(folder):
    """A detector of vertical lines, and a line for it."""
    (folder / "line.cnn").write_text(DETECTOR, encoding="utf-8")
    x = np.zeros((1, 1, 8, 8), np.float32)
    x[..., 4] = 1
    np.save(folder / "line.npy", x)
    return folder


def test_the_articles_sums(cnndsl, line):
    done = cnndsl("explain", "line.cnn", "conv1", "--at", "0,2,3", "--input", "line.npy")
    assert done.status == 0 and done.err == ""
    lines = [text.strip() for text in done.out.splitlines()]
    assert lines.count("0*0 + 1*1 + 0*0 = 1") == 3 and "1 + 1 + 1 = 3" in lines and lines[-1] == "run gives 3"
    beside = cnndsl("explain", "line.cnn", "conv1", "--at", "0,2,0", "--input", "line.npy")
    assert beside.out.count("0*0 + 1*0 + 0*0 = 0") == 3


def test_json_is_what_run_gives(cnndsl, line):
    given = ("--input", "random", "--seed", "3")
    found = json.loads(cnndsl("explain", "net.cnn", "conv2", "--at", "4,7,9", *given, "--format", "json").out)
    assert cnndsl("run", "net.cnn", *given, "--layers", "conv2", "--out", "kept.npz").status == 0
    with np.load("kept.npz") as kept:
        assert found["value"] == pytest.approx(float(kept["conv2"][0, 4, 7, 9]), rel=1e-5)
    assert found["total"] == pytest.approx(found["value"], rel=1e-5, abs=1e-6)
    assert len(found["channels"]) == 6 and found["position"] == [4, 7, 9]


def test_weights_are_the_ones_given(cnndsl, line):
    tensors = {"conv1.weight": np.full((1, 1, 3, 3), 2, np.float32), "conv1.bias": np.full(1, 5, np.float32)}
    np.savez(line / "w.npz", **tensors)
    (line / "plain.cnn").write_text("input 1@8x8\nconv 1 3x3", encoding="utf-8")
    done = cnndsl("explain", "plain.cnn", "conv1", "--at", "0,0,0", "--input", "ones", "--weights", "w.npz")
    assert done.out.splitlines()[-2:] == ["value = sum + bias = 18 + 5 = 23", "run gives 23"]


def test_an_example_of_another_size_than_the_default(cnndsl, line):
    (line / "open.cnn").write_text("symbol H = 4, W = 4\ninput 1@HxW\nconv 1 3x3", encoding="utf-8")
    np.savez(
        line / "w.npz", **{"conv1.weight": np.ones((1, 1, 3, 3), np.float32), "conv1.bias": np.zeros(1, np.float32)}
    )
    given = ("--input", "line.npy", "--weights", "w.npz")
    done = cnndsl("explain", "open.cnn", "conv1", "--at", "0,5,4", *given)
    assert "conv 1 3x3: 1@8x8 -> 1@6x6" in done.out and done.out.splitlines()[-1] == "run gives 3"
    outside = cnndsl("explain", "open.cnn", "conv1", "--at", "0,6,4", *given)
    assert outside.status == 2 and "row 6 is not in 0 to 5" in outside.err


def test_html_is_a_page_with_tables(cnndsl, line):
    done = cnndsl("explain", "line.cnn", "conv1", "--at", "0,2,3", "--input", "line.npy", "--format", "html")
    assert done.status == 0 and done.out.lower().startswith("<!doctype html>")
    assert '<section class="worked">' in done.out and "<script" not in done.out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("conv1", "--at", "0,28,0", "--input", "zeros"), 2, "row 28 is not in 0 to 27"),
        (("conv1", "--at=-1,0,0", "--input", "zeros"), 2, "channel -1 is not in 0 to 5"),
        (("conv1", "--at", "0,2", "--input", "zeros"), 2, "channel 0 to 5, row 0 to 27, column 0 to 27"),
        (("conv1", "--at", "a,b", "--input", "zeros"), 2, "is no position"),
        (("conv1", "--at", "", "--input", "zeros"), 2, "is no position"),
        (("conv1", "--at", "0,0,0"), 2, "--input"),
        (("input", "--at", "0,0,0", "--input", "zeros"), 2, "`input` is an input: its values are given"),
        (("conv9", "--at", "0,0,0", "--input", "zeros"), 1, "did you mean `conv1`?"),
        (("conv1", "--at", "0,0,0", "--input", "missing.npy"), 2, "missing.npy"),
    ],
)
def test_what_cannot_be_worked_out(cnndsl, folder, arguments, status, said):
    done = cnndsl("explain", "net.cnn", *arguments)
    assert done.status == status and done.out == "" and said in done.err and "Traceback" not in done.err


def test_a_picture_beside_the_text(cnndsl, line):
    given = ["explain", "line.cnn", "conv1", "--at", "0,2,3", "--input", "line.npy"]
    plain = cnndsl(*given)
    done = cnndsl(*given, "--plot", "worked.png")
    assert (done.status, done.out, done.err) == (0, plain.out, "cnndsl: wrote worked.png\n")
    assert (line / "worked.png").read_bytes().startswith(b"\x89PNG")
    first = (line / "worked.png").read_bytes()
    assert cnndsl(*given, "--plot", "worked.png").status == 0 and (line / "worked.png").read_bytes() == first
    for wrong, said in (("worked.jpg", ".png, .svg or .pdf"), ("line.cnn", "line.cnn"), ("none/a.png", "cannot write")):
        refused = cnndsl(*given, "--plot", wrong)
        assert refused.status == 2 and said in refused.err and "Traceback" not in refused.err
    refused = cnndsl("explain", "line.cnn", "conv1", "--plot", "a.png")
    assert refused.status == 2 and "--plot is for working out one value" in refused.err
