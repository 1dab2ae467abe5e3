"""Padding, pooling and strides: the numbers that are told are those of both frameworks."""

import numpy as np
import pytest

from tests.portability.frameworks import (
    F,
    by_keras,
    by_torch,
    close,
    drawn,
    finding,
    findings,
    keras_kernel,
    layers,
    numbers,
    proves,
    torch,
)


@proves("keras-padding")
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"),
    [(32, 3, 2, 1), (224, 7, 2, 3), (30, 5, 3, 2), (32, 3, 1, 0), (31, 3, 2, 1), (32, 3, 1, 1), (16, 4, 1, 1)],
)
def test_the_padding_of_convolutions_in_keras(size: int, kernel: int, stride: int, pad: int) -> None:
    x, weight = drawn(1, 3, size, size), drawn(4, 3, kernel, kernel)
    here = by_torch(F.conv2d, x, weight, stride=stride, padding=pad)
    word = "same" if pad else "valid"
    there = by_keras(layers.Conv2D(4, kernel, strides=stride, padding=word, use_bias=False), x, keras_kernel(weight))
    text = f"input 3@{size}x{size}\nconv 4 {kernel} stride={stride} pad={pad} bias=false"
    if close(here, there, 1e-4):
        assert findings(text, "keras") == []
        return
    before, after, *own = map(int, numbers(finding(text, "keras")))
    assert own == [pad, pad]
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    assert close(by_torch(F.conv2d, padded, weight, stride=stride), there, 1e-4)


@proves("one-sided-padding")
@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(32, 3, 2), (30, 5, 3), (31, 3, 2), (32, 3, 1), (32, 4, 1), (32, 2, 2)]
)
def test_keras_same_in_pytorch(size: int, kernel: int, stride: int) -> None:
    x, weight = drawn(1, 3, size, size), drawn(4, 3, kernel, kernel)
    keras_layer = layers.Conv2D(4, kernel, strides=stride, padding="same", use_bias=False)
    here = by_keras(keras_layer, x, keras_kernel(weight))
    candidates = [by_torch(F.conv2d, x, weight, stride=stride, padding=pad) for pad in range(kernel)]
    if stride == 1:
        candidates.append(by_torch(F.conv2d, x, weight, padding="same"))
    else:
        with pytest.raises(ValueError, match="same"):
            torch.nn.Conv2d(3, 4, kernel, stride, padding="same")
    text = f"input 3@{size}x{size}\nconv 4 {kernel} stride={stride} pad=same bias=false"
    if any(close(here, there, 1e-4) for there in candidates):
        assert findings(text, "torch") == []
        return
    pad, before, after = map(int, numbers(finding(text, "torch").replace("padding=", "")))
    assert pad == max(before, after)
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    assert close(by_torch(F.conv2d, padded, weight, stride=stride), here, 1e-4)
