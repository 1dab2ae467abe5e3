"""The attributes of nodes as Python values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, helper

from cnndsl.arrays import Array
from cnndsl.errors import quoted
from cnndsl.interop.onnx.importer.file import broken, describe, tensor_array


def attributes_of(node: NodeProto) -> dict[str, Any]:
    """Attributes as Python values; graphs are left out."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            label = quoted(attribute.ref_attr_name)
            raise broken("the model", f"{describe(node)} refers to the attribute {label} of a function around it")
        if attribute.type == AttributeProto.TENSOR:
            found[attribute.name] = tensor_array(attribute.t, "the model")
        elif attribute.type == AttributeProto.STRING:
            found[attribute.name] = attribute.s.decode("utf-8", "replace")
        elif attribute.type in (AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.FLOATS, AttributeProto.INTS):
            value = helper.get_attribute_value(attribute)
            found[attribute.name] = list(value) if attribute.type >= AttributeProto.FLOATS else value
    return found


def held_constant(attributes: Mapping[str, Any]) -> Array | None:
    """What a Constant node holds, if it is numbers."""
    if "value" in attributes:
        return np.asarray(attributes["value"])
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
        for key in (name, f"{name}s"):
            if key in attributes:
                return np.asarray(attributes[key], dtype)
    return None
