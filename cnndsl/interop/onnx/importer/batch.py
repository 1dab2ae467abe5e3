"""A batch of any extent: the walk takes numbers for it that the file does not mention, and must find the same twice."""

from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.file import Model
from cnndsl.ir import Graph

SHORT = 64
"""Elements of the whole numbers that may be a shape."""


def batch_extents(model: Model, attributes: Mapping[int, Mapping[str, Any]]) -> tuple[int, int]:
    """Two extents that the file says nowhere: no number in it can be taken for the batch."""
    said = set(_numbers(model, attributes))
    one, other = islice((extent for extent in count(101, 2) if extent not in said), 2)
    return one, other


def _numbers(model: Model, attributes: Mapping[int, Mapping[str, Any]]) -> Iterator[int]:
    for value in model.graph.input:
        yield from (int(axis.dim_value) for axis in value.type.tensor_type.shape.dim)
    given = [value for found in attributes.values() for value in found.values()]
    for array in (*model.constants.values(), *map(np.asarray, given)):
        yield from array.shape
        if array.dtype.kind in "iu" and array.size <= SHORT:
            yield from (int(number) for number in np.ravel(array))


def same_network(one: tuple[Graph, Mapping[str, Array]], other: tuple[Graph, Mapping[str, Array]]) -> bool:
    """Whether two walks found one network."""
    (graph, weights), (other_graph, other_weights) = one, other
    if graph != other_graph or weights.keys() != other_weights.keys():
        return False
    return all(np.array_equal(array, other_weights[key], equal_nan=True) for key, array in weights.items())
