"""Layers that exporters write as several nodes, each as a formula.

In a formula ``x`` is a value, other small names and CAPITALS are constants (equal names, equal nodes); numbers match
constants of that value. Add and Mul take their arguments in either order. Formulas are tried in order.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

FORMULAS = """
gelu        Mul(Mul(x, Add(Erf(Div(x, 1.4142135)), 1)), 0.5)
gelu        Mul(Mul(x, 0.5), Add(Erf(Div(x, 1.4142135)), 1))
gelu        Mul(x, Mul(Add(Erf(Div(x, 1.4142135)), 1), 0.5))
gelu        Mul(Mul(x, Add(Erf(Mul(x, 0.70710678)), 1)), 0.5)
gelu        Mul(Mul(x, 0.5), Add(Erf(Mul(x, 0.70710678)), 1))
gelu        Mul(x, Mul(Add(Erf(Mul(x, 0.70710678)), 1), 0.5))
gelu_tanh   Mul(Mul(x, 0.5), Add(Tanh(Mul(Mul(x, Add(Mul(Mul(x, x), 0.044715), 1)), 0.79788456)), 1))
gelu_tanh   Mul(Mul(x, 0.5), Add(Tanh(Mul(Add(x, Mul(Pow(x, 3), 0.044715)), 0.79788456)), 1))
gelu_tanh   Mul(Mul(x, 0.5), Add(Tanh(Mul(Add(x, Mul(Mul(Mul(x, x), x), 0.044715)), 0.79788456)), 1))
silu        Mul(x, Sigmoid(x))
mish        Mul(x, Tanh(Softplus(x)))
mish        Mul(x, Tanh(Log(Add(Exp(x), 1))))
hardswish   Mul(x, HardSigmoid(x, alpha=0.16666667, beta=0.5))
hardswish   Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6)
hardswish   Mul(Mul(x, Clip(Add(x, 3), 0, 6)), 0.16666667)
hardswish   Mul(x, Div(Clip(Add(x, 3), 0, 6), 6))
hardswish   Mul(x, Mul(Clip(Add(x, 3), 0, 6), 0.16666667))
hardsigmoid Div(Clip(Add(x, 3), 0, 6), 6)
hardsigmoid Mul(Clip(Add(x, 3), 0, 6), 0.16666667)
softplus    Log(Add(Exp(x), 1))
softsign    Div(x, Add(Abs(x), 1))
layernorm   Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), EPS)))
layernorm   Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Mul(Sub(x, ReduceMean(x)), Sub(x, ReduceMean(x)))), EPS)))
groupnorm   Reshape(InstanceNormalization(Reshape(x, INNER), ONES, ZEROS), OUTER)
batchnorm   Mul(Sub(x, MEAN), Mul(Reciprocal(Sqrt(Add(VAR, EPS))), WEIGHT))
batchnorm   Mul(Sub(x, MEAN), Mul(Div(1, Sqrt(Add(VAR, EPS))), WEIGHT))
batchnorm   Mul(Sub(x, MEAN), Reciprocal(Sqrt(Add(VAR, EPS))))
batchnorm   Mul(Sub(x, MEAN), Div(1, Sqrt(Add(VAR, EPS))))
batchnorm   Div(Sub(x, MEAN), Sqrt(Add(VAR, EPS)))
batchnorm   Mul(Sub(x, MEAN), WEIGHT)
subsample   Add(Mul(Mul(AveragePool(x), CELLS), WEIGHT), BIAS)
lrn         Div(x, Pow(Add(Mul(Reshape(AveragePool(Reshape(Mul(x, x), INNER)), OUTER), ALPHA), K), BETA))
adaptive    ReduceSum(Mul(Gather(x, PLACES), SHARES))
adaptive    ReduceMax(Gather(x, PLACES))
strided     Gather(Reshape(x, INNER), OUTER)
rbf         ReduceSum(Mul(Sub(Unsqueeze(x), CENTERS), Sub(Unsqueeze(x), CENTERS)))
"""

COMPUTED = frozenset({"INNER", "OUTER", "PLACES", "SHARES"})
"""Constants that may follow from the shapes of values, which are known later: a match that finds none is dropped."""

COMMUTATIVE = frozenset({"Add", "Mul"})
TOLERANCE = 1e-5


class NodePattern(NamedTuple):
    """One formula: what it means, and its tree."""

    meaning: str
    tree: ast.Call


@cache
def formulas() -> dict[str, list[NodePattern]]:
    """The formulas by the operator of their last node."""
    table: dict[str, list[NodePattern]] = {}
    for line in FORMULAS.strip().splitlines():
        meaning, _, text = line.partition(" ")
        tree = ast.parse(text.strip(), mode="eval").body
        assert isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name), line
        table.setdefault(tree.func.id, []).append(NodePattern(meaning, tree))
    return table


class Match(NamedTuple):
    """A formula found in the graph: its last node, its other nodes, and the tensors that its names stand for."""

    meaning: str
    last: NodeProto
    inner: Mapping[str, NodeProto]
    """The other nodes by the tensor that they make."""
    names: Mapping[str, str]


class Finder:
    """Looks for formulas. ``makers`` are the nodes by what they make, ``constants`` the tensors that are known."""

    def __init__(
        self,
        nodes: Sequence[NodeProto],
        constants: Mapping[str, NDArray[Any]],
        uses: Mapping[str, int],
        attributes: Mapping[int, Mapping[str, Any]],
    ) -> None:
        self.nodes = nodes
        self.constants = constants
        self.uses = uses
        self.attributes = attributes
        self.makers = {output: node for node in nodes for output in node.output if output}

    def matches(self) -> dict[int, Match]:
        """All matches by the id of their last node, larger ones first, no node in two."""
        found: dict[int, Match] = {}
        taken: set[int] = set()
        for node in reversed(self.nodes):
            if id(node) in taken:
                continue
            match = self._match(node, taken)
            if match is not None:
                found[id(node)] = match
                taken.update(map(id, match.inner.values()))
                taken.add(id(node))
        return found

    def _match(self, node: NodeProto, taken: set[int]) -> Match | None:
        for formula in formulas().get(node.op_type, ()):
            for names, inner in self._call(formula.tree, node, {}, {}):
                if "x" not in names or any(id(other) in taken for other in inner.values()):
                    continue
                if self._closed(node, inner):
                    return Match(formula.meaning, node, inner, names)
        return None

    def _closed(self, last: NodeProto, inner: Mapping[str, NodeProto]) -> bool:
        """Whether nobody else reads what the inner nodes make."""
        read: dict[str, int] = {}
        for node in (last, *{id(node): node for node in inner.values()}.values()):
            for name in node.input:
                read[name] = read.get(name, 0) + 1
        return all(read.get(name, 0) == self.uses.get(name, 0) for name in inner)

    def _call(
        self, tree: ast.Call, node: NodeProto, names: Mapping[str, str], inner: Mapping[str, NodeProto]
    ) -> "list[tuple[Mapping[str, str], Mapping[str, NodeProto]]]":
        """Every way in which the node is what the tree says."""
        if node.op_type != getattr(tree.func, "id", ""):
            return []
        attributes = self.attributes[id(node)]
        for keyword in tree.keywords:
            wanted = ast.literal_eval(keyword.value)
            if abs(attributes.get(str(keyword.arg), np.inf) - wanted) > TOLERANCE:
                return []
        inputs = self._inputs(node, attributes)
        if len(inputs) < len(tree.args):
            return []
        orders = [tree.args, tree.args[::-1]] if node.op_type in COMMUTATIVE else [tree.args]
        results: list[tuple[Mapping[str, str], Mapping[str, NodeProto]]] = []
        for arguments in orders:
            states = [(names, inner)]
            for argument, tensor in zip(arguments, inputs, strict=False):
                states = [new for state in states for new in self._argument(argument, tensor, *state)]
            results += states
        return results

    def _inputs(self, node: NodeProto, attributes: Mapping[str, Any]) -> list[str | float]:
        """The tensors that a node reads; Clip's old attributes stand for the inputs that it has today."""
        if node.op_type == "Clip" and len(node.input) == 1:
            return [node.input[0], attributes.get("min", -np.inf), attributes.get("max", np.inf)]
        return list(node.input)

    def _argument(
        self, argument: ast.expr, tensor: str | float, names: Mapping[str, str], inner: Mapping[str, NodeProto]
    ) -> "list[tuple[Mapping[str, str], Mapping[str, NodeProto]]]":
        if isinstance(argument, ast.Constant):
            return [(names, inner)] if self._is_number(tensor, argument.value) else []
        if not isinstance(tensor, str):
            return []
        if isinstance(argument, ast.Call):
            maker = self.makers.get(tensor)
            return [] if maker is None else self._call(argument, maker, names, {**inner, tensor: maker})
        name = getattr(argument, "id", "")
        if (name != "x" and name not in names and name not in COMPUTED and tensor not in self.constants) or (
            name == "x" and tensor in self.constants
        ):
            return []
        return [({**names, name: tensor}, inner)] if names.get(name, tensor) == tensor else []

    def _is_number(self, tensor: str | float, wanted: object) -> bool:
        assert isinstance(wanted, int | float), wanted  # formulas are ours
        if not isinstance(tensor, str):
            return abs(tensor - wanted) <= TOLERANCE
        array = self.constants.get(tensor)
        return array is not None and array.size == 1 and abs(float(array.reshape(()).item()) - wanted) <= TOLERANCE
