"""Convolutions: filters that slide over 1, 2 or 3 spatial axes."""

from collections.abc import Mapping, Sequence
from math import gcd, isqrt
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AxisReach, Geometry, Operator, Reach, Weight, Windowed, bias_weight, fitted, spatial_rank
from cnndsl.ops.fields import Bias, Count, Expects, Links, Literals, Naturals, Pad, PadMode, Sizes, listed
from cnndsl.shapes import Axis, Pairs, Shape, ShapeError, per_axis, product, resolve_padding, transposed_output

Fit = Annotated[Literal["floor", "exact"], Expects("floor or exact")]


class Conv(Windowed):
    operator: ClassVar[str] = "conv"
    summary: ClassVar[str] = (
        "Convolution: every filter slides over all channels of its group and gives one output channel."
    )
    linear: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("filters", "kernel")
    rule: ClassVar[str] = (
        "filters@floor((W - K_eff + P)/S) + 1 with K_eff = dilation*(K - 1) + 1; "
        "parameters filters*C/groups*prod(K) + filters; MACs out_elements*C/groups*prod(K); "
        "connections out_elements*(C/groups*prod(K) + 1 if bias)"
    )
    source: ClassVar[str] = "LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86(11); Dumoulin and Visin 2016"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1"

    filters: Count
    kernel: Sizes
    stride: Sizes = 1
    pad: Pad = 0
    dilation: Sizes = 1
    groups: Count = 1
    bias: Bias = True
    weight: Literals = None
    connect: Links = None
    fit: Fit = "floor"
    pad_mode: PadMode = "zeros"

    def geometry(self) -> Geometry:
        return Geometry(self.stride, self.dilation, self.pad)

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        spatial = self.slide(shape)
        check_groups(self.operator, self.groups, shape.channels, self.filters)
        if self.connect is not None:
            self._check_links(self.connect, shape.channels)
        check_pad_mode(self.pad_mode, self.windows(shape))
        return Shape(self.filters, spatial)

    def _check_links(self, links: tuple[tuple[int, ...], ...], channels: int) -> None:
        if self.groups != 1:
            raise ShapeError("bad-connect", "connect= and groups= exclude each other", argument="connect")
        if len(links) != self.filters:
            raise ShapeError(
                "bad-connect",
                f"connect lists {len(links)} filters, but the layer has {self.filters}",
                "give one list of input channels for every filter",
                argument="connect",
            )
        for index, seen in enumerate(links):
            if not seen or len(set(seen)) != len(seen) or max(seen) >= channels:
                raise ShapeError(
                    "bad-connect",
                    f"filter {index} is connected to the channels {listed(seen)}, but must see at least one of "
                    f"0 to {channels - 1}, each once",
                    argument="connect",
                )

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        channels = shapes[0].channels // self.groups
        kernel = per_axis(self.kernel, len(shapes[0].spatial), "kernel")
        layout = (self.filters, channels, *kernel)
        taps = product(kernel)
        weight = Weight(
            layout,
            "kernel",
            fan_in=channels * taps,
            fan_out=self.filters // self.groups * taps,
            links=self.connect,
            literal=fitted(self.weight, layout, "weight"),
        )
        return {"weight": weight, **bias_weight(self.bias, self.filters)}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return self.weights(shapes)["weight"].elements * output.positions

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return sum(weight.elements for weight in self.weights(shapes).values()) * output.positions


class Depthwise(Windowed):
    operator: ClassVar[str] = "depthwise"
    summary: ClassVar[str] = "Depthwise convolution: every channel has filters of its own, ``multiplier`` of them."
    linear: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("kernel",)
    rule: ClassVar[str] = (
        "(C*multiplier)@W, with the window rule of conv; parameters C*multiplier*(prod(K) + 1 if bias); "
        "MACs out_elements*prod(K); connections out_elements*(prod(K) + 1 if bias)"
    )
    source: ClassVar[str] = "Sifre 2014; Howard et al. 2017 (MobileNets), section 3.1"
    example: ClassVar[str] = "input 32@28x28\ndepthwise 3x3 pad=1\nconv 64 1x1"

    kernel: Sizes
    stride: Sizes = 1
    pad: Pad = 0
    dilation: Sizes = 1
    multiplier: Count = 1
    bias: Bias = True
    weight: Literals = None
    fit: Fit = "floor"

    def geometry(self) -> Geometry:
        return Geometry(self.stride, self.dilation, self.pad)

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        return Shape(shape.channels * self.multiplier, self.slide(shape))

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        (shape,) = shapes
        filters = shape.channels * self.multiplier
        kernel = per_axis(self.kernel, len(shape.spatial), "kernel")
        layout = (filters, 1, *kernel)
        taps = product(kernel)
        literal = fitted(self.weight, layout, "weight")
        weight = Weight(layout, "kernel", fan_in=taps, fan_out=self.multiplier * taps, literal=literal)
        return {"weight": weight, **bias_weight(self.bias, filters)}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return self.weights(shapes)["weight"].elements * output.positions

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return sum(weight.elements for weight in self.weights(shapes).values()) * output.positions


class ConvTranspose(Operator):
    operator: ClassVar[str] = "conv_transpose"
    summary: ClassVar[str] = "Transposed convolution: the gradient of a convolution, used to make maps larger."
    linear: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("filters", "kernel")
    rule: ClassVar[str] = (
        "filters@((W - 1)*S - P + K_eff + output_pad); parameters C*filters/groups*prod(K) + filters; "
        "MACs in_elements*(filters/groups)*prod(K): what is multiplied, not what an equal-sized convolution would; "
        "connections are not defined for it and count 0"
    )
    source: ClassVar[str] = "Zeiler et al. 2010; Dumoulin and Visin 2016, chapter 4"
    example: ClassVar[str] = "input 64@8x8\nconv_transpose 32 2x2 stride=2"

    filters: Count
    kernel: Sizes
    stride: Sizes = 1
    pad: Pad = 0
    output_pad: Naturals = 0
    dilation: Sizes = 1
    groups: Count = 1
    bias: Bias = True
    weight: Literals = None

    def windows(self, shape: Shape) -> tuple[Axis, ...]:
        """The window on each axis, with ``size`` that of the smaller map (the input)."""
        rank = spatial_rank(shape, self.operator)
        kernel = per_axis(self.kernel, rank, "kernel")
        stride = per_axis(self.stride, rank, "stride")
        dilation = per_axis(self.dilation, rank, "dilation")
        pairs = self._padding(shape, kernel, stride, dilation)
        return tuple(
            Axis(size, taps, step, spread, begin, end)
            for size, taps, step, spread, (begin, end) in zip(
                shape.spatial, kernel, stride, dilation, pairs, strict=True
            )
        )

    def _padding(
        self, shape: Shape, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
    ) -> Pairs:
        if self.pad == "causal":
            raise ShapeError(
                "bad-argument",
                "conv_transpose takes no pad=causal: padding crops its output, and cropping the beginning would let "
                "the output look ahead",
                "crop what is too much behind it: crop [0, CELLS]",
                argument="pad",
            )
        if self.pad not in ("same", "same_lower"):
            return resolve_padding(self.pad, shape.spatial, kernel, stride, dilation)
        extra = per_axis(self.output_pad, len(kernel), "output_pad")
        pairs = []
        for taps, step, spread, more in zip(kernel, stride, dilation, extra, strict=True):
            total = max(spread * (taps - 1) + 1 - step + more, 0)
            half = total // 2
            pairs.append((total - half, half) if self.pad == "same_lower" else (half, total - half))
        return tuple(pairs)

    def output(self, shapes: Sequence[Shape]) -> Shape:
        (shape,) = shapes
        axes = self.windows(shape)
        check_groups(self.operator, self.groups, shape.channels, self.filters)
        spatial = []
        for axis, extra in zip(axes, per_axis(self.output_pad, len(axes), "output_pad"), strict=True):
            if extra >= max(axis.stride, axis.dilation):
                raise ShapeError(
                    "bad-output-pad",
                    f"output_pad={extra} must be smaller than the stride ({axis.stride}) or the dilation "
                    f"({axis.dilation}): it chooses among the {axis.stride} sizes that a convolution maps to "
                    f"{axis.size}",
                    argument="output_pad",
                )
            padding = axis.padding
            size = transposed_output(axis.size, axis.kernel, axis.stride, axis.dilation, padding, extra)
            if size < 1:
                raise ShapeError(
                    "kernel-too-large",
                    f"conv_transpose: the padding takes away the whole map: ({axis.size} - 1)*{axis.stride} - "
                    f"{padding} + {axis.reach} + {extra} = {size}",
                    "use less padding",
                    argument="pad",
                )
            spatial.append(size)
        return Shape(self.filters, tuple(spatial))

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        (shape,) = shapes
        kernel = per_axis(self.kernel, len(shape.spatial), "kernel")
        filters = self.filters // self.groups
        layout = (shape.channels, filters, *kernel)
        taps = product(kernel)
        weight = Weight(
            layout,
            "kernel",
            fan_in=shape.channels // self.groups * taps,
            fan_out=filters * taps,
            literal=fitted(self.weight, layout, "weight"),
        )
        return {"weight": weight, **bias_weight(self.bias, self.filters)}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        (shape,) = shapes
        kernel = per_axis(self.kernel, len(shape.spatial), "kernel")
        return shape.elements * (self.filters // self.groups) * product(kernel)

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return tuple(
            AxisReach(rate=axis.stride, before=axis.reach - 1 - axis.begin, after=axis.begin)
            for axis in self.windows(shapes[0])
        )


def check_groups(operator: str, groups: int, channels: int, filters: int) -> None:
    for what, number in (("input channels", channels), ("filters", filters)):
        if number % groups:
            raise ShapeError(
                "bad-groups",
                f"{operator}: {number} {what} cannot be divided into {groups} equal groups",
                f"the next smaller number of groups that divides {channels} channels and {filters} filters is "
                f"{largest_divisor(gcd(channels, filters), groups)}",
                argument="groups",
            )


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor of ``number`` that is at most ``most``."""
    small = [n for n in range(1, isqrt(number) + 1) if number % n == 0]
    return max(n for divisor in small for n in (divisor, number // divisor) if n <= most)


def check_pad_mode(mode: str, axes: Sequence[Axis]) -> None:
    """Reflection needs a pixel beyond the edge for every padding cell; wrapping needs as many pixels as cells."""
    for axis in axes:
        cells = max(axis.begin, axis.end)
        largest = {"reflect": axis.size - 1, "circular": axis.size}.get(mode)
        if largest is not None and cells > largest:
            raise ShapeError(
                "pad-too-large",
                f"padding of {cells} by pad_mode={mode} needs an axis of at least "
                f"{cells + (mode == 'reflect')}, but this one has {axis.size}",
                "pad less, or use pad_mode=zeros",
                argument="pad",
            )
