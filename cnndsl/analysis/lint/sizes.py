"""Opt-in rules about sizes: of the field that is seen, of layers, of heads."""

from collections.abc import Iterator

from cnndsl.analysis.costs import layer_costs
from cnndsl.analysis.lint.view import LintView, called, slides_filters
from cnndsl.analysis.receptive import receptive_fields
from cnndsl.errors import Diagnostic, Label
from cnndsl.ops.conv import Depthwise
from cnndsl.ops.global_pool import GlobalPool
from cnndsl.shapes import extents

HEAVY = 10_000
"""Parameters below which no dense layer is called heavy."""
NARROW = 4
"""How many times smaller than the input a field is called small."""


def softmax_output(view: LintView) -> Iterator[Diagnostic]:
    """Networks that give probabilities where a loss wants what stands before the softmax."""
    for name in view.network.outputs:
        node = view.nodes.get(name)
        if node is not None and node.op.operator == "softmax":
            yield Diagnostic(
                "softmax-output",
                f"the output {called(node)} gives probabilities; a cross-entropy loss for training takes the values "
                "before it",
                node.span,
                "warning",
                help=("leave the softmax to the loss, or to what uses the trained network",),
            )


def field_exceeds_input(view: LintView) -> Iterator[Diagnostic]:
    """Convolutions that read values which have seen the whole input already."""
    fields = receptive_fields(view.network)
    sizes = {value.name: value.shape.spatial for value in view.network.inputs}
    found = []
    for node in view.of(slides_filters):
        if node.shape.positions == 1 or all(axis.kernel == 1 for axis in view.axes(node)):
            continue
        if all(
            pattern.size >= size
            for source, field in fields.fields[node.inputs[0]].items()
            for pattern, size in zip(field, sizes[source] or (0,), strict=True)
        ):
            found.append(node)
    if found:
        first = found[0]
        seen = extents([pattern.size for pattern in fields.of(first.inputs[0])])
        (size, *_) = sizes.values()
        yield Diagnostic(
            "field-exceeds-input",
            f"{called(first)} reads values with a receptive field of {seen}, no smaller than the input "
            f"({extents(size)}): {len(found)} spatial layers from here on see nothing new",
            first.span,
            "warning",
            help=("use larger images, fewer layers, or less stride before this one",),
        )


def small_field(view: LintView) -> Iterator[Diagnostic]:
    """Global pools over values that have seen a small part of the input each."""
    fields = receptive_fields(view.network)
    sizes = {value.name: value.shape.spatial for value in view.network.inputs}
    for node in view.of(lambda operator: issubclass(operator, GlobalPool)):
        for source, field in fields.fields[node.inputs[0]].items():
            if all(NARROW * pattern.size < size for pattern, size in zip(field, sizes[source] or (0,), strict=True)):
                seen = extents([pattern.size for pattern in field])
                yield Diagnostic(
                    "small-field",
                    f"{called(node)} averages over values that see {seen} of {extents(sizes[source])} pixels each: "
                    "nothing larger can be recognised",
                    node.span,
                    "warning",
                    help=("add layers, stride or dilation before it",),
                )
                break


def heavy_dense(view: LintView) -> Iterator[Diagnostic]:
    """One dense layer that holds most of the parameters."""
    costs = layer_costs(view.network)
    total = sum(cost.params for cost in costs)
    for node, cost in zip(view.network.layers, costs, strict=True):
        if node.op.operator == "dense" and cost.params >= HEAVY and 2 * cost.params > total:
            maker = view.maker(node)
            yield Diagnostic(
                "heavy-dense",
                f"{called(node)} holds {cost.params:,} of {total:,} parameters ({100 * cost.params / total:.0f} %)",
                node.span,
                "warning",
                labels=(Label(maker.span, f"{maker.shape} comes from here"),) if maker and maker.span else (),
                help=("put `global_avgpool` before the flatten, or make the map smaller first",),
            )


def channels_of_8(view: LintView) -> Iterator[Diagnostic]:
    """Inner layers whose channels do not fill the vectors of the hardware."""
    leads_on: set[str] = set()
    for node in reversed(view.network.layers):
        weighted = node.op.linear and not isinstance(node.op, Depthwise)  # which has its input's channels
        if weighted or node.name in leads_on:
            leads_on.update(node.inputs)
        if weighted and node.name in leads_on and node.shape.channels % 8:
            channels = node.shape.channels
            yield Diagnostic(
                "channels-of-8",
                f"{called(node)} has {channels} channels, not a multiple of 8",
                node.span,
                "warning",
                help=(f"use {channels // 8 * 8 or 8} or {(channels // 8 + 1) * 8}; make_divisible rounds",),
            )
