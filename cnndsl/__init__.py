"""cnndsl: a small language for convolutional networks.

>>> import cnndsl
>>> net = cnndsl.loads("input 1@28x28; conv 6 5x5 pad=2 -> tanh")
>>> net.params
156

What Python programs use is in ``api`` and ``network``; commands are in ``cli`` and ``__main__``, the cell magic in
``notebook``; ``language_service`` answers editors, which ``lsp`` speaks to; ``configuration`` is that of a project.
``lang`` reads texts into the graph of ``ir``, whose layers are operators of ``ops``;
``training_settings`` is what a text may say about its training. ``analysis`` counts,
``runtime`` computes, ``interop`` speaks ONNX, PyTorch and Keras, ``training`` learns, ``draw`` makes pictures, and
``report`` all other output; ``highlight`` colours texts in editors and pages.
Everything stands on ``shapes`` (the window formula, broadcasting), ``extents`` (sizes that are not known), ``errors``
(diagnostics), ``codes`` (what they mean), ``limits``, ``suggest`` (did you mean), ``files``, ``progress``, ``arrays``
and ``version``.
docs/architecture.md is the whole plan.
"""

from cnndsl.version import VERSION

TYPE_CHECKING = False  # typing takes longer to load than all of this

__version__ = VERSION

__all__ = [
    "CheckResult",
    "CnnError",
    "Diagnostic",
    "Layer",
    "Limits",
    "Network",
    "Shape",
    "Span",
    "TrainingResult",
    "check",
    "check_file",
    "evaluate",
    "format",
    "from_json",
    "from_keras",
    "from_onnx",
    "from_torch",
    "load",
    "loads",
    "main",
    "parse",
    "train",
]

if TYPE_CHECKING:
    from typing import Any

    from cnndsl.api import (
        CheckResult,
        Layer,
        Network,
        TrainingResult,
        check,
        check_file,
        evaluate,
        format,
        from_json,
        from_keras,
        from_onnx,
        from_torch,
        load,
        loads,
        parse,
        train,
    )
    from cnndsl.cli import main
    from cnndsl.errors import CnnError, Diagnostic, Span
    from cnndsl.limits import Limits
    from cnndsl.shapes import Shape

_HOMES = {
    "CnnError": "errors",
    "Diagnostic": "errors",
    "Limits": "limits",
    "Shape": "shapes",
    "Span": "errors",
    "main": "cli",
}
_EXTENSION = frozenset({"load_ipython_extension", "unload_ipython_extension"})  # what %load_ext looks for


def __getattr__(name: str) -> "Any":
    """Loads what is asked for, so that ``import cnndsl`` is cheap."""
    if name not in __all__ and name not in _EXTENSION:
        raise AttributeError(f"module 'cnndsl' has no attribute {name!r}")
    from importlib import import_module

    home = "notebook" if name in _EXTENSION else _HOMES.get(name, "api")
    value = getattr(import_module(f"cnndsl.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
