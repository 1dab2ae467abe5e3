"""The plan of the house: who may import whom, which library belongs where, and how large every room is.

    python -m tools.architecture

prints the sizes. tests/test_architecture.py holds the sources to the plan and docs/architecture.md shows it. Imports
are read from the sources with ``ast``, so that one inside a function counts too.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

FLOORS = {
    "cnndsl": [
        "arrays errors extents files limits progress shapes suggest version",
        "ops",
        "training_settings",
        "codes ir",
        "analysis",
        "lang runtime",
        "highlight interop",
        "draw training",
        "report",
        "configuration language_service",
        "network",
        "api",
        "lsp",
        "cli notebook",
        "__init__ __main__",
    ],
    "cnndsl.lang": [
        "accepted resumable synonyms",
        "text",
        "expressions python_code style",
        "modules",
        "folders reuse training",
        "recording",
        "elaborate settings",
        "checkpoint review",
        "compile",
        "decompile",
    ],
    "cnndsl.highlight": ["kinds rules", "scan", "pygments_lexer textmate"],
    "cnndsl.runtime": [
        "memory_limit parallel",
        "data",
        "kernels",
        "plan",
        "interpreter profile reference",
        "any_size trace",
    ],
    "cnndsl.interop": ["codegen objects onnx origin", "calls verify", "keras onnx_backend torch"],
    "cnndsl.interop.onnx": ["exporter importer", "runtime"],
    "cnndsl.interop.torch": ["made", "exporter importer"],
    "cnndsl.interop.keras": ["exporter importer"],
    "cnndsl.training": [
        "augment chance history processes schedules",
        "data",
        "losses",
        "evaluation model",
        "run_folder",
        "loop",
        "run",
        "request",
    ],
    "cnndsl.training.data": ["cache examples split", "arrays binary folders", "load"],
    "cnndsl.draw": ["canvas outline page", "layout opening", "styles", "__init__"],
    "cnndsl.report": [
        "as_json curves markup operators sarif sizes table values",
        "annotations plots summaries trace",
        "explained live worked",
        "page",
        "notebook",
    ],
    "cnndsl.language_service": [
        "analysis words",
        "bindings calls",
        "hints workspace",
        "actions completion formatting hover navigation semantic_tokens signature structure",
        "tips",
    ],
    "cnndsl.lsp": ["translation", "documents", "server"],
    "cnndsl.cli": [
        "config options terminal",
        "fix initial inputs labels outputs plotting progress variants",
        "saved",
        "results",
        "commands",
        "__init__",
        "process",
    ],
}
"""The rooms of a package, floor by floor from the ground: a room may import rooms on lower floors."""

GROUND = "cnndsl"
"""On the ground floor of this package rooms may import their neighbours."""


class Library(NamedTuple):
    """Where a library may be imported: anywhere in some rooms, in others inside functions or for type checking only."""

    anywhere: frozenset[str] = frozenset()
    on_use: frozenset[str] = frozenset()


LIBRARIES = {
    "pydantic": Library(anywhere=frozenset(" ".join(FLOORS["cnndsl"]).split())),
    "pydantic_core": Library(anywhere=frozenset(" ".join(FLOORS["cnndsl"]).split())),
    "numpy": Library(
        anywhere=frozenset({"arrays", "runtime", "interop", "training"}),
        on_use=frozenset({"draw", "report", "network", "api", "cli"}),
    ),
    "safetensors": Library(anywhere=frozenset({"runtime", "interop"}), on_use=frozenset({"training"})),
    "onnx": Library(anywhere=frozenset({"interop"})),
    "google": Library(anywhere=frozenset({"interop"})),  # protobuf's errors, which onnx lets through
    "onnxruntime": Library(on_use=frozenset({"interop", "runtime"})),
    "torch": Library(on_use=frozenset({"interop", "training"})),
    "keras": Library(on_use=frozenset({"interop"})),
    "h5py": Library(on_use=frozenset({"interop"})),
    "threadpoolctl": Library(on_use=frozenset({"runtime"})),
    "PIL": Library(on_use=frozenset({"runtime", "report", "cli"})),
    "pygls": Library(anywhere=frozenset({"lsp"})),
    "lsprotocol": Library(anywhere=frozenset({"lsp"})),
    "pygments": Library(anywhere=frozenset({"highlight"})),
    "shtab": Library(on_use=frozenset({"cli"})),
    "matplotlib": Library(on_use=frozenset({"draw", "report"})),
}

BEGIN = "<!-- begin floors: python -m tools.make_docs writes this part -->"
END = "<!-- end floors -->"
UNREADABLE = "?"
IMPORTERS = {"import_module", "__import__"}


class Import(NamedTuple):
    target: str
    """The dotted name of what is imported: ``numpy``, ``cnndsl.ops.conv``, or ``cnndsl.ops.*`` for any module there."""
    line: int
    on_use: bool
    """Inside a function or under ``if TYPE_CHECKING``: nothing is loaded with the module."""


def imports(tree: ast.AST, package: str, on_use: bool = False) -> Iterator[Import]:
    """Every import below ``tree``; relative ones are resolved against ``package``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, on_use) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            hidden = any(alias.name in IMPORTERS and alias.asname for alias in node.names)
            targets = [UNREADABLE] if hidden else [f"{origin}.{alias.name}" for alias in node.names]
            yield from (Import(target, node.lineno, on_use) for target in targets)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from imports(ast.Module(node.body, []), package, True)
            yield from imports(ast.Module(node.orelse, []), package, on_use)
        else:
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPORTERS:
                yield Import(imported_by_name(node, package), node.lineno, on_use)
            deferred = on_use or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, package, deferred)


def imported_by_name(call: ast.Call, package: str) -> str:
    """What ``import_module`` or ``__import__`` is called with; of an f-string the package that it begins with."""
    name = call.args[0] if call.args else None
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return resolve_name(name.value, package)
    start = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else None
    prefix = start.value if isinstance(start, ast.Constant) and isinstance(start.value, str) else ""
    if "." in prefix.lstrip("."):
        return resolve_name(f"{prefix.rpartition('.')[0]}.*", package)
    return UNREADABLE


def floor(package: str, room: str) -> int | None:
    """The floor of a room of a package; None if it has none."""
    return next((number for number, rooms in enumerate(FLOORS[package]) if room in rooms.split()), None)


def room_in(package: str, module: str) -> str:
    """The room of a package that a dotted name leads to: what is no room is a name in the package's ``__init__``."""
    room = module.removeprefix(package).removeprefix(".").partition(".")[0]
    return "__init__" if not room or floor(package, room) is None else room


def objection(module: str, found: Import) -> str | None:
    """Why a module may not import that, or None if it may."""
    top = found.target.partition(".")[0]
    if found.target == UNREADABLE:
        return "write what is imported as a string, or as an f-string that begins with its package"
    if top == "cnndsl":
        return trespass(module, found.target)
    if top in sys.stdlib_module_names:
        return None
    if top not in LIBRARIES:
        return f"{top} is no library of this project (a new one gets a row in LIBRARIES)"
    library, room = LIBRARIES[top], room_in("cnndsl", module)
    if room in library.anywhere or (room in library.on_use and found.on_use):
        return None
    if room in library.on_use:
        return f"{room} may import {top} only where it is used, inside a function"
    return f"{top} may not be imported in {room}, only in {', '.join(sorted(library.anywhere | library.on_use))}"


def trespass(module: str, target: str) -> str | None:
    """Why a module may not import another one of the house."""
    for package in FLOORS:
        if not (f"{module}.".startswith(f"{package}.") and f"{target}.".startswith(f"{package}.")):
            continue
        mine, other = room_in(package, module), room_in(package, target)
        below, above = floor(package, other), floor(package, mine)
        if mine == other or (below == above == 0 and package == GROUND):
            continue
        if below is None or above is None:
            return f"{package} has no floor for its __init__: that holds a map and nothing else"
        if below >= above:
            return f"{mine} (floor {above} of {package}) may not import {target} ({other} is on floor {below})"
    return None


def objections(path: str, source: str) -> list[str]:
    """What is wrong with the imports of the module at a path such as ``cnndsl/ops/conv.py``."""
    module = dotted(path)
    for package in FLOORS:
        room = module.removeprefix(f"{package}.").partition(".")[0]
        if module.startswith(f"{package}.") and floor(package, room) is None:
            return [f"{path}: {room} has no floor in {package} (a new room gets a place in FLOORS)"]
    found = imports(ast.parse(source), package_of(path))
    return [f"{path}:{one.line}: {reason}" for one in found if (reason := objection(module, one))]


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """The modules that each one imports, now or on use, by dotted names; ``sources`` are texts by path."""
    known = {dotted(path) for path in sources}
    graph: dict[str, set[str]] = {}
    for path, source in sources.items():
        module = dotted(path)
        found: set[str] = set()
        for one in imports(ast.parse(source), package_of(path)):
            if one.target.endswith(".*"):
                found |= {other for other in known if other.startswith(one.target[:-1])}
            elif one.target in known:
                found.add(one.target)
            else:  # a name in a module
                found |= known & {one.target.rpartition(".")[0]}
        graph[module] = found - {module}
    return graph


def cycles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Modules that import each other, directly or by way of others, each with the way back to it."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> None:
        if module in way:
            found.append([*way[way.index(module) :], module])
        elif module not in done:
            for other in sorted(graph.get(module, ())):
                walk(other, [*way, module])
            done.add(module)

    for module in sorted(graph):
        walk(module, [])
    return found


def package_of(path: str) -> str:
    """The package that a module's relative imports begin at: its folder."""
    return ".".join(Path(path).parts[:-1])


def dotted(path: str) -> str:
    """The dotted name of the module at a path."""
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def modules(root: Path = ROOT) -> dict[str, str]:
    """The text of every module of the package by its path from the project's folder."""
    paths = sorted((root / "cnndsl").rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def line_counts(depth: int = 3) -> dict[str, int]:
    """Lines of Python by package, ``depth`` names deep, with all that is inside."""
    found: dict[str, int] = {}
    for path, source in modules().items():
        folders = Path(path).parts[:-1]
        for length in range(1, min(depth, len(folders)) + 1):
            name = ".".join(folders[:length])
            found[name] = found.get(name, 0) + source.count("\n")
    return found


def about(module: str) -> str:
    """What a module says of itself: the first sentence of its docstring."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    words = " ".join((ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").split())
    return words.partition(". ")[0].removesuffix(".").replace("``", "`")


def diagram() -> str:
    """The floors as Markdown: the house as a table from the top down, and what is inside the large rooms."""
    rows = ["| floor | rooms |", "|---:|---|"]
    for number, rooms in reversed(list(enumerate(FLOORS["cnndsl"]))):
        said = [f"**{room}**: {about(f'cnndsl.{room}')}" for room in rooms.split()]
        rows.append(f"| {number} | {'<br>'.join(said)} |")
    inside = [
        f"{package.removeprefix('cnndsl.'):<13} {'  <  '.join(floors)}"
        for package, floors in FLOORS.items()
        if package != "cnndsl"
    ]
    return "\n".join([*rows, "", "Inside the large rooms, from the ground up:", "", "```text", *inside, "```"])


def page(written: str) -> str:
    """docs/architecture.md with the floors as they are now between the comments that mark their place."""
    before, begin, rest = written.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n\n{diagram()}\n\n{end}{after}"


def main() -> int:
    for name, lines in line_counts().items():
        print(f"{lines:6,}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
