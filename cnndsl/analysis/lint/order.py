"""Rules about the order of layers: what a normalisation undoes, what nothing bends, what nobody reads."""

from collections.abc import Iterator

from cnndsl import ops
from cnndsl.analysis.lint.view import LintView, called
from cnndsl.errors import Diagnostic, Fix, Label, Span, quoted
from cnndsl.ir import Input, Node
from cnndsl.ops.conv import Conv, Depthwise
from cnndsl.ops.dense import Dense
from cnndsl.shapes import product

EXTREME = 16
"""How many times fewer elements make a bottleneck abrupt; SqueezeNet's narrowest has 8."""


def bias_before_norm(view: LintView) -> Iterator[Diagnostic]:
    """Biases that the normalisation behind them takes away again."""
    shared = {node.share for node in view.network.layers if node.share}
    cancelled: dict[Span | None, list[tuple[Node, Node]]] = {}
    for norm in view.of(lambda operator: operator.centres):
        node = view.maker(norm)
        if node is None or not node.op.linear or not view.private(node):
            continue
        if node.share is None and node.name not in shared and getattr(node.op, "bias", False) is not False:
            cancelled.setdefault(node.span, []).append((node, norm))
    if not cancelled:
        return
    expanded: dict[Span | None, int] = {}
    for node in view.of(lambda operator: operator.linear):
        expanded[node.span] = expanded.get(node.span, 0) + 1
    for span, pairs in cancelled.items():
        node, norm = pairs[0]
        count = sum(view.network.weights(one)["bias"].elements for one, _ in pairs)
        layers = f" ({len(pairs)} layers here)" if len(pairs) > 1 else ""
        yield Diagnostic(
            "bias-before-norm",
            f"the bias of {called(node)} has no effect: {norm.op.operator} takes the mean away again; {count:,} "
            f"parameters{layers} for nothing",
            view.argument(node, "bias"),
            "warning",
            labels=(Label(norm.span, "the mean is taken away here"),) if norm.span and norm.span != span else (),
            help=("write bias=false",),
            fixes=_without_bias(view, node, norm) if len(pairs) == expanded[span] else (),
        )


def _without_bias(view: LintView, node: Node, norm: Node) -> tuple[Fix, ...]:
    """The fix, where the text shows that this norm always follows: only an arrow or a line end lies between them."""
    if node.span is None or norm.span is None or not view.text.follows(node.span, norm.span):
        return ()
    written = view.text.argument(node.span, "bias")
    if written is not None:
        return (Fix("write bias=false", written.span, "bias=false", safe=True),) if written.value == "true" else ()
    end = view.text.end(node.span)
    return (Fix("add bias=false", end, " bias=false", safe=True),) if end else ()


def dropout_before_norm(view: LintView) -> Iterator[Diagnostic]:
    """Dropout whose changed variance goes straight into batch statistics."""
    for norm in view.of(lambda operator: operator.operator == "batchnorm"):
        node = view.maker(norm)
        while node is not None and _keeps_units(node):
            node = view.maker(node)
        if node is None or not node.op.drops:
            continue
        yield Diagnostic(
            "dropout-before-norm",
            f"{called(norm)} learns its variance while {called(node)} drops values, and normalises with it when "
            "nothing is dropped: the variances differ",
            node.span,
            "warning",
            labels=(Label(norm.span, "the running variance is learnt here"),) if norm.span else (),
            help=("put the dropout behind the last batchnorm, or leave one of them out",),
        )


def _keeps_units(node: Node) -> bool:
    op = node.op
    picks = op.window_pool and op.order_statistic
    return op.transparent or picks or ops.family(op.operator) == "activation"


def _still_linear(node: Node) -> bool:
    return node.op.transparent or node.op.channel_affine or node.op.drops


def linear_pair(view: LintView) -> Iterator[Diagnostic]:
    """A convolution or dense layer behind another, with nothing between them that is not linear."""
    for second in view.of(lambda operator: operator.linear):
        first = view.maker(second)
        while first is not None and _still_linear(first) and view.private(first):
            first = view.maker(first)
        if first is None or not view.private(first) or _meant(view, first, second):
            continue
        yield Diagnostic(
            "linear-pair",
            f"{called(second)} follows {called(first)} with no activation between: the two compute what a single "
            "linear layer could",
            second.span,
            "warning",
            labels=(Label(first.span, "linear too"),) if first.span and first.span != second.span else (),
            help=("put an activation between them, as in `-> relu`, or leave one out",),
        )


def _meant(view: LintView, first: Node, second: Node) -> bool:
    """Whether a pair of linear layers saves arithmetic (or is fixed by hand), so that it is no oversight."""
    one, other = first.op, second.op
    if not isinstance(one, Conv | Dense) or not isinstance(other, Conv | Dense):
        return True
    if one.weight is not None or other.weight is not None:
        return True
    if isinstance(one, Dense) and isinstance(other, Dense):
        return one.units < min(view.shape_into(first).channels, other.units)
    if isinstance(one, Dense) or isinstance(other, Dense):
        return False
    if one.groups != 1 or other.groups != 1 or one.connect is not None or other.connect is not None:
        return True
    kernels = [[axis.kernel for axis in view.axes(node)] for node in (first, second)]
    sizes = [product(kernel) for kernel in kernels]
    if 1 in sizes:
        before, behind = view.shape_into(first).channels * sizes[0], other.filters * sizes[1]
        as_wide = one.filters == before and sizes[0] == 1 and _filters_channels(view, first.inputs[0])
        return one.filters < behind and (one.filters < before or as_wide)
    return all(1 in pair for pair in zip(*kernels, strict=True))


def _filters_channels(view: LintView, value: str) -> bool:
    """Whether a value is that of a depthwise layer, perhaps normalised, activated and with its channels weighed.

    A 1x1 layer behind it is the linear end of an inverted residual, which is no narrower where that does not expand.
    """
    node = view.nodes.get(value)
    while node is not None and not node.op.linear:
        gated = node.op.operator == "mul"
        if not gated and not _still_linear(node) and ops.family(node.op.operator) != "activation":
            return False
        whole = (name for name in node.inputs if not gated or view.network.shapes[name] == node.shape)
        node = view.nodes.get(next(whole, ""))
    return node is not None and isinstance(node.op, Depthwise)


def abrupt_bottleneck(view: LintView) -> Iterator[Diagnostic]:
    """A map through which everything flows, far smaller than the one before it, with wider layers behind it."""
    suspects = {node.name for node in view.of(lambda operator: operator is Conv) if _squeezes(view, node)}
    if not suspects:
        return
    layers = view.network.layers
    last_read = {name: index for index, node in enumerate(layers) for name in node.inputs}
    last_read.update(dict.fromkeys(view.outputs, len(layers)))
    widest, later = 0, [0] * len(layers)
    for index in range(len(layers) - 1, -1, -1):
        later[index] = widest
        if layers[index].op.linear:
            widest = max(widest, layers[index].shape.channels)
    alive = {value.name for value in view.network.inputs}
    for index, node in enumerate(layers):
        alive.difference_update(name for name in node.inputs if last_read[name] == index)
        if last_read.get(node.name, -1) > index:
            alive.add(node.name)
        if node.name in suspects and alive == {node.name} and later[index] > node.shape.channels:
            before = view.shape_into(node)
            ratio = before.elements // node.shape.elements
            yield Diagnostic(
                "abrupt-bottleneck",
                f"{called(node)} squeezes {before} into {node.shape}, {ratio} times fewer numbers, and all that "
                f"follows depends on them; a later layer has {later[index]} channels again",
                node.span,
                "warning",
                help=("narrow in several steps, or lead a shortcut around the bottleneck",),
            )


def _squeezes(view: LintView, node: Node) -> bool:
    before, after = view.shape_into(node), node.shape
    if before.spatial == after.spatial:
        return before.channels >= EXTREME * after.channels and after.positions > 1
    return before.elements >= EXTREME * after.elements and after.positions > 1


def unused_value(view: LintView) -> Iterator[Diagnostic]:
    """Values that no layer reads and no output gives."""
    values: list[Input | Node] = [*view.network.inputs, *view.network.layers]
    for value in values:
        if value.name in view.readers or value.name in view.outputs:
            continue
        what = called(value) if isinstance(value, Node) else f"the input {quoted(value.name)}"
        yield Diagnostic(
            "unused-value",
            f"nothing reads {what}, and it is no output of {quoted(view.network.name)}",
            value.span,
            "warning",
            help=("read it with `from`, name it in `output`, or take it out",),
        )
