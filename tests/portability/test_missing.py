"""What a framework has no operator for, by its own list."""

import json
from pathlib import Path

import pytest

from cnndsl import ops
from tests.portability.frameworks import findings, proves

BUILT_IN = json.loads((Path(__file__).parent / "tflite_operators.json").read_text(encoding="utf-8"))["operators"]
TFLITE = {"relu": "RELU", "relu6": "RELU6", "leaky_relu": "LEAKY_RELU", "prelu": "PRELU", "elu": "ELU", "gelu": "GELU",
          "hardswish": "HARD_SWISH", "sigmoid": "LOGISTIC", "tanh": "TANH", "softmax": "SOFTMAX",
          "log_softmax": "LOG_SOFTMAX", "selu": "SELU", "celu": "CELU", "mish": "MISH", "softplus": "SOFTPLUS",
          "softsign": "SOFTSIGN"}  # fmt: skip
"""Activations by what TensorFlow Lite calls or would call them."""


@proves("tflite-activations")
@pytest.mark.parametrize("name", TFLITE)
def test_activations_of_tensorflow_lite(name: str) -> None:
    assert ops.family(name) == "activation"
    said = findings(f"input 8@4x4\n{name}", "tflite")
    assert [message for message in said if "no operator" in message] == (
        [] if TFLITE[name] in BUILT_IN else [f"TensorFlow Lite has no operator for {name}; `{name}1`: 1 of 1 layer"]
    )
