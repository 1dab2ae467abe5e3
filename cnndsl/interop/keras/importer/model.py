"""A model of Keras as a network: by its own graph, or what its code calls; otherwise by Keras's exporter."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library, quoted, said_by
from cnndsl.interop.keras.importer.exported import through_onnx
from cnndsl.interop.keras.importer.traced import Calls, calls_of, traced
from cnndsl.interop.keras.importer.walk import Walk, inner_function
from cnndsl.interop.onnx.importer.graph import Builder
from cnndsl.interop.onnx.importer.layout import Layout
from cnndsl.interop.onnx.importer.names import network_name
from cnndsl.interop.onnx.importer.simplify import tidy
from cnndsl.ir import Graph
from cnndsl.limits import DEFAULT_LIMITS, Limits

Way: TypeAlias = Literal["keras", "onnx"]


class Imported(NamedTuple):
    """A network, its tensors by key, Keras's names for its layers and weights, and where the layout differs."""

    network: Graph
    weights: dict[str, Array]
    module_names: dict[str, str]
    layout: Layout
    imported_by: Way = "keras"


class _Unfollowed(Exception):
    """A model's code does not take symbolic tensors, for this reason."""


def from_keras(model: Any, limits: Limits = DEFAULT_LIMITS) -> Imported:
    """The network of a model, as it is at inference; the model is left as it was.

    Raises CnnError: ``import-unsupported`` with one diagnostic for every layer that the language cannot express.
    """
    try:
        import keras
    except ImportError as error:
        raise missing_library("Keras", "keras", error) from None
    if not isinstance(model, keras.Model):
        raise CnnError.of("bad-setting", f"the model must be a keras.Model, not {quoted(type(model).__name__)}")
    paths = _paths(model)
    try:
        calls = _calls(model)
    except _Unfollowed as reason:
        return _exported(model, paths, reason, limits)
    walk = Walk(paths, limits)
    first = any(getattr(layer, "data_format", "") == "channels_first" for layer in model._flatten_layers())
    values, turned = walk.outputs(walk.run(calls, channels_first=first))
    tidy(walk.builder, own_export=False)
    network = walk.builder.network(network_name(model.name), values)
    layout = Layout(tuple(value.turned for value in walk.builder.inputs), turned)
    weights = {key: np.ascontiguousarray(array) for key, array in walk.builder.weights().items()}
    return Imported(network, weights, _names(network, walk.builder), layout)


def _calls(model: Any) -> Calls:
    """The calls of a model: those of its graph, or what its own code does with symbolic tensors."""
    import keras

    function = inner_function(model)
    if function is not None:
        return calls_of(function.inputs, function.outputs)
    shapes = _shapes(model)
    if not shapes:
        raise CnnError.of(
            "import-unsupported",
            f"the model {quoted(model.name)} ({type(model).__name__}) does not know the shapes of its inputs yet",
            "call it with an example first: model(numpy.zeros((1, 32, 32, 3)))",
        )
    names = list(shapes) if len(shapes) > 1 else ["input"]
    tensors = [keras.Input(shape[1:], name=name) for name, shape in zip(names, shapes.values(), strict=True)]
    try:
        return traced(model, model.call, tensors, {}, tensors)
    except Exception as error:  # whatever the model's code has against symbolic tensors
        raise _Unfollowed(said_by(error)) from error


def _exported(model: Any, paths: Mapping[int, str], unfollowed: _Unfollowed, limits: Limits) -> Imported:
    """By way of an ONNX file, as a model that cannot be followed is exported."""
    try:
        return Imported(*through_onnx(model, paths, limits), "onnx")
    except Exception as error:  # whatever Keras's exporter has against the model
        if isinstance(error, CnnError) and error.diagnostics[0].code == "import-unsupported":
            raise
        raise CnnError.of(
            "import-unsupported",
            f"{quoted(model.name)} ({type(model).__name__}) is code that Keras can neither follow nor export",
            f"with symbolic tensors: {unfollowed}",
            f"onnx: {said_by(error)}",
            "write it with keras.layers and keras.ops alone, or as keras.Model(inputs, outputs)",
        ) from error


def _shapes(model: Any) -> dict[str, tuple[int | None, ...]]:
    """The shapes that a model of somebody's own code was built with."""
    config = model.get_build_config() if model.built else None
    if not config:
        return {}
    found = config.get("shapes_dict") or {"input_shape": config.get("input_shape")}
    plain = all(isinstance(shape, tuple | list) and None not in shape[1:] for shape in found.values())
    return {name.removesuffix("_shape"): tuple(shape) for name, shape in found.items()} if plain else {}


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
