"""The calls of a module as a graph: by symbolic tracing, or by PyTorch's exporter."""

import linecache
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

from cnndsl.errors import Span
from cnndsl.interop.calls import Translation
from cnndsl.interop.torch.importer.functions.aten import ATEN
from cnndsl.interop.torch.importer.functions.table import FUNCTIONS
from cnndsl.interop.torch.importer.modules import call_of

TOLERANCE = 1e-3
"""Of the largest value of an output: by how much a trace may differ from its module."""


class Calls(NamedTuple):
    """A graph of calls: the module that its names belong to, and what its functions mean."""

    graph: Any
    root: Any
    name_of: Callable[[Any], str]
    functions: Mapping[str, Translation]


@contextmanager
def in_eval_mode(module: Any) -> Iterator[None]:
    """The module in eval mode and without gradients; afterwards it is as it was."""
    import torch

    modes = [(one, one.training) for one in module.modules()]
    held = {id(one): set(vars(one)) for one, _ in modes}
    counted = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one, _ in modes:
                one.training = False
            yield
    finally:
        for buffer, before in counted:
            if not torch.equal(buffer, before):  # a forward that counts its calls
                buffer.copy_(before)
        for one, mode in modes:
            one.training = mode
            for name in set(vars(one)) - held[id(one)]:
                delattr(one, name)  # tensors that tracing met in the code


def traced(module: Any, examples: Sequence[Any], wanted: Any, places: bool = False) -> Calls:
    """The calls by symbolic tracing, with the extents that the examples give. Raises whatever PyTorch does.

    ``wanted`` is what the module gives for the examples: a trace does not see everything, such as ``y = x; x += 1``.
    ``places`` records where calls stand in the code, which takes long.
    """
    import torch.fx
    from torch.fx.passes.shape_prop import ShapeProp

    tracer: Any = torch.fx.Tracer()
    tracer.is_leaf_module = lambda one, name: _is_leaf(one)
    tracer.record_stack_traces = places
    graph: Any = tracer.trace(module)
    if any(str(node.target).startswith("*") for node in graph.nodes if node.op == "placeholder"):
        raise ValueError("the module takes any number of arguments")
    given: Any = ShapeProp(torch.fx.GraphModule(tracer.root, graph))
    _require_near(given.propagate(*examples), wanted)
    return Calls(graph, tracer.root, lambda node: function_name(node, tracer.root), FUNCTIONS)


def _is_leaf(module: Any) -> bool:
    """Whether a module is told by its class alone: those of torch.nn, but containers."""
    inherited = next(cls for cls in type(module).__mro__ if "forward" in vars(cls))
    home = inherited.__module__
    return home.startswith("torch.nn.") and home != "torch.nn.modules.container"


def _require_near(found: Any, wanted: Any) -> None:
    """Raises ValueError where two results are not the same but for rounding."""
    from torch.utils import _pytree as pytree

    mine, theirs = pytree.tree_leaves(found), pytree.tree_leaves(wanted)
    if len(mine) != len(theirs) or not all(map(_near, mine, theirs)):
        raise ValueError("what is traced gives other values than the module")


def _near(found: Any, wanted: Any) -> bool:
    if not hasattr(wanted, "numel") or not wanted.numel() or not wanted.is_floating_point():
        return True
    if found.shape != wanted.shape:
        return False
    largest = max(float(wanted.abs().nan_to_num().max()), 1.0)
    return bool((found - wanted).abs().nan_to_num().max() <= TOLERANCE * largest)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what PyTorch prints and logs about code that it cannot export: the diagnostic says it."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)


def exported(module: Any, examples: Sequence[Any], wanted: Any) -> Calls:
    """The calls by ``torch.export``, as operators of ATen. Raises whatever PyTorch does."""
    import torch

    with quiet():
        program: Any = torch.export.export(module, tuple(examples))
    root = program.module(check_guards=False)
    _require_near(root(*(one.clone() for one in examples)), wanted)
    return Calls(root.graph, root, lambda node: function_name(node, root), ATEN)


def function_name(node: Any, root: Any) -> str:
    """The plain name of what a node calls."""
    if node.op == "call_module":
        said = call_of(root.get_submodule(node.target))
        return said.function if said else str(node.target)
    if isinstance(node.target, str):
        return node.target
    schema = getattr(node.target, "_schema", None)
    if schema is not None:
        return str(schema.name).rpartition("::")[2]
    return _public_names().get(id(node.target)) or str(getattr(node.target, "__name__", node.target))


@cache
def _public_names() -> dict[int, str]:
    """Functions that do not know what they are called: those that PyTorch makes of two."""
    import torch

    found = vars(torch.nn.functional).items()
    return {id(function): name for name, function in found if callable(function) and not name.startswith("_")}


def place_of(node: Any) -> Span | None:
    """The line of the user's code that a call stands in."""
    return _innermost(re.findall(r'File "(.+?)", line (\d+)', node.stack_trace or ""))


def place_in(error: BaseException) -> Span | None:
    """The line of the user's code at which PyTorch gave up."""
    frames = extract_tb(error.__traceback__)
    return _innermost([(frame.filename, str(frame.lineno)) for frame in frames])


def _innermost(frames: Sequence[tuple[str, str]]) -> Span | None:
    """The last of some places that is neither PyTorch's nor cnndsl's."""
    inside = str(Path(_torch_folder()))
    for file, line in reversed(frames):
        if not file.startswith((inside, "<")) and "/cnndsl/interop/torch/" not in file.replace("\\", "/"):
            text = linecache.getline(file, int(line)).rstrip("\n")
            begin = len(text) - len(text.lstrip()) + 1
            return Span(file, int(line), begin, int(line), max(len(text), begin) + 1)
    return None


@cache
def _torch_folder() -> str:
    import torch

    return str(Path(torch.__file__).parent)
