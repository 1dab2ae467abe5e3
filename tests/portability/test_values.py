"""Activations: the numbers that are told are those of both frameworks."""

import numpy as np
import pytest

from tests.portability.frameworks import (
    F,
    by_onnxruntime,
    by_torch,
    close,
    drawn,
    finding,
    findings,
    numbers,
    proves,
)


@proves("onnx-softmax")
@pytest.mark.parametrize(("operator", "function"), [("Softmax", F.softmax), ("LogSoftmax", F.log_softmax)])
def test_softmax_without_an_axis_in_onnx(operator: str, function: object) -> None:
    x = drawn(2, 3, 4, 5)
    word = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[operator]
    here, there = by_torch(function, x, dim=1), by_onnxruntime(operator, x)
    assert not close(here, there)
    assert close(by_onnxruntime(operator, x, axis=1), here)
    columns, channels = numbers(finding(f"input 3@4x5\n{word}", "onnx"))
    sums = (there if operator == "Softmax" else np.exp(there)).sum(axis=-1)
    assert columns == x.shape[3] and channels == x.shape[1] and np.allclose(sums, 1, atol=1e-5)
    vector = drawn(2, 7)
    assert close(by_torch(function, vector, dim=1), by_onnxruntime(operator, vector))
    assert findings(f"input 7\n{word}", "onnx") == []
