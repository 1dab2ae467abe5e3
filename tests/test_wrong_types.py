"""Arguments of another type than the interface takes: a diagnostic that names them, never a TypeError from inside."""

import numpy as np
import pytest

import cnndsl

TEXT = "input 1@8x8\nconv 2 3x3"
X = np.zeros((1, 1, 8, 8), np.float32)

CALLS = {
    "load None": lambda net: cnndsl.load(None),
    "load a number": lambda net: cnndsl.load(5),
    "load bytes": lambda net: cnndsl.load(b"net.cnn"),
    "load a name with a NUL": lambda net: cnndsl.load("a\0b.cnn"),
    "check_file": lambda net: cnndsl.check_file(3.5),
    "from_onnx None": lambda net: cnndsl.from_onnx(None),
    "from_onnx bytes": lambda net: cnndsl.from_onnx(b"abc"),
    "params": lambda net: cnndsl.check(TEXT, params=5),
    "names of params": lambda net: cnndsl.check(TEXT, params={5: 1}),
    "inputs": lambda net: cnndsl.check(TEXT, inputs=5),
    "shapes of inputs": lambda net: cnndsl.check(TEXT, inputs={None: "3@4"}),
    "network": lambda net: cnndsl.check(TEXT, network=5),
    "limits": lambda net: cnndsl.check(TEXT, limits=5),
    "select": lambda net: cnndsl.check(TEXT, select=5),
    "codes of select": lambda net: cnndsl.check(TEXT, select=[5]),
    "ignore": lambda net: cnndsl.check(TEXT, ignore=None),
    "resolver": lambda net: cnndsl.check(TEXT, resolver=5),
    "file": lambda net: cnndsl.check(TEXT, file=5),
    "weights": lambda net: net.run(X, weights=5),
    "weights True": lambda net: net.run(X, weights=True),
    "weights list": lambda net: net.run(X, weights=[1]),
    "weights bytes": lambda net: net.run(X, weights=b"a.npz"),
    "keys of weights": lambda net: net.run(X, weights={5: X}),
    "keep": lambda net: net.run(X, keep=5),
    "names of keep": lambda net: net.run(X, keep=[5]),
    "keep bytes": lambda net: net.run(X, keep=b"conv1"),
    "at": lambda net: net.explain("conv1", at=5, x=X),
    "at of words": lambda net: net.explain("conv1", at="0,2", x=X),
    "at alone": lambda net: net.explain("conv1", at=(0, 1, 1)),
    "x alone": lambda net: net.explain("conv1", x=X),
    "keep of plan": lambda net: net.plan(keep=5),
    "explain": lambda net: net.explain(5),
    "summary batch": lambda net: net.summary(batch="x"),
    "summary depth": lambda net: net.summary(depth="x"),
    "draw path": lambda net: net.draw(5),
    "draw depth": lambda net: net.draw(depth="x"),
    "report path": lambda net: net.report(5),
    "report batch": lambda net: net.report(batch="x"),
    "to_onnx path": lambda net: net.to_onnx(5),
    "verify batch": lambda net: net.verify(batch="x"),
    "verify tolerance": lambda net: net.verify(tolerance="x"),
    "verify model": lambda net: net.verify(model=5),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_type_is_a_diagnostic(name: str) -> None:
    with pytest.raises(cnndsl.CnnError) as caught:
        CALLS[name](cnndsl.loads(TEXT))
    assert [found.code for found in caught.value.diagnostics] == ["bad-setting"]
