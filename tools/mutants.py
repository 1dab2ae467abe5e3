"""Changes the code that infers and counts, one token at a time, and runs its tests: what survives must be listed.

Cosmic Ray makes the mutants. tests/mutants.toml names for every module the tests that judge it, and the mutants that
mean the same as the code, each with its reason; a survivor that is not listed is an error, and so is a listed one that
dies or no longer exists. Every mutant runs in a process forked from this one, which has imported the libraries but
nothing of cnndsl, so that no file is ever changed.
"""

import argparse
import ast
import gc
import importlib
import importlib.abc
import importlib.machinery
import os
import re
import resource
import signal
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parent.parent
LISTED = ROOT / "tests" / "mutants.toml"
SURVIVORS = ROOT / "build" / "mutants.toml"
PRELOADED = ("hypothesis", "numpy", "onnx", "onnxruntime", "pydantic", "torch")
PYTEST = ("-x", "-q", "--assert=plain", "--disable-plugin-autoload", "-p", "no:cacheprovider")
NO_TESTS = (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)
MEMORY = 16 * 2**30
SLOWER = 5
"""How many times as long as the code itself a mutant may take."""

OPERATORS = (
    *(f"ReplaceBinaryOperator_{names}" for names in ("Add_Sub", "Sub_Add", "Mul_Add", "FloorDiv_Mul", "Div_Mul")),
    *(f"ReplaceBinaryOperator_{names}" for names in ("Mod_FloorDiv", "Pow_Mul")),
    *(f"ReplaceComparisonOperator_{names}" for names in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{names}" for names in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceUnaryOperator_{names}" for names in ("USub_UAdd", "Delete_Not")),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot"),
    *("NumberReplacer", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
)
"""One replacement for every operator: two would say little more. Words in quotes stay as they are."""


class Mutant(NamedTuple):
    """A changed line, and the class or function that holds it."""

    module: str
    within: str
    line: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.module}, {self.within}\n    {self.line}\n    {self.becomes}"


class Rule(NamedTuple):
    """Mutants that are all equivalent for one reason, wherever ``before`` becomes ``after``."""

    modules: str
    before: str
    after: str
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Whether the line changed just there."""
        places = [found.span() for found in re.finditer(re.escape(self.before), mutant.line)]
        changed = [mutant.line[:begin] + self.after + mutant.line[end:] for begin, end in places]
        return mutant.becomes in changed and re.fullmatch(self.modules, mutant.module) is not None


class Plain(ast.NodeTransformer):
    """``not a == b`` is ``a != b``, and twice ``not`` is nothing: the same mutant need not run twice."""

    OPPOSITES: ClassVar[dict[type[ast.cmpop], type[ast.cmpop]]] = {
        **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
        **{ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    }

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), operand)):
                return operand
            case ast.UnaryOp(ast.Not(), ast.Compare(left, [sign], values)) if type(sign) in self.OPPOSITES:
                return ast.Compare(left, [self.OPPOSITES[type(sign)]()], values)
        return node


def meaning(source: str) -> str | None:
    """A source as a tree; None if it is no Python."""
    try:
        return ast.dump(Plain().visit(ast.parse(source)))
    except SyntaxError:
        return None


def mutants(module: str, rules: Sequence[Rule]) -> Iterator[tuple[Mutant, str]]:
    """The mutants of a module that no rule leaves alone, and its source under each."""
    source = (ROOT / module).read_text(encoding="utf-8")
    tree = get_ast(source)
    seen = {None, meaning(source)}
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        for occurrence in range(sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))):
            changed = mutate_code(source, operator, occurrence)
            if meaning(changed) in seen:
                continue
            seen.add(meaning(changed))
            pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
            number, texts = next((index, pair) for index, pair in enumerate(pairs, 1) if pair[0] != pair[1])
            mutant = Mutant(module, within(source, number), *map(tidy, texts))
            if not any(rule.fits(mutant) for rule in rules):
                yield mutant, changed


def tidy(line: str) -> str:
    """A line without what Cosmic Ray leaves of spaces."""
    return re.sub(r"([\[(]|\w=) (?=-?\d)", r"\1", " ".join(line.split()))


def within(source: str, line: int) -> str:
    """The names of the classes and functions around a line."""
    names: list[str] = []
    nodes: Sequence[ast.AST] = [ast.parse(source)]
    while nodes:
        around = [node for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        around = [node for node in around if node.lineno <= line <= (node.end_lineno or line)]
        names += [node.name for node in around]
        nodes = [child for node in around or nodes if not names or around for child in ast.iter_child_nodes(node)]
    return ".".join(names) or "module"


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a changed source."""

    def __init__(self, module: str, source: str) -> None:
        self.path = ROOT / module
        self.name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.source = source

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        package = self.path.name == "__init__.py"
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path), is_package=package)

    def exec_module(self, module: ModuleType) -> None:
        if self.path.name == "__init__.py":
            module.__path__ = [str(self.path.parent)]
        exec(compile(self.source, self.path, "exec"), module.__dict__)


def survives(tests: Sequence[str], limit: float, finder: Changed | None = None) -> bool:
    """Whether the tests pass in a process of their own."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        if finder is not None:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            sys.meta_path.insert(0, finder)
        status = 1
        try:
            status = int(pytest.main([*PYTEST, *tests]))
        finally:
            os._exit(status)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            if os.waitstatus_to_exitcode(status) in NO_TESTS:
                sys.exit(f"there are no tests to run in {' '.join(tests)}")
            return status == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def judge(module: str, tests: Sequence[str], chosen: Sequence[tuple[Mutant, str]]) -> list[Mutant]:
    """The mutants that the tests let pass."""
    begin = time.monotonic()
    if not survives(tests, 600):
        sys.exit(f"{module}: the tests fail without any change: {' '.join(tests)}")
    alone = time.monotonic() - begin
    found = []
    for mutant, source in chosen:
        if survives(tests, 10 + SLOWER * alone, Changed(module, source)):
            print(f"survives: {mutant}", flush=True)
            found.append(mutant)
    took = time.monotonic() - begin
    print(f"{module}: {len(chosen)} mutants, {len(found)} survive, {took:.0f} s (tests {alone:.1f} s)", flush=True)
    return found


def entries(survivors: Sequence[Mutant]) -> str:
    """Entries for the list, but for their reasons."""
    blocks = []
    for mutant in survivors:
        fields = "".join(f"{name} = '''{value}'''\n" for name, value in mutant._asdict().items())
        blocks.append(f"[[equivalent]]\n{fields}reason = ''\n")
    return "\n".join(blocks)


def mutants_in(plan: Mapping[str, Any]) -> list[Mutant]:
    return [Mutant(*(entry[field] for field in Mutant._fields)) for entry in plan.get("equivalent", [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("modules", nargs="*", help="only modules whose path holds one of these texts")
    parser.add_argument("--again", action="store_true", help=f"only the mutants of {SURVIVORS.relative_to(ROOT)}")
    parser.add_argument("--list", action="store_true", help="list the mutants and run nothing")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    plan = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    rules = [Rule(**rule) for rule in plan["rule"]]
    again = mutants_in(tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))) if arguments.again else None
    judged = {
        module: [(mutant, source) for mutant, source in mutants(module, rules) if again is None or mutant in again]
        for module in plan["judges"]
        if not arguments.modules or any(text in module for text in arguments.modules)
    }
    everything = {mutant for chosen in judged.values() for mutant, _ in chosen}
    if arguments.list:
        print(*sorted(everything), sep="\n")
        return 0
    for library in PRELOADED:
        importlib.import_module(library)
    gc.freeze()  # what the children share stays untouched
    survivors = {
        mutant for module, chosen in judged.items() for mutant in judge(module, plan["judges"][module], chosen)
    }
    listed = {mutant for mutant in mutants_in(plan) if mutant.module in judged and (again is None or mutant in again)}
    SURVIVORS.parent.mkdir(exist_ok=True)
    SURVIVORS.write_text(entries(sorted(survivors - listed)), encoding="utf-8")
    for mutant in sorted(survivors - listed):
        print(f"survives and is not listed: {mutant}")
    for mutant in sorted(listed - survivors):
        print(f"listed, but {'dies' if mutant in everything else 'no longer exists'}: {mutant}")
    print(f"{len(everything)} mutants, {len(everything - survivors)} killed, {len(listed & survivors)} equivalent")
    return 1 if survivors != listed else 0


if __name__ == "__main__":
    sys.exit(main())
