"""Weights whose values stand in the text, as initializers of Keras's layers."""

import numpy as np

from cnndsl.interop.codegen.calls import Code, Keyword
from cnndsl.interop.codegen.site import Site


def initializers(site: Site, prefix: str = "") -> tuple[Keyword, ...]:
    """``kernel_initializer`` and ``bias_initializer`` of a layer with filters, where the text gives the numbers."""
    found = []
    for name, weight in site.op.weights(site.shapes).items():
        if weight.literal is None or site.node.share is not None:
            continue
        values = np.reshape(np.array(weight.literal.elements, dtype=np.float64), weight.literal.shape)
        if name == "weight":
            values = values.transpose(*range(2, values.ndim), 1, 0)
        if prefix and name == "weight":
            values = values.reshape(*values.shape[:-2], site.shape.channels, -1)
        keyword = f"{prefix}_initializer" if prefix and name == "weight" else f"{name}_initializer"
        keyword = keyword.replace("weight_", "kernel_")
        found.append(Keyword(keyword, constant(values)))
    return tuple(found)


def constant(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Code:
    return Code(f"keras.initializers.Constant({values.tolist()!r})")
