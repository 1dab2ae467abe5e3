"""Normalisations: the numbers that are told are those of both frameworks."""

import pytest

from tests.portability.frameworks import (
    F,
    by_onnxruntime,
    by_torch,
    close,
    drawn,
    finding,
    findings,
    onnxruntime,
    proves,
)


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
