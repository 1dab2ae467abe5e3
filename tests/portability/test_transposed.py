"""Transposed convolutions: the crops and sizes that are told are those of both frameworks."""

import re

import numpy as np
import pytest

from tests.portability.frameworks import F, by_keras, by_torch, close, drawn, finding, findings, layers, proves, torch


def cropped(full: np.ndarray, before: int, after: int) -> np.ndarray:
    grown = np.pad(full, ((0, 0), (0, 0), (0, max(-after, 0)), (0, max(-after, 0))))
    end = grown.shape[2] - max(after, 0)
    return grown[:, :, before:end, before:end]


@proves("keras-transposed")
@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "extra"),
    [(2, 2, 0, 0), (3, 2, 1, 1), (3, 2, 1, 0), (4, 2, 1, 0), (3, 2, 0, 0), (5, 2, 2, 1), (2, 3, 0, 0), (5, 3, 1, 0),
     (2, 3, 0, 1), (3, 1, 1, 0)],
)  # fmt: skip
def test_transposed_convolutions_in_keras(kernel: int, stride: int, pad: int, extra: int) -> None:
    x, weight = drawn(1, 4, 5, 5), drawn(4, 3, kernel, kernel)
    here = by_torch(F.conv_transpose2d, x, weight, stride=stride, padding=pad, output_padding=extra)
    there = {
        word: by_keras(
            layers.Conv2DTranspose(3, kernel, stride, padding=word, use_bias=False),
            x,
            np.transpose(weight, (2, 3, 1, 0)),
        )
        for word in ("same", "valid")
    }
    text = f"input 4@5x5\nconv_transpose 3 {kernel} stride={stride} pad={pad} output_pad={extra} bias=false"
    if any(close(here, other, 1e-4) for other in there.values()):
        assert findings(text, "keras") == []
        return
    message = finding(text, "keras")
    full = by_torch(F.conv_transpose2d, x, weight, stride=stride)
    if "crops" in message:
        before, after, *own = map(int, re.findall(r"(-?\d+) (?:before|after)", message))
        assert close(cropped(full, before, after), there["same"], 1e-4)
        assert close(cropped(full, *own), here, 1e-4)
    else:
        sizes = [int(size) for size in re.findall(r"(\d+)x\1", message)]
        assert sizes == [there["same"].shape[2], there["valid"].shape[2], here.shape[2]]


@proves("torch-transposed")
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (2, 2), (5, 2), (4, 1)])
def test_keras_same_in_pytorch(kernel: int, stride: int) -> None:
    x, weight = drawn(1, 4, 5, 5), drawn(4, 3, kernel, kernel)
    layer = layers.Conv2DTranspose(3, kernel, stride, padding="same", use_bias=False)
    here = by_keras(layer, x, np.transpose(weight, (2, 3, 1, 0)))
    candidates = [
        by_torch(F.conv_transpose2d, x, weight, stride=stride, padding=pad, output_padding=extra)
        for pad in range(kernel)
        for extra in range(stride)
    ]
    text = f"input 4@5x5\nconv_transpose 3 {kernel} stride={stride} pad=same bias=false"
    if any(close(here, there, 1e-4) for there in candidates):
        assert findings(text, "torch") == []
        return
    before, after = map(int, re.findall(r"(\d+) (?:before|after)", finding(text, "torch")))
    assert close(cropped(by_torch(F.conv_transpose2d, x, weight, stride=stride), before, after), here, 1e-4)


@proves("grouped-transposed")
def test_groups_in_keras() -> None:
    with pytest.raises(ValueError, match="groups"):
        layers.Conv2DTranspose(4, 3, groups=2)
    torch.nn.ConvTranspose2d(4, 4, 2, groups=2)
    text = "input 4@5x5\nconv_transpose 4 2 stride=2 groups="
    assert finding(f"{text}2", "keras").startswith("Keras's transposed convolutions have no groups, and this has 2;")
    assert findings(f"{text}1", "keras") == []
