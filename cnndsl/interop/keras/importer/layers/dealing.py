"""Vectors that become maps: the dense layer behind gives its features in the language's order."""

from typing import Any

import numpy as np

from cnndsl.interop.keras.importer.call import LayerCall
from cnndsl.interop.onnx.importer.graph import ImportedLayer, Value, channels_last
from cnndsl.ops.base import Activation
from cnndsl.ops.dense import Dense
from cnndsl.ops.norm import BatchNorm, Dropout
from cnndsl.ops.shape import Reshape
from cnndsl.shapes import Shape


def dealt(call: LayerCall, x: Value, sizes: tuple[int, ...]) -> Value | None:
    """The vector as a map of these extents, the channels last, if a dense layer can give its features in that order.

    Whoever reads one of the vectors on the way later is told of the order.
    """
    chain = _chain(call, x)
    if not chain:
        return None
    order = channels_last(len(sizes))
    places = np.arange(x.shape.elements).reshape(sizes)
    places = np.transpose(places, np.argsort(order)).ravel()
    source = Value("", Shape(sizes[-1], sizes[:-1]), order)
    for layer in chain:
        layer.weights = {role: np.ascontiguousarray(array[places]) for role, array in layer.weights.items()}
        call.setting.flattened[layer.output.name] = source
    lenders = call.builder.lenders
    for key in [key for key, lender in lenders.items() if lender in chain]:
        del lenders[key]  # its weights are no longer those of the model's layer
    return call.emit(Reshape(shape=source.shape), x).ordered(order)


def _chain(call: LayerCall, x: Value) -> list[ImportedLayer]:
    """The layers from the vector back to a dense one that nothing else reads; none if there are others."""
    found: list[ImportedLayer] = []
    value: Value = x
    while True:
        layer: Any = call.builder.layers.get(value.name)
        alone = layer is not None and call.builder.readers[value.name] == min(len(found), 1)
        if not alone or layer.owner or layer.lends or value.name in call.setting.flattened:
            return []
        found.append(layer)
        if isinstance(layer.op, Dense):
            return found if call.setting.once(layer.label) else []
        if not isinstance(layer.op, Activation | Dropout | BatchNorm):
            return []
        (value,) = layer.inputs
