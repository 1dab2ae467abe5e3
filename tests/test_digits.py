"""The trained digit reader, measured with cnndsl itself on digits that training never saw."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnndsl


@pytest.fixture(scope="module")
def digits(examples: Path) -> Path:
    return examples / "digits"


@pytest.fixture(scope="module")
def held_out(digits: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 (N, 1, 8, 8) in 0..1 and classes (N,)."""
    with np.load(digits / "held_out.npz") as archive:
        return archive["x"].astype(np.float32) / 255, archive["y"]


def test_held_out_accuracy(digits: Path, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    images, classes = held_out
    assert np.bincount(classes).min() >= 30  # every class is really there
    probabilities = cnndsl.load(digits / "digits.cnn").run(images, weights=digits / "digits.safetensors")
    assert probabilities.shape == (360, 10)
    assert np.mean(probabilities.argmax(axis=1) == classes) >= 0.99


def test_weights_agree_with_pytorch(digits: Path, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    """The same weights under the same names, put through PyTorch's functions."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    weights = load_file(digits / "digits.safetensors")
    functional = torch.nn.functional
    value = torch.from_numpy(held_out[0])
    for layer, pooled in (("conv1", False), ("conv2", True), ("conv3", True)):
        value = functional.conv2d(value, weights[f"{layer}.weight"], weights[f"{layer}.bias"], padding=1).relu()
        value = functional.max_pool2d(value, 2) if pooled else value
    value = functional.linear(value.flatten(1), weights["dense1.weight"], weights["dense1.bias"]).softmax(dim=1)
    ours = cnndsl.load(digits / "digits.cnn").run(held_out[0], weights=digits / "digits.safetensors")
    np.testing.assert_allclose(ours, value.numpy(), rtol=0, atol=1e-5)


def test_images_are_held_out_digits(digits: Path, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    """``three_0002.png`` shows digit 2 of held_out.npz, which is a three, pixel for pixel."""
    images, classes = held_out
    labels = (digits / "labels.txt").read_text(encoding="utf-8").split()
    paths = sorted((digits / "held_out").glob("*.png"))
    assert sorted(path.stem.split("_")[0] for path in paths) == sorted(labels)
    for path in paths:
        name, index = path.stem.split("_")
        assert labels[classes[int(index)]] == name
        with Image.open(path) as image:
            assert image.mode == "L"
            pixels = np.asarray(image, np.float32) / 255
        np.testing.assert_array_equal(pixels, images[int(index), 0])


def test_files_stay_small(digits: Path) -> None:
    assert (digits / "digits.safetensors").stat().st_size < 200_000
    assert (digits / "held_out.npz").stat().st_size < 40_000
