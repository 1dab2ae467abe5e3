"""Whoever asks Python for help gets it: everything public has a docstring, fields and attributes too."""

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import cnndsl
from cnndsl import ops
from cnndsl.analysis.costs import Cost
from cnndsl.analysis.measured import Layers, Measured
from cnndsl.analysis.memory import Memory
from cnndsl.analysis.receptive import Pattern, ReceptiveFields
from cnndsl.errors import Fix, Label
from cnndsl.interop.verify import Difference, Verification
from cnndsl.ir import Graph, Input, Instance, Node
from cnndsl.lang.text.syntax import File
from cnndsl.ops.base import Operator, Weight
from cnndsl.runtime.plan.planner import BatchPlan
from cnndsl.runtime.profile import Profile

FACADE = [getattr(cnndsl, name) for name in cnndsl.__all__]
GIVEN = [Cost, Layers, Measured, Memory, Pattern, ReceptiveFields, Fix, Label, Difference, Verification]
GIVEN += [Graph, Input, Instance, Node, File, Operator, Weight, Profile]
"""What the facade's classes give."""
OPERATORS = [ops.operator(name) for name in ops.NAMES]
CLASSES = [*(found for found in FACADE if inspect.isclass(found)), *GIVEN]

Function = Callable[..., Any]


def public_members(cls: type) -> Iterator[tuple[str, Function | property | cached_property[Any]]]:
    """The methods and properties that this project gives a class, its own and inherited ones."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == "cnndsl":
            for name, member in list(vars(base).items()):
                member = getattr(member, "__func__", member)
                known = inspect.isfunction(member) or isinstance(member, property | cached_property)
                if known and not name.startswith("_"):
                    yield name, member


def described_fields(cls: type) -> Iterator[tuple[str, bool]]:
    """The fields of a class and what ``__init__`` sets, each with whether a docstring says what it is."""
    (tree,) = ast.parse(dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    bodies = [tree.body]
    bodies += [part.body for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    for body in bodies:
        for statement, after in zip(body, [*body[1:], None], strict=True):
            target = getattr(statement, "target", None) or next(iter(getattr(statement, "targets", [])), None)
            name = getattr(target, "id", getattr(target, "attr", "_"))
            if name.startswith("_") or name == "model_config":
                continue
            behind = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            yield name, behind or f"``{name}``" in (cls.__doc__ or "")


def test_facade_classes_and_operators() -> None:
    assert [found for found in [*FACADE, *GIVEN, BatchPlan, *OPERATORS] if not said(found)] == []


def said(found: Any) -> bool:
    """Whether something has a docstring of its own; the signature that Python gives a named tuple is none."""
    text = found.__dict__.get("__doc__") if inspect.isclass(found) else found.__doc__
    return bool(text and text.strip()) and not text.startswith(f"{found.__name__}(")


@pytest.mark.parametrize("cls", [*CLASSES, BatchPlan, *OPERATORS], ids=lambda cls: cls.__name__)
def test_methods_and_properties(cls: type) -> None:
    silent = [name for name, _ in public_members(cls) if not inspect.getdoc(getattr(cls, name))]
    assert silent == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_fields_and_attributes(cls: type) -> None:
    assert [name for name, described in described_fields(cls) if not described] == []


def test_every_kernel(root: Path) -> None:
    functions = []
    for path in sorted((root / "cnndsl" / "runtime" / "kernels").glob("*.py")):
        module = import_module(f"cnndsl.runtime.kernels.{path.stem}".removesuffix(".__init__"))
        for name, found in vars(module).items():
            if not name.startswith("_") and getattr(found, "__module__", "") == module.__name__ and callable(found):
                functions.append(found)
                functions += [member for _, member in public_members(found)] if inspect.isclass(found) else []
    assert len(functions) > 60
    assert [found for found in functions if not inspect.getdoc(found)] == []
