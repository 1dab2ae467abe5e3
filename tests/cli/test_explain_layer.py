"""``cnndsl explain FILE LAYER``."""

import json

import pytest

LONG = "x" * 5000


def test_a_layer(cnndsl, folder):
    status, out, err = cnndsl("explain", "net.cnn", "conv2")
    assert (status, err) == (0, "")
    assert "(14 - 5 + 2*0)/1 + 1 = 10" in out and "16*6*5*5*10*10 = 240,000" in out


def test_an_input(cnndsl, folder):
    status, out, _ = cnndsl("explain", "net.cnn", "input")
    assert status == 0 and "given from outside" in out


def test_settings(cnndsl, folder):
    (folder / "two.cnn").write_text(
        "network A { param n = 3\ninput 1@8x8\nconv n 3 }\nnetwork B { input 1@4x4\nrelu }", encoding="utf-8"
    )
    status, out, _ = cnndsl("explain", "two.cnn", "conv1", "--network", "A", "--set", "n=7")
    assert status == 0 and "7@6x6" in out
    assert cnndsl("explain", "two.cnn", "conv1").status == 1


def test_json_and_html(cnndsl, folder):
    found = json.loads(cnndsl("explain", "net.cnn", "conv1", "--format", "json").out)
    assert (found["version"], found["network"], found["layer"]) == (1, "net", "conv1")
    status, out, _ = cnndsl("explain", "net.cnn", "conv1", "--format", "html", "-o", "page.html")
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert (status, out) == (0, "") and page.startswith("<!DOCTYPE html>") and "<h1>net: conv1</h1>" in page


def test_a_code_may_go_to_a_file_too(cnndsl, folder):
    assert cnndsl("explain", "kernel-too-large", "-o", "code.txt").status == 0
    assert (folder / "code.txt").read_text(encoding="utf-8") == cnndsl("explain", "kernel-too-large").out


@pytest.mark.parametrize(
    ("line", "status", "message", "advice"),
    [
        ("net.cnn", 2, "which layer of `net.cnn`", "name one: input, conv1, tanh1,"),
        ("net.cnn cnov2", 1, "the network has no layer `cnov2`", "did you mean `conv2`?"),
        ("net.cnn conv1 --at 0,2,3", 2, "none is given", "give --input"),
        ("net.cnn conv1 --input ones", 2, "--input is for working out one value", "--at 0,14,14"),
        ("net.cnn conv1 --weights w.npz", 2, "--weights is for working out one value", "--at 0,14,14"),
        ("net.cnn conv1 --seed 0", 2, "--seed is for working out one value", "--at 0,14,14"),
        ("net.cnn conv1 --at first --input ones", 2, "`first` is no position", "--at 0,14,14"),
        ("net.cnn conv1 --at 9,0,0 --input ones", 2, "outside of the output", "channel 0 to 5"),
        ("net.cnn conv1 --at 0,0,0 --input .", 2, "`.` is a folder", "name one image"),
        ("net.cnn conv1 -o missing/page.txt", 2, "cannot write `missing/page.txt`", ""),
        ("nothing.cnn conv1", 2, "cannot read `nothing.cnn`", ""),
        ("nothing.cnn", 2, "cannot read `nothing.cnn`", ""),
    ],
)
def test_what_goes_wrong(cnndsl, folder, line, status, message, advice):
    found = cnndsl("explain", *line.split())
    assert (found.status, found.out) == (status, "")
    assert message in found.err and advice in found.err


def test_one_value_is_the_one_of_a_run(cnndsl, folder):
    import numpy as np

    image = np.random.default_rng(5).random((3, 1, 28, 28)).astype(np.float32)
    np.save(folder / "x.npy", image)
    assert (
        cnndsl("run", "net.cnn", "--input", "x.npy", "--layers", "conv2", "--out", "y.npz", "--seed", "4").status == 0
    )
    with np.load(folder / "y.npz") as values:
        expected = float(values["conv2"][0, 3, 2, 1])  # of several examples the first
    arguments = ("explain", "net.cnn", "conv2", "--at", "3,2,1", "--input", "x.npy", "--seed", "4")
    text = cnndsl(*arguments)
    assert (text.status, text.err) == (0, "") and f"{expected:.4f}" in text.out
    assert json.loads(cnndsl(*arguments, "--format", "json").out)["version"] == 1
    assert "<h1>net: conv2</h1>" in cnndsl(*arguments, "--format", "html").out


@pytest.mark.parametrize(
    "option",
    ["--at 0,0,0", "--input ones", "--weights w.npz", "--seed 0", "--format json", "--set n=1", "--network A"],
)
def test_a_code_has_no_options_of_layers(cnndsl, folder, option):
    found = cnndsl("explain", "kernel-too-large", *option.split())
    assert (found.status, found.out) == (2, "")
    assert f"{option.split()[0]} is for explaining a layer\n" in found.err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["explain", LONG], "bad-setting"),
        (["explain", "net.cnn", "conv1", "--at", "0,0,0", "--input", LONG], "input-file"),
        (["run", "net.cnn", "--input", LONG], "input-file"),
        (["report", "net.cnn", "-o", "x.html", "--input", LONG], "input-file"),
        (["explain", "net.cnn", "conv1", "--at", "0,0,0", "--input", ""], "bad-setting"),
    ],
)
def test_names_that_no_file_can_have(cnndsl, folder, line, code):
    status, out, err = cnndsl(*line)
    assert (status, out) == (2, "") and err.startswith(f"error[{code}]: ")
    assert [path.name for path in folder.iterdir()] == ["net.cnn"]
