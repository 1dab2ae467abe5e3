"""What `cnndsl run` prints of small values, and the images that it writes."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def files(folder):
    (folder / "line.cnn").write_text("input 1@6\nconv 1 3 weight=[[[1, 1, 1]]] bias=false\n")
    (folder / "map.cnn").write_text("input 1@20x20\navgpool 2x2 -> avgpool 2x2\n")
    (folder / "grey.cnn").write_text("input 1@2x2\nidentity\n")
    (folder / "colour.cnn").write_text("input 3@2x2\nidentity\n")


def test_small_values_are_printed(cnndsl):
    status, out, err = cnndsl("run", "line.cnn", "--input", "0 0 1 1 0 0")
    assert (status, err) == (0, "")
    assert out.splitlines() == ["numbers[0]", "  conv1 (1x4): min 1, mean 1.5, max 2", "    1  2  2  1"]


def test_large_ones_are_not_unless_asked_for(cnndsl):
    line = ["run", "map.cnn", "--input", "random", "--layers", "avgpool1"]
    small = cnndsl(*line).out.splitlines()
    assert len(small) == 1 + (1 + 5) + (1 + 10)
    everything = cnndsl("run", "net.cnn", "--input", "random", "--layers", "conv1", "--print", "all").out.splitlines()
    assert len(everything) == 1 + (1 + 1) + (1 + 6 * (1 + 28))
    assert len(cnndsl(*line, "--print", "none").out.splitlines()) == 3


def test_a_softmax_and_what_has_labels_are_ranked(cnndsl, folder):
    (folder / "labels.txt").write_text("no\nyes\n")
    (folder / "two.cnn").write_text("input 2\nidentity\n")
    assert cnndsl("run", "two.cnn", "--input", "3 5").out.splitlines()[2:] == ["    3  5"]
    for option in ("--labels=labels.txt", "--top=2"):
        rows = cnndsl("run", "two.cnn", "--input", "3 5", option).out.splitlines()[2:]
        assert [row.split()[0] for row in rows] == ["5", "3"]
    assert len(cnndsl("run", "net.cnn", "--input", "zeros").out.splitlines()) == 2 + 5
    assert len(cnndsl("run", "net.cnn", "--input", "zeros", "--print", "all").out.splitlines()) == 3


def test_json_has_the_numbers(cnndsl):
    report = json.loads(cnndsl("run", "line.cnn", "--input", "0 0 1 1 0 0", "--format", "json").out)
    assert report["results"][0]["outputs"]["conv1"]["values"] == [[1, 2, 2, 1]]
    report = json.loads(cnndsl("run", "line.cnn", "--input", "zeros", "--print", "none", "--format", "json").out)
    assert "values" not in report["results"][0]["outputs"]["conv1"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [0, 64, 128, 255]),
        ("--range -1,1", [128, 159, 191, 255]),
        ("--scale shared", [0, 64, 128, 255]),
        ("--range 0.25,0.5", [0, 0, 255, 255]),
    ],
)
def test_an_output_as_an_image(cnndsl, options, expected):
    status, _, err = cnndsl("run", "grey.cnn", "--input", "0 0.25 0.5 1", "--out", "a.png", *options.split())
    assert status == 0
    with Image.open("a.png") as image:
        assert (image.mode, image.size) == ("L", (2, 2))
        assert np.asarray(image).ravel().tolist() == expected
    assert ("50% of the numbers are not within 0.25 and 0.5" in err) == (options == "--range 0.25,0.5")


def test_what_is_outside_of_the_range_is_said(cnndsl):
    err = cnndsl("run", "grey.cnn", "--input", "-1 0 1 1.001", "--out", "a.png").err
    assert err.startswith("cnndsl: 25% of the numbers are not within 0 and 1") and "--range LOW,HIGH" in err


def test_numbers_that_are_not_finite_spoil_no_scale(cnndsl):
    np.save("x.npy", np.array([[[[np.nan, 1], [3, np.inf]]]], np.float32))
    for option in ("--scale=shared", "--scale=map"):
        err = cnndsl("run", "grey.cnn", "--input", "x.npy", "--out", "a.png", option).err
        assert err.startswith("cnndsl: 50% of the numbers are not finite\n")
        with Image.open("a.png") as image:
            assert np.asarray(image).ravel().tolist() == [0, 0, 255, 255]


def test_colours_and_their_scales(cnndsl):
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    np.save("x.npy", x)
    assert cnndsl("run", "colour.cnn", "--input", "x.npy", "--out", "a.png", "--range", "0,255").status == 0
    with Image.open("a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), x[0].transpose(1, 2, 0))
    assert cnndsl("run", "colour.cnn", "--input", "x.npy", "--out", "a.png", "--scale", "map").status == 0
    with Image.open("a.png") as image:
        assert np.asarray(image).transpose(2, 0, 1).reshape(3, 4).tolist() == [[0, 85, 170, 255]] * 3


def test_several_examples_are_several_images(cnndsl, folder):
    status, _, err = cnndsl("run", "grey.cnn", "--input", "random", "--batch", "11", "--out", "a.png")
    assert status == 0 and err == "cnndsl: wrote a_00.png to a_10.png (11 images)\n"
    assert len([*folder.glob("a_*.png")]) == 11
    images = [Image.open(path).tobytes() for path in sorted(folder.glob("a_*.png"))]
    assert len(set(images)) == 11


@pytest.mark.parametrize(
    ("line", "words"),
    [("net.cnn --input zeros --out a.png", "is 10; an image has"),
     ("grey.cnn --input zeros --out a.jpg", ".npz and .png"),
     ("grey.cnn --input zeros --range 0,1", "--range is for"),
     ("grey.cnn --input zeros --scale map", "--plot maps.png"),
     ("grey.cnn --input zeros --out a.png --range 0,2 --scale map", "both say"),
     ("pair.cnn --input zeros --out a.png", "has 2 outputs")],
)  # fmt: skip
def test_what_is_no_image(cnndsl, folder, line, words):
    (folder / "pair.cnn").write_text("input 1@2x2\nrelu as a\ntanh as b\noutput a b\n")
    status, out, err = cnndsl("run", *line.split())
    assert (status, out) == (2, "") and words in err
    assert not [*folder.glob("a*")]


def test_no_image_that_is_read_is_written_over(cnndsl, folder):
    (folder / "images").mkdir()
    for index in range(2):
        Image.new("L", (2, 2), 100 * index).save(f"images/a_{index}.png")
    status, _, err = cnndsl("run", "grey.cnn", "--input", "images", "--out", "images/a.png")
    assert status == 2 and "error[output-is-input]" in err


@pytest.mark.parametrize("value", ["1,0", "1", "a,b", "0,inf"])
def test_ranges_that_are_none(cnndsl, value):
    status, _, err = cnndsl("run", "grey.cnn", "--input", "zeros", "--out", "a.png", "--range", value)
    assert status == 2 and "argument --range" in err
