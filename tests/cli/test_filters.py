"""`cnndsl filters`: which weights are drawn, and what can be wrong."""

import re

import numpy as np
import pytest

import cnndsl as package
from cnndsl.report import plots


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved, by the name of their file."""
    figures = {}
    save = plots.save

    def keep(figure, path):
        save(figure, path)
        figures[str(path)] = figure

    monkeypatch.setattr(plots, "save", keep)
    return figures


def shown(figure):
    found = {image.get_label(): np.asarray(image.get_array()) for image in figure.axes[0].images}
    found.pop("colour bar", None)
    return found


def test_the_filters_of_the_digit_reader(cnndsl, examples, folder, drawn):
    digits = examples / "digits"
    line = ["filters", digits / "digits.cnn", "conv1", "--weights", digits / "digits.safetensors", "-o", "f.png"]
    assert cnndsl(*line) == (0, "", f"cnndsl: wrote {line[line.index('-o') + 1]}\n")
    assert (folder / "f.png").read_bytes().startswith(b"\x89PNG")
    from safetensors.numpy import load_file

    weights = load_file(digits / "digits.safetensors")["conv1.weight"]
    found = shown(drawn["f.png"])
    assert len(found) == 16
    for index, one in enumerate(weights):
        np.testing.assert_array_equal(found[f"conv1.weight[{index}]"], one[0])


def test_initial_weights_and_options(cnndsl, folder, drawn):
    line = ("filters", "net.cnn", "conv2", "-o", "f.svg", "--seed", "3", "--first", "4")
    assert cnndsl(*line) == (0, "", "cnndsl: wrote f.svg\n")
    weights = package.load("net.cnn").weights(seed=3)["conv2.weight"]
    found = shown(drawn["f.svg"])
    assert list(found) == [f"conv2.weight[{row}, {column}]" for row in range(4) for column in range(4)]
    np.testing.assert_array_equal(found["conv2.weight[3, 2]"], weights[3, 2])
    assert cnndsl("filters", "net.cnn", "conv1", "-o", "f.pdf", "--columns", "6").status == 0
    tops = {image.get_extent()[3] for image in drawn["f.pdf"].axes[0].images if image.get_label() != "colour bar"}
    assert len(tops) == 1


def test_networks_and_settings(cnndsl, folder, drawn):
    text = "param n = 2\nnetwork A { input 1@8x8; conv n 3x3 }\nnetwork B { input 1@8x8; conv 5 3x3 }\n"
    (folder / "two.cnn").write_text(text)
    assert cnndsl("filters", "two.cnn", "conv1", "-o", "f.png", "--network", "A", "--set", "n=7").status == 0
    assert len(shown(drawn["f.png"])) == 7


def test_an_onnx_model(cnndsl, folder, drawn):
    net = package.load("net.cnn")
    net.to_onnx("net.onnx", seed=5)
    assert cnndsl("filters", "net.onnx", "conv1", "-o", "f.png") == (0, "", "cnndsl: wrote f.png\n")
    expected = net.weights(seed=5)["conv1.weight"]
    np.testing.assert_array_equal(shown(drawn["f.png"])["conv1.weight[5]"], expected[5, 0])


@pytest.mark.parametrize(
    ("line", "status", "code", "words"),
    [
        ("net.cnn tanh1 -o f.png", 2, "bad-setting", "layer `tanh1` (tanh) has no weights"),
        ("net.cnn input -o f.png", 2, "bad-setting", "`input` is an input"),
        ("net.cnn conv3 -o f.png", 1, "unknown-layer", "did you mean `conv1`?"),
        ("net.cnn conv1 -o f.gif", 2, "bad-setting", "not `f.gif`"),
        ("net.cnn conv1 -o missing/f.png", 2, "file-unwritable", "missing/f.png"),
        ("net.cnn conv1 -o f.png --weights w.npz", 2, "weights-file", "No such file"),
        ("nets.cnn conv1 -o f.png", 2, "file-unreadable", "nets.cnn"),
    ],
)
def test_what_can_be_wrong(cnndsl, folder, line, status, code, words):
    outcome = cnndsl("filters", *line.split())
    assert (outcome.status, outcome.out) == (status, "")
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", outcome.err, re.MULTILINE) == [("error", code)], outcome.err
    assert words in outcome.err
    assert [path.name for path in folder.iterdir()] == ["net.cnn"]


@pytest.mark.parametrize("options", ["--columns 0", "--first 0", "--seed -1"])
def test_bad_option_values(cnndsl, folder, options):
    status, out, err = cnndsl("filters", "net.cnn", "conv1", "-o", "f.png", *options.split())
    assert (status, out) == (2, "") and f"argument {options.split()[0]}" in err
