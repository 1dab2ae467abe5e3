"""Networks as ``torch.nn.Module``: the generated file, run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnndsl.arrays import Array
from cnndsl.errors import missing_library
from cnndsl.interop.torch.exporter.source import torch_source
from cnndsl.interop.torch.made import remember
from cnndsl.ir import Graph


def make_module(graph: Graph, weights: Mapping[str, Array]) -> Any:
    """An ``nn.Module`` with these weights, in training mode as PyTorch makes them. Raises CnnError without PyTorch."""
    try:
        import torch
    except ImportError as error:
        raise missing_library("PyTorch", "torch", error) from None
    source = torch_source(graph)
    names: dict[str, Any] = {"__name__": f"cnndsl.generated.{id(graph)}"}
    exec(compile(source, "<cnndsl>", "exec"), names)
    made = [value for value in names.values() if isinstance(value, type) and value.__module__ == names["__name__"]]
    module: Any = made[-1]()
    module.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in weights.items()})
    remember(module, graph)
    return module
