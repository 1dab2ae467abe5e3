"""Layers on constants: what such a node gives is computed by a network of that layer alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from cnndsl.analysis.costs import layer_costs
from cnndsl.arrays import Array
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.importer.constant_folding import Room, Unfoldable
from cnndsl.interop.onnx.importer.file import Model
from cnndsl.interop.onnx.importer.graph import Refusal
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan


def computed(
    import_model: Callable[..., Any], node: NodeProto, inputs: Sequence[Array | None], opset: int, room: Room
) -> list[Array]:
    """The node's results. Raises Refusal, also where ``room`` does not give the bytes and operations for it."""
    x = inputs[0]
    if x is None or node.input[0] in node.input[1:] or x.ndim < 2 or x.dtype != np.float32 or not x.size:
        raise Refusal("it works on a constant alone")
    given = helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, x.shape)
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in node.output]
    graph = helper.make_graph([node], "constant", [given], made)
    others = {name: array for name, array in zip(node.input[1:], inputs[1:], strict=True) if array is not None}
    try:
        imported = import_model(Model("constant", "", opset, graph, list(graph.node), others), batched=True)
        network = imported.network
        elements = sum(shape.elements for shape in network.shapes.values())
        room(4 * len(x) * (4 * elements + sum(cost.macs for cost in layer_costs(network))))
        values = execute(make_plan(network, imported.weights), {network.inputs[0].name: x})
    except CnnError as error:
        raise Refusal(f"it works on a constant alone: {error.diagnostics[0].message}") from None
    except Unfoldable as error:
        raise Refusal(str(error)) from None
    return [np.asarray(values[name]) for name in network.outputs]
