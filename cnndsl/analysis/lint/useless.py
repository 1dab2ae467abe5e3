"""Rules about layers that change nothing, or spoil what they are given: activations twice, windows of one pixel."""

from collections.abc import Iterator

from cnndsl.analysis.lint.view import LintView, called
from cnndsl.errors import Diagnostic, Label
from cnndsl.ir import Node
from cnndsl.ops.dense import Dense

_NOT_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softmax", "abs", "square", "exp", "softplus"})
"""Activations that give no number below 0: a relu behind them, or behind a pool of them, changes nothing."""
_IDEMPOTENT = frozenset({"relu", "relu6", "abs", "clip"})
"""Activations that change nothing of what they gave."""
_SQUASHED = frozenset({"sigmoid", "hardsigmoid", "softmax"})
"""Activations whose values lie between 0 and 1: squashed once more, they are nearly equal."""
_SQUASHING = frozenset({*_SQUASHED, "log_softmax", "tanh"})


def useless_activation(view: LintView) -> Iterator[Diagnostic]:
    """An activation that changes nothing of what stands before it."""
    for node in view.of(lambda operator: operator.operator in _IDEMPOTENT):
        first = _before(view, node, through_pools=node.op.operator != "clip")
        if first is None:
            continue
        again = first.op == node.op
        if again or (node.op.operator == "relu" and first.op.operator in _NOT_NEGATIVE):
            reason = "the same was done before" if again else f"{first.op.operator} gives nothing below 0"
            yield Diagnostic(
                "useless-activation",
                f"{called(node)} changes nothing: {reason}",
                node.span,
                "warning",
                labels=_label(first, node, "here"),
                help=("take one of them out",),
            )


def repeated_squashing(view: LintView) -> Iterator[Diagnostic]:
    """A softmax, sigmoid or tanh of what a softmax or sigmoid gave."""
    for node in view.of(lambda operator: operator.operator in _SQUASHING):
        first = _before(view, node)
        if first is not None and first.op.operator in _SQUASHED:
            yield Diagnostic(
                "repeated-squashing",
                f"{called(node)} gets what {called(first)} has squashed already: its values come out nearly equal",
                node.span,
                "warning",
                labels=_label(first, node, "squashed here first"),
                help=("take one of them out",),
            )


def softmax_inside(view: LintView) -> Iterator[Diagnostic]:
    """A softmax between layers: nothing but a convolution or a dense layer reads it."""
    for node in view.of(lambda operator: operator.operator == "softmax"):
        reader = _only_reader(view, node)
        while reader is not None and (reader.op.transparent or reader.op.drops):
            reader = _only_reader(view, reader)
        if reader is not None and reader.op.linear:
            yield Diagnostic(
                "softmax-inside",
                f"{called(node)} stands in the middle: its values are shares of 1, and {called(reader)} gets next to "
                "nothing of them",
                node.span,
                "warning",
                labels=_label(reader, node, "this reads them"),
                help=("use relu between layers, and softmax at the end",),
            )


def softmax_of_one(view: LintView) -> Iterator[Diagnostic]:
    """A softmax over a single channel, which is 1 whatever comes in."""
    for node in view.of(lambda operator: operator.operator in ("softmax", "log_softmax")):
        if node.shape.channels == 1:
            value = 1 if node.op.operator == "softmax" else 0
            yield Diagnostic(
                "softmax-of-one",
                f"{called(node)} is over one channel, so that it always gives {value}",
                node.span,
                "warning",
                help=("for yes and no write sigmoid, or give the layer before a unit for each class",),
            )


def pool_of_one(view: LintView) -> Iterator[Diagnostic]:
    """A pool whose window is one pixel, moved by one."""
    for node in view.of(lambda operator: operator.window_pool):
        if view.network.weights(node):  # those of subsample
            continue
        if view.shape_into(node) == node.shape and all(axis.kernel == 1 for axis in view.axes(node)):
            yield Diagnostic(
                "pool-of-one",
                f"{called(node)} has a window of one pixel: it changes nothing",
                node.span,
                "warning",
                help=("the usual window is 2x2",),
            )


def dropout_output(view: LintView) -> Iterator[Diagnostic]:
    """Dropout behind the last dense layer."""
    for node in view.of(lambda operator: operator.drops):
        layer = view.maker(node)
        while layer is not None and layer.op.follows:
            layer = view.maker(layer)
        if layer is None or not isinstance(layer.op, Dense):
            continue
        end: Node | None = node
        while end is not None and end.name not in view.outputs:
            end = _only_reader(view, end)
            if end is not None and not (end.op.transparent or end.op.operator in ("softmax", "log_softmax", "sigmoid")):
                end = None
        if end is not None:
            yield Diagnostic(
                "dropout-output",
                f"{called(node)} drops values of the output itself: whole classes are missing from one example to the "
                "next, and no layer learns to do without them",
                node.span,
                "warning",
                help=("put it before the last dense layer",),
            )


def _before(view: LintView, node: Node, through_pools: bool = False) -> Node | None:
    """The layer before, seen through what keeps its values, and through pools, which stay between them."""
    first = view.maker(node)
    while first is not None and (first.op.transparent or (through_pools and _stays_between(first))):
        first = view.maker(first)
    return first


def _stays_between(node: Node) -> bool:
    """Whether it is a pool whose values lie between those that it reads, and 0."""
    return node.op.window_pool and (node.op.order_statistic or node.op.operator == "avgpool")


def _only_reader(view: LintView, node: Node) -> Node | None:
    readers = view.readers.get(node.name, [])
    return readers[0] if len(readers) == 1 and len(readers[0].inputs) == 1 else None


def _label(other: Node, node: Node, words: str) -> tuple[Label, ...]:
    return (Label(other.span, words),) if other.span and other.span != node.span else ()
