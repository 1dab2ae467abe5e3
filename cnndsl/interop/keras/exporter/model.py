"""Networks as ``keras.Model``: the generated file, run."""

from collections.abc import Mapping
from typing import Any

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library
from cnndsl.interop.keras.exporter.source import keras_file
from cnndsl.ir import Graph

BACKENDS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}


def make_model(graph: Graph, weights: Mapping[str, Array]) -> Any:
    """A ``keras.Model`` with these weights, on the backend that Keras has chosen. Raises CnnError without Keras."""
    try:
        import keras  # noqa: F401
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name in BACKENDS:
            message = f"Keras would compute with {BACKENDS[error.name]}, which is not installed"
            advice = "say which one is: KERAS_BACKEND=torch, jax or tensorflow in the environment"
            raise CnnError.of("bad-setting", message, advice) from None
        raise missing_library("Keras", "keras", error) from None
    names: dict[str, Any] = {"__name__": f"cnndsl.generated.{id(graph)}"}
    source, network = keras_file(graph)
    exec(compile(source, "<cnndsl>", "exec"), names)
    names["load_file"] = lambda path: dict(weights)
    model = names[network]()
    names["load_weights"](model, "")
    return model
