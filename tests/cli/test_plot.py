"""`cnndsl run --plot`: which picture is drawn, of which example, and what can be wrong."""

import json
import re

import numpy as np
import pytest
from PIL import Image

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


@pytest.fixture
def photographs(folder):
    """Three grey images of 28x28 pixels in a folder."""
    (folder / "images").mkdir()
    random = np.random.default_rng(3)
    for name in "abc":
        Image.fromarray(random.integers(0, 256, (28, 28), np.uint8)).save(folder / "images" / f"{name}.png")
    return folder / "images"


def shown(figure):
    found = {image.get_label(): np.asarray(image.get_array()) for image in figure.axes[0].images}
    found.pop("colour bar", None)
    return found


def complaint(outcome, status, code):
    assert (outcome.status, outcome.out) == (status, ""), outcome
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", outcome.err, re.MULTILINE) == [("error", code)], outcome.err
    assert "Traceback" not in outcome.err
    return outcome.err


def test_the_first_layer_of_the_first_example(cnndsl, photographs, drawn, folder):
    line = ["run", "net.cnn", "--input", "images", "--out", "out.npz"]
    plain = cnndsl(*line)
    with np.load("out.npz") as archive:
        assert archive.files == ["softmax1"]
    status, out, err = cnndsl(*line, "--plot", "maps.png")
    assert (status, err) == (0, "cnndsl: wrote out.npz\n")
    assert out == plain.out + "maps.png shows conv1 of a.png\n"
    with np.load("out.npz") as archive:
        assert archive.files == ["softmax1"]
    with Image.open(photographs / "a.png") as image:
        x = np.asarray(image, np.float32)[None, None] / 255
    _, kept = package.load("net.cnn").run(x, keep=["conv1"])
    found = shown(drawn["maps.png"])
    assert list(found) == [f"conv1[{index}]" for index in range(6)] + ["input"]
    for index in range(6):
        np.testing.assert_allclose(found[f"conv1[{index}]"], kept["conv1"][0, index], rtol=1e-5, atol=1e-6)
    assert sorted(path.name for path in folder.iterdir()) == ["images", "maps.png", "net.cnn", "out.npz"]


def test_chosen_layers_and_options(cnndsl, photographs, drawn):
    line = ["run", "net.cnn", "--input", "images/b.png", "--layers", "tanh1,dense1", "--format", "json"]
    status, out, err = cnndsl(*line, "--plot", "maps.svg", "--columns", "1", "--scale", "map", "--maps", "2")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["plot"] == {"file": "maps.svg", "input": "b.png", "layers": ["tanh1", "dense1"]}
    assert list(report["results"][0]["layers"]) == ["tanh1", "dense1"]
    axes = drawn["maps.svg"].axes[0]
    tiles = [image for image in axes.images if image.get_label().startswith("tanh1")]
    assert len(tiles) == 2 and len({tile.get_extent()[0] for tile in tiles}) == 1
    assert "b.png · initial weights, seed 0 · 2 of 6 maps · each on its own scale" in [
        text.get_text() for text in axes.texts
    ]


def test_labels_on_the_bars(cnndsl, folder, drawn):
    names = [f"name {index}" for index in range(10)]
    (folder / "labels.txt").write_text("\n".join(names))
    line = ["run", "net.cnn", "--input", "ones", "--layers", "softmax1", "--labels", "labels.txt", "--plot", "p.pdf"]
    assert cnndsl(*line).status == 0
    texts = [text.get_text() for text in drawn["p.pdf"].axes[0].texts]
    assert [text for text in texts if text in names] == names


def test_all_layers_and_the_input(cnndsl, folder, drawn):
    line = ["run", "net.cnn", "--input", "random", "--batch", "2", "--plot", "p.png", "--layers"]
    assert cnndsl(*line, "all").status == 0
    assert {name.partition("[")[0] for name in shown(drawn["p.png"])} == {
        "conv1", "tanh1", "avgpool1", "conv2", "tanh2", "avgpool2", "input",
    }  # fmt: skip
    assert cnndsl(*line, "input").status == 0
    assert list(shown(drawn["p.png"])) == ["input[0]"]


def test_a_photograph_through_the_cifar_network(cnndsl, examples, folder, drawn):
    """The 32 feature maps of the first layer stand in four rows of eight."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save("photo.png")
    assert cnndsl("run", examples / "cifar10.cnn", "--input", "photo.png", "--plot", "maps.png").status == 0
    tiles = [image.get_extent() for image in drawn["maps.png"].axes[0].images if image.get_label().startswith("first")]
    assert len(tiles) == 32
    assert (len({round(tile[3], 6) for tile in tiles}), len({round(tile[0], 6) for tile in tiles})) == (4, 8)


@pytest.mark.parametrize(
    ("options", "status", "code", "words"),
    [
        ("--plot maps.jpg", 2, "bad-setting", ".png, .svg or .pdf files, not `maps.jpg`"),
        ("--plot maps", 2, "bad-setting", ".png, .svg or .pdf"),
        ("--plot maps.png --layers conv3", 1, "unknown-layer", "did you mean `conv1`?"),
        ("--columns 3", 2, "bad-setting", "--columns says how --plot draws"),
        ("--scale map", 2, "bad-setting", "--scale says how --plot draws"),
        ("--maps 3", 2, "bad-setting", "--maps says how --plot draws"),
    ],
)
def test_what_can_be_wrong(cnndsl, folder, options, status, code, words):
    before = set(folder.iterdir())
    outcome = cnndsl("run", "net.cnn", "--input", "zeros", *options.split())
    assert words in complaint(outcome, status, code)
    assert set(folder.iterdir()) == before


def test_too_many_layers_are_refused_before_the_run(cnndsl, examples):
    line = ["run", examples / "resnet50.cnn", "--input", "zeros", "--plot", "p.png", "--layers", "all"]
    assert "at most 24 layers" in complaint(cnndsl(*line), 2, "bad-setting")


def test_a_picture_that_cannot_be_written(cnndsl, folder):
    outcome = cnndsl("run", "net.cnn", "--input", "zeros", "--plot", "missing/maps.png")
    assert outcome.status == 2 and "error[file-unwritable]: cannot write `missing/maps.png`" in outcome.err
    assert [path.name for path in folder.iterdir()] == ["net.cnn"]


def test_without_matplotlib(command, folder):
    (folder / "matplotlib.py").write_text("raise ImportError('not here')\n")
    done = command("run", "net.cnn", "--input", "zeros", "--plot", "maps.png", PYTHONPATH=f"{folder}:{package_root()}")
    assert 'pip install "cnndsl[plot]"' in complaint(done, 2, "bad-setting")
    done = command("run", "net.cnn", "--input", "zeros", PYTHONPATH=f"{folder}:{package_root()}")
    assert done.status == 0


def test_what_matplotlib_logs_is_not_said(command, folder):
    (folder / "file").write_text("")
    cache = str(folder / "file" / "cache")
    for line in (
        ["run", "net.cnn", "--input", "zeros", "--plot", "maps.png"],
        ["filters", "net.cnn", "conv1", "-o", "f.png"],
        ["draw", "net.cnn", "-o", "net.png"],
    ):
        done = command(*line, MPLCONFIGDIR=cache)
        assert (done.status, done.err) == (0, "" if line[0] == "run" else f"cnndsl: wrote {line[-1]}\n")


def package_root():
    return package.__path__[0].rpartition("/")[0]
