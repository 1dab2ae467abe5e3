"""Padding, pooling and strides: the numbers that are told are those of both frameworks."""

import itertools
import re

import numpy as np
import onnx
import pytest

import cnndsl
from cnndsl.analysis.lint.portability.difference import TARGETS
from tests.portability.frameworks import (
    F,
    by_keras,
    by_keras_function,
    by_onnxruntime,
    by_torch,
    close,
    drawn,
    finding,
    findings,
    keras,
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
        assert [message for message in findings(text, "torch") if "refuses" not in message] == []
        return
    pad, before, after = map(int, numbers(finding(text, "torch").replace("padding=", "")))
    assert pad == max(before, after)
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    assert close(by_torch(F.conv2d, padded, weight, stride=stride), here, 1e-4)


def pool(operator: str, x: np.ndarray, **options: object) -> np.ndarray:
    function = F.max_pool2d if operator == "maxpool" else F.avg_pool2d
    return by_torch(function, x, **options)


@proves("torch-same-word")
@pytest.mark.parametrize(("size", "kernel", "stride"), [(31, 3, 2), (33, 5, 2), (32, 3, 1)])
def test_same_is_no_word_of_pytorch_under_a_stride(size: int, kernel: int, stride: int) -> None:
    x, weight = drawn(1, 3, size, size), drawn(4, 3, kernel, kernel)
    here = by_keras(layers.Conv2D(4, kernel, strides=stride, padding="same", use_bias=False), x, keras_kernel(weight))
    text = f"input 3@{size}x{size}\nconv 4 {kernel} stride={stride} pad=same bias=false"
    if stride == 1:
        torch.nn.Conv2d(3, 4, kernel, padding="same")
        assert findings(text, "torch") == []
        return
    with pytest.raises(ValueError, match="not supported for strided"):
        torch.nn.Conv2d(3, 4, kernel, stride, padding="same")
    said = re.search(r"stride (\d)x\1; padding=(\d)x\2", finding(text, "torch"))
    assert said and int(said[1]) == stride
    assert close(by_torch(F.conv2d, x, weight, stride=stride, padding=int(said[2])), here, 1e-4)


@proves("pad-mode")
def test_convolutions_that_pad_with_zeros_alone() -> None:
    text = "input 3@8x8\nconv 4 3x3 pad=1 pad_mode={}"
    attributes = onnx.defs.get_schema("Conv").attributes
    assert "mode" not in attributes and "pad_mode" not in attributes
    with pytest.raises(ValueError, match="padding_mode"):
        layers.Conv2D(4, 3, padding_mode="reflect")
    torch.nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")
    for target in ("keras", "onnx"):
        assert finding(text.format("reflect"), target).startswith(f"{TARGETS[target]}'s convolutions pad with zeros")
        assert findings(text.format("zeros"), target) == []
    assert findings(text.format("reflect"), "torch") == []


@proves("dilated-stride")
@pytest.mark.parametrize(("stride", "dilation"), [(2, 2), (1, 2), (2, 1)])
@pytest.mark.parametrize(("operator", "name"), [("conv", "Conv2D"), ("conv_transpose", "Conv2DTranspose")])
def test_strides_beside_dilations_in_keras(stride: int, dilation: int, operator: str, name: str) -> None:
    text = f"input 3@16x16\n{operator} 4 3x3 stride={stride} dilation={dilation}"
    make = getattr(layers, name)
    torch.nn.Conv2d(3, 4, 3, stride, dilation=dilation)
    if min(stride, dilation) == 1:
        make(4, 3, strides=stride, dilation_rate=dilation)
        assert findings(text, "keras") == []
        return
    with pytest.raises(ValueError, match="not supported in conjunction"):
        make(4, 3, strides=stride, dilation_rate=dilation)
    assert finding(text, "keras").startswith("Keras refuses a stride, 2x2, beside a dilation, 2x2;")
    if operator == "conv":
        x, weight = drawn(1, 3, 16, 16), drawn(4, 3, 3, 3)
        kernel = torch.from_numpy(keras_kernel(weight).copy())
        there = by_keras_function(keras.ops.conv, x, kernel, strides=stride, dilation_rate=dilation)
        assert close(there, by_torch(F.conv2d, x, weight, stride=stride, dilation=dilation), 1e-4)
    assert layers.DepthwiseConv2D(3, strides=stride, dilation_rate=dilation)
    assert findings("input 3@16x16\ndepthwise 3x3 stride=2 dilation=2", "keras") == []


@proves("keras-max-padding")
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"), [(12, 3, 2, 1), (13, 3, 2, 1), (12, 2, 2, 0), (9, 3, 3, 1)]
)
def test_padded_maxima_in_keras(size: int, kernel: int, stride: int, pad: int) -> None:
    x = drawn(1, 2, size, size) - 5  # zeros that are not there would win
    here = pool("maxpool", x, kernel_size=kernel, stride=stride, padding=pad)
    there = by_keras(layers.MaxPooling2D(kernel, stride, padding="same" if pad else "valid"), x)
    text = f"input 2@{size}x{size}\nmaxpool {kernel} stride={stride} pad={pad}"
    if close(here, there):
        assert findings(text, "keras") == []
        return
    before, after, *own = map(int, numbers(finding(text, "keras")))
    assert own == [pad, pad]
    lowest = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)), constant_values=-np.inf)
    assert close(pool("maxpool", lowest, kernel_size=kernel, stride=stride), there)
    zeros = by_keras(layers.MaxPooling2D(kernel, stride), by_keras(layers.ZeroPadding2D(pad), x))
    assert here.shape == zeros.shape and here.max() < 0 == zeros.max()


@proves("keras-average-padding")
@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad"), [(12, 3, 2, 1), (13, 3, 2, 1), (9, 3, 1, 1), (12, 2, 2, 0)]
)
def test_padded_means_in_keras(size: int, kernel: int, stride: int, pad: int, counts: bool) -> None:
    x = drawn(1, 2, size, size)
    options = dict(kernel_size=kernel, stride=stride, padding=pad, count_include_pad=counts)
    here = pool("avgpool", x, **options)
    there = by_keras(layers.AveragePooling2D(kernel, stride, padding="same" if pad else "valid"), x)
    text = f"input 2@{size}x{size}\navgpool {kernel} stride={stride} pad={pad} count_include_pad={str(counts).lower()}"
    if close(here, there):
        assert findings(text, "keras") == []
        return
    said = list(map(int, numbers(finding(text, "keras"))))
    if len(said) == 2:  # the divisors
        assert here[0, 0, 0, 0] * said[1] == pytest.approx(there[0, 0, 0, 0] * said[0], rel=1e-4) and said == [4, 9]
    else:
        before, after, *own = said
        assert own == [pad, pad] and (before, after) != (pad, pad)


@proves("torch-divisor")
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 2, 1), (5, 1, 2), (3, 3, 1), (2, 2, 0)])
def test_the_divisor_of_means_in_pytorch(kernel: int, stride: int, pad: int) -> None:
    ones = np.ones((1, 1, 9, 9), np.float32)
    there = pool("avgpool", ones, kernel_size=kernel, stride=stride, padding=pad)
    text = f"input 1@9x9\navgpool {kernel} stride={stride} pad={pad}"
    if not pad:
        assert findings(text, "torch") == [] and there.min() == 1
        return
    full, real = numbers(finding(text, "torch"))
    assert there[0, 0, 0, 0] == pytest.approx(real / full)
    assert findings(f"{text} count_include_pad=true", "torch") == []
    assert by_onnxruntime(
        "AveragePool", ones, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4
    ).min() == pytest.approx(1)
    assert findings(text, "onnx") == []


@proves("torch-last-divisor")
@pytest.mark.parametrize("begin", [0, 1])
@pytest.mark.parametrize("end", [0, 1])
def test_the_divisor_of_the_last_mean_in_pytorch(begin: int, end: int) -> None:
    told = 0
    for size, kernel, stride in itertools.product(range(4, 10), (2, 3, 4), (1, 2, 3)):
        ones = np.ones((1, 1, size), np.float32)
        text = f"input 1@[{size}]\navgpool [{kernel}] stride=[{stride}] pad=[{begin}, {end}] "
        text += "ceil_mode=true count_include_pad=true"
        here = cnndsl.loads(text).run(ones)
        options = dict(kernel_size=kernel, stride=stride, padding=begin, ceil_mode=True)
        there = by_torch(F.avg_pool1d, ones, **options)
        if here.shape != there.shape:
            assert "other pixels" in finding(text, "torch")
        elif close(here, there):
            assert findings(text, "torch") == []
        else:
            before, after, theirs, ours = numbers(finding(text, "torch"))
            assert before == after == begin
            assert here[0, 0, -1] * ours == pytest.approx(there[0, 0, -1] * theirs)
            told += 1
    assert (told > 5) == (begin != end)


@proves("one-sided-pools")
@pytest.mark.parametrize("operator", ["maxpool", "avgpool"])
def test_one_sided_pools_in_pytorch(operator: str) -> None:
    x = drawn(1, 2, 12, 12)
    layer = layers.MaxPooling2D if operator == "maxpool" else layers.AveragePooling2D
    here = by_keras(layer(3, 2, padding="same"), x)
    candidates = [pool(operator, x, kernel_size=3, stride=2, padding=pad) for pad in (0, 1)]
    assert not any(close(here, there) for there in candidates)
    assert numbers(finding(f"input 2@12x12\n{operator} 3 stride=2 pad=same", "torch").replace("=", " ")) == [1, 0, 1]
    if operator == "maxpool":
        assert findings("input 2@12x12\nmaxpool 3 stride=2 pad=same", "keras") == []
    assert findings(f"input 2@12x12\n{operator} 3 stride=2 pad=1 {'count_include_pad=true' * (operator == 'avgpool')}",
                    "torch") == []  # fmt: skip


@proves("ceil-mode")
@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, 2, 2), (112, 3, 2), (8, 2, 2), (9, 3, 3)])
def test_windows_that_are_not_whole_in_keras(size: int, kernel: int, stride: int) -> None:
    x = drawn(1, 2, size, size)
    here = pool("maxpool", x, kernel_size=kernel, stride=stride, ceil_mode=True)
    there = by_keras(layers.MaxPooling2D(kernel, stride), x)
    text = f"input 2@{size}x{size}\nmaxpool {kernel} stride={stride} ceil_mode=true"
    if close(here, there):
        assert findings(text, "keras") == []
        return
    extent, _, own, _ = map(int, numbers(finding(text, "keras").replace("x", " ")))
    assert (there.shape[2], here.shape[2]) == (extent, own)
    assert close(by_onnxruntime("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, ceil_mode=1), here)
    assert findings(text, "onnx") == [] == findings(text, "torch")


@pytest.mark.parametrize(("size", "kernel", "stride", "pad"), [(6, 2, 2, 1), (5, 2, 3, 1), (7, 3, 2, 1), (3, 2, 2, 1)])
@pytest.mark.parametrize("operator", ["maxpool", "avgpool"])
def test_a_last_window_in_the_padding_is_dropped_by_all(
    size: int, kernel: int, stride: int, pad: int, operator: str
) -> None:
    """PyTorch, ONNX Runtime and the interpreter agree here, so that nothing is told."""
    x = drawn(1, 2, size, size)
    counted = {} if operator == "maxpool" else {"count_include_pad": True}
    there = by_onnxruntime(
        "MaxPool" if counted == {} else "AveragePool",
        x,
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
        ceil_mode=1,
        **dict.fromkeys(counted, 1),
    )
    assert close(pool(operator, x, kernel_size=kernel, stride=stride, padding=pad, ceil_mode=True, **counted), there)
    text = f"input 2@{size}x{size}\n{operator} {kernel} stride={stride} pad={pad} ceil_mode=true"
    text += " count_include_pad=true" * (operator == "avgpool")
    assert findings(text, "onnx") == [] == findings(text, "torch")
    assert close(cnndsl.loads(text).run(x), there)


@proves("dilated-pool")
def test_dilated_pools_in_keras() -> None:
    x = drawn(1, 2, 9, 9)
    with pytest.raises(ValueError, match="dilation"):
        layers.MaxPooling2D(3, dilation_rate=2)
    assert pool("maxpool", x, kernel_size=3, dilation=2).shape == (1, 2, 2, 2)
    assert finding("input 2@9x9\nmaxpool 3 dilation=2", "keras").startswith(
        "Keras's pools have no dilation, and this has 2x2"
    )
    assert findings("input 2@9x9\nmaxpool 3 dilation=1", "keras") == []


@proves("torch-norm-pool", "torch-norm-padding")
@pytest.mark.parametrize("power", [1, 2, 3])
def test_norm_pools_in_pytorch(power: int) -> None:
    x = -np.ones((1, 1, 4, 4), np.float32)
    here = by_onnxruntime("LpPool", x, kernel_shape=[2, 2], strides=[2, 2], p=power)
    there = by_torch(F.lp_pool2d, x, norm_type=power, kernel_size=2)
    text = f"input 1@4x4\nlppool 2 p={power}"
    assert close(here, cnndsl.loads(text).run(x))
    assert findings(text, "onnx") == []
    if close(here, there):
        assert findings(text, "torch") == []
    else:
        message = finding(text, "torch")
        assert numbers(message)[0] == power
        assert np.isnan(there).all() if "NaN" in message else (there == -4).all() and "their sum" in message
    with pytest.raises(TypeError, match="padding"):
        torch.nn.LPPool2d(power, 3, padding=1)
    if power == 2:
        assert numbers(finding("input 1@4x4\nlppool 3 stride=1 pad=1", "torch")) == [1, 1]


@proves("keras-average-edge")
@pytest.mark.parametrize(
    ("kernel", "stride", "size"), [(3, 2, 12), (5, 3, 14), (2, 2, 9), (3, 2, 13), (2, 2, 8), (4, 1, 9)]
)
def test_edges_of_means_in_keras_on_pytorch(kernel: int, stride: int, size: int) -> None:
    column = np.square(np.arange(size, dtype=np.float32))
    x = np.broadcast_to(column[:, None], (1, 1, size, 2)).copy()
    text = f"input 1@{size}x2\navgpool {kernel}x1 stride={stride}x1 pad=same"
    here = cnndsl.loads(text).run(x)
    there = by_keras(layers.AveragePooling2D((kernel, 1), (stride, 1), padding="same"), x)
    if close(here, there):
        assert findings(text, "keras") == []
        return
    taps, real = map(int, numbers(finding(text, "keras")))
    last = column[-real:]
    assert here[0, 0, -1, 0] == pytest.approx(last.mean())
    assert there[0, 0, -1, 0] == pytest.approx((last.sum() + (taps - real) * column[-1]) / taps) and taps == kernel


@proves("torch-wide-padding")
@pytest.mark.parametrize(("pad", "dilation"), [(2, 2), (1, 2), (1, 1)])
def test_padding_of_dilated_pools_in_pytorch(pad: int, dilation: int) -> None:
    x = drawn(1, 1, 9, 9)
    text = f"input 1@9x9\nmaxpool 3 stride=1 pad={pad} dilation={dilation}"
    options = dict(kernel_shape=[3, 3], pads=[pad] * 4, dilations=[dilation] * 2)
    here = by_onnxruntime("MaxPool", x, **options)
    assert findings(text, "onnx") == []
    if pad * 2 <= 3:
        assert close(here, pool("maxpool", x, kernel_size=3, stride=1, padding=pad, dilation=dilation))
        assert findings(text, "torch") == []
        return
    with pytest.raises(RuntimeError, match="half of kernel size"):
        pool("maxpool", x, kernel_size=3, stride=1, padding=pad, dilation=dilation)
    assert numbers(finding(text, "torch")) == [pad, 3]


@pytest.mark.parametrize(
    ("operator", "size", "target"),
    [("conv 4 1 stride=4", 7, "keras"), ("depthwise 4 stride=4", 12, "torch"), ("maxpool 4 stride=4", 12, "torch"),
     ("conv 4 5 stride=4", 11, "torch")],
)  # fmt: skip
def test_padding_behind_the_last_window_is_nothing(operator: str, size: int, target: str) -> None:
    text = f"input 4@{size}x{size}\n{operator} pad="
    x = drawn(1, 4, size, size)
    padded, bare = (cnndsl.loads(f"{text}{pad}").run(x) for pad in ("[0,0,1,1]", "0"))
    assert close(padded, bare)
    assert findings(f"{text}[0,0,1,1]", target) == []
