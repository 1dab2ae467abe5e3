"""What `--input` takes: several inputs, numbers, images that are made to fit, folders with damaged images."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import cnndsl as package

PAIR = "input 1@4x4 as left\ninput 1@4x4 as right\nsub { from left; from right }\n"


@pytest.fixture(autouse=True)
def files(folder):
    (folder / "pair.cnn").write_text(PAIR)
    (folder / "colour.cnn").write_text("input 3@4x4\nconv 2 3x3\n")
    (folder / "vector.cnn").write_text("input 4\nidentity\n")
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16
    Image.fromarray(pixels).save("a.png")
    Image.fromarray(pixels[::-1].copy()).save("b.png")


@pytest.fixture
def values(cnndsl, folder):
    """Runs a command; gives its outputs as arrays."""

    def run(*words):
        status, _, err = cnndsl("run", *words, "--out", "out.npz")
        assert status == 0, err
        with np.load("out.npz") as archive:
            return archive[archive.files[-1]]

    return run


@pytest.fixture
def problem(cnndsl):
    """Runs a command that fails; gives its diagnostic: the code, and what is said."""

    def run(*words):
        status, out, err = cnndsl("run", *words)
        assert status in (1, 2) and out == ""
        (code,) = re.findall(r"^error\[([a-z-]+)\]", err, re.MULTILINE)
        return code, err

    return run


def image(name):
    return np.asarray(Image.open(name), np.float32)[None, None] / np.float32(255)


def test_several_inputs_by_name(values):
    expected = image("a.png") - image("b.png")
    np.testing.assert_array_equal(values("pair.cnn", "--input", "left=a.png", "--input", "right=b.png"), expected)
    np.save("b.npy", image("b.png"))
    np.testing.assert_array_equal(values("pair.cnn", "--input", "right=b.npy", "--input", "left=a.png"), expected)
    np.savez("both.npz", left=image("a.png"), right=image("b.png"))
    named = values("pair.cnn", "--input", "left=both.npz", "--input", "right=both.npz")
    np.testing.assert_array_equal(named, expected)
    np.testing.assert_array_equal(values("pair.cnn", "--input", "zeros", "--input", "left=a.png"), image("a.png"))


def test_made_input_is_made_for_as_many_as_there_are(values, folder):
    (folder / "images").mkdir()
    for index in range(5):
        Image.new("L", (4, 4), index).save(f"images/{index}.png")
    line = ["pair.cnn", "--input", "left=images", "--input", "right=random"]
    whole = values(*line)
    assert whole.shape == (5, 1, 4, 4)
    np.testing.assert_array_equal(values(*line, "--batch", "2"), whole)


def test_numbers(values, cnndsl):
    np.testing.assert_array_equal(values("vector.cnn", "--input", "0 1 2 -3"), [[0, 1, 2, -3]])
    np.testing.assert_array_equal(
        values("vector.cnn", "--input", "[[0 1 2 3] [4 5 6 7]]"), [[0, 1, 2, 3], [4, 5, 6, 7]]
    )
    np.testing.assert_array_equal(values("vector.cnn", "--input", "input=-1 0 0 0"), [[-1, 0, 0, 0]])
    report = json.loads(cnndsl("run", "vector.cnn", "--input", "1 2 3 4", "--format", "json").out)
    assert [result["input"] for result in report["results"]] == ["numbers[0]"]


def test_a_file_counts_more_than_numbers(values, folder):
    Image.new("L", (28, 28), 255).save("7.png")
    (folder / "7.png").rename("7")
    assert values("net.cnn", "--input", "7").shape == (1, 10)


def test_options_reach_the_image(values):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 12, 4), np.uint8)).save("c.png")
    y = values("colour.cnn", "--input", "c.png", "--convert", "rgb", "--resize", "4", "--crop", "center",
               "--mean", "0.5", "--std", "0.25,0.5,1")  # fmt: skip
    pixels = Image.open("c.png").convert("RGB").resize((6, 4), Image.Resampling.BILINEAR).crop((1, 0, 5, 4))
    x = np.asarray(pixels, np.float32).transpose(2, 0, 1) / np.float32(255)
    x = (x - 0.5) / np.float32([0.25, 0.5, 1])[:, None, None]
    np.testing.assert_allclose(y, package.load("colour.cnn").run(x[None]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["last.npy", "last.npz"])
@pytest.mark.parametrize("batch", [True, False])
def test_channels_last(values, name, batch):
    x = np.random.default_rng(0).random((1, 4, 4, 3), np.float32)
    saved = x if batch else x[0]
    np.save("last.npy", saved)
    np.savez("last.npz", saved)
    y = values("colour.cnn", "--input", name, "--channels-last")
    np.testing.assert_allclose(y, package.load("colour.cnn").run(x.transpose(0, 3, 1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "shape", "advice"),
    [("net.cnn", (28, 28), "x[None, None]"), ("net.cnn", (2, 28, 28), "x[:, None]"),
     ("net.cnn", (1, 28, 28), "x[None]"), ("colour.cnn", (4, 4, 3), "--channels-last"),
     ("colour.cnn", (2, 4, 4, 3), "np.moveaxis(x, -1, 1)"),
     ("colour.cnn", (4, 4), None)],
)  # fmt: skip
def test_arrays_that_lack_an_axis_or_have_it_elsewhere(problem, values, text, shape, advice):
    x = np.zeros(shape, np.float32)
    np.save("x.npy", x)
    code, err = problem(text, "--input", "x.npy")
    assert code == "input-shape" and ("help: " in err) == (advice is not None)
    if advice:
        assert advice in err
        (code,) = re.findall(r"(x\[.*\]|np.moveaxis\S.*)(?= in Python)|(?<=: )(x\[.*\])$", err, re.MULTILINE)
        np.save("x.npy", eval("".join(code), {"x": x, "np": np}))  # the advice itself
        values(text, "--input", "x.npy")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [("pair.cnn --input a.png", "input-names", "--input left=a.png"),
     ("pair.cnn --input left=a.png", "input-names", "add --input right=X"),
     ("pair.cnn --input lefft=a.png", "input-names", "did you mean `left`?"),
     ("net.cnn --input other=a.png", "input-names", "the inputs are input"),
     ("pair.cnn --input left=a.png --input left=b.png", "bad-setting", "given twice"),
     ("pair.cnn --input zeros --input ones", "bad-setting", "have no name"),
     ("net.cnn --input input=zeros --input ones", "bad-setting", "for no input"),
     ("pair.cnn --input left=two.npy --input right=a.png", "input-shape", "left has 2, right has 1"),
     ("net.cnn --input zeros --resize", "bad-setting", "--resize is for images"),
     ("net.cnn --input a.png --resize --channels-last", "bad-setting", "--channels-last is for arrays"),
     ("net.cnn --input input=", "bad-setting", "empty"),
     ("vector.cnn --input 0,1", "input-shape", "takes 4 numbers, not 2")],
)  # fmt: skip
def test_what_can_be_wrong(problem, line, code, words):
    np.save("two.npy", np.zeros((2, 1, 4, 4)))
    found, err = problem(*line.split())
    assert found == code and words in err


@pytest.mark.parametrize("option", ["--resize 0", "--resize 4x", "--mean a", "--std 0", "--std 1,inf", "--convert red"])
def test_options_with_wrong_values(cnndsl, option):
    status, out, err = cnndsl("run", "net.cnn", "--input", "a.png", *option.split())
    assert (status, out) == (2, "") and f"argument {option.split()[0]}" in err


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_unreadable_image_of_a_folder_is_reported_and_the_rest_runs(cnndsl, folder, format):
    (folder / "images").mkdir()
    for index in range(4):
        Image.new("L", (28, 28), index).save(f"images/{index}.png")
    for index in (1, 2):
        (folder / "images" / f"{index}.png").write_bytes(b"no image")
    line = ["run", "net.cnn", "--input", "images", "--batch", "1", "--out", "out.npz", "--format", format]
    status, out, err = cnndsl(*line)
    assert status == 1
    assert re.findall(r"cannot read the image `images.(\d).png`", err) == ["1", "2"]
    with np.load("out.npz") as archive:
        assert archive["softmax1"].shape == (2, 10)
    if format == "json":
        report = json.loads(out)
        assert [result["input"] for result in report["results"]] == ["0.png", "3.png"]
        assert [left["input"] for left in report["unreadable"]] == ["1.png", "2.png"]
    else:
        assert [line for line in out.splitlines() if not line.startswith(" ")] == ["0.png", "3.png"]


def test_a_folder_without_a_readable_image(cnndsl, folder):
    (folder / "images").mkdir()
    (folder / "images" / "a.png").write_bytes(b"no image")
    status, out, err = cnndsl("run", "net.cnn", "--input", "images", "--out", "out.npz")
    assert (status, out) == (2, "") and "none of the 1 images can be read" in err
    assert not (folder / "out.npz").exists()


@pytest.mark.parametrize("line", ["report colour.cnn -o out.html", "explain colour.cnn conv1 --at 0,1,1"])
def test_other_commands_read_examples_the_same_way(cnndsl, line):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("c.png")
    assert cnndsl(*line.split(), "--input", "c.png").status == 1
    assert cnndsl(*line.split(), "--input", "c.png", "--resize").status == 0
    assert cnndsl(*line.split(), "--resize").status == 2
