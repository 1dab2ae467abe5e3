"""The sources keep to the plan of the house in tools/architecture.py, and no module or package is too large."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.architecture import (
    FLOORS,
    UNREADABLE,
    cycles,
    dotted,
    import_graph,
    imports,
    line_counts,
    modules,
    objections,
)

MODULE_LINES = 450
MODULES_SIDE_BY_SIDE = 16
GENERATED = {"cnndsl/lang/text/parser_tables.py"}


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    found = modules()
    assert len(found) > 200
    return found


def test_imports_keep_to_their_floors(sources: dict[str, str]) -> None:
    found = [line for path, source in sources.items() for line in objections(path, source)]
    assert not found, "\n" + "\n".join(found)


def test_every_floor_is_lived_on(sources: dict[str, str]) -> None:
    known = {dotted(path) for path in sources} | {"cnndsl.__init__", "cnndsl.draw.__init__", "cnndsl.cli.__init__"}
    rooms = [f"{package}.{room}" for package, floors in FLOORS.items() for room in " ".join(floors).split()]
    assert [room for room in rooms if room not in known] == []
    assert len(set(rooms)) == len(rooms)


def test_no_modules_import_each_other_in_a_cycle(sources: dict[str, str]) -> None:
    graph = import_graph(sources)
    assert sum(map(len, graph.values())) > 500
    assert cycles(graph) == []


def test_modules_stay_short(sources: dict[str, str]) -> None:
    lengths = {path: source.count("\n") for path, source in sources.items() if path not in GENERATED}
    long = [f"{path} has {lines} lines" for path, lines in lengths.items() if lines > MODULE_LINES]
    assert not long, f"more than {MODULE_LINES} lines: " + ", ".join(long)


def test_packages_stay_small(sources: dict[str, str]) -> None:
    beside: dict[str, list[str]] = {}
    for path in sources:
        folder, _, name = path.rpartition("/")
        beside.setdefault(folder, []).extend([name] * (name != "__init__.py"))
    full = {folder: names for folder, names in beside.items() if len(names) > MODULES_SIDE_BY_SIDE}
    assert not full, f"more than {MODULES_SIDE_BY_SIDE} modules side by side"


def test_every_package_maps_its_modules(sources: dict[str, str]) -> None:
    lost = []
    for path in sources:
        *packages, name = dotted(path).split(".")
        if packages:
            package = "/".join([*packages, "__init__.py"])
            map_of_package = ast.get_docstring(ast.parse(sources[package])) or ""
            lost += [] if f"``{name}``" in map_of_package else [f"{package} does not say what {name} is"]
    assert not lost, "\n" + "\n".join(lost)


def test_maps_name_nothing_that_is_not_there(sources: dict[str, str]) -> None:
    """Every entry of a list in a package's docstring begins with a module or sub-package."""
    known = {dotted(path) for path in sources}
    for path, source in sources.items():
        if path.endswith("/__init__.py"):
            entries = re.findall(r"^- ``(\w+)``", ast.get_docstring(ast.parse(source)) or "", re.MULTILINE)
            assert [entry for entry in entries if f"{dotted(path)}.{entry}" not in known] == [], path


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        (
            "cnndsl/errors.py",
            "import cnndsl.ops",
            "errors (floor 0 of cnndsl) may not import cnndsl.ops (ops is",
        ),
        (
            "cnndsl/lang/modules.py",
            "from ..runtime import plan",
            "lang (floor 5 of cnndsl) may not import",
        ),
        (
            "cnndsl/ops/conv.py",
            "from .. import ir",
            "may not import cnndsl.ir (ir is on floor 3)",
        ),
        ("cnndsl/ops/conv.py", "from cnndsl import load", "(__init__ is on floor 14)"),
        (
            "cnndsl/api.py",
            "def f():\n    from cnndsl.notebook import g",
            "cnndsl/api.py:2: api (floor 11 of cnndsl)",
        ),
        ("cnndsl/network.py", "from cnndsl.api import check", "network (floor 10 of cnndsl) may not import cnndsl.api"),
        (
            "cnndsl/lang/text/parser.py",
            "from cnndsl.lang.style.format import a",
            "text (floor 1 of cnndsl.lang)",
        ),
        ("cnndsl/lang/text/parser.py", "from .. import python_code", "(python_code is on floor 2)"),
        (
            "cnndsl/lang/text/parser.py",
            "from cnndsl.lang import no_module",
            "lang has no floor for its __init__",
        ),
        ("cnndsl/draw/styles/dot.py", "from cnndsl.draw import write", "(__init__ is on floor 3)"),
        (
            "cnndsl/interop/onnx/importer/model.py",
            "from ..exporter import model",
            "importer (floor 0 of",
        ),
        ("cnndsl/ir.py", "importlib.import_module('cnndsl.report.table')", "ir (floor 3 of cnndsl) may not import"),
        ("cnndsl/ir.py", "__import__('cnndsl.report')", "ir (floor 3 of cnndsl) may not import cnndsl.report"),
        ("cnndsl/ir.py", "x = import_module(f'cnndsl.report.{name}')", "may not import cnndsl.report.*"),
        ("cnndsl/ir.py", "def f():\n    import_module(f'cnndsl.re{name}')", "(__init__ is on floor 14)"),
        ("cnndsl/ir.py", "import_module('.report', __package__)", "may not import cnndsl.report"),
        ("cnndsl/ir.py", "import_module('numpy')", "numpy may not be imported in ir"),
        ("cnndsl/ir.py", "import_module(name)", "write what is imported as a string"),
        ("cnndsl/ir.py", "import_module('cnndsl.' + name)", "write what is imported as a string"),
        ("cnndsl/ir.py", "import_module(f'{name}.ops')", "write what is imported as a string"),
        ("cnndsl/ir.py", "from importlib import import_module as load", "write what is imported as a string"),
        ("cnndsl/analysis/costs.py", "import numpy as np", "numpy may not be imported in analysis"),
        ("cnndsl/analysis/costs.py", "def f():\n    import numpy", "numpy may not be imported in analysis"),
        ("cnndsl/runtime/plan/step.py", "import onnx.helper", "onnx may not be imported in runtime, only in interop"),
        ("cnndsl/api.py", "import numpy", "api may import numpy only where it is used"),
        ("cnndsl/api.py", "class A:\n    import numpy", "api may import numpy only where it is used"),
        ("cnndsl/api.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import numpy", "only where it is used"),
        ("cnndsl/cli/inputs.py", "try:\n    from PIL import Image\nfinally:\n    pass", "only where it is used"),
        ("cnndsl/lang/text/parser.py", "import requests", "requests is no library of this project"),
        ("cnndsl/helpers.py", "", "helpers has no floor in cnndsl"),
        ("cnndsl/lang/helpers.py", "", "helpers has no floor in cnndsl.lang"),
        ("cnndsl/lang/helpers/some.py", "", "helpers has no floor in cnndsl.lang"),
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
        ("cnndsl/ops/__init__.py", "from .conv import Conv\nimport_module(f'cnndsl.ops.{family}')"),
        ("cnndsl/runtime/kernels/pooling.py", "import numpy as np\nfrom . import dense\nfrom ...shapes import Shape"),
        ("cnndsl/interop/onnx/exporter/model.py", "import onnx"),
        ("cnndsl/api.py", "if typing.TYPE_CHECKING:\n    import numpy\ndef run():\n    import numpy"),
        ("cnndsl/api.py", "def run():\n    import_module('numpy')"),
        ("cnndsl/__main__.py", "from cnndsl.cli import main"),
        ("cnndsl/cli/__init__.py", "import_module(f'cnndsl.cli.commands.{name}')"),
        ("cnndsl/lang/review/unused.py", "from ..text import syntax\nfrom cnndsl.lang.modules import Module"),
    ],
)
def test_the_fence_lets_pass(name: str, source: str) -> None:
    assert objections(name, source) == []


@pytest.mark.parametrize(
    ("sources", "modules"),
    [
        ({"a": "import cnndsl.b", "b": "def f():\n    from cnndsl import a"}, ["a", "b", "a"]),
        ({"a": "from cnndsl.b import c", "b": "if TYPE_CHECKING:\n    from .a import d"}, ["a", "b", "a"]),
        ({"p/__init__": "import_module(f'cnndsl.p.{a}')", "p/a": "from . import b"}, ["p", "p.a", "p"]),
        ({"p/__init__": "from .a import b", "p/a": "from cnndsl.p import c"}, ["p", "p.a", "p"]),
    ],
)
def test_cycles_are_found(sources: dict[str, str], modules: list[str]) -> None:
    found = cycles(import_graph({f"cnndsl/{name}.py": source for name, source in sources.items()}))
    assert found == [[f"cnndsl.{module}" for module in modules]]


def test_a_module_of_a_package_is_not_the_package() -> None:
    sources = {"cnndsl/p/__init__.py": "from .a import x", "cnndsl/p/a.py": "from . import b", "cnndsl/p/b.py": ""}
    assert cycles(import_graph(sources)) == []


def test_names_that_cannot_be_read_are_said_to_be() -> None:
    targets = [found.target for found in imports(ast.parse("import_module(a)\n__import__(f'{a}')"), "cnndsl")]
    assert targets == [UNREADABLE, UNREADABLE]


def test_lines_are_counted(sources: dict[str, str]) -> None:
    counted = line_counts()
    assert counted["cnndsl"] == sum(source.count("\n") for source in sources.values())
    text = [source.count("\n") for path, source in sources.items() if path.startswith("cnndsl/lang/text/")]
    assert counted["cnndsl.lang.text"] == sum(text) < counted["cnndsl.lang"] < counted["cnndsl"]


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
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert loads in loaded
    heavy = {"numpy", "onnx", "onnxruntime", "PIL", "safetensors", "torch", "matplotlib", "IPython"}
    assert not {name.partition(".")[0] for name in loaded} & heavy


def test_pytorch_is_optional(root: Path) -> None:
    """No module of the tests loads it but the one that computes in it, which is loaded on use."""
    loads = []
    for path in sorted((root / "tests").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] in ("torch", "torchvision") for name in names):
                loads.append(path.name)
    assert sorted(set(loads)) == ["pytorch_layers.py"]
