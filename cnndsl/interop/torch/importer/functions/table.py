"""All functions by name: functions of PyTorch, methods of tensors, Python's operators."""

from cnndsl.interop.calls import Translation
from cnndsl.interop.torch.importer.functions import elements, shaping, windows

FUNCTIONS: dict[str, Translation] = {**windows.FUNCTIONS, **elements.FUNCTIONS, **shaping.FUNCTIONS}

OPERATORS = {"iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "ipow": "pow"}
"""Python's operators in place."""


def plain_name(name: str) -> tuple[str, bool]:
    """The name of a function without the mark that it works in place, and whether it does."""
    if name in OPERATORS:
        return OPERATORS[name], True
    if name.endswith("_") and not name.startswith("_"):
        return name.rstrip("_"), True
    return name.strip("_") if name.startswith("__") else name, False
