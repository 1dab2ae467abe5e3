"""Images and arrays as inputs."""

import io
import os
import random

import numpy as np
import pytest
from PIL import Image

from cnndsl.errors import CnnError
from cnndsl.ir import Input
from cnndsl.runtime.data.images import image_files, read_array, read_image
from cnndsl.runtime.data.made import made_input
from cnndsl.shapes import Shape


def an_input(channels, height=3, width=5, name="input"):
    return Input(name=name, shape=Shape(channels, (height, width)))


def pixels(channels, dtype=np.uint8, high=256):
    return np.random.default_rng(channels).integers(0, high, (3, 5, channels), dtype).squeeze()


def problem(error, code):
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == code
    return diagnostic.message


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_channels_first_and_scaled(tmp_path, channels, suffix):
    array = pixels(channels)
    Image.fromarray(array).save(tmp_path / f"x{suffix}")
    value = read_image(tmp_path / f"x{suffix}", an_input(channels))
    assert value.shape == (1, channels, 3, 5) and value.dtype == np.float32
    expected = array.reshape(3, 5, channels).transpose(2, 0, 1)[None] / np.float32(255)
    np.testing.assert_array_equal(value, expected)
    assert value.flags.c_contiguous


def test_sixteen_bits_keep_their_precision(tmp_path):
    array = pixels(1, np.uint16, 65_536)
    for suffix in (".png", ".tiff"):
        Image.fromarray(array).save(tmp_path / f"x{suffix}")
        value = read_image(tmp_path / f"x{suffix}", an_input(1))
        np.testing.assert_allclose(value[0, 0], array / 65_535, rtol=1e-6)


def test_black_and_white_and_palettes(tmp_path):
    bits = np.random.default_rng(1).integers(0, 2, (3, 5)).astype(bool)
    Image.fromarray(bits).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_image(tmp_path / "bits.png", an_input(1))[0, 0], bits)
    colours = Image.fromarray(pixels(3))
    palette = colours.quantize(8)
    palette.save(tmp_path / "palette.png")
    expected = np.asarray(palette.convert("RGB"), np.float32).transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png", an_input(3))[0], expected)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_of_unknown_range_are_refused(tmp_path, kind):
    Image.fromarray(np.ones((3, 5), kind)).save(tmp_path / "x.tiff")
    with pytest.raises(CnnError) as error:
        read_image(tmp_path / "x.tiff", an_input(1))
    assert "8 or 16 bits" in problem(error, "input-file")


def test_what_does_not_fit(tmp_path):
    Image.fromarray(pixels(3)).save(tmp_path / "x.png")
    for value, code, words in (
        (an_input(1), "image-channels", "3 channels (RGB)"),
        (an_input(4), "image-channels", "takes 4"),
        (an_input(3, 5, 3), "image-size", "3x5 (height x width)"),
        (Input(name="v", shape=Shape(45)), "input-shape", "`v` is 45"),
        (Input(name="v", shape=Shape(3, (3, 5, 1))), "input-shape", "3@3x5x1"),
    ):
        with pytest.raises(CnnError) as error:
            read_image(tmp_path / "x.png", value)
        assert words in problem(error, code)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_no_images(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(CnnError) as error:
        read_image(tmp_path / "x.png", an_input(1))
    problem(error, "input-file")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
@pytest.mark.filterwarnings("ignore")  # Pillow's, about the damaged files
def test_damaged_images_never_do_worse_than_a_diagnostic(tmp_path, format):
    buffer = io.BytesIO()
    Image.fromarray(pixels(3)).save(buffer, format)
    original = buffer.getvalue()
    draw = random.Random(format)
    path = tmp_path / "x"
    outcomes = set()
    for _ in range(150 * int(os.environ.get("CNNDSL_FUZZ", "1"))):
        content = bytearray(original[: draw.randrange(len(original))] if draw.random() < 0.3 else original)
        for _ in range(draw.randint(0, 4)):
            if content:
                content[draw.randrange(len(content))] = draw.choice([0, 255, 128, draw.randrange(256)])
        path.write_bytes(content)
        try:
            outcomes.add(read_image(path, an_input(3)).shape)
        except CnnError as error:
            outcomes.add(error.diagnostics[0].code)
    assert outcomes <= {"input-file", "image-size", "image-channels", (1, 3, 3, 5)}
    assert "input-file" in outcomes


def test_folders(tmp_path):
    for name, value in (("b.png", 10), ("a.JPG", 20), ("c.bmp", 30)):
        Image.new("L", (5, 3), value).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    files = image_files(tmp_path)
    assert [path.name for path in files] == ["a.JPG", "b.png", "c.bmp"]
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing", tmp_path / "notes.txt"):
        with pytest.raises(CnnError) as error:
            image_files(folder)
        problem(error, "input-file")


def test_arrays(tmp_path):
    x, y = np.arange(6.0).reshape(2, 3), np.arange(4).reshape(2, 2)
    one, two = Input(name="one", shape=Shape(3)), Input(name="two", shape=Shape(2))
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "any.npz", whatever=x)
    np.savez_compressed(tmp_path / "both.npz", two=y, one=x, more=x)
    for name in ("x.npy", "any.npz"):
        np.testing.assert_array_equal(read_array(tmp_path / name, (one,))["one"], x)
    both = read_array(tmp_path / "both.npz", (one, two))
    np.testing.assert_array_equal(both["one"], x)
    np.testing.assert_array_equal(both["two"], y)
    for name, inputs in (("any.npz", (one, two)), ("both.npz", (Input(name="three", shape=Shape(3)),))):
        with pytest.raises(CnnError) as error:
            read_array(tmp_path / name, inputs)
        problem(error, "input-names")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(CnnError) as error:
        read_array(tmp_path / "none.npz", (one,))
    assert "holds nothing" in problem(error, "input-names")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.filterwarnings("ignore")  # NumPy's, about the damaged headers
def test_damaged_arrays_never_do_worse_than_a_diagnostic(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    value = Input(name="x", shape=Shape(3))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(path, x) if suffix == ".npy" else np.savez_compressed(path, x=x)
    original = path.read_bytes()
    draw = random.Random(suffix)
    failures = 0
    for _ in range(600 * int(os.environ.get("CNNDSL_FUZZ", "1"))):
        content = bytearray(original[: draw.randrange(len(original))] if draw.random() < 0.2 else original)
        for _ in range(draw.randint(1, 4)):
            if content:
                content[draw.randrange(len(content))] = draw.choice([*b"0189(),<>'OV-", draw.randrange(256)])
        path.write_bytes(content)
        try:
            read_array(path, (value,))
        except CnnError as error:
            failures += 1
            assert error.diagnostics[0].code in ("input-file", "input-names")
    assert failures > 100


def test_made_inputs():
    value = an_input(2)
    assert (made_input(value, "zeros", 3, 0) == 0).all() and (made_input(value, "ones", 3, 0) == 1).all()
    drawn = made_input(value, "random", 3, 0)
    assert drawn.shape == (3, 2, 3, 5) and drawn.dtype == np.float32
    assert 0 <= drawn.min() < 0.1 and 0.9 < drawn.max() < 1
    np.testing.assert_array_equal(made_input(value, "random", 3, 0), drawn)
    assert (made_input(value, "random", 3, 1) != drawn).any()
    assert (made_input(an_input(2, name="other"), "random", 3, 0) != drawn).any()
    words = made_input(Input(name="w", shape=Shape(9), dtype="int64"), "random", 4, 0)
    assert words.dtype == np.int64 and set(np.unique(words)) == {0, 1}


def test_a_message_names_few_of_many_arrays(tmp_path):
    np.savez(tmp_path / "many.npz", **{f"n{index}": np.zeros(1) for index in range(500)})
    with pytest.raises(CnnError) as error:
        read_array(tmp_path / "many.npz", (an_input(1),))
    message = problem(error, "input-names")
    assert "and 492 more" in message and len(message) < 300


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX pipes and devices")
@pytest.mark.parametrize("suffix", [".npz", ".npy", ".png"])
def test_pipes_and_devices_are_no_inputs(tmp_path, suffix):
    read = read_image if suffix == ".png" else lambda path, value: read_array(path, (value,))
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    (tmp_path / f"loop{suffix}").symlink_to(f"loop{suffix}")
    for name, reason in (("pipe", "no regular file"), ("zero", "no regular file"), ("loop", "symbolic links")):
        with pytest.raises(CnnError) as error:
            read(tmp_path / f"{name}{suffix}", an_input(1))
        assert reason in problem(error, "input-file")
