"""The operator table is complete: every operator answers every question, and every other floor knows it."""

import ast
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from cnndsl import ops
from cnndsl.lang.compile import compile_text
from cnndsl.ops.base import AxisReach, Operator, Weight
from cnndsl.shapes import Shape
from tests import generators

QUESTIONS = ("output", "weights", "macs", "connections", "reach")
TEXTS = ("operator", "rule", "source", "example")


def missing(found: Callable[[str], object]) -> list[str]:
    return [name for name in ops.NAMES if not found(name)]


def test_names_are_those_of_the_classes() -> None:
    assert [ops.operator(name).operator for name in ops.NAMES] == list(ops.NAMES)
    assert len(ops.NAMES) == len(set(ops.NAMES)) == len({ops.operator(name) for name in ops.NAMES})


def test_every_class_of_a_family_is_in_the_table(root: Path) -> None:
    """A class that names its operator and is not in the table could never be used."""
    for module in {ops.operator(name).__module__ for name in ops.NAMES}:
        tree = ast.parse((root / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        named = {node.name for node in classes if any("operator: ClassVar" in ast.unparse(line) for line in node.body)}
        assert named == {ops.operator(name).__name__ for name in ops.NAMES if ops.operator(name).__module__ == module}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_operator_answers(question: str) -> None:
    unanswered = missing(lambda name: getattr(ops.operator(name), question) is not getattr(Operator, question))
    assert not unanswered, f"no {question}: {unanswered}"


@pytest.mark.parametrize("text", TEXTS)
def test_every_operator_says(text: str) -> None:
    silent = missing(lambda name: getattr(ops.operator(name), text, ""))
    assert not silent, f"no {text}: {silent}"


def test_every_operator_has_a_sentence_of_its_own() -> None:
    silent = missing(lambda name: (ops.operator(name).__dict__.get("summary", "")).strip().endswith((".", ")")))
    assert not silent, f"no docstring: {silent}"


def test_every_parameter_says_what_it_takes() -> None:
    silent = [
        f"{name} {field}="
        for name in ops.NAMES
        for field in ops.operator(name).model_fields
        if ops.operator(name).expects(field) == "a value"
    ]
    assert not silent


def test_every_operator_can_be_executed() -> None:
    from cnndsl.runtime.kernels.dispatch import has_kernel

    lacking = missing(has_kernel)
    assert not lacking, f"no kernel, neither in dispatch.py nor by its name in activation.py: {lacking}"


def test_every_operator_can_be_worked_out() -> None:
    from cnndsl.runtime.trace import OPERATORS

    lacking = missing(lambda name: name in OPERATORS or ops.operator(name).formula)
    assert not lacking, f"neither a formula nor a row in runtime/trace: {lacking}"
    assert set(OPERATORS) <= set(ops.NAMES)


def test_every_operator_can_be_exported() -> None:
    from cnndsl.interop.onnx.exporter.operators import TRANSLATIONS

    lacking = missing(lambda name: name in TRANSLATIONS)
    assert not lacking, f"no row in interop/onnx/exporter/operators.py: {lacking}"
    assert TRANSLATIONS.keys() <= set(ops.NAMES)


@pytest.mark.parametrize("name", ops.NAMES)
def test_the_example_is_clean_and_answers_are_of_their_kind(name: str) -> None:
    result = compile_text(ops.operator(name).example)
    assert result.diagnostics == ()
    (network,) = result.networks
    (node, *_) = [node for node in network.layers if node.op.operator == name]
    shapes = network.input_shapes(node)
    least, most = node.op.arity
    assert least <= len(shapes) <= (most or len(shapes))
    assert isinstance(node.shape, Shape) and node.shape == node.op.output(shapes)
    assert all(isinstance(weight, Weight) for weight in node.op.weights(shapes).values())
    assert node.op.macs(shapes, node.shape) >= 0 and node.op.connections(shapes, node.shape) >= 0
    reach = node.op.reach(shapes, node.shape)
    if not isinstance(reach, str):
        assert len(reach) == len(node.shape.spatial)
        assert all(isinstance(axis, AxisReach) for axis in reach)
    if node.op.in_place:
        assert node.shape.elements == max(shape.elements for shape in shapes)


@pytest.mark.parametrize("name", ops.NAMES)
def test_arguments_read_back(name: str) -> None:
    """An operator written with its arguments and read again is the same operator."""
    for index in range(3):
        text = generators.sound_layer(Random(f"{name}/{index}"), name)
        (network,) = compile_text(text).networks
        op = next(node.op for node in network.layers if node.op.operator == name)
        (again,) = compile_text(network_of(network.layers[-1].op, text)).networks
        assert next(node.op for node in again.layers if node.op.operator == name) == op


def network_of(op: Operator, text: str) -> str:
    """The text with the last line's operator written by :meth:`Operator.arguments`."""
    head, found, tail = text.rstrip().rpartition(op.operator)
    assert found
    brace = tail.find("{")
    return f"{head}{op.operator} {op.arguments()} {tail[brace:] if brace >= 0 else ''}\n"
