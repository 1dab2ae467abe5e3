"""The text of a Keras file: functions, how weights are read, and a main part that tries the network."""

import re
from collections.abc import Mapping
from keyword import iskeyword

from cnndsl.interop.codegen.calls import written
from cnndsl.interop.codegen.hierarchy import hierarchy
from cnndsl.interop.codegen.network import comment, helpers, network_classes
from cnndsl.interop.keras.exporter.functions import Functions
from cnndsl.interop.keras.exporter.helpers import helper_text
from cnndsl.interop.keras.exporter.layers import layers_of
from cnndsl.interop.keras.exporter.loading import load_text
from cnndsl.interop.keras.exporter.names import IMPORTED, function_names, labels, require_names
from cnndsl.interop.keras.exporter.shared import crosses_blocks, given_layers
from cnndsl.interop.keras.exporter.unread import needed, unread
from cnndsl.ir import Graph
from cnndsl.shapes import Shape

_MAIN = """\
if __name__ == "__main__":
    net = {NETWORK}()
    print(f"{sum(math.prod(w.shape) for w in net.trainable_weights):,} parameters")
    print(net.output_shape)
"""


def keras_source(
    graph: Graph, weights: str | None = None, params: Mapping[str, tuple[int, int, Graph]] | None = None
) -> str:
    """The Keras file of a network, as ruff would format it; ``weights`` is the name of the file beside it.

    ``params`` are the network's: the value of each, another value, and the network with that one. Those from which
    numbers of the network follow become arguments of its function.

    Raises CnnError ``export-unsupported`` for names that are none in Python.
    """
    return keras_file(graph, weights, params)[0]


def keras_file(
    graph: Graph, weights: str | None = None, params: Mapping[str, tuple[int, int, Graph]] | None = None
) -> tuple[str, str]:
    """The text, and the name of the network's function in it."""
    require_names(graph)
    left_out, graph = unread(graph), needed(graph)
    root = hierarchy(graph, layers_of(graph))
    own = helpers(root)
    taken = (*IMPORTED, *own)
    others = {
        name: (value, other, needed(changed))
        for name, (value, other, changed) in (params or {}).items()
        if name not in taken and not iskeyword(name)
    }
    roots = {name: (value, other, hierarchy(one, layers_of(one))) for name, (value, other, one) in others.items()}
    found = network_classes(root, roots, taken, conditions=not crosses_blocks(graph, root), asks_channels=True)
    names = function_names(found, (*taken, *labels(found)))
    functions = Functions(graph, names, given_layers(graph, root, found))
    sections = [helper_text(name) for name in own]
    sections += ["\n".join([comment(one, graph, _last), *functions.lines(one)]) for one in found]
    network = names[found[-1].name]
    sections += [load_text(graph, left_out), _MAIN.replace("{NETWORK}", network)]
    body = "\n\n\n".join(section.rstrip("\n") for section in sections)
    return f"{_heading(network, weights)}\n\n{_imports(body)}\n\n\n{body}\n", network


def _heading(network: str, weights: str | None) -> str:
    if weights is None:
        return f'"""{network} in Keras 3; channels last."""'
    load = f"load_weights({network}(), {written(weights)})"
    return f'"""{network} in Keras 3; channels last.\n\nIts weights: {load}\n"""'


def _imports(body: str) -> str:
    """What is used, in ruff's order. Keras comes without types."""
    words = set(re.findall(r"\w+", body))
    errors = "import-untyped, misc" if "class " in body else "import-untyped"
    standard = [name for name in ("functools", "math") if f"{name}." in body]
    lines = [f"import {name}" for name in standard] + (["from typing import Any"] if "Any" in words else [])
    own = [name for name in ("KerasTensor", "layers", "ops") if name in words]
    others = ["import keras", *(["import numpy as np"] if "np." in body else [])]
    others += [f"from keras import {', '.join(own)}"] if own else []
    others.append("from safetensors.numpy import load_file")
    return "\n\n".join([f'# mypy: disable-error-code="{errors}"', "\n".join(lines), "\n".join(others)])


def _last(shape: Shape) -> str:
    """A shape as Keras has it, of one example."""
    return written((*shape.spatial, shape.channels))
