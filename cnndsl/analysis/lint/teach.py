"""The advice of introductions: small kernels, more filters deeper, gentle pooling. Nothing here is an error."""

from collections.abc import Iterator

from cnndsl.analysis.lint.view import LintView, called
from cnndsl.errors import Diagnostic, Label
from cnndsl.ir import Node
from cnndsl.ops.conv import Conv
from cnndsl.shapes import extents

LARGE_KERNEL = 5
LARGE_POOL = 3


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
        if all(axis.kernel <= LARGE_POOL and axis.stride <= LARGE_POOL - 1 for axis in axes):
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
