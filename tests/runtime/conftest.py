"""The oracle: one function through which every kernel is compared with an independent implementation."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

TOLERANCES = {np.float32: 1e-4, np.float64: 1e-10}


def _recast(array, dtype):
    return array.astype(dtype) if array.dtype.kind == "f" else array.copy()


def _scattered(array):
    """The same values at every other address, last axis first: an array that is contiguous in no order."""
    spread = np.empty([2 * extent for extent in reversed(array.shape)], array.dtype)
    view = spread.T[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def assert_close(actual, expected, tolerance):
    """Equal shapes, NaN and infinities in the same places, errors within ``tolerance`` of the largest value."""
    assert actual.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    if finite.any():
        error = np.abs(actual[finite].astype(np.float64) - expected[finite]).max()
        assert error <= tolerance * max(np.abs(expected[finite]).max(), 1e-30)


@pytest.fixture(scope="session")
def agree() -> Callable[..., None]:
    """``agree(kernel, reference, *arrays)``: same values, in float32 and float64, from inputs of any memory layout.

    The reference gets float64 arrays. The kernel must keep the dtype and leave its inputs as they were; with
    ``batched`` it also gets the first array with no samples, and with one.
    """

    def check(kernel, reference, *arrays, batched=True):
        expected = np.asarray(reference(*(_recast(array, np.float64) for array in arrays)))
        for dtype, tolerance in TOLERANCES.items():
            inputs = [_recast(array, dtype) for array in arrays]
            kept = [array.copy() for array in inputs]
            for given in (inputs, [_scattered(array) for array in inputs]):
                actual = kernel(*given)
                assert actual.dtype == dtype
                assert_close(actual, expected, tolerance)
                for array, original in zip(given, kept, strict=True):
                    np.testing.assert_array_equal(array, original)
            if batched:
                first, *others = inputs
                assert kernel(first[:0], *others).shape == (0, *expected.shape[1:])
                one = kernel(first[:1], *others)
                assert one.dtype == dtype
                assert_close(one, expected[:1], tolerance * 100)

    return check


@pytest.fixture(scope="session")
def by_torch():
    """Turns a function of tensors into one of arrays; skips without PyTorch."""
    torch = pytest.importorskip("torch")

    def adapt(function):
        return lambda *arrays: function(*(torch.from_numpy(array) for array in arrays)).numpy()

    return adapt


def _output(extent, kernel, stride, dilation, begin, end, ceil):
    """The window rule, written again. Ceil mode drops a window that would start in the end padding."""
    room = extent + begin + end - (dilation * (kernel - 1) + 1)
    output = (-(-room // stride) if ceil else room // stride) + 1
    if ceil and (output - 1) * stride >= extent + begin:
        output -= 1
    return output


@pytest.fixture(scope="session")
def random_geometry():
    """Draws spatial sizes and a window that fits; ``pool`` keeps padding within half the kernel."""

    def draw(random, rank, *, pool=False, symmetric=False, dilate=True, ceil=False):
        def integers(low, high):
            return tuple(int(i) for i in random.integers(low, high + 1, rank))

        kernel, stride = integers(1, 4 if rank < 3 else 3), integers(1, 3)
        dilation = integers(1, 2) if dilate else (1,) * rank
        begins = tuple(int(random.integers(0, (k // 2 if pool else 2) + 1)) for k in kernel)
        ends = begins if symmetric else tuple(int(random.integers(0, (k // 2 if pool else 2) + 1)) for k in kernel)
        spatial = tuple(
            max(3, d * (k - 1) + 1 - b - e) + extra
            for k, d, b, e, extra in zip(kernel, dilation, begins, ends, integers(0, 5 if rank < 3 else 2), strict=True)
        )
        output = tuple(
            _output(n, k, s, d, b, e, ceil)
            for n, k, s, d, b, e in zip(spatial, kernel, stride, dilation, begins, ends, strict=True)
        )
        return SimpleNamespace(
            spatial=spatial,
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            padding=tuple(zip(begins, ends, strict=True)),
            output=output,
        )

    return draw


@pytest.fixture(scope="session")
def by_general_kernels() -> Callable[..., dict[str, np.ndarray]]:
    """``by_general_kernels(plan, inputs)``: every value of a plan's network in float64, by the kernels for channels
    first, layer by layer: no fusion, no fast algorithm.
    """
    from cnndsl.runtime.reference import Reference

    def values_of(plan, inputs):
        weights = {f"{layer}.{name}": own[name] for layer, own in plan.tensors.items() for name in own}
        return Reference(plan.network, weights, [node.name for node in plan.network.layers]).run(inputs)

    return values_of
