"""One output value of layers that only move values: where it came from.

The layer's own kernel moves numbers that tell their places, so that nothing here knows how it rearranges.
"""

from itertools import accumulate

import numpy as np

from cnndsl.ops.base import Operator
from cnndsl.ops.resize import Pad
from cnndsl.runtime.kernels.dispatch import LayerContext as Place
from cnndsl.runtime.kernels.dispatch import compute
from cnndsl.runtime.trace.parts import TracedLayer, TraceStep, Working


def moved(op: Operator, site: TracedLayer) -> Working:
    """The input cell that the value was, or the padding."""
    sizes = [shape.elements for shape in site.shapes]
    begins = [0, *accumulate(sizes)]
    numbered = [
        np.arange(begin, begin + size).reshape(1, *shape.dimensions)
        for begin, size, shape in zip(begins, sizes, site.shapes, strict=False)
    ]
    marked = op.model_copy(update={"value": -1}) if isinstance(op, Pad) else op
    origin = int(compute(marked, Place(site.shapes, site.output, {}))(*numbered)[(0, *site.position)])
    if isinstance(op, Pad) and origin < 0:
        note = (f"a cell of padding, which holds {op.value:g}",)
        return Working((), (TraceStep("value", "", {}, op.value),), notes=note)
    branch = max(index for index, begin in enumerate(begins[:-1]) if begin <= origin)
    dimensions = site.shapes[branch].dimensions
    place = tuple(int(index) for index in np.unravel_index(origin - begins[branch], dimensions))
    value = float(site.values[branch][place])
    notes = [f"which is branch {branch}"] if len(site.shapes) > 1 else []
    return Working((site.at(place, branch),), (TraceStep("value", "{x}", {"x": value}, value),), notes=tuple(notes))
