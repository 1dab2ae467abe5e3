"""A model whose code takes no symbolic tensors, by way of an ONNX file that Keras writes."""

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.keras.importer.call import array_of
from cnndsl.interop.onnx.importer.layout import Layout
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.interop.onnx.importer.names import network_name
from cnndsl.ir import Graph
from cnndsl.limits import Limits


def through_onnx(
    model: Any, paths: Mapping[int, str], limits: Limits
) -> tuple[Graph, dict[str, Array], dict[str, str], Layout]:
    """The network, its weights, what their variables are called, and the layout. Raises whatever Keras does, and
    CnnError as from_onnx.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{network_name(model.name)}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.export(str(path), format="onnx", verbose=False)
        found = from_onnx(path, limits=limits)
        weights = {key: np.array(array) for key, array in found.weights.items()}
    left = {paths[id(variable)]: np.sort(array_of(variable.value), axis=None) for variable in model.weights}
    names: dict[str, str] = {}
    for key, weight in weights.items():
        numbers = np.sort(weight, axis=None)
        path_of = next((path for path, array in left.items() if np.array_equal(array, numbers)), None)
        if path_of is not None:
            names |= {key.rpartition(".")[0]: path_of.rpartition("/")[0], key: path_of}
            del left[path_of]
    return found.network, weights, names, found.layout
