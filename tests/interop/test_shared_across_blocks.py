"""Layers that share weights of another block's, as graphs in JSON may: in PyTorch and Keras one layer."""

import json

import numpy as np
import pytest

import cnndsl

TEXT = (
    "block Two { conv 3 1x1 as c\nrelu\nconv 3 1x1 as e }\nblock One { Two as two; relu }\ninput 3@8x8\n"
    "One as one\nrelu\nconv 3 1x1 as d\nOne as other\nOne as more\nOne as last"
)


@pytest.mark.parametrize(
    "shares",
    [
        {"d": "one.two.c"},
        {"other.two.c": "one.two.e"},
        {"other.two.c": "d", "other.two.e": "d"},
        {"other.two.c": "d", "last.two.e": "more.two.e"},
        {"last.two.c": "one.two.c", "last.two.e": "one.two.e", "more.two.c": "other.two.c"},
    ],
    ids=str,
)
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_shared_across_blocks(shares: dict[str, str], framework: str) -> None:
    pytest.importorskip(framework)
    torch = pytest.importorskip("torch")
    told = json.loads(cnndsl.loads(TEXT).to_json())
    for layer in told["layers"]:
        layer["share"] = shares.get(layer["name"])
    net = cnndsl.from_json(json.dumps(told))
    x = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
    expected = net.run(x)
    if framework == "torch":
        with torch.no_grad():
            found = net.to_torch().eval()(torch.from_numpy(x)).numpy()
    else:
        model = net.to_keras()
        assert model.count_params() == net.params
        found = np.moveaxis(model(np.moveaxis(x, 1, -1)).detach().numpy(), -1, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
