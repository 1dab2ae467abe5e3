"""Images converted, resized, cropped and scaled, beside PyTorch and arithmetic by hand."""

import numpy as np
import pytest
from PIL import Image

from cnndsl.errors import CnnError
from cnndsl.ir import Input
from cnndsl.runtime.data.images import read_image
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.shapes import Shape


def an_input(channels, height, width):
    return Input(name="input", shape=Shape(channels, (height, width)))


def pixels(height, width, channels=3):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, channels), np.uint8).squeeze()


@pytest.fixture
def read(tmp_path):
    def read(array, value, **how):
        Image.fromarray(array).save(tmp_path / "x.png")
        return read_image(tmp_path / "x.png", value, Preparation(**how))[0]

    return read


def resized(array, size):
    """By PyTorch, on numbers in 0..1."""
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(array.transpose(2, 0, 1)[None].astype(np.float32))
    return torch.nn.functional.interpolate(maps, size=size, mode="bilinear", antialias=True)[0].numpy() / 255


@pytest.mark.parametrize("size", [(8, 12), (40, 30), (20, 20), (1, 1)])
def test_resizing_is_that_of_pytorch_with_antialiasing(read, size):
    array = pixels(17, 29)
    value = read(array, an_input(3, *size), resize=())
    assert value.shape == (3, *size)
    np.testing.assert_allclose(value, resized(array, size), atol=1.5 / 255)  # Pillow rounds to whole levels
    np.testing.assert_array_equal(value, read(array, an_input(3, *size), resize=size))


def test_the_shorter_side_and_the_middle(read):
    """As networks for ImageNet are fed: 256, then 224 out of the middle."""
    array = pixels(30, 45)
    whole = resized(array, (20, 30))
    value = read(array, an_input(3, 14, 14), resize=(20,), crop=True)
    np.testing.assert_allclose(value, whole[:, 3:17, 8:22], atol=1.5 / 255)
    upright = read(array.swapaxes(0, 1).copy(), an_input(3, 14, 14), resize=(20,), crop=True)
    np.testing.assert_allclose(upright.swapaxes(1, 2), value, atol=1.5 / 255)


@pytest.mark.parametrize(("size", "covered"), [((10, 10), (10, 15)), ((5, 15), (10, 15)), ((40, 20), (40, 60))])
def test_with_a_crop_the_input_is_covered(read, size, covered):
    array = pixels(20, 30)
    whole = resized(array, covered)
    top, left = (round((have - want) / 2) for have, want in zip(covered, size, strict=True))
    expected = whole[:, top : top + size[0], left : left + size[1]]
    np.testing.assert_allclose(read(array, an_input(3, *size), resize=(), crop=True), expected, atol=1.5 / 255)


def test_a_crop_alone_keeps_pixels(read):
    array = pixels(9, 8, 1)
    np.testing.assert_array_equal(read(array, an_input(1, 5, 4), crop=True)[0], array[2:7, 2:6] / np.float32(255))
    with pytest.raises(CnnError, match="too small to cut 10x4 out") as error:
        read(array, an_input(1, 10, 4), crop=True)
    assert "--resize" in error.value.diagnostics[0].help[0]


def test_grey_and_rgb(read):
    array = pixels(4, 5)
    luma = array @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601
    np.testing.assert_allclose(read(array, an_input(1, 4, 5), convert="grey")[0], luma, atol=1 / 255)
    transparent = np.dstack([array, array[..., :1]])
    value = read(transparent, an_input(3, 4, 5), convert="rgb")
    np.testing.assert_array_equal(value, read(array, an_input(3, 4, 5)))
    grey = read(array[..., 0].copy(), an_input(3, 4, 5), convert="rgb")
    np.testing.assert_array_equal(grey, np.stack([array[..., 0] / np.float32(255)] * 3))


def test_sixteen_bits_stay_sixteen_bits(read):
    array = np.random.default_rng(0).integers(0, 65_536, (6, 6), np.uint16)
    value = read(array, an_input(3, 3, 3), convert="rgb", resize=())
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(array.astype(np.float32))[None, None]
    expected = torch.nn.functional.interpolate(maps, size=(3, 3), mode="bilinear", antialias=True)[0].numpy() / 65_535
    np.testing.assert_allclose(value, np.repeat(expected, 3, axis=0), atol=1e-5)


def test_mean_and_std(read):
    array = pixels(3, 3)
    plain = read(array, an_input(3, 3, 3))
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    value = read(array, an_input(3, 3, 3), mean=mean, std=std)
    assert value.dtype == np.float32
    for channel in range(3):
        np.testing.assert_allclose(value[channel], (plain[channel] - mean[channel]) / std[channel], rtol=1e-5)
    np.testing.assert_allclose(read(array, an_input(3, 3, 3), std=(0.5,)), plain * 2, rtol=1e-6)
    with pytest.raises(CnnError, match="--mean has 2 numbers, but the image has 3 channels"):
        read(array, an_input(3, 3, 3), mean=(1.0, 2.0))


@pytest.mark.parametrize(
    ("shape", "value", "advice"),
    [((3, 5, 3), an_input(1, 3, 5), "--convert grey"), ((3, 5, 4), an_input(3, 3, 5), "transparency"),
     ((3, 5, 1), an_input(3, 3, 5), "--convert rgb"), ((3, 5, 3), an_input(2, 3, 5), "1x1 convolution"),
     ((3, 5, 3), an_input(3, 5, 3), "--resize --crop center"),
     ((3, 5, 3), an_input(1, 5, 3), "--convert grey too"), ((3, 5, 4), an_input(3, 5, 3), "--convert rgb too"),
     ((3, 5, 1), Input(name="input", shape=Shape(15)), "input 1@28x28")],
)  # fmt: skip
def test_the_message_says_what_mends_it(read, shape, value, advice):
    with pytest.raises(CnnError) as error:
        read(pixels(*shape), value)
    assert advice in error.value.diagnostics[0].help[0]


def test_nothing_huge_is_made(read):
    with pytest.raises(CnnError, match="9,999,800,001 pixels"):
        read(pixels(3, 3), an_input(3, 3, 3), resize=(99_999, 99_999))
