"""Names in a generated file: of layers in Keras, of functions and variables in Python."""

import re
from collections.abc import Iterable, Sequence
from keyword import iskeyword

from cnndsl.errors import CnnError, listed, quoted
from cnndsl.interop.codegen.classes import Class
from cnndsl.interop.codegen.runs import VARIABLE
from cnndsl.ir import Graph

IMPORTED = ("Any", "KerasTensor", "keras", "layers", "load_file", "load_weights", "math", "np", "ops")
"""Names that a file may import or define."""

SEPARATOR = "-"
"""Between the names of a layer's blocks and its own, a dot here: Keras on PyTorch takes no dots in names."""


def require_names(graph: Graph) -> None:
    """Raises CnnError ``export-unsupported`` for names that no variable can have."""
    names = [*(value.name for value in graph.inputs), *(node.name for node in graph.layers)]
    names += [path for node in graph.layers for path in node.path]
    wrong = [name for name in dict.fromkeys(names) if not all(part.isidentifier() for part in name.split("."))]
    if wrong:
        raise CnnError.of("export-unsupported", f"no names in Python: {listed([*map(quoted, wrong)])}", "rename them")


def keras_name(name: str) -> str:
    return name.replace(".", SEPARATOR)


def function_names(found: Sequence[Class], taken: Iterable[str]) -> dict[str, str]:
    """The function for each class: blocks in small letters, the network as it is called."""
    functions: dict[str, str] = {}
    used = set(taken)
    for one in (found[-1], *found[:-1]):
        wanted = snake_case(one.module.block) if functions else one.name
        functions[one.name] = free(wanted, used)
        used.add(functions[one.name])
    return functions


def labels(found: Sequence[Class]) -> set[str]:
    """What arguments and loops' variables may be called, which functions that are called beside them must not be."""
    given = {name for one in found for name, _ in (*one.arguments, *one.locals)}
    calls = [call for one in found for step in one.steps for call in step.calls]
    numbers = {label for call in calls for label, _ in call.numbers()} | {
        label for call in calls for label in call.names
    }
    return {*given, *numbers, *(f"{label}s" for label in numbers), "inputs", "name", "widths", VARIABLE}


def snake_case(name: str) -> str:
    """``ResidualUnit`` as ``residual_unit``."""
    parts = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)
    return "_".join(re.findall("[a-z0-9]+", parts.lower())) or "block"


def free(wanted: str, used: Iterable[str]) -> str:
    """The name, or the next one that nothing has."""
    taken = set(used)
    wanted = f"{wanted}_" if iskeyword(wanted) or not wanted.isidentifier() else wanted
    number, candidate = 1, wanted
    while candidate in taken:
        number += 1
        candidate = f"{wanted}{number}"
    return candidate
