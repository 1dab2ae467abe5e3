"""Where numbers lie: the places that are told are those of both frameworks."""

from typing import Any

import numpy as np
import onnxruntime
import pytest

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
    layers,
    numbers,
    proves,
    torch,
)


def counted(*shape: int) -> np.ndarray:
    """0, 1, 2 and so on."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@proves("flatten")
@pytest.mark.parametrize("shape", [(16, 5, 5), (6, 2, 3), (3, 4), (512, 1, 1), (1, 4, 4), (3, 2, 2, 2)])
def test_flattened_maps_in_keras(shape: tuple[int, ...]) -> None:
    x = counted(1, *shape)
    here, there = by_torch(torch.nn.Flatten(), x), by_keras(layers.Flatten(), x)
    moved = int((here != there).sum())
    text = f"input {shape[0]}@{'x'.join(map(str, shape[1:]))}\nflatten"
    assert findings(text, "torch") == []
    if moved:
        assert numbers(finding(text, "keras")) == [moved, x.size]
    else:
        assert findings(text, "keras") == []


@proves("global-pools")
@pytest.mark.parametrize(
    ("operator", "name", "function"),
    [
        ("global_avgpool", "GlobalAveragePooling2D", F.adaptive_avg_pool2d),
        ("global_maxpool", "GlobalMaxPooling2D", F.adaptive_max_pool2d),
    ],
)
def test_global_pools_in_keras(operator: str, name: str, function: Any) -> None:
    x = drawn(1, 64, 7, 7)
    here, there = by_torch(function, x, output_size=1), by_keras(getattr(layers, name)(), x)
    assert close(by_keras(getattr(layers, name)(keepdims=True), x), here)
    drop, keep, *ones = numbers(finding(f"input 64@7x7\n{operator}", "keras").replace("@", " ").replace("x", " "))
    assert there.shape == (1, drop) and here.shape == (1, keep, *ones)
    assert close(here.reshape(1, -1), there)
    assert findings(f"input 64@7x7\n{operator} -> flatten", "keras") == []
    assert findings(f"input 64@7x7\n{operator}", "torch") == []


@proves("embedding")
def test_vectors_of_words() -> None:
    words = np.zeros((1, 5), np.int64)
    text = "input 5 dtype=int64\nembedding 10 4"
    there = by_torch(torch.nn.Embedding(10, 4), words)
    assert there.shape == by_onnxruntime("Gather", drawn(10, 4), words, axis=0).shape
    for target in ("torch", "onnx"):
        length, size, *own = numbers(finding(text, target).replace("x", " ").replace("@", " "))
        assert there.shape == (1, length, size) and own == [4, 5]
    layer = layers.Embedding(10, 4)
    assert tuple(layer(words).shape) == (1, 5, 4)  # which is 4@5 with the channels last
    assert findings(text, "keras") == []


@proves("pixel-shuffle")
@pytest.mark.parametrize(("channels", "factor"), [(12, 2), (8, 2), (27, 3), (4, 2)])
@pytest.mark.parametrize("target", ["keras", "onnx"])
def test_pixel_shuffle(channels: int, factor: int, target: str) -> None:
    x = counted(1, channels, 1, 1)
    here = by_torch(F.pixel_shuffle, x, upscale_factor=factor)
    if target == "keras":
        there = by_keras_function(keras.ops.depth_to_space, x, factor)
    else:
        there = by_onnxruntime("DepthToSpace", x, blocksize=factor)
        assert close(by_onnxruntime("DepthToSpace", x, blocksize=factor, mode="CRD"), here)
    text = f"input {channels}@1x1\npixel_shuffle {factor}"
    moved = int((here != there).sum())
    if moved:
        assert numbers(finding(text, target)) == [moved, channels]
    else:
        assert findings(text, target) == []


@proves("space-to-depth")
@pytest.mark.parametrize(("channels", "factor"), [(3, 2), (2, 3), (1, 2)])
@pytest.mark.parametrize("target", ["keras", "onnx"])
def test_space_to_depth(channels: int, factor: int, target: str) -> None:
    x = counted(1, channels, factor, factor)
    here = by_torch(F.pixel_unshuffle, x, downscale_factor=factor)
    if target == "keras":
        there = by_keras_function(keras.ops.space_to_depth, x, factor)
    else:
        there = by_onnxruntime("SpaceToDepth", x, blocksize=factor)
    text = f"input {channels}@{factor}x{factor}\nspace_to_depth {factor}"
    moved = int((here != there).sum())
    if moved:
        assert numbers(finding(text, target)) == [moved, x.size]
    else:
        assert findings(text, target) == []


@proves("keras-nearest", "onnx-nearest")
@pytest.mark.parametrize(("size", "cells"), [(4, 7), (4, 8), (5, 3), (8, 4), (7, 13), (6, 6), (10, 4)])
@pytest.mark.parametrize("target", ["keras", "onnx"])
def test_the_nearest_pixel(size: int, cells: int, target: str) -> None:
    x = np.broadcast_to(counted(size)[:, None], (1, 1, size, 4)).copy()
    here = by_torch(F.interpolate, x, size=(cells, 4), mode="nearest")
    if target == "keras":
        there = by_keras_function(keras.ops.image.resize, x, (cells, 4), interpolation="nearest")
    else:
        sizes = np.array([1, 1, cells, 4])
        there = by_onnxruntime("Resize", x, None, None, sizes)
        asked = dict(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        assert close(by_onnxruntime("Resize", x, None, None, sizes, **asked), here)
    text = f"input 1@{size}x4\nresize {cells}x4"
    assert findings(text, "torch") == []
    other = int((here != there)[0, 0, :, 0].sum())
    if other:
        assert numbers(finding(text, target)) == [other, cells]
    else:
        assert findings(text, target) == []
    assert findings("input 1@4x4\nupsample 2", target) == []


@proves("aligned-corners")
@pytest.mark.parametrize(("size", "cells"), [(4, 7), (8, 15), (9, 5), (5, 5)])
@pytest.mark.parametrize("target", ["keras", "torch", "onnx"])
def test_aligned_corners(size: int, cells: int, target: str) -> None:
    """On a slope the value is the place that it was read at."""
    x = np.broadcast_to(counted(size)[:, None], (1, 1, size, size)).copy()
    here = by_torch(F.interpolate, x, size=(cells, cells), mode="bilinear", align_corners=True)
    if target == "keras":
        there = by_keras_function(keras.ops.image.resize, x, (cells, cells), interpolation="bilinear")
    elif target == "torch":
        there = by_torch(F.interpolate, x, size=(cells, cells), mode="bilinear")
    else:
        there = by_onnxruntime("Resize", x, None, None, np.array([1, 1, cells, cells]), mode="linear")
    text = f"input 1@{size}x{size}\nresize {cells}x{cells} mode=linear align_corners={{}}"
    assert findings(text.format("false"), target) == []
    if close(here, there):
        assert findings(text.format("true"), target) == []
    else:
        count, read, own = numbers(finding(text.format("true"), target))
        assert count == cells
        assert (read, own) == (pytest.approx(there[0, 0, 1, 0], abs=5e-4), pytest.approx(here[0, 0, 1, 0], abs=5e-4))


@proves("interpolated-axes")
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_axes_that_are_interpolated(rank: int) -> None:
    x, sizes = drawn(1, 2, *(4,) * rank), np.array([1, 2, *(8,) * rank])
    text = f"input 2@{'x'.join('4' * rank)}\nupsample 2 mode={{}}"
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank]
    expected = by_torch(F.interpolate, x, scale_factor=2, mode=linear)
    assert close(by_onnxruntime("Resize", x, None, None, sizes, mode="linear"), expected)
    assert findings(text.format("linear"), "torch") == [] == findings(text.format("linear"), "onnxruntime")
    upsampling = getattr(layers, f"UpSampling{rank}D")
    if rank == 2:
        assert close(by_keras(upsampling(2, interpolation="bilinear"), x), expected)
        for target in ("torch", "keras", "onnxruntime"):
            assert findings(text.format("cubic"), target) == []
        return
    with pytest.raises(NotImplementedError):
        by_torch(F.interpolate, x, scale_factor=2, mode="bicubic")
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match="Cubic"):
        by_onnxruntime("Resize", x, None, None, sizes, mode="cubic")
    with pytest.raises(ValueError, match="interpolation"):
        upsampling(2, interpolation="bilinear")
    for target, mode in (("torch", "cubic"), ("onnxruntime", "cubic"), ("keras", "cubic"), ("keras", "linear")):
        assert numbers(finding(text.format(mode), target)) == [2, rank]
    assert findings(text.format("nearest"), "keras") == []
