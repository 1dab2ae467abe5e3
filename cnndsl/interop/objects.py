"""``package.module:callable`` of a command line: an object of Python that is a network, or makes one."""

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any, Literal, TypeAlias

from cnndsl.errors import CnnError, missing_library, quoted, said_by
from cnndsl.suggest import suggest

Kind: TypeAlias = Literal["torch", "keras"]

LIBRARIES = {"torch": "PyTorch", "keras": "Keras"}
"""What a Python module may need that is an extra here, by the name of its package and of the extra."""

WANTED = "name the class of the network, or a function without arguments that makes it"

_OBJECT = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*(\.\w+)*")


def is_object(name: str) -> bool:
    """Whether a name means something in a Python module: ``package.module:callable``."""
    return bool(_OBJECT.fullmatch(name)) and not os.path.exists(name)


def object_of(name: str) -> tuple[Kind, Any]:
    """The ``torch.nn.Module`` or ``keras.Model`` that an object is, or gives when it is called.

    This runs the code of the Python module; what it warns of is for whoever wrote it. Raises CnnError
    ``python-object``.
    """
    with _from_here(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = resolve_name(name)
        except (Exception, SystemExit) as error:
            home = quoted(name.partition(":")[0])
            if isinstance(error, ModuleNotFoundError) and error.name in LIBRARIES:
                raise missing_library(LIBRARIES[error.name], error.name, error) from None
            if isinstance(error, AttributeError):
                what = quoted(name.partition(":")[2])
                message = f"{home} has no {what}: {said_by(error)}"
                raise CnnError.of("python-object", message, *_near(name)) from error
            missing = getattr(error, "name", None)
            advice = "start in the folder of the Python module, or name that in PYTHONPATH"
            if missing and not f"{name.partition(':')[0]}.".startswith(f"{missing}."):
                advice = f"its code imports {quoted(missing)}: install that where cnndsl is installed"
            if ".py:" in name:
                advice = f"name the Python module and not its file: {name.replace('.py:', ':')}"
            raise CnnError.of("python-object", f"{home} cannot be imported: {said_by(error)}", advice) from error
        if kind := _kind(found):
            return kind, found
        if not callable(found):
            message = (
                f"{quoted(name)} is of the type {quoted(type(found).__name__)}, and no function that can be called"
            )
            raise CnnError.of("python-object", message, WANTED)
        try:
            made = found()
        except (Exception, SystemExit) as error:
            raise CnnError.of(
                "python-object",
                f"{quoted(name)}, called without arguments, fails: {said_by(error)}",
                "write a function without arguments that makes the network",
            ) from error
    if kind := _kind(made):
        return kind, made
    message = f"{quoted(name)} gives {quoted(type(made).__name__)}, no torch.nn.Module and no keras.Model"
    raise CnnError.of("python-object", message, WANTED)


def _near(name: str) -> list[str]:
    """What may have been meant by the part of a name that is not there."""
    home, _, path = name.partition(":")
    there = sys.modules.get(home)
    found = suggest(path, (word for word in vars(there) if not word.startswith("_"))) if there else None
    return [f"did you mean `{home}:{found.word}`?"] if found else []


def _kind(found: object) -> Kind | None:
    """Which library's network an object is; a library that was not loaded has made none."""
    keras, torch = sys.modules.get("keras"), sys.modules.get("torch")
    if isinstance(found, getattr(keras, "Model", ())):
        return "keras"
    return "torch" if isinstance(found, getattr(getattr(torch, "nn", None), "Module", ())) else None


@contextmanager
def _from_here() -> Iterator[None]:
    """Modules of the working directory can be imported, as with ``python -m``."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        yield
    finally:
        if here in sys.path:
            sys.path.remove(here)
