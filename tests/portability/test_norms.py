"""Normalisations: the numbers that are told are those of both frameworks."""

import numpy as np
import pytest

import cnndsl
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
    from_keras,
    layers,
    numbers,
    onnxruntime,
    proves,
    torch,
)

ONE, ZERO = np.ones(2, np.float32), np.zeros(2, np.float32)


def told(text: str, target: str, words: str) -> list[str]:
    """The findings that speak of something."""
    return [message for message in findings(text, target) if words in message]


def trained(target: str, x: np.ndarray, momentum: float) -> tuple[np.ndarray, np.ndarray]:
    """The running mean and variance after one batch, from 0 and 1 on."""
    if target == "torch":
        module = (
            torch.nn.BatchNorm1d(2, momentum=momentum) if x.ndim == 2 else torch.nn.BatchNorm2d(2, momentum=momentum)
        )
        module.train()(torch.from_numpy(x))
        return module.running_mean.numpy(), module.running_var.numpy()
    if target == "keras":
        layer = layers.BatchNormalization(momentum=momentum)
        by_keras(layer, x, training=True)
        return tuple(map(from_keras, (layer.moving_mean, layer.moving_variance)))
    options = dict(outputs=3, training_mode=1, momentum=momentum)
    return tuple(by_onnxruntime("BatchNormalization", x, ONE, ZERO, ZERO, ONE, **options)[1:])


@proves("kept-share")
@pytest.mark.parametrize("target", ["keras", "onnx"])
@pytest.mark.parametrize("momentum", [0.1, 0.25, 0.5])
def test_the_momentum_of_batch_normalisation(target: str, momentum: float) -> None:
    x = drawn(4, 2, 8, 8) + 3
    mean = trained("torch", x, momentum)[0]
    text = f"input 2@8x8\nbatchnorm momentum={momentum}"
    assert told(text, "torch", "momentum") == []
    if close(trained(target, x, momentum)[0], mean):
        assert momentum == 0.5 and told(text, target, "momentum") == []
        return
    (message,) = told(text, target, "momentum")
    there, here = numbers(message)
    assert here == momentum and close(trained(target, x, there)[0], mean)


@proves("running-variance")
@pytest.mark.parametrize("target", ["keras", "onnx"])
def test_the_running_variance(target: str) -> None:
    x = drawn(32, 2)
    ours, theirs = trained("torch", x, 1.0)[1], trained(target, x, 0.0)[1]
    (message,) = told("input 2\nbatchnorm", target, "learns the variance")
    count, batch, divisor, other, less = numbers(message)
    assert (count, batch, divisor) == (32, 32, 32)
    assert close(theirs, np.var(x, axis=0)) and close(ours, np.var(x, axis=0) * divisor / other)
    assert (1 - theirs / ours) * 100 == pytest.approx(less, abs=0.05)
    assert told("input 2@8x8\nbatchnorm", target, "learns the variance") == []
    wide = drawn(32, 2, 8, 8)
    assert close(trained("torch", wide, 1.0)[1], trained(target, wide, 0.0)[1], 1e-3)


def normalised(target: str, name: str, x: np.ndarray, epsilon: float | None = None) -> np.ndarray:
    """What a normalisation makes of values, with the default epsilon unless one is given."""
    if target == "keras":
        kind = {"batchnorm": "Batch", "layernorm": "Layer", "groupnorm": "Group", "instancenorm": "Group"}[name]
        options = {} if epsilon is None else {"epsilon": epsilon}
        options |= {"groupnorm": {"groups": 1}, "instancenorm": {"groups": -1}, "layernorm": {"axis": [1, 2, 3]}}.get(
            name, {}
        )
        layer = getattr(layers, f"{kind}Normalization")(**options)
        by_keras(layer, x)
        if name == "batchnorm":
            layer.moving_variance.assign(np.var(x, axis=(0, 2, 3)))
        return by_keras_function(layer, x)
    if target == "torch":
        options = {} if epsilon is None else {"eps": epsilon}
        make = {
            "batchnorm": lambda: torch.nn.BatchNorm2d(2, **options),
            "layernorm": lambda: torch.nn.LayerNorm(x.shape[1:], **options),
            "groupnorm": lambda: torch.nn.GroupNorm(1, 2, **options),
            "instancenorm": lambda: torch.nn.InstanceNorm2d(2, **options),
        }
        module = make[name]()
        if name == "batchnorm":
            module.running_var.copy_(torch.from_numpy(np.var(x, axis=(0, 2, 3))))
        return by_torch(module.eval(), x)
    options = {} if epsilon is None else {"epsilon": epsilon}
    if name == "batchnorm":
        return by_onnxruntime("BatchNormalization", x, ONE, ZERO, ZERO, np.var(x, axis=(0, 2, 3)), **options)
    if name == "layernorm":
        return by_onnxruntime("LayerNormalization", x, np.ones(x.shape[1:], np.float32), axis=1, **options)
    if name == "groupnorm":
        return by_onnxruntime("GroupNormalization", x, ONE, ZERO, num_groups=1, **options)
    return by_onnxruntime("InstanceNormalization", x, ONE, ZERO, **options)


@proves("epsilon")
@pytest.mark.parametrize("target", ["keras", "torch", "onnx"])
@pytest.mark.parametrize("name", ["batchnorm", "layernorm", "groupnorm", "instancenorm"])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
def test_default_epsilons(target: str, name: str, epsilon: float) -> None:
    x = np.tile(np.array([0.1, -0.1], np.float32), (1, 2, 4, 2))  # of variance 0.01
    here, there = normalised(target, name, x, epsilon), normalised(target, name, x)
    text = f"input 2@4x4\n{name}{' 1' if name == 'groupnorm' else ''} eps={epsilon}"
    if close(here, there):
        assert told(text, target, "epsilon") == []
        return
    (message,) = told(text, target, "epsilon")
    _, own, variance, percent = numbers(message)
    assert own == epsilon and variance == 0.01
    larger = np.abs(there).mean() / np.abs(here).mean() - 1
    assert abs(larger) * 100 == pytest.approx(percent, abs=0.01) and (larger > 0) == ("larger" in message)


@proves("onnxruntime-lrn")
def test_what_lrn_onnx_runtime_takes() -> None:
    x = drawn(1, 8, 4, 4)
    assert close(by_onnxruntime("LRN", x, size=5), by_torch(F.local_response_norm, x, size=5))
    assert findings("input 8@4x4\nlrn 5", "onnxruntime") == []
    refusal = onnxruntime.capi.onnxruntime_pybind11_state.Fail
    with pytest.raises(refusal, match="size"):
        by_onnxruntime("LRN", x, size=4)
    assert "this is 4" in finding("input 8@4x4\nlrn 4", "onnxruntime")
    for shape in ((8, 4), (8, 2, 3, 4), (8,)):
        with pytest.raises(refusal, match=r"lrn\.cc"):
            by_onnxruntime("LRN", drawn(1, *shape), size=5)
        spatial = "x".join(map(str, shape[1:]))
        message = finding(f"input 8{'@' if spatial else ''}{spatial}\nlrn 5", "onnxruntime")
        assert message.partition(";")[0].endswith(f"with {1 + len(shape)}")


@proves("torch-lrn")
@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_even_windows_of_lrn_in_pytorch(size: int) -> None:
    """A large channel changes those whose windows hold it; for even sizes ONNX Runtime leaves the text of ONNX."""
    x = np.full((1, 9, 1, 1), 1e-3, np.float32)
    x[0, 4] = 1
    spans = [slice(max(0, at - (size - 1) // 2), at + -(-(size - 1) // 2) + 1) for at in range(9)]
    here = x / (1 + np.array([np.square(x[0, span]).sum() for span in spans])).reshape(1, 9, 1, 1)
    there = by_torch(F.local_response_norm, x, size=size, alpha=float(size), beta=1.0, k=1.0)
    if size % 2:
        assert close(by_onnxruntime("LRN", x, size=size, alpha=float(size), beta=1.0, bias=1.0), here)
    assert close(here, cnndsl.loads(f"input 9@1x1\nlrn {size} alpha={size} beta=1").run(x))

    def sides(y: np.ndarray) -> list[int]:
        """How many channels before and behind its middle a window has."""
        seen = np.flatnonzero(y[0, :, 0, 0] < 0.9 * x[0, :, 0, 0])
        return [int(seen[-1]) - 4, 4 - int(seen[0])]

    text = f"input 9@1x1\nlrn {size}"
    if sides(here) == sides(there):
        assert findings(text, "torch") == []
        return
    assert list(map(int, numbers(finding(text, "torch"))))[1:] == sides(there) + sides(here)


@proves("torch-layernorm")
@pytest.mark.parametrize(("channels", "columns"), [(6, 4), (4, 4)])
def test_layer_normalisation_of_channels_in_pytorch(channels: int, columns: int) -> None:
    x = drawn(2, channels, 3, columns)
    here = by_keras(layers.LayerNormalization(epsilon=1e-5), x)
    module = torch.nn.LayerNorm(channels)
    text = f"input {channels}@3x{columns}\nlayernorm axes=channel"
    size, columns_told = numbers(finding(text, "torch"))
    assert (size, columns_told) == (channels, columns)
    if channels == columns:
        there = by_torch(module, x)
        assert "normalises over these" in finding(text, "torch") and not close(here, there)
        assert np.abs(there.mean(axis=-1)).max() < 1e-5
    else:
        assert "refuses it" in finding(text, "torch")
        with pytest.raises(RuntimeError, match="expected input with shape"):
            by_torch(module, x)
    moved = by_torch(lambda value: module(value.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), x)
    assert close(moved, here, 1e-4)
    assert findings(f"input {channels}\nlayernorm axes=channel", "torch") == []
    assert findings(f"input {channels}@3x{columns}\nlayernorm", "torch") == []


@proves("last-axis-norm")
@pytest.mark.parametrize("axes", ["all", "channel"])
@pytest.mark.parametrize("shape", [(6, 3, 4), (6,)])
@pytest.mark.parametrize("target", ["keras", "onnx"])
def test_layer_normalisation_without_an_axis(axes: str, shape: tuple[int, ...], target: str) -> None:
    x = drawn(2, *shape)
    over = 1 if axes == "channel" else tuple(range(1, x.ndim))
    here = (x - x.mean(axis=over, keepdims=True)) / np.sqrt(x.var(axis=over, keepdims=True) + 1e-5)
    if target == "keras":
        there = by_keras(layers.LayerNormalization(epsilon=1e-5), x)
    else:
        there = by_onnxruntime("LayerNormalization", x, np.ones(x.shape[-1], np.float32))
    spatial = "@" + "x".join(map(str, shape[1:])) if shape[1:] else ""
    found = told(f"input 6{spatial}\nlayernorm axes={axes} eps=1e-3", target, "without an axis")
    if close(here, there, 1e-4):
        assert found == []
        return
    last, own = numbers(found[0])
    axis = 1 if target == "keras" else -1
    assert last == x.shape[axis] and np.abs(there.mean(axis=axis)).max() < 1e-5
    assert own == (6 if axes == "channel" else x[0].size)
