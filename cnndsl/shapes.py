"""Shapes, padding, broadcasting and the window formula, each in one place.

Here and in the operators of :mod:`cnndsl.ops` sizes are compared and meet ``+ - * //``, which a symbolic size could
answer as well as an integer. These ask for more (the list is tested):

- ``%``: Axis.exact, ratio, check_groups, largest_divisor, GroupNorm.output, ChannelShuffle.output, PixelShuffle.output,
  SpaceToDepth.output, resize_reach
- ``/``: ratio, Subsample.weights
- ``min``: Axis.unread, Crop.output
- ``max``: Axis.output, Axis.trailing, Axis.unread, overhang, resolve_padding, kernel_too_large, largest_divisor,
  check_pad_mode, Conv._check_links, ConvTranspose._padding, ConvTranspose.output, Pool.output, resize_reach
- ``gcd``: Axis.unread, check_groups, window_sum
- ``divmod``: Axis.unread
- ``isqrt``: largest_divisor
- ``range``: Axis.unread, largest_divisor
"""

from collections.abc import Sequence
from math import gcd
from typing import NamedTuple, TypeAlias

Padding: TypeAlias = "int | tuple[int, ...] | str"
"""``pad=`` as written: one number, one per axis, begins then ends, or a word of :func:`resolve_padding`."""

Pairs: TypeAlias = tuple[tuple[int, int], ...]
"""Resolved padding: cells before and after, one pair a spatial axis."""

MAX_RANK = 8
"""The most spatial axes of a value: windows slide over 1 to 3, but shuffles reshape to more on their way."""


class Shape(NamedTuple):
    """``channels @ spatial``; a vector has no spatial axes and its features are its channels. No batch axis."""

    channels: int
    """Of a vector the features."""
    spatial: tuple[int, ...] = ()
    """The extents of the spatial axes, in cells: (height, width) of an image."""

    @property
    def is_vector(self) -> bool:
        """Whether there are no spatial axes."""
        return not self.spatial

    @property
    def dimensions(self) -> tuple[int, ...]:
        """All axes, channels first."""
        return (self.channels, *self.spatial)

    @property
    def positions(self) -> int:
        """The number of spatial positions (1 for a vector)."""
        return product(self.spatial)

    @property
    def elements(self) -> int:
        """The number of values: channels times positions."""
        return self.channels * self.positions

    def __str__(self) -> str:
        return f"{self.channels}@{extents(self.spatial)}" if self.spatial else str(self.channels)


class ShapeError(Exception):
    """A shape rule broken: ``code`` of :mod:`cnndsl.codes`, the numbers in words, what would help.

    ``argument`` names the operator's parameter to blame, ``branch`` the index of the input to blame.
    """

    def __init__(
        self, code: str, message: str, *help: str, argument: str | None = None, branch: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.argument = argument
        self.branch = branch


def are_numbers(shapes: Sequence[Shape]) -> bool:
    """Whether all extents are known: messages are for numbers (:mod:`cnndsl.extents` has others)."""
    return all(isinstance(size, int) for shape in shapes for size in shape.dimensions)


def product(sizes: Sequence[int]) -> int:
    """The sizes multiplied; 1 where there are none. ``math.prod`` takes no symbolic ones."""
    result = 1
    for size in sizes:
        result = result * size
    return result


def extents(sizes: Sequence[int]) -> str:
    """``28x28``."""
    return "x".join(map(str, sizes))


def per_axis(value: int | tuple[int, ...], rank: int, argument: str) -> tuple[int, ...]:
    """One number for each of ``rank`` spatial axes; a single integer means that number along every axis."""
    if not isinstance(value, tuple):
        return (value,) * rank
    if len(value) != rank:
        axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        raise ShapeError(
            "wrong-rank",
            f"{argument} has {len(value):,} numbers, but the input has {axes}",
            f"write one number for every axis, or {rank} numbers joined by x"
            if rank > 1
            else f"write one number, or give the input {len(value):,} axes",
            argument=argument,
        )
    return value


class Axis(NamedTuple):
    """The geometry of a window that slides along one axis, everything resolved to numbers."""

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    begin: int = 0
    end: int = 0
    ceil: bool = False

    @property
    def reach(self) -> int:
        """K_eff = dilation*(K - 1) + 1: the cells from the first tap to the last."""
        return self.kernel if self.dilation == 1 else self.dilation * (self.kernel - 1) + 1

    @property
    def padding(self) -> int:
        """P: the cells before and after together."""
        return 2 * self.begin if self.begin == self.end else self.begin + self.end

    @property
    def room(self) -> int:
        """W - K_eff + P: how far the window can move; negative where it does not fit."""
        return self.size - self.reach + self.padding

    @property
    def exact(self) -> bool:
        """Whether (W - K_eff + P)/S is a whole number."""
        return self.room % self.stride == 0

    @property
    def output(self) -> int:
        """The number of window positions: floor((W - K_eff + P)/S) + 1, with ceil under ``ceil``.

        Under ``ceil`` a last window that would start in the end padding is dropped, as ONNX and PyTorch do. The result
        is below 1 where the window does not fit.
        """
        if not self.ceil:
            return max(self.room // self.stride + 1, 0)
        windows = max(-(-self.room // self.stride) + 1, 0)
        return windows - 1 if (windows - 1) * self.stride >= self.size + self.begin else windows

    def formula(self) -> str:
        """The rule with the numbers put in: ``(7 - 3 + 2*0)/3 + 1 = 2.33``."""
        padding = f"2*{self.begin}" if self.begin == self.end else f"{self.begin} + {self.end}"
        reach = str(self.kernel) if self.dilation == 1 else f"({self.dilation}*({self.kernel} - 1) + 1)"
        return f"({self.size} - {reach} + {padding})/{self.stride} + 1 = {ratio(self.room + self.stride, self.stride)}"

    @property
    def trailing(self) -> int:
        """Real pixels behind the last window that no stride pattern explains: the remainder of the division.

        Where the stride is larger than the window, gaps of S - K_eff cells are the pattern itself (a 1x1 kernel with
        stride 2); only what the last gap leaves over counts.
        """
        last = (self.output - 1) * self.stride - self.begin + self.reach
        behind = max(self.size - max(last, 0), 0)
        return behind if behind > max(self.stride - self.reach, 0) else 0

    @property
    def unread(self) -> int:
        """Real pixels of the axis that no tap of any window reads: behind the last window or between taps.

        A tap reads ``output`` consecutive members of an arithmetic progression whose step is the stride; taps that
        share a progression follow at equal distances, so that their union is counted at once. Windows and taps may
        change places: the fewer progressions are gone through, at most the square root of the axis.
        """
        taps, spread, windows, step = self.kernel, self.dilation, self.output, self.stride
        common = gcd(spread, step)
        if min(windows, spread // common) < min(taps, step // common):
            taps, spread, windows, step = windows, step, taps, spread
        cycle, jump = step // common, spread // common
        read = 0
        for tap in range(min(taps, cycle)):
            first, residue = divmod(tap * spread, step)
            runs = -(-(taps - tap) // cycle)
            ends = (-(-(self.begin - residue) // step), -(-(self.begin + self.size - residue) // step))
            below = []
            for end in ends:
                run = min(max(end - first, 0) // jump, runs - 1)
                below.append(run * min(windows, jump) + min(max(end - first - run * jump, 0), windows))
            read += below[1] - below[0]
        return self.size - read


def padding(axes: Sequence[Axis]) -> Pairs:
    """Before and behind, of each axis."""
    return tuple((axis.begin, axis.end) for axis in axes)


def overhang(axes: Sequence[Axis]) -> tuple[int, ...]:
    """The cells beyond the padding that the last windows reach."""
    return tuple(max(0, (axis.output - 1) * axis.stride - axis.room) for axis in axes)


def covering(axes: Sequence[Axis]) -> Pairs:
    """The padding, overhang included."""
    return tuple((axis.begin, axis.end + cells) for axis, cells in zip(axes, overhang(axes), strict=True))


def ratio(numerator: int, denominator: int) -> str:
    """``2.33``, ``28``: at most two decimals, exact when whole."""
    if numerator % denominator == 0:
        return str(numerator // denominator)
    return f"{numerator / denominator:.2f}".rstrip("0").rstrip(".")


def resolve_padding(
    pad: Padding, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Pairs:
    """The cells before and after each axis.

    ``same`` makes the output ceil(size/stride), the odd cell at the end (TensorFlow's SAME, ONNX's SAME_UPPER);
    ``same_lower`` puts the odd cell at the beginning; ``causal`` puts all K_eff - 1 cells at the beginning (1-D only).
    """
    rank = len(sizes)
    if pad == "valid":
        return ((0, 0),) * rank
    if pad == "causal":
        if rank != 1:
            raise ShapeError(
                "wrong-rank",
                f"pad=causal is for sequences (1 spatial axis), but the input has {rank} spatial axes",
                "use pad=same, or give the cells of every side: pad=[top, left, bottom, right]",
                argument="pad",
            )
        return ((dilation[0] * (kernel[0] - 1), 0),)
    if isinstance(pad, str):
        pairs = []
        for size, taps, step, spread in zip(sizes, kernel, stride, dilation, strict=True):
            total = max((-(-size // step) - 1) * step + spread * (taps - 1) + 1 - size, 0)
            odd_first = total - total // 2 if pad == "same_lower" else total // 2
            pairs.append((odd_first, total - odd_first))
        return tuple(pairs)
    return explicit_padding(pad, rank)


def explicit_padding(pad: int | tuple[int, ...], rank: int, argument: str = "pad") -> Pairs:
    """One number for all sides, one per axis, or all begins and then all ends (the ONNX order)."""
    if not isinstance(pad, tuple):
        return ((pad, pad),) * rank
    if len(pad) == rank:
        return tuple((cells, cells) for cells in pad)
    if len(pad) == 2 * rank:
        return tuple(zip(pad[:rank], pad[rank:], strict=True))
    axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
    raise ShapeError(
        "wrong-rank",
        f"{argument} has {len(pad)} numbers, but the input has {axes}",
        f"write one number, {rank} (one for every axis), or {2 * rank} (all begins, then all ends)",
        argument=argument,
    )


def transposed_output(size: int, kernel: int, stride: int, dilation: int, padding: int, output_pad: int) -> int:
    """(W - 1)*S - P + K_eff + output_pad: the input size that a convolution would map back to ``size``."""
    return (size - 1) * stride - padding + Axis(size, kernel, dilation=dilation).reach + output_pad


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """The common shape of equal shapes, or of shapes in which an axis of size 1 stretches; None if they do not fit."""
    first = shapes[0].dimensions
    result = list(first)
    for shape in shapes[1:]:
        dimensions = shape.dimensions
        if len(dimensions) != len(result):
            return None
        for axis, size in enumerate(dimensions):
            if result[axis] == 1:
                result[axis] = size
            elif size not in (1, result[axis]):
                return None
    return Shape(result[0], tuple(result[1:]))
