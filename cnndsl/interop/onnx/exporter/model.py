"""Networks as ONNX models that ONNX Runtime loads.

Tensors have the names of the layers, initializers those of the weights (``conv1.weight``), the batch axis is ``N``. The
same network and weights give the same bytes.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from google.protobuf.message import EncodeError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from cnndsl import progress
from cnndsl.errors import CnnError, Diagnostic, Span, quoted
from cnndsl.files import is_stream, write_together, write_whole
from cnndsl.interop.onnx.exporter.layer import ExportedLayer, OnnxGraph
from cnndsl.interop.onnx.exporter.operators import TRANSLATIONS
from cnndsl.interop.onnx.exporter.sizes import Sizes, sizes_of
from cnndsl.ir import Graph, Node
from cnndsl.ops.merge import Merge
from cnndsl.shapes import extents, product
from cnndsl.version import VERSION

IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13, 26: 13}
"""The IR version that came with each opset, up to the newest opset that ONNX Runtime 1.31 loads."""

DEFAULT_OPSET = 17
MIN_OPSET, MAX_OPSET = min(IR_VERSIONS), max(IR_VERSIONS)

EXTERNAL_BYTES = 1 << 30
"""Weights above this go to a file of their own; a model file can hold 2 GiB at most."""

MODEL_BYTES = (1 << 31) - (1 << 24)
"""Weights that one protobuf message can hold, which has 2 GiB at most, with room for the rest of the model."""

LONGEST_NAME = 230
"""Bytes of a model's name to which a digest and a suffix can be added: a name has 255 at most."""

CHUNK_BYTES = 1 << 22
"""Bytes that are written at a time."""

PAGE = 4096
"""Tensors in that file begin at multiples of this, so that they can be mapped into memory."""

BATCH = ("N", "batch", "examples")
"""What the axis of the examples is called: the first that is no symbol's name."""

ELEMENT_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}

Weights = Mapping[str, NDArray[Any]]


def export(
    network: Graph, weights: Weights, *, opset: int = DEFAULT_OPSET, metadata: Mapping[str, str] | None = None
) -> ModelProto:
    """The network as a model with its weights inside.

    ``weights`` holds an array for every key of ``network.all_weights()``. Protobuf serialises up to 2 GiB: for larger
    networks use :func:`write`. Raises CnnError: ``bad-opset``, ``weights-mismatch``, ``export-unsupported`` for larger
    ones, and with one diagnostic for every layer that cannot be expressed.
    """
    _check_weights(network, weights)
    if _bytes_of_weights(network) > MODEL_BYTES:
        raise _too_large()
    progress.begin("putting the model together")
    tensors = [_tensor(key, weights[key]) for key, _, _ in network.all_weights()]
    return _model(network, tensors, opset, metadata or {})


def write(
    network: Graph,
    weights: Weights,
    path: str | os.PathLike[str],
    *,
    opset: int = DEFAULT_OPSET,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes the model, the whole of it or nothing; weights over 1 GiB go to a file of their own beside it.

    That file is named by its content, ``<name>.onnx.<digest>.data``, so that a model always has the weights that it was
    written with; those of the model that was there before are removed. Raises as :func:`export` does, and OSError.
    """
    if _bytes_of_weights(network) <= EXTERNAL_BYTES or is_stream(path):
        model = export(network, weights, opset=opset, metadata=metadata)
        write_whole(path, lambda part: _write_bytes(part, serialised(model)))
        return
    _check_weights(network, weights)
    target = Path(os.path.realpath(path))  # a model finds its data in the folder where it really is
    arrays = [weights[key] for key, _, _ in network.all_weights()]
    prefix = _data_prefix(target.name)
    data = target.with_name(f"{prefix}.{_content_digest(arrays)}.data")
    model = _model(network, _external_tensors(network, data.name), opset, metadata or {})
    write_together(
        [
            (data, lambda part: _write_pages(part, arrays)),
            (target, lambda part: _write_bytes(part, serialised(model))),
        ],
        superseded=re.compile(rf"{re.escape(prefix)}\.[0-9a-f]{{16}}\.data"),
    )


def serialised(model: ModelProto) -> bytes:
    """The model's bytes, the same each time. Raises CnnError ``export-unsupported`` for more than protobuf holds."""
    try:
        return bytes(model.SerializeToString(deterministic=True))
    except EncodeError:
        raise _too_large() from None


def _too_large() -> CnnError:
    return CnnError.of(
        "export-unsupported",
        "an ONNX model holds at most 2 GiB in one piece, and this one is larger",
        "write it to a file: weights over 1 GiB become external data, in a file beside it",
    )


def _data_prefix(name: str) -> str:
    """What the names of a model's data begin with: its own name, unless that is too long for more."""
    return name if len(os.fsencode(name)) <= LONGEST_NAME else hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _content_digest(arrays: Sequence[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    progress.begin("summing up the weights", sum(array.nbytes for array in arrays))
    for array in arrays:
        digest.update(np.ascontiguousarray(array, "<f4").data)
        progress.advance(array.nbytes)
    return digest.hexdigest()[:16]


def _bytes_of_weights(network: Graph) -> int:
    return sum(4 * product(weight.shape) for _, _, weight in network.all_weights())


def _bytes(array: NDArray[Any]) -> bytes:
    return np.asarray(array, "<f4").tobytes()


def _tensor(key: str, array: NDArray[Any]) -> TensorProto:
    return TensorProto(name=key, data_type=TensorProto.FLOAT, dims=np.shape(array), raw_data=_bytes(array))


def _external_tensors(network: Graph, location: str) -> list[TensorProto]:
    """Tensors whose bytes lie in another file, in order, each from the beginning of a page on."""
    tensors, offset = [], 0
    for key, _, weight in network.all_weights():
        length = 4 * product(weight.shape)
        tensor = TensorProto(name=key, data_type=TensorProto.FLOAT, dims=weight.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for name, value in (("location", location), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=name, value=str(value))
        tensors.append(tensor)
        offset += -(-length // PAGE) * PAGE
    return tensors


def _write_bytes(path: str, content: bytes) -> None:
    progress.begin("writing", len(content))
    with open(path, "wb") as stream:
        for start in range(0, len(content), CHUNK_BYTES):
            stream.write(memoryview(content)[start : start + CHUNK_BYTES])
            progress.advance(CHUNK_BYTES)


def _write_pages(path: str, arrays: Sequence[NDArray[Any]]) -> None:
    progress.begin("writing", sum(array.nbytes for array in arrays))
    with open(path, "wb") as stream:
        for array in arrays:
            stream.write(np.ascontiguousarray(array, "<f4").data)  # no copy of what may be gigabytes
            stream.write(bytes(-stream.tell() % PAGE))
            progress.advance(array.nbytes)


def _check_weights(network: Graph, weights: Weights) -> None:
    problems = []
    for key, _, weight in network.all_weights():
        if key not in weights:
            problems.append(f"{key} ({extents(weight.shape)}) is missing")
        elif np.shape(weights[key]) != weight.shape:
            problems.append(
                f"{key} is {extents(np.shape(weights[key]))}, but the network needs {extents(weight.shape)}"
            )
    if problems:
        raise CnnError.of(
            "weights-mismatch", f"the weights do not fit network {quoted(network.name)}:\n  " + "\n  ".join(problems)
        )


def _model(network: Graph, weights: list[TensorProto], opset: int, metadata: Mapping[str, str]) -> ModelProto:
    if opset not in IR_VERSIONS:
        raise CnnError.of(
            "bad-opset",
            f"ONNX opset {opset} is not supported: choose one from {MIN_OPSET} to {MAX_OPSET}",
            f"{DEFAULT_OPSET} is the default",
        )
    _check_expressible(network)
    keys = [tensor.name for tensor in weights]
    graph = OnnxGraph(opset, [*network.shapes, *keys])
    stretched, sizes = _stretched(network), sizes_of(network)
    for node in network.layers:
        _translate(graph, network, node, node.name in stretched, sizes)
    outputs = _outputs(graph, network)
    dtypes = {value.name: value.dtype for value in network.inputs} | {node.name: node.dtype for node in network.layers}
    batch = next(name for name in BATCH if name not in {one.name for one in network.symbols})

    def info(name: str, source: str) -> ValueInfoProto:
        axes = sizes.named(source) if sizes else network.shapes[source].dimensions
        return helper.make_tensor_value_info(name, ELEMENT_TYPES[dtypes[source]], [batch, *axes])

    proto = helper.make_graph(
        graph.nodes,
        network.name,
        [info(value.name, value.name) for value in network.inputs],
        [info(name, source) for name, source in outputs.items()],
        [*weights, *graph.constants],
        value_info=[info(node.name, node.name) for node in network.layers if node.name not in outputs],
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSIONS[opset],
        producer_name="cnndsl",
        producer_version=VERSION,
    )
    for key in sorted(metadata):
        model.metadata_props.add(key=key, value=metadata[key])
    return model


def _check_expressible(network: Graph) -> None:
    """Refuses what no ONNX graph can say. Every operator can be said; two tensors of one name cannot."""
    names = Counter(network.shapes)
    problems = [
        Diagnostic(
            "export-unsupported",
            f"the weight {quoted(key)} has the name of another value, and ONNX knows one tensor by a name",
            node.span,
            help=(f"give one of them another name: `... as name` behind {quoted(node.name)}",),
        )
        for key, node, _ in network.all_weights()
        if key in names
    ]
    if problems:
        raise CnnError(problems)


def _stretched(network: Graph) -> set[str]:
    """The parameters that merges alone read, beside values that have a batch."""
    found = {node.name for node in network.layers if node.op.independent} - {*network.outputs}
    for node in network.layers:
        if not isinstance(node.op, Merge) or found.issuperset(node.inputs):
            found.difference_update(node.inputs)
    return found


def _translate(graph: OnnxGraph, network: Graph, node: Node, stretches: bool, sizes: Sizes | None) -> None:
    shapes = network.input_shapes(node)
    weights = node.op.weights(shapes)
    layer = ExportedLayer(graph, node, node.op, shapes, weights, _place(node.span, node.path), stretches, sizes)
    layer.finish(TRANSLATIONS[node.op.operator](layer))


def _outputs(graph: OnnxGraph, network: Graph) -> dict[str, str]:
    """The graph's outputs and the values that they are. An input is no output in ONNX, nor is anything twice."""
    outputs: dict[str, str] = {}
    inputs = {value.name for value in network.inputs}
    for name in network.outputs:
        output = name
        if name in inputs or name in outputs:
            output = graph.fresh(f"{name}/output")
            graph.nodes.append(helper.make_node("Identity", [name], [output], name=output))
        outputs[output] = name
    return outputs


def _place(span: Span | None, path: tuple[str, ...]) -> str:
    """Where a layer comes from: ``resnet.cnn:12 in Bottleneck1``. Without folders, so that all machines agree."""
    line = f"{PureWindowsPath(span.file).name}:{span.line}" if span else ""
    blocks = f"in {'/'.join(path)}" if path else ""
    return " ".join(filter(None, (line, blocks)))
