"""Files that Keras saved, which may come from anywhere: no code in them is run, and little memory is taken.

What a file declares is compared with what it holds before anything is taken; the model is made without numbers, and
gets those of the file alone.
"""

import json
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cnndsl.errors import CnnError, Diagnostic, missing_library, quoted, said_by, stopped
from cnndsl.files import require_regular
from cnndsl.limits import DEFAULT_LIMITS, Limits

SUFFIX = ".keras"
OLDER = frozenset({".h5", ".hdf5"})
"""Suffixes of Keras's files until version 3."""

CONFIG, WEIGHTS = "config.json", "model.weights.h5"

CONFIG_BYTES = 1 << 24
EXPANSION = 64
"""Bytes that a file may declare for each that it holds: weights can hardly be compressed."""

HOMES = (
    *("activations", "backend", "constraints", "dtype_policies", "initializers"),
    *("layers", "models", "ops", "quantizers", "regularizers"),
)
"""Packages of Keras whose objects are in files."""

BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
"""What computes for Keras, and its library."""


def is_keras_file(path: Path) -> bool:
    return path.suffix.lower() in (SUFFIX, *OLDER)


@contextmanager
def read_model(path: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[Any]:
    """The model in a file; its variables have their values inside the context alone.

    Raises CnnError: ``keras-file`` for what is damaged or no such file, ``import-unsupported`` with one diagnostic for
    each layer whose code would have to come from the file.
    """
    _require_sound(path, limits)
    keras = _library()
    with _waiting_variables(), keras.StatelessScope(initialize_variables=False):  # variables are made without memory
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # whatever Keras has against the file
            raise _broken(path, f"Keras cannot load it: {said_by(error)}") from error
        yield model


@contextmanager
def _waiting_variables() -> Iterator[None]:
    """Keras's list of variables that wait for memory is afterwards as it was: the next layer made would ask for it."""
    from keras.src.backend.common import global_state

    name = "uninitialized_variables"
    before = list(global_state.get_global_attribute(name) or [])
    try:
        yield
    finally:
        global_state.set_global_attribute(name, before)


def _broken(path: Path, message: str, advice: str = "save it again by model.save") -> CnnError:
    return CnnError.of("keras-file", f"{quoted(str(path))}: {message}", advice)


def _require_sound(path: Path, limits: Limits) -> None:
    """Raises CnnError for a file that should not be loaded."""
    try:
        require_regular(path)
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise CnnError.of("file-unreadable", f"cannot read {quoted(str(path))}: {error.strerror or error}") from None
    if start == b"\x89HDF\r\n\x1a\n" or path.suffix.lower() in OLDER:
        raise _broken(
            path,
            "this is HDF5, Keras's format until version 3, in which a network may be code",
            f'if you trust it, convert it: keras.saving.load_model("{path.name}", compile=False)'
            f'.save("{path.with_suffix(SUFFIX).name}")',
        )
    try:
        with zipfile.ZipFile(path) as archive:
            _require_bounded(path, archive)
            config = _config(path, archive)
            _require_no_code(config, limits)
            _require_stored(path, archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        whole = "the file may have been cut short: save it again by model.save"
        raise _broken(path, f"this is no file of Keras, or damaged: {said_by(error)}", whole) from None


def _require_bounded(path: Path, archive: zipfile.ZipFile) -> None:
    """Raises CnnError for an archive that lacks something, or declares far more than it holds."""
    members = {member.filename: member for member in archive.infolist()}
    missing = [name for name in (CONFIG, WEIGHTS) if name not in members]
    if missing:
        raise _broken(path, f"this is an archive without {missing[0]}, no model that Keras saved by model.save")
    declared = sum(member.file_size for member in members.values())
    held = path.stat().st_size
    if declared > EXPANSION * held or members[CONFIG].file_size > CONFIG_BYTES:
        raise _broken(path, f"its members declare {declared:,} bytes, and it holds {held:,}")


def _config(path: Path, archive: zipfile.ZipFile) -> Any:
    with archive.open(CONFIG) as stream:
        text = stream.read(CONFIG_BYTES + 1)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"its {CONFIG} is no JSON: {said_by(error)}") from None


def _require_no_code(config: Any, limits: Limits) -> None:
    """Raises CnnError for layers, functions and classes that are not Keras's."""
    problems: dict[str, Diagnostic] = {}
    for name, found in _objects(config):
        kind, module = str(found["class_name"]), found.get("module")
        parts = str(module).removeprefix("keras.src.").removeprefix("keras.").split(".")
        ours = module is None or module == "keras" or (str(module).startswith("keras.") and parts[0] in HOMES)
        what = str(found.get("registered_name") or kind)
        if kind in ("Lambda", "__lambda__"):
            message = "what it computes is Python code in the file, which is never run"
        elif not ours or ">" in what:
            message = "it is somebody's own class or function, whose code is never looked for"
        else:
            continue
        advice = "run the code that makes the model: cnndsl import package.module:callable -o net.cnn"
        problem = Diagnostic("import-unsupported", f"{quoted(name)} ({quoted(what)}): {message}", help=(advice,))
        if len(problems) == limits.diagnostics and name not in problems:
            raise CnnError([*problems.values(), stopped(limits.diagnostics)])
        problems.setdefault(name, problem)
    if problems:
        raise CnnError(list(problems.values()))


def _objects(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that Keras would make of a config, with the name of the layer that it is in."""
    left: list[tuple[str, Any]] = [("model", config)]
    while left:
        name, given = left.pop()
        if isinstance(given, list):
            left.extend((name, one) for one in reversed(given))
        elif isinstance(given, dict):
            inner = given.get("config")
            if "class_name" in given:
                own = inner.get("name") if isinstance(inner, dict) else None
                name = own if isinstance(own, str) and not str(given.get("module")).startswith("builtins") else name
                yield name, given
            left.extend((name, one) for key, one in reversed(given.items()) if key != "compile_config")


def _require_stored(path: Path, archive: zipfile.ZipFile) -> None:
    """Raises CnnError for weights that declare more than is stored, or are in another file."""
    _library()
    import h5py

    declared = 0
    held = path.stat().st_size

    def visit(name: str, found: Any) -> None:
        nonlocal declared
        if isinstance(found, h5py.Dataset):
            declared += int(found.nbytes)
            if found.is_virtual or found.external:
                raise _broken(path, f"its weights {quoted(name)} are in another file")
            if declared > EXPANSION * held:
                raise _broken(path, f"its weights declare {declared:,} bytes, and it holds {held:,}")

    with archive.open(WEIGHTS) as stream:
        try:
            with h5py.File(stream, "r") as weights:
                weights.visititems(visit)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise _broken(path, f"its weights are no HDF5: {said_by(error)}") from None


def _library() -> Any:
    """Keras, on what is installed to compute. Raises CnnError."""
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        there = [name for name, module in BACKENDS.items() if find_spec(module) is not None]
        if find_spec("keras") is not None and not there:
            raise CnnError.of(
                "bad-setting",
                "Keras has nothing that computes: TensorFlow, JAX and PyTorch are not installed",
                'install one: pip install "cnndsl[torch]"',
            )
        if there and there[0] != "tensorflow":
            os.environ["KERAS_BACKEND"] = there[0]
    try:
        import keras
    except ImportError as error:
        raise missing_library("Keras", "keras", error) from None
    return keras
