"""The advice of introductions: small kernels, more filters deeper, gentle pooling. Nothing here is an error."""

from collections.abc import Iterator, Sequence

from cnndsl import ops
from cnndsl.analysis.lint.view import LintView, called
from cnndsl.errors import Diagnostic, Label
from cnndsl.ir import Node
from cnndsl.ops.conv import Conv
from cnndsl.ops.dense import Dense
from cnndsl.shapes import Axis, extents

LARGE_KERNEL = 5
LARGE_POOL = 3
MANY_WEIGHTS = 1_000_000
"""Parameters of dense layers that a network can have without regularisation."""
_BY_STATISTICS = frozenset({"batchnorm", "layernorm", "groupnorm", "instancenorm"})
LARGE_MAP = 64
"""Positions of a map that is called large in front of a dense layer."""


def large_kernel(view: LintView) -> Iterator[Diagnostic]:
    """Kernels that a stack of 3x3 layers could replace."""
    for node in view.of(lambda operator: operator is Conv):
        axes = view.axes(node)
        largest = max(axis.kernel for axis in axes)
        if largest <= LARGE_KERNEL:
            continue
        kernel, layers = extents([axis.kernel for axis in axes]), largest // 2
        yield Diagnostic(
            "large-kernel",
            f"{called(node)} has a {kernel} kernel; {layers} layers of {extents([3] * len(axes))} see as far, with "
            f"{3 ** len(axes) * layers} instead of {largest ** len(axes)} weights for each pair of channels",
            node.span,
            "warning",
            help=("stack small kernels with activations between them",),
        )


def large_pool(view: LintView) -> Iterator[Diagnostic]:
    """Pools that throw away more than the usual."""
    for node in view.of(lambda operator: operator.window_pool):
        axes = view.axes(node)
        if _stays(axes) or all(axis.kernel <= LARGE_POOL and axis.stride <= LARGE_POOL - 1 for axis in axes):
            continue
        window, stride = extents([axis.kernel for axis in axes]), extents([axis.stride for axis in axes])
        before, after = view.shape_into(node).positions, node.shape.positions
        yield Diagnostic(
            "large-pool",
            f"{called(node)} keeps {after:,} of {before:,} positions in one step (window {window}, stride {stride})",
            node.span,
            "warning",
            help=(f"pool by {extents([2] * len(axes))}, more often if need be",),
        )


def _stays(axes: Sequence[Axis]) -> bool:
    """Whether a window moves by one pixel."""
    return all(axis.stride == 1 for axis in axes)


def constant_filters(view: LintView) -> Iterator[Diagnostic]:
    """Stages that do not widen when the map gets smaller."""
    for before, after in _downsamplings(view):
        if after.shape.channels == before.shape.channels:
            yield Diagnostic(
                "constant-filters",
                f"{called(after)} has {after.shape.channels} filters, as many as the layers before the map got smaller "
                f"({before.shape} to {after.shape})",
                after.span,
                "warning",
                labels=_labels(before, after),
                help=("give a stage at half the size twice the filters",),
            )


def falling_filters(view: LintView) -> Iterator[Diagnostic]:
    """Stages that get narrower when the map gets smaller."""
    for before, after in _downsamplings(view):
        if after.shape.channels < before.shape.channels:
            yield Diagnostic(
                "falling-filters",
                f"{called(after)} has {after.shape.channels} filters after {before.shape.channels}, where the map gets "
                f"smaller too ({before.shape} to {after.shape})",
                after.span,
                "warning",
                labels=_labels(before, after),
                help=("let the filters grow while the map shrinks",),
            )


def _labels(before: Node, after: Node) -> tuple[Label, ...]:
    return (Label(before.span, f"{before.shape} comes from here"),) if before.span and before.span != after.span else ()


def _downsamplings(view: LintView) -> Iterator[tuple[Node, Node]]:
    """Spatial convolutions, the last before a downsampling and the first behind it."""
    for after in view.of(lambda operator: operator is Conv):
        axes = view.axes(after)
        if all(axis.kernel == 1 for axis in axes):
            continue
        smaller = any(axis.stride > 1 for axis in axes)
        node = view.maker(after)
        while node is not None and (node.op.window_pool or node.op.follows):
            smaller = smaller or any(axis.stride > 1 for axis in view.axes(node))
            node = view.maker(node)
        if smaller and node is not None and isinstance(node.op, Conv):
            yield node, after


def unregularised(view: LintView) -> Iterator[Diagnostic]:
    """Dense layers with many weights in a network that does nothing against overfitting."""
    if any(node.op.drops or node.op.operator in _BY_STATISTICS for node in view.network.layers):
        return
    training = view.network.training
    if training and (training.optimizer.weight_decay or training.augment != type(training.augment)()):
        return
    dense = [node for node in view.of(lambda operator: operator is Dense) if not node.share]
    sizes = [sum(weight.elements for weight in view.network.weights(node).values()) for node in dense]
    if sum(sizes) <= MANY_WEIGHTS:
        return
    largest = dense[sizes.index(max(sizes))]
    yield Diagnostic(
        "unregularised",
        f"the dense layers have {sum(sizes):,} parameters, {max(sizes):,} of them in {called(largest)}, and nothing "
        "keeps them from learning the examples by heart",
        largest.span,
        "warning",
        help=("put `dropout 0.5` before them, or normalise, or let global_avgpool take their place",),
    )


def growing_kernels(view: LintView) -> Iterator[Diagnostic]:
    """In a network without branches, kernels that are larger than those before them."""
    if any(len(node.inputs) > 1 for node in view.network.layers):
        return
    first: Node | None = None
    for node in view.of(lambda operator: operator is Conv):
        axes = view.axes(node)
        kernel = max(axis.kernel for axis in axes)
        if kernel == 1 or node.shape.positions == 1:  # a kernel as large as its map is a dense layer
            continue
        if first is None:
            first = node
        before = max(axis.kernel for axis in view.axes(first))
        if kernel > before + 1:
            yield Diagnostic(
                "growing-kernels",
                f"{called(node)} has a {extents([axis.kernel for axis in axes])} kernel on {view.shape_into(node)}, "
                f"larger than the {before} of {called(first)} before it, where a pixel saw less",
                node.span,
                "warning",
                labels=(Label(first.span, "smaller here"),) if first.span and first.span != node.span else (),
                help=("let the largest kernels come first; deeper ones see far by what stands before them",),
            )


def pool_without_stride(view: LintView) -> Iterator[Diagnostic]:
    """Large windows of a pool that move by one pixel, outside of branches."""
    branches = {name for node in view.network.layers if len(node.inputs) > 1 for name in node.inputs}
    for node in view.of(lambda operator: operator.window_pool):
        axes = view.axes(node)
        if (
            _stays(axes)
            and all(axis.kernel > LARGE_POOL for axis in axes)
            and node.shape.positions > 1
            and node.name not in branches
        ):
            yield Diagnostic(
                "pool-without-stride",
                f"{called(node)} moves a window of {extents([axis.kernel for axis in axes])} by one pixel: neighbours "
                "are nearly equal, and the map stays large",
                node.span,
                "warning",
                help=("give it a stride, as large as the window by default",),
            )


def raw_images(view: LintView) -> Iterator[Diagnostic]:
    """Pictures that are trained on as they are in their files."""
    if view.network.training is None:
        return
    for value in view.network.inputs:
        if len(value.shape.spatial) != 2 or value.shape.channels not in (1, 3, 4):
            continue
        reader = _next(view, value.name)
        while reader is not None and (reader.op.transparent or not reader.op.linear):
            if ops.family(reader.op.operator) == "norm" and not reader.op.drops:
                break
            reader = _next(view, reader.name)
        behind = _next(view, reader.name) if reader is not None and reader.op.linear else None
        if reader is None or not reader.op.linear or (behind and ops.family(behind.op.operator) == "norm"):
            continue
        yield Diagnostic(
            "raw-images",
            f"{called(reader)} gets the pictures as they are: nothing takes their mean away",
            value.span,
            "warning",
            help=("begin with `normalize`, or put `batchnorm` behind the first layer",),
        )


def _next(view: LintView, name: str) -> Node | None:
    readers = view.readers.get(name, [])
    return readers[0] if len(readers) == 1 else None


def never_smaller(view: LintView) -> Iterator[Diagnostic]:
    """Convolutions whose map is as large at the first dense layer as it was at the input."""
    seen: set[str] = set()
    for dense in view.of(lambda operator: operator is Dense):
        node = view.maker(dense)
        while node is not None and (node.op.transparent or node.op.follows or node.op.operator == "flatten"):
            node = view.maker(node)
        last, convolutions = node, 0
        if last is None or last.name in seen:  # many heads look back over the same layers once
            continue
        seen.add(last.name)
        while node is not None and not any(axis.stride > 1 for axis in view.axes(node)):
            if not (isinstance(node.op, Conv) or node.op.transparent or node.op.follows):
                break
            convolutions += isinstance(node.op, Conv)
            node = view.maker(node)
        if node is not None or convolutions < 2 or last.shape.positions < LARGE_MAP:
            continue
        yield Diagnostic(
            "never-smaller",
            f"{called(dense)} reads {last.shape.elements:,} numbers: {convolutions} convolutions, and neither a pool "
            f"nor a stride has made the map of {extents(last.shape.spatial)} smaller",
            dense.span,
            "warning",
            help=("put `maxpool 2x2` between them, or give some a stride of 2",),
        )
