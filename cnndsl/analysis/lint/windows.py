"""Rules about windows: pixels between them, taps outside the map, lattices of dilation and of transposition."""

from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

from cnndsl.analysis.lint.view import MAX_TAPS, LintView, axis_names, called, slides, slides_filters
from cnndsl.errors import Diagnostic, Label
from cnndsl.ir import Node
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.shapes import Axis, extents, per_axis, product


def skipped_pixels(view: LintView) -> Iterator[Diagnostic]:
    """Pixels between the windows, or between the taps of dilated ones, that nothing reads."""
    for node in view.of(slides):
        if getattr(node.op, "stride", 1) == 1:
            continue
        axes = view.axes(node)
        if all(axis.kernel == 1 for axis in axes):  # a projection: taking every second pixel is its purpose
            continue
        gaps = [_between(axis) for axis in axes]
        if not any(gaps):
            continue
        names = axis_names(len(axes))
        lost = " and ".join(
            f"{gap} of {axis.size} {name}" for gap, axis, name in zip(gaps, axes, names, strict=True) if gap
        )
        window, stride = extents([axis.reach for axis in axes]), extents([axis.stride for axis in axes])
        dilated = any(gap and axis.stride <= axis.reach for gap, axis in zip(gaps, axes, strict=True))
        reason = "the taps only meet every few pixels" if dilated else f"its window is {window}"
        yield Diagnostic(
            "skipped-pixels",
            f"{called(node)} moves by {stride}, but {reason}: {lost} are never read",
            view.argument(node, "stride"),
            "warning",
            help=(
                "choose a stride and a dilation without a common factor, or dilation=1"
                if dilated
                else f"use a kernel of at least {stride}, or a smaller stride",
            ),
        )


def _between(axis: Axis) -> int:
    sparse = axis.stride > axis.reach or gcd(axis.stride, axis.dilation) > 1
    if not sparse or axis.kernel > MAX_TAPS or axis.output == 1:
        return 0
    return axis.unread - axis.trailing


def padding_only(view: LintView) -> Iterator[Diagnostic]:
    """Weights that meet padding at every position of the kernel."""
    fine: set[tuple[Axis, ...]] = set()
    for node in view.of(slides_filters):
        if getattr(node.op, "pad", 0) == 0 or getattr(node.op, "pad_mode", "zeros") != "zeros":
            continue
        axes = view.axes(node)
        if axes in fine:
            continue
        if all(_meets(axis, 0) and _meets(axis, axis.kernel - 1) for axis in axes):
            fine.add(axes)
            continue
        if any(axis.kernel > MAX_TAPS for axis in axes):
            continue
        live = [sum(_meets(axis, tap) for tap in range(axis.kernel)) for axis in axes]
        taps, useful = product([axis.kernel for axis in axes]), product(live)
        size = extents([axis.size for axis in axes])
        reach = extents([axis.reach for axis in axes])
        yield Diagnostic(
            "padding-only",
            f"{called(node)} reaches over {reach} cells of a {size} map: {taps - useful} of the {taps} weights of each "
            "kernel only ever meet padding",
            view.argument(node, "dilation" if any(axis.dilation > 1 for axis in axes) else "kernel"),
            "warning",
            help=(
                f"a {extents(live)} kernel computes the same" if all(axis.dilation == 1 for axis in axes) else
                f"use a dilation below {min(axis.size for axis in axes)}",
                "or keep the map larger up to here: a larger input, or one downsampling fewer",
            ),
        )  # fmt: skip


def _meets(axis: Axis, tap: int) -> bool:
    """Whether a tap reads a real pixel at any position of the window."""
    first = tap * axis.dilation - axis.begin
    step = max(0, -(first // axis.stride))
    return step < axis.output and first + step * axis.stride < axis.size


def even_kernel(view: LintView) -> Iterator[Diagnostic]:
    """Even kernels at stride 1 with as much padding as keeps the size: one cell more on one side."""
    for node in view.of(slides_filters):
        op = node.op
        if not isinstance(op, Conv | Depthwise) or op.pad not in ("same", "same_lower"):
            continue
        axes = [axis for axis in view.axes(node) if axis.stride == 1 and axis.reach % 2 == 0]
        if not axes:
            continue
        before, after = axes[0].begin, axes[0].end
        yield Diagnostic(
            "even-kernel",
            f"{called(node)} has an even window of {axes[0].reach}, so pad={op.pad} pads {before} before and {after} "
            "after: the map moves by half a pixel",
            view.argument(node, "pad"),
            "warning",
            help=(f"use an odd kernel, {axes[0].kernel - 1} or {axes[0].kernel + 1}, which has a centre",),
        )


def checkerboard(view: LintView) -> Iterator[Diagnostic]:
    """Transposed convolutions whose windows overlap unevenly."""
    for node in view.of(lambda operator: operator is ConvTranspose):
        op = node.op
        if not isinstance(op, ConvTranspose):
            continue
        rank = len(view.shape_into(node).spatial)
        kernel, stride = per_axis(op.kernel, rank, "kernel"), per_axis(op.stride, rank, "stride")
        dilation = per_axis(op.dilation, rank, "dilation")
        triples = list(zip(kernel, stride, dilation, strict=True))
        if not any(step > 1 and (taps % step or gcd(step, spread) > 1) for taps, step, spread in triples):
            continue
        least, most = (product([count(t, s, d) for t, s, d in triples]) for count in (_fewest, _most))
        mended = extents([-(-taps // step) * step for taps, step in zip(kernel, stride, strict=True)])
        yield Diagnostic(
            "checkerboard",
            f"{called(node)}: a {extents(kernel)} kernel at stride {extents(stride)} writes some pixels {most} times "
            f"and others {least} times, in a checkerboard",
            view.argument(node, "stride"),
            "warning",
            help=(
                f"use a kernel that the stride divides: {mended}",
                f"or `upsample {extents(stride) if len(set(stride)) > 1 else stride[0]}` and a `conv` of stride 1",
            ),
        )


def _fewest(taps: int, stride: int, dilation: int) -> int:
    """The taps that write the output position with the fewest, away from the borders."""
    return 0 if gcd(stride, dilation) > 1 else taps // stride


def _most(taps: int, stride: int, dilation: int) -> int:
    return -(-taps // (stride // gcd(stride, dilation)))


class Lattice(NamedTuple):
    """A stack of convolutions in which each reads the one before it: the common factor of their dilations by axis."""

    factors: tuple[int, ...]
    convolutions: tuple[Node, ...]


def gridding(view: LintView) -> Iterator[Diagnostic]:
    """Stacked dilations with a common factor: neighbouring outputs never share a pixel."""
    if all(getattr(node.op, "dilation", 1) == 1 for node in view.of(slides_filters)):
        return
    stacks: dict[str, Lattice] = {}
    extended = set()
    for node in view.network.layers:
        before = stacks.get(node.inputs[0]) if len(node.inputs) == 1 else None
        if not slides_filters(type(node.op)):
            if before is not None and node.op.follows:
                stacks[node.name] = before
            continue
        axes = view.axes(node)
        if any(axis.stride > 1 for axis in axes):
            continue
        if all(axis.kernel == 1 for axis in axes):
            if before is not None:
                stacks[node.name] = before
            continue
        spread = tuple(axis.dilation if axis.kernel > 1 else 0 for axis in axes)
        if before is not None:
            extended.add(before.convolutions[-1].name)
            spread = tuple(map(gcd, spread, before.factors))
        stacks[node.name] = Lattice(spread, (*(before.convolutions[-7:] if before else ()), node))
    for name, stack in stacks.items():
        last = stack.convolutions[-1]
        if name != last.name or name in extended or len(stack.convolutions) < 2 or max(stack.factors) < 2:
            continue
        factor = max(stack.factors)
        dilations = [max(axis.dilation for axis in view.axes(node)) for node in stack.convolutions]
        others = dict.fromkeys(node.span for node in stack.convolutions[:-1] if node.span and node.span != last.span)
        yield Diagnostic(
            "gridding",
            f"{called(last)} ends a stack with the dilations {', '.join(map(str, dilations))}: all are multiples of "
            f"{factor}, so each output sees only every {_ordinal(factor)} pixel of its field along an axis",
            view.argument(last, "dilation"),
            "warning",
            labels=tuple(Label(span, "the stack reads this") for span in others),
            help=("mix dilations without a common factor, such as 1, 2, 3, or end the stack with dilation=1",),
        )


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
