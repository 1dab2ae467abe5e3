"""ONNX files that may come from anywhere: read with bounded memory, refused with one diagnostic.

Nothing here believes a number that the file claims before it is compared with the bytes that are there.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, quoted
from cnndsl.files import require_regular
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.shapes import extents, product

OPSETS = range(6, 29)
"""The opsets whose meaning is known: since 6, attributes have kept their form."""

MINIMUM_IR_VERSION = 3
NODES_PER_LAYER = 4
NAMELESS = frozenset({"main_graph", "torch_jit", "torch-jit-export", "torch-jit-export-graph", "graph", "tf2onnx"})
"""What exporters call every graph."""

DOMAINS = ("", "ai.onnx")
NUMBERS = frozenset(
    {
        TensorProto.FLOAT,
        TensorProto.FLOAT16,
        TensorProto.BFLOAT16,
        TensorProto.DOUBLE,
        TensorProto.BOOL,
        TensorProto.INT8,
        TensorProto.UINT8,
        TensorProto.INT32,
        TensorProto.INT64,
    }
)
"""The element types of initializers that are read; others may be there and are no constants."""

RARE_NUMBERS = frozenset({TensorProto.INT16, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64})
"""What attributes may have beside them."""

MOST_AXES = 64
"""What an array of NumPy can have."""


class Model(NamedTuple):
    """A graph in executable order with what its nodes need to be understood."""

    name: str
    producer: str
    opset: int
    graph: GraphProto
    nodes: Sequence[NodeProto]
    """The nodes that the outputs depend on, every one behind those that it reads."""
    constants: Mapping[str, Array]
    """The initializers that are numbers; a name here that is also an input is a constant."""


def read_model(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Model:
    """The model in a file; large weights in files beside it are mapped, not read.

    Raises CnnError: ``onnx-file`` for what is no readable ONNX file, ``onnx-graph`` for a graph that makes no sense,
    ``layer-limit`` for one that is too large.
    """
    file = Path(path)
    try:
        require_regular(file)
        data = file.read_bytes()
    except OSError as error:
        raise unreadable(str(file), error.strerror or str(error)) from None
    try:
        return parse_model(data, str(file), file.parent, limits)
    except CnnError:
        if not file.is_symlink():
            raise
        return parse_model(data, str(file), Path(os.path.realpath(file)).parent, limits)  # data beside the model itself


def parse_model(data: bytes, name: str, folder: Path | None = None, limits: Limits = DEFAULT_LIMITS) -> Model:
    """The model in ``data``; weights in other files are looked up inside ``folder`` only. Raises as read_model does."""
    proto = ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError:
        raise unreadable(name, "it is damaged or no ONNX file") from None
    return check_model(proto, name, folder, limits)


def check_model(proto: ModelProto, name: str, folder: Path | None = None, limits: Limits = DEFAULT_LIMITS) -> Model:
    """The model, once it is known to be sound. Raises as read_model does."""
    graph = proto.graph
    if not proto.ir_version or not graph.node or not graph.output:
        raise unreadable(name, "it holds no ONNX graph")
    if proto.ir_version < MINIMUM_IR_VERSION:
        raise unreadable(name, f"it has IR version {proto.ir_version}; the oldest that is read is {MINIMUM_IR_VERSION}")
    opset = max((entry.version for entry in proto.opset_import if entry.domain in DOMAINS), default=1)
    if opset not in OPSETS:
        raise unreadable(name, f"it has opset {opset}; opsets from {OPSETS[0]} to {OPSETS[-1]} are read")
    if len(graph.node) > limits.layers * NODES_PER_LAYER:
        raise CnnError.of(
            "layer-limit",
            f"{quoted(name)} has {len(graph.node):,} nodes, over the limit of {limits.layers * NODES_PER_LAYER:,}",
        )
    if not all(isinstance(text, str) for text in (proto.producer_name, *_names(graph))):
        raise broken(name, "one of its names is no text")
    constants = dict(_constants(graph, name, folder))
    nodes = _ordered(graph, constants, name)
    title = Path(name).stem.strip("<>") or "network"
    said = "" if graph.name in NAMELESS else graph.name
    return Model(said or title, proto.producer_name, opset, graph, nodes, constants)


def _names(graph: GraphProto) -> Iterator[object]:
    """All names in a graph: protobuf hands over bytes where they are no UTF-8."""
    yield graph.name
    for value in (*graph.input, *graph.output, *graph.initializer):
        yield value.name
    for tensor in graph.initializer:
        for entry in tensor.external_data:
            yield from (entry.key, entry.value)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            if attribute.type == AttributeProto.GRAPH:
                yield from _names(attribute.g)
            elif attribute.type == AttributeProto.TENSOR:
                yield from (part for entry in attribute.t.external_data for part in (entry.key, entry.value))
                yield attribute.t.name


def unreadable(name: str, reason: str) -> CnnError:
    return CnnError.of("onnx-file", f"cannot read {quoted(name)}: {reason}")


def broken(name: str, reason: str) -> CnnError:
    return CnnError.of("onnx-graph", f"{quoted(name)}: {reason}", "write it again with the tool that exported it")


def _constants(graph: GraphProto, name: str, folder: Path | None) -> Iterator[tuple[str, Array]]:
    """The initializers that hold numbers."""
    for tensor in graph.initializer:
        if tensor.data_type in NUMBERS:
            yield tensor.name, tensor_array(tensor, name, folder)


def tensor_array(tensor: TensorProto, name: str, folder: Path | None = None) -> Array:
    """A tensor's numbers, once its extents are known to match its bytes; 16-bit floats become float32."""
    shape = tuple(tensor.dims)
    what = f"the tensor {quoted(tensor.name)}"
    if tensor.data_type not in NUMBERS | RARE_NUMBERS:
        raise broken(name, f"{what} holds no numbers that are read here (element type {tensor.data_type})")
    if any(size < 0 for size in shape):
        raise broken(name, f"{what} has a negative extent")
    if len(shape) > MOST_AXES:
        raise broken(name, f"{what} has {len(shape):,} axes, over {MOST_AXES}")
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    wanted = product(shape) * dtype.itemsize
    if tensor.data_location == TensorProto.EXTERNAL:
        array = _external(tensor, shape, wanted, dtype, name, folder)
    elif tensor.HasField("raw_data"):
        if len(tensor.raw_data) != wanted:
            raise broken(name, f"{what} is {extents(shape)}, {wanted:,} bytes, but has {len(tensor.raw_data):,}")
        array = np.frombuffer(tensor.raw_data, dtype.newbyteorder("<") if dtype.kind != "V" else dtype).reshape(shape)
    else:
        field = getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))
        if len(field) != product(shape):
            raise broken(name, f"{what} is {extents(shape)}, but has {len(field):,} numbers")
        array = numpy_helper.to_array(tensor)
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iu" else array


def _external(
    tensor: TensorProto, shape: tuple[int, ...], wanted: int, dtype: np.dtype[Any], name: str, folder: Path | None
) -> Array:
    """Numbers that lie in another file, which must be inside the folder of the model."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if folder is None:
        raise unreadable(name, f"its weights are in the file {quoted(location)}; load the model from its file")
    path = PurePosixPath(location.replace("\\", "/"))
    try:
        root = Path(os.path.realpath(folder))
        target = Path(os.path.realpath(root / path))
        inside = not path.is_absolute() and ".." not in path.parts and target.is_relative_to(root)
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", wanted))
        available = target.stat().st_size - offset if inside and target.is_file() else -1
    except (OSError, ValueError):
        raise unreadable(name, f"the file of its weights, {quoted(location)}, cannot be read") from None
    if not inside:
        raise unreadable(name, f"its weights are in {quoted(location)}, outside the folder of the model")
    if offset < 0 or available < wanted or length != wanted:
        raise unreadable(name, f"{quoted(location)} does not hold the {wanted:,} bytes of {quoted(tensor.name)}")
    if not wanted:
        return np.zeros(shape, dtype)
    return np.memmap(target, dtype.newbyteorder("<"), "r", offset, shape)


def _ordered(graph: GraphProto, constants: Mapping[str, Array], name: str) -> list[NodeProto]:
    """The nodes that matter, each behind what it reads. Raises CnnError for cycles and values from nowhere."""
    makers: dict[str, int] = {}
    given = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    given |= {tensor.values.name for tensor in graph.sparse_initializer}
    twice = [label for label, count in Counter(value.name for value in graph.input).items() if count > 1]
    for index, node in enumerate(graph.node):
        for output in filter(None, node.output):
            if output in makers or output in given:
                twice.append(output)
            makers[output] = index
    if twice:
        raise broken(name, f"the value {quoted(twice[0])} is made twice")
    order: list[NodeProto] = []
    state = bytearray(len(graph.node))  # 0 new, 1 waiting for what it reads, 2 done
    for output in graph.output:
        if output.name not in makers and output.name not in given:
            raise broken(name, f"nothing makes the output {quoted(output.name)}")
        pending = [makers[output.name]] if output.name in makers else []
        while pending:
            index = pending[-1]
            node = graph.node[index]
            if state[index] == 0:
                state[index] = 1
                for value in reversed([*filter(None, node.input), *captured(node)]):
                    if value not in makers:
                        if value not in given:
                            raise broken(name, f"{describe(node)} reads {quoted(value)}, which nothing makes")
                    elif state[makers[value]] == 1:
                        raise broken(name, f"{describe(node)} depends on itself")
                    elif state[makers[value]] == 0:
                        pending.append(makers[value])
            else:
                pending.pop()
                if state[index] == 1:
                    state[index] = 2
                    order.append(node)
    return order


def captured(node: NodeProto) -> Iterator[str]:
    """The values that the graphs inside a node read from around it."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            inside = {value.name for value in attribute.g.input} | {tensor.name for tensor in attribute.g.initializer}
            for inner in attribute.g.node:
                yield from (value for value in (*inner.input, *captured(inner)) if value and value not in inside)
                inside.update(inner.output)


def describe(node: NodeProto) -> str:
    """A node for messages: its type, and its name or that of what it makes."""
    label = node.name or (node.output[0] if node.output else "")
    return f"{node.op_type} {quoted(label)}" if label else node.op_type
