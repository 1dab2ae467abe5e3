"""A model of Keras as a network: by its own graph."""

from typing import Any, Literal, NamedTuple

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library, quoted
from cnndsl.interop.keras.importer.walk import Walk, inner_function
from cnndsl.interop.onnx.importer.graph import Builder
from cnndsl.interop.onnx.importer.layout import Layout
from cnndsl.interop.onnx.importer.names import network_name
from cnndsl.interop.onnx.importer.simplify import tidy
from cnndsl.ir import Graph
from cnndsl.limits import DEFAULT_LIMITS, Limits


class Imported(NamedTuple):
    """A network, its tensors by key, Keras's names for its layers and weights, and where the layout differs."""

    network: Graph
    weights: dict[str, Array]
    module_names: dict[str, str]
    layout: Layout
    imported_by: Literal["keras"] = "keras"


def from_keras(model: Any, limits: Limits = DEFAULT_LIMITS) -> Imported:
    """The network of a model, as it is at inference; the model is left as it was.

    Raises CnnError: ``import-unsupported`` with one diagnostic for every layer that the language cannot express.
    """
    try:
        import keras
    except ImportError as error:
        raise missing_library("keras", "keras", error) from None
    if not isinstance(model, keras.Model):
        raise CnnError.of("bad-setting", f"the model must be a keras.Model, not {quoted(type(model).__name__)}")
    function = inner_function(model)
    if function is None:
        raise CnnError.of("import-unsupported", "the model has no graph")
    walk = Walk(_paths(model), limits)
    last = any(getattr(layer, "data_format", "") == "channels_first" for layer in model._flatten_layers())
    values, turned = walk.outputs(walk.run(function, channels_first=last))
    tidy(walk.builder, own_export=False)
    network = walk.builder.network(network_name(model.name), values)
    layout = Layout(tuple(value.turned for value in walk.builder.inputs), turned)
    weights = {key: np.ascontiguousarray(array) for key, array in walk.builder.weights().items()}
    return Imported(network, weights, _names(network, walk.builder), layout)


def _paths(model: Any) -> dict[int, str]:
    """The names of a model's variables; a path that two of them have gets a number."""
    found: dict[int, str] = {}
    taken: set[str] = set()
    for variable in model.variables:
        path, number = str(variable.path), 1
        while path in taken:
            number += 1
            path = f"{variable.path}#{number}"
        taken.add(path)
        found[id(variable)] = path
    return found


def _names(network: Graph, builder: Builder) -> dict[str, str]:
    """Keras's layer for each that has weights, and the path of each weight's variable."""
    found: dict[str, str] = {}
    for node in network.layers:
        layer = builder.titled[node.name]
        roles = list(network.weights(node))
        if not roles or len(roles) != len(layer.tensors) or list(layer.weights) != roles:
            continue
        owner = layer.tensors[0].rpartition("/")[0]
        found[node.name] = owner
        found |= {f"{node.name}.{role}": path for role, path in zip(roles, layer.tensors, strict=True)}
    return found
