"""The text of a PyTorch file: classes, their ``forward``, and a main part that tries the network."""

from collections.abc import Mapping

from cnndsl.interop.codegen.calls import written
from cnndsl.interop.codegen.classes import Class, class_name
from cnndsl.interop.codegen.hierarchy import hierarchy
from cnndsl.interop.codegen.layout import WIDTH, joined
from cnndsl.interop.codegen.network import comment, helpers, network_classes
from cnndsl.interop.codegen.runs import with_runs
from cnndsl.interop.torch.exporter.forward import forward_lines
from cnndsl.interop.torch.exporter.helpers import helper_text
from cnndsl.interop.torch.exporter.initial import body_lines, used_once
from cnndsl.interop.torch.exporter.layers import LAYERS
from cnndsl.interop.torch.exporter.names import IMPORTED, require_names
from cnndsl.ir import Graph

INDENT = " " * 4


def torch_source(
    graph: Graph, weights: str | None = None, params: Mapping[str, tuple[int, int, Graph]] | None = None
) -> str:
    """The PyTorch file of a network, as ruff would format it; ``weights`` is the name of the file beside it.

    ``params`` are the network's: the value of each, another value, and the network with that one. Those from which
    numbers of the network follow become arguments of its class.

    Raises CnnError ``export-unsupported`` for names that are none in Python.
    """
    require_names(graph)
    root = hierarchy(graph, LAYERS)
    own = helpers(root)
    others = {name: (value, other, hierarchy(graph, LAYERS)) for name, (value, other, graph) in (params or {}).items()}
    found = network_classes(root, others, (*IMPORTED, *own))
    sections = [helper_text(name).rstrip("\n") for name in own]
    inside = used_once(found)
    sections += ["\n".join(_class_lines(one, graph, inside)) for one in found if one.name not in inside]
    sections.append("\n".join(_main_lines(found[-1].name, graph)))
    body = "\n\n\n".join(sections)
    return "\n\n".join(filter(None, [_heading(graph, weights), _imports(body)])) + "\n\n\n" + body + "\n"


def _heading(graph: Graph, weights: str | None) -> str:
    name = class_name(graph.name)
    if weights is None:
        return ""
    load = f"safetensors.torch.load_model({name}(), {written(weights)})"
    return f'"""{name} in PyTorch.\n\nIts weights: {load}\n"""'


def _imports(body: str) -> str:
    standard = ["from typing import Any"] if "Any" in body else []
    others = ["import torch"]
    if "F." in body:
        others.append("import torch.nn.functional as F")
    others.append(
        "from torch import Tensor, nn" if "Tensor" in body.replace("torch.Tensor", "") else "from torch import nn"
    )
    return "\n\n".join(filter(None, ["\n".join(standard), "\n".join(others)]))


def _class_lines(one: Class, graph: Graph, inside: Mapping[str, Class]) -> list[str]:
    base = "nn.Sequential" if one.is_sequential or one.is_counted else "nn.Module"
    arguments = "".join(f", {name}: {kind}" for name, kind in one.arguments)
    lines = [comment(one, graph, str), f"class {one.name}({base}):"]
    lines += joined(INDENT + "def __init__(", ["self", *arguments.split(", ")[1:]], ") -> None:")
    lines.append(INDENT * 2 + "super().__init__()")
    lines += body_lines(one, graph, inside)
    if not one.is_sequential:
        lines += ["", *forward_lines(one, [*with_runs(one)])]
    return lines


def _main_lines(name: str, graph: Graph) -> list[str]:
    inputs = []
    for value in graph.inputs:
        shape = ", ".join(map(str, (1, *value.shape.dimensions)))
        inputs.append(f"torch.zeros({shape}{', dtype=torch.int64' if value.dtype == 'int64' else ''})")
    lines = [
        'if __name__ == "__main__":',
        f"{INDENT}net = {name}().eval()",
        f'{INDENT}print(f"{{sum(p.numel() for p in net.parameters()):,}} parameters")',
    ]
    if len(graph.outputs) == 1:
        line = f"{INDENT}print(tuple(net({', '.join(inputs)}).shape))"
        if len(line) <= WIDTH:
            return [*lines, line]
    lines += joined(f"{INDENT}y = net(", inputs, ")")
    if len(graph.outputs) > 1:
        return [*lines, f"{INDENT}print(*(tuple(output.shape) for output in y))"]
    return [*lines, f"{INDENT}print(tuple(y.shape))"]
