"""The plan of the house: who may import whom, which library belongs where, how long a module may be.

Read from the sources with ``ast``, so that an import inside a function counts too.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

MODULE_LINES = 450
GENERATED = {"cnndsl/lang/text/parser_tables.py"}

# A room may import rooms on lower floors and, on the lowest and the highest, its neighbours.
FLOORS = {
    "arrays": 0,
    "errors": 0,
    "files": 0,
    "limits": 0,
    "codes": 0,
    "shapes": 0,
    "suggest": 0,
    "version": 0,
    "ops": 1,
    "ir": 2,
    "analysis": 3,
    "lang": 4,
    "runtime": 4,
    "interop": 5,
    "draw": 6,
    "report": 7,
    "network": 8,
    "api": 8,
    "cli": 8,
    "notebook": 8,
    "__init__": 8,
    "__main__": 8,
}
SHARED_FLOORS = {0, 8}


class Library(NamedTuple):
    """Where a library may be imported: anywhere in some rooms, in others inside functions or for type checking only."""

    anywhere: frozenset[str] = frozenset()
    on_use: frozenset[str] = frozenset()


LIBRARIES = {
    "lark": Library(anywhere=frozenset({"lang"})),
    "pydantic": Library(anywhere=frozenset(FLOORS)),
    "pydantic_core": Library(anywhere=frozenset(FLOORS)),
    "numpy": Library(
        anywhere=frozenset({"arrays", "runtime", "interop"}),
        on_use=frozenset({"draw", "report", "network", "api", "cli"}),
    ),
    "safetensors": Library(anywhere=frozenset({"runtime", "interop"})),
    "onnx": Library(anywhere=frozenset({"interop"})),
    "google": Library(anywhere=frozenset({"interop"})),  # protobuf's errors, which onnx lets through
    "onnxruntime": Library(on_use=frozenset({"interop", "runtime"})),
    "threadpoolctl": Library(on_use=frozenset({"runtime"})),
    "PIL": Library(on_use=frozenset({"runtime", "report", "cli"})),
    "matplotlib": Library(on_use=frozenset({"draw", "report"})),
}


class Import(NamedTuple):
    target: str
    """The dotted name of what is imported: ``numpy``, ``cnndsl.ops.conv``."""
    line: int
    on_use: bool
    """Inside a function or under ``if TYPE_CHECKING``: nothing is loaded with the module."""


def imports(tree: ast.AST, package: str, on_use: bool = False) -> Iterator[Import]:
    """Every import below ``tree``; relative ones are resolved against ``package``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, on_use) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*parents, *([node.module] if node.module else [])])
            if origin == "cnndsl":
                yield from (Import(f"cnndsl.{alias.name}", node.lineno, on_use) for alias in node.names)
            else:
                yield Import(origin, node.lineno, on_use)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for statement in node.body:
                yield from imports(ast.Module([statement], []), package, True)
            for statement in node.orelse:
                yield from imports(ast.Module([statement], []), package, on_use)
        else:
            deferred = on_use or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, package, deferred)


def objection(room: str, found: Import) -> str | None:
    """Why ``room`` may not import that, or None if it may."""
    top, _, rest = found.target.partition(".")
    if top == "cnndsl":
        other = rest.partition(".")[0]
        other = other if other in FLOORS else "__init__"  # `from cnndsl import load` takes from the facade
        if other == room or FLOORS[other] < FLOORS[room]:
            return None
        if FLOORS[other] == FLOORS[room] and FLOORS[room] in SHARED_FLOORS:
            return None
        return f"{room} (floor {FLOORS[room]}) may not import {found.target} ({other} is on floor {FLOORS[other]})"
    if top in sys.stdlib_module_names:
        return None
    if top not in LIBRARIES:
        return f"{top} is no library of this project (a new one gets a row in LIBRARIES)"
    library = LIBRARIES[top]
    if room in library.anywhere or (room in library.on_use and found.on_use):
        return None
    if room in library.on_use:
        return f"{room} may import {top} only where it is used, inside a function"
    return f"{top} may not be imported in {room}, only in {', '.join(sorted(library.anywhere | library.on_use))}"


def objections(name: str, source: str) -> list[str]:
    """What is wrong with the imports of the module at ``name``, a path such as ``cnndsl/ops/conv.py``."""
    parts = Path(name).with_suffix("").parts
    room = parts[1]
    if room not in FLOORS:
        return [f"{name}: {room} has no floor (a new room gets a row in FLOORS)"]
    found = imports(ast.parse(source), package=".".join(parts[:-1]))
    return [f"{name}:{one.line}: {reason}" for one in found if (reason := objection(room, one))]


def modules(root: Path) -> dict[str, str]:
    """The text of every module of the package by its path from the project's folder."""
    paths = sorted((root / "cnndsl").rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_imports_keep_to_their_floors(root: Path) -> None:
    found = [line for name, source in modules(root).items() for line in objections(name, source)]
    assert not found, "\n" + "\n".join(found)


def test_modules_stay_short(root: Path) -> None:
    lengths = {name: source.count("\n") for name, source in modules(root).items() if name not in GENERATED}
    assert lengths, "no modules found"
    long = [f"{name} has {lines} lines" for name, lines in lengths.items() if lines > MODULE_LINES]
    assert not long, f"more than {MODULE_LINES} lines: " + ", ".join(long)


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("cnndsl/errors.py", "import cnndsl.ops", "errors (floor 0) may not import cnndsl.ops (ops is on floor 1)"),
        ("cnndsl/lang/infer.py", "from ..runtime import plan", "lang (floor 4) may not import cnndsl.runtime"),
        ("cnndsl/ops/conv.py", "from .. import ir", "ops (floor 1) may not import cnndsl.ir (ir is on floor 2)"),
        ("cnndsl/ops/conv.py", "from cnndsl import load", "(__init__ is on floor 8)"),
        ("cnndsl/ir.py", "def f():\n    from cnndsl.report.table import g", "cnndsl/ir.py:2: ir (floor 2) may not"),
        ("cnndsl/analysis/costs.py", "import numpy as np", "numpy may not be imported in analysis"),
        ("cnndsl/analysis/costs.py", "def f():\n    import numpy", "numpy may not be imported in analysis"),
        ("cnndsl/runtime/plan.py", "import onnx.helper", "onnx may not be imported in runtime, only in interop"),
        ("cnndsl/api.py", "import numpy", "api may import numpy only where it is used"),
        ("cnndsl/api.py", "class A:\n    import numpy", "api may import numpy only where it is used"),
        ("cnndsl/api.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import numpy", "only where it is used"),
        ("cnndsl/cli/run.py", "try:\n    from PIL import Image\nfinally:\n    pass", "only where it is used"),
        ("cnndsl/lang/parser.py", "import requests", "requests is no library of this project"),
        ("cnndsl/helpers.py", "", "helpers has no floor"),
    ],
)
def test_the_fence_stops(name: str, source: str, reason: str) -> None:
    (found,) = objections(name, source)
    assert reason in found


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("cnndsl/shapes.py", "from cnndsl.errors import CnnError\nimport math"),
        ("cnndsl/ops/conv.py", "from .base import Operator\nfrom ..shapes import Shape"),
        ("cnndsl/ops/__init__.py", "from .conv import Conv"),
        ("cnndsl/runtime/kernels/conv.py", "import numpy as np\nfrom . import pool\nfrom ...shapes import Shape"),
        ("cnndsl/interop/onnx_export.py", "import onnx"),
        ("cnndsl/api.py", "if typing.TYPE_CHECKING:\n    import numpy\ndef run():\n    import numpy"),
        ("cnndsl/cli/main.py", "from cnndsl import load"),
    ],
)
def test_the_fence_lets_pass(name: str, source: str) -> None:
    assert objections(name, source) == []


@pytest.mark.parametrize(
    ("arguments", "loads"),
    [
        (["-m", "cnndsl", "check", "examples/lenet.cnn"], "cnndsl.lang"),
        (["-c", "import cnndsl"], "cnndsl"),
    ],
    ids=["check", "import"],
)
def test_checking_loads_no_heavy_library(root: Path, arguments: list[str], loads: str) -> None:
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert loads in loaded
    heavy = {"numpy", "onnx", "onnxruntime", "PIL", "safetensors", "torch", "matplotlib", "IPython"}
    assert not {name.partition(".")[0] for name in loaded} & heavy
