"""What parameters take and refuse at the edges, how values are written, and defaults as other libraries have them."""

import inspect
from itertools import product as every
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from onnx import defs
from pydantic import ValidationError

from cnndsl import ops
from cnndsl.ops.fields import Tensor, listed, written
from cnndsl.shapes import Shape


def takes(name: str, **arguments: Any) -> bool:
    try:
        ops.operator(name)(**arguments)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "field", "others", "taken", "refused"),
    [
        ("dense", "units", {}, [1, 2**63 - 1], [0, -1, 2**63, 1.0, "1", True]),
        ("slice", "begin", {"end": 9}, [0, 2**63 - 1], [-1, 2**63, 0.0, "0"]),
        ("dense", "bias", {"units": 1}, [True, False], [0, 1, "true"]),
        ("maxpool", "ceil_mode", {"kernel": 2}, [True, False], [0, 1, "true"]),
        ("leaky_relu", "alpha", {}, [0, -1.5, 1e300], [inf, -inf, nan, "1"]),
        ("celu", "alpha", {}, [1e-300], [0, -1, inf]),
        ("dropout", "rate", {}, [0, 0.999999], [-1e-9, 1, 1.5]),
        ("batchnorm", "momentum", {}, [0, 1], [-1e-9, 1.000001]),
        ("conv", "kernel", {"filters": 1}, [1, (1, 2)], [0, (1, 0), 2.0]),
        ("conv", "pad", {"filters": 1, "kernel": 3}, [0, (0, 1), "same", "causal"], [-1, (0, -1), "full"]),
    ],
)
def test_edges(name: str, field: str, others: dict[str, Any], taken: list[Any], refused: list[Any]) -> None:
    for value in taken:
        assert takes(name, **{field: value}, **others), value
    for value in refused:
        assert not takes(name, **{field: value}, **others), value


def test_operators_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ops.operator("dense")(units=3).units = 4  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "positional", "text"),
    [
        (True, True, "true"),
        (False, False, "false"),
        (3, True, "3"),
        (0, True, "0"),
        (-3, True, "(-3)"),
        (-0.5, True, "(-0.5)"),
        (0.5, True, "0.5"),
        (-3, False, "-3"),
        (2.0, False, "2"),
        (1e15, False, "1000000000000000.0"),
        (1e15 - 1, False, "999999999999999"),
        (1e-5, False, "1e-05"),
        ("same", True, "same"),
        (Shape(8, (4, 4)), True, "(8@4x4)"),
        (Shape(8, (4, 4)), False, "8@4x4"),
        (Shape(8), True, "8"),
        ((3, 2), True, "3x2"),
        ((3, 2, 1), True, "3x2x1"),
        ((3,), True, "[3]"),
        ((3, 2, 1, 0), True, "[3, 2, 1, 0]"),
        ((0.5, 2), False, "[0.5, 2]"),
        (((0, 1), (2,)), False, "[[0, 1], [2]]"),
        (Tensor((2, 3), (0, 1, 2, 3, 4, 5.5)), False, "[[0, 1, 2], [3, 4, 5.5]]"),
        (Tensor((3, 1, 2), (1, 2, 3, 4, 5, 6)), False, "[[[1, 2]], [[3, 4]], [[5, 6]]]"),
    ],
)
def test_values_as_they_are_written(value: object, positional: bool, text: str) -> None:
    assert written(value, positional) == text


def test_without_a_word_a_value_is_not_positional() -> None:
    assert written(-3) == "-3"


def test_long_lists_are_shortened() -> None:
    twelve = ", ".join(map(str, range(12)))
    assert listed(tuple(range(12))) == f"[{twelve}]"
    assert listed(tuple(range(13))) == f"[{twelve}, …]"
    assert listed((1, 2, 3), most=2) == "[1, 2, …]"


def test_positional_arguments_stand_alone() -> None:
    assert ops.operator("clip")(min=-2, max=0).arguments() == "(-2) 0"
    assert ops.operator("normalize")(mean=-2, std=1).arguments() == "mean=-2 std=1"
    assert ops.operator("conv")(filters=8, kernel=3, stride=2, groups=1).arguments() == "8 3 stride=2"


CONVOLUTION = {"stride": "stride", "pad": "padding", "dilation": "dilation", "groups": "groups", "bias": "bias"}
AFFINE = {"eps": "eps", "affine": "affine"}
IN_PYTORCH = {
    "conv": ("Conv2d", CONVOLUTION),
    "conv_transpose": ("ConvTranspose2d", CONVOLUTION | {"output_pad": "output_padding"}),
    "dense": ("Linear", {"bias": "bias"}),
    "maxpool": ("MaxPool2d", {"stride": "stride", "pad": "padding", "dilation": "dilation", "ceil_mode": "ceil_mode"}),
    "avgpool": ("AvgPool2d", {"stride": "stride", "pad": "padding", "ceil_mode": "ceil_mode"}),
    "leaky_relu": ("LeakyReLU", {"alpha": "negative_slope"}),
    "elu": ("ELU", {"alpha": "alpha"}),
    "celu": ("CELU", {"alpha": "alpha"}),
    "gelu": ("GELU", {"approximate": "approximate"}),
    "batchnorm": ("BatchNorm2d", AFFINE | {"momentum": "momentum"}),
    "layernorm": ("LayerNorm", {"eps": "eps", "affine": "elementwise_affine"}),
    "groupnorm": ("GroupNorm", AFFINE),
    "instancenorm": ("InstanceNorm2d", AFFINE),
    "lrn": ("LocalResponseNorm", {"alpha": "alpha", "beta": "beta", "k": "k"}),
}


@pytest.mark.parametrize("name", IN_PYTORCH)
def test_defaults_of_pytorch(name: str) -> None:
    nn = pytest.importorskip("torch.nn")
    module, words = IN_PYTORCH[name]
    theirs = inspect.signature(getattr(nn, module)).parameters
    fields = ops.operator(name).model_fields
    assert {word: fields[word].default for word in words} == {word: theirs[its].default for word, its in words.items()}


@pytest.mark.parametrize(
    ("name", "schema", "field", "attribute"),
    [
        ("avgpool", "AveragePool", "count_include_pad", "count_include_pad"),
        ("lppool", "LpPool", "p", "p"),
        ("global_lppool", "GlobalLpPool", "p", "p"),
    ],
)
def test_defaults_of_onnx(name: str, schema: str, field: str, attribute: str) -> None:
    default = defs.get_schema(schema).attributes[attribute].default_value.i
    assert ops.operator(name).model_fields[field].default == default


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("depthwise", {"stride": 1, "pad": 0, "dilation": 1, "multiplier": 1, "bias": True}),
        ("lppool", {"stride": None, "pad": 0, "ceil_mode": False}),
        ("pad", {"mode": "zeros", "value": 0}),
        ("slice", {"axis": 0}),
        ("concat", {"axis": 0}),
        ("scale", {"init": 1}),
        ("resize", {"mode": "nearest", "align_corners": False}),
    ],
)
def test_defaults_that_the_docs_name(name: str, defaults: dict[str, Any]) -> None:
    fields = ops.operator(name).model_fields
    assert {field: fields[field].default for field in defaults} == defaults


def test_selu_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    one = torch.tensor(1.0, dtype=torch.float64)
    selu: Any = ops.operator("selu")
    assert selu.scale == torch.selu(one).item()
    assert selu.scale * selu.alpha == pytest.approx(-torch.selu(-1e3 * one).item(), rel=1e-15)


def test_nested_lists_are_the_tensor() -> None:
    for shape in every((1, 2, 3), (1, 2), (1, 4)):
        array = np.arange(float(np.prod(shape))).reshape(shape)
        assert eval(written(Tensor(array.shape, tuple(array.ravel().tolist())))) == array.tolist()
