"""What a model has for a network that is there already: weights, and how its arrays lie."""

import os

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, quoted
from cnndsl.interop.onnx.importer.file import read_model
from cnndsl.interop.onnx.importer.layout import Layout
from cnndsl.interop.onnx.importer.model import from_onnx, imported
from cnndsl.ir import Graph
from cnndsl.lang.decompile.decompiler import decompile
from cnndsl.shapes import Shape


def weights_from(network: Graph, path: str | os.PathLike[str]) -> dict[str, Array]:
    """The tensors for a network from a model: by name, or in order if all have the shapes that are wanted, or by the
    names that the text of the model gives them.

    Raises CnnError as from_onnx does. The result may not fit; that is for the caller to check.
    """
    model = read_model(path)
    wanted = {key: weight.shape for key, _, weight in network.all_weights()}
    if all(key in model.constants and model.constants[key].shape == shape for key, shape in wanted.items()):
        return {key: np.asarray(model.constants[key], np.float32) for key in wanted}
    whole = imported(model)
    found = whole.weights
    if found.keys() == wanted.keys():
        return found
    if [array.shape for array in found.values()] == list(wanted.values()):
        return dict(zip(wanted, found.values(), strict=True))
    renamed = decompile(whole.network).renamed(found)
    return renamed if renamed.keys() == wanted.keys() else found


def layout_beside(network: Graph, path: str | os.PathLike[str]) -> Layout:
    """Where a model has the channels last that the network has first: a text may keep the model's layout.

    Raises CnnError ``bad-setting`` where the model has other inputs or outputs than the network.
    """
    for keep_layout in (False, True):
        found = from_onnx(path, keep_layout=keep_layout)
        if _ends(found.network) == _ends(network):
            return found.layout
    message = f"{quoted(str(path))} has other inputs or outputs than the network {quoted(network.name)}"
    raise CnnError.of("bad-setting", message)


def _ends(network: Graph) -> tuple[list[Shape], list[Shape]]:
    return [value.shape for value in network.inputs], [network.shapes[name] for name in network.outputs]
