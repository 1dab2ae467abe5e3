"""What every operator answers: output shape, weights, counts and reach. No NumPy, no ONNX.

An operator is one frozen Pydantic class. Its fields are the language's parameters: name, type and default stand once;
argument binding, the docs and the printer read them from here.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from inspect import get_annotations
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, get_origin

from pydantic import BaseModel, ConfigDict

from cnndsl.ops.fields import Expects, Sizes, Tensor, followed, written
from cnndsl.shapes import Axis, Padding, Shape, ShapeError, are_numbers, extents, per_axis, product, resolve_padding

Initialiser: TypeAlias = Literal["kernel", "constant", "signs", "normal"]
"""``kernel``: He or Glorot, by what the layer feeds; ``constant``: ``fill``; ``signs``: +1 or -1, the codes of
LeNet-5's output; ``normal``: standard normal (embedding tables)."""


class Weight(NamedTuple):
    """One tensor of a layer. Counting, allocation, loading and initialisation all derive from it.

    ``fan_in`` and ``fan_out`` are the links into and out of one unit. ``links`` (a ``connect`` table) names for every
    filter the channels that it sees; the rest of the tensor is zero and not counted. ``literal`` fixes the values.
    """

    shape: tuple[int, ...]
    """As in a PyTorch state dict."""
    init: Initialiser = "constant"
    """How its values begin."""
    fill: float = 0.0
    """The value under ``constant``."""
    buffer: bool = False
    """Whether it is stored and not learned."""
    fan_in: int = 1
    fan_out: int = 1
    links: tuple[tuple[int, ...], ...] | None = None
    literal: Tensor | None = None

    @property
    def elements(self) -> int:
        """Elements that exist."""
        if self.links is None:
            return product(self.shape)
        return sum(map(len, self.links)) * product(self.shape[2:])


class AxisReach(NamedTuple):
    """Output position o reads the input positions ceil((o*step - before)/rate) ... floor((o*step + after)/rate).

    A convolution has step S and rate 1, before = P_begin, after = K_eff - 1 - P_begin; a transposed one has step 1 and
    rate S. ``source`` is the spatial axis of the input that this axis of the output walks along; None means its own.
    """

    step: int = 1
    rate: int = 1
    before: int = 0
    after: int = 0
    source: int | None = None


Reach: TypeAlias = tuple[AxisReach, ...] | Literal["point", "whole", "nothing"]
"""What one output position reads: the same position, the whole map, nothing, or an interval along every spatial
axis."""


class Operator(BaseModel):
    """The questions that every operator answers; nothing answers 0 by default."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    operator: ClassVar[str]
    """Its name in the language."""
    summary: ClassVar[str]
    """What it computes, for the docs and ``explain``; its docstring too, which ``python -OO`` would not keep."""
    positional: ClassVar[tuple[str, ...]] = ()
    """The parameters that may be written without their names, in order."""
    sized: ClassVar[Mapping[str, int]] = {}
    """The parameters that are extents, so that symbols may decide them, and the least that each may be."""
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """The least and the largest number of inputs; None is no bound."""
    in_place: ClassVar[bool] = False
    """Whether the output may take the place of an input that nothing reads later."""
    rectifier: ClassVar[bool] = False
    """Whether layers that feed it start with He's weights instead of Glorot's."""
    takes_integers: ClassVar[bool] = False
    """Whether it may be applied to int64 values too."""
    looks_up: ClassVar[bool] = False
    """Whether it takes integers only, and makes floats of them."""
    linear: ClassVar[bool] = False
    """Whether it multiplies what it reads by a tensor ``weight`` of filters or units, sums, and adds a ``bias``."""
    elementwise: ClassVar[bool] = False
    """Whether every element is made of that element and of numbers of its channel: it can be done in place."""
    channel_affine: ClassVar[bool] = False
    """Whether it multiplies by one number a channel and adds one: a linear layer before it can do so with its own."""
    centres: ClassVar[bool] = False
    """Whether it takes away the mean of every channel, and with it whatever bias was added before."""
    window_pool: ClassVar[bool] = False
    """Whether it summarises each channel by itself under a window that slides."""
    order_statistic: ClassVar[bool] = False
    """Whether it picks one of the cells by their order: what never falls may be done before it or after it alike."""
    hands_on_bias: ClassVar[bool] = False
    """Whether the planner may add a number a channel after it instead of before: f(x + b) = f(x) + b."""
    independent: ClassVar[bool] = False
    """Whether its value is its own, whatever flows in: of that it needs the number of examples alone."""
    drops: ClassVar[bool] = False
    """Whether it sets values to zero at random while training."""
    transparent: ClassVar[bool] = False
    """Whether all values go on in their order, to be read as if it were not there: lint and figures look through it."""
    follows: ClassVar[bool] = False
    """Whether it belongs to the layer before it, in texts and figures: it changes values, not the shape."""
    formula: ClassVar[tuple[str, ...]] = ()
    """What becomes of x, of the parameters and the channel's weights, all in braces; of two, the second holds where x
    is not above 0. Empty for what is not element by element."""
    rule: ClassVar[str]
    """The output shape and the counts, as the docs print them."""
    source: ClassVar[str]
    """Where the definition comes from."""
    example: ClassVar[str]
    """A short network that uses it."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "summary" in cls.__dict__:
            cls.__doc__ = cls.summary

    @classmethod
    def __pydantic_init_subclass__(cls, **keywords: Any) -> None:
        forget_class_variables(cls)

    @abstractmethod
    def output(self, shapes: Sequence[Shape]) -> Shape:
        """The output shape. Raises :class:`ShapeError`."""

    @abstractmethod
    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        """The tensors by name, as in a PyTorch state dict. Raises :class:`ShapeError` for a misfit literal."""

    @abstractmethod
    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Multiply-accumulates for one example, bias not counted (docs/conventions.md)."""

    @abstractmethod
    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        """LeCun's connections for one example (docs/conventions.md)."""

    @abstractmethod
    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        """What one output position reads of each input."""

    def windows(self, shape: Shape) -> tuple[Axis, ...]:
        """The sliding window on each spatial axis; empty for operators without one."""
        return ()

    def formulas(self) -> tuple[str, ...]:
        """The formula with the arguments that are given."""
        return self.formula

    def does_nothing(self, shape: Shape, output: Shape) -> bool:
        """Whether a run hands the input on as it is."""
        return False

    @classmethod
    def expects(cls, field: str) -> str:
        """What a parameter takes, in words."""
        metadata = cls.model_fields[field].metadata
        return next((item.words for item in metadata if isinstance(item, Expects)), "a value")

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """The parameters' names: positional ones in their order, then those by keyword only."""
        return (*cls.positional, *(name for name in cls.model_fields if name not in cls.positional))

    def misfit(self, symbolic: Iterable[str]) -> str | None:
        """The first of these parameters, which follow from symbols, that has a number below its least."""
        for name in symbolic:
            value = getattr(self, name)
            numbers = value.dimensions if isinstance(value, Shape) else value if isinstance(value, tuple) else (value,)
            if not all(number >= self.sized[name] for number in numbers):
                return name
        return None

    def placed(self) -> tuple[str, ...]:
        """The parameters whose arguments are written by position: those that must be given."""
        return tuple(name for name in self.positional if type(self).model_fields[name].is_required())

    def arguments(self, symbolic: Mapping[str, Sequence[str]] = {}) -> str:
        """The arguments as they are written: ``placed`` ones by position, then whatever differs from its default.

        Those in ``symbolic`` follow from symbols, by an expression for every number.
        """
        parts, placed = [], self.placed()
        for name in self.parameters():
            field, value = type(self).model_fields[name], getattr(self, name)
            if name in symbolic:
                text = followed(value, symbolic[name], positional=name in placed)
                parts.append(text if name in placed else f"{name}={text}")
            elif name in placed:
                parts.append(written(value, positional=True))
            elif field.is_required() or value != field.default:
                parts.append(f"{name}={written(value)}")
        return " ".join(parts)


def forget_class_variables(cls: type) -> None:
    """Takes away the annotations of class variables, once Pydantic has seen them.

    It evaluates those of all bases again for every class: with the facts about operators on their classes that was a
    twentieth of the time of ``cnndsl check``.
    """
    class_variable: Any = ClassVar
    kept = {name: kind for name, kind in get_annotations(cls).items() if get_origin(kind) is not class_variable}
    cls.__annotations__ = kept


forget_class_variables(Operator)


class Unweighted(Operator):
    """Neither weights, multiply-accumulates nor connections."""

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return {}

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0

    def connections(self, shapes: Sequence[Shape], output: Shape) -> int:
        return 0


class Elementwise(Unweighted):
    """Every element by itself: the shape stays, and so does the receptive field."""

    elementwise: ClassVar[bool] = True
    in_place: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape of the input; element by element"

    def output(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return "point"


class Activation(Elementwise):
    """What bends values: a function of one number, the same at every position."""

    follows: ClassVar[bool] = True


class AcrossChannels(Unweighted):
    """The channels at each position together: the shape stays, and so does the receptive field."""

    follows: ClassVar[bool] = True

    def output(self, shapes: Sequence[Shape]) -> Shape:
        return shapes[0]

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return over_channels(output)


def over_channels(output: Shape) -> Reach:
    """What an operator reads that mixes the channels at each position: of a vector, everything."""
    return "whole" if output.is_vector else "point"


class Geometry(NamedTuple):
    """A sliding window as written, before it meets a shape."""

    stride: int | tuple[int, ...]
    dilation: int | tuple[int, ...]
    pad: Padding
    ceil: bool = False


class Windowed(Operator):
    """A window that slides along every spatial axis."""

    kernel: Sizes

    @abstractmethod
    def geometry(self) -> Geometry:
        """Stride, dilation and padding with the operator's own defaults put in."""

    def windows(self, shape: Shape) -> tuple[Axis, ...]:
        rank = spatial_rank(shape, self.operator)
        geometry = self.geometry()
        kernel = per_axis(self.kernel, rank, "kernel")
        stride = per_axis(geometry.stride, rank, "stride")
        dilation = per_axis(geometry.dilation, rank, "dilation")
        pairs = resolve_padding(geometry.pad, shape.spatial, kernel, stride, dilation)
        return tuple(
            Axis(size, taps, step, spread, begin, end, geometry.ceil)
            for size, taps, step, spread, (begin, end) in zip(
                shape.spatial, kernel, stride, dilation, pairs, strict=True
            )
        )

    def slide(self, shape: Shape) -> tuple[int, ...]:
        """The spatial output size. Raises where the window is larger than the padded input."""
        axes = self.windows(shape)
        if any(axis.output < 1 for axis in axes):
            raise kernel_too_large(self.operator, shape, axes)
        return tuple(axis.output for axis in axes)

    def reach(self, shapes: Sequence[Shape], output: Shape) -> Reach:
        return tuple(
            AxisReach(step=axis.stride, before=axis.begin, after=axis.reach - 1 - axis.begin)
            for axis in self.windows(shapes[0])
        )


def spatial_rank(shape: Shape, operator: str) -> int:
    """The number of spatial axes, 1 to 3."""
    if shape.is_vector:
        raise ShapeError(
            "needs-map",
            f"{operator} works on spatial axes, but its input is a vector of {shape.channels:,} features",
            f"move {operator} before the flatten or dense layer, or give the vector axes again with reshape",
        )
    if len(shape.spatial) > 3:
        raise ShapeError("wrong-rank", f"{operator} takes 1 to 3 spatial axes, but its input is {shape}")
    return len(shape.spatial)


def along(operator: str, axis: int, shape: Shape) -> list[int]:
    """The extents of a shape, which has the axis; 0 is the channels. Raises ShapeError."""
    dimensions = list(shape.dimensions)
    if axis >= len(dimensions):
        message = f"{operator}: axis={axis}, but the input {shape} has the axes 0 to {len(dimensions) - 1}"
        raise ShapeError("wrong-rank", message, argument="axis")
    return dimensions


def kernel_too_large(operator: str, shape: Shape, axes: Sequence[Axis]) -> ShapeError:
    if not are_numbers([shape]):
        return ShapeError("kernel-too-large", f"{operator}: the kernel is larger than its input", argument="kernel")
    misfit = next(axis for axis in axes if axis.output < 1)
    window = extents([axis.reach for axis in axes])
    padded = extents([axis.size + axis.begin + axis.end for axis in axes])
    dilated = " dilated" if any(axis.dilation > 1 for axis in axes) else ""
    room = f"its input {shape}" + (f" padded to {padded}" if padded != extents(shape.spatial) else "")
    needed = max(-(-(axis.reach - axis.size) // 2) for axis in axes)
    return ShapeError(
        "kernel-too-large",
        f"{operator}: the {window}{dilated} kernel is larger than {room}: {misfit.formula()}",
        f"use a kernel of at most {padded}, or pad={needed}",
        "or keep the map larger up to here: a smaller stride or one pooling layer fewer",
        argument="kernel",
    )


def fitted(literal: Tensor | None, shape: tuple[int, ...], argument: str) -> Tensor | None:
    """The literal in the weight's shape; axes of size 1 may be left out, any other mismatch is an error."""
    if literal is None:
        return None
    if [size for size in literal.shape if size != 1] != [size for size in shape if size != 1]:
        raise ShapeError(
            "weight-shape",
            f"{argument} is written as {extents(literal.shape)}, but this layer's {argument} is {extents(shape)}",
            "axes of size 1 may be left out; all others must be there, in the order of the layout",
            argument=argument,
        )
    if len(literal.elements) != product(shape):
        message = f"{argument} has {len(literal.elements):,} numbers, but {extents(shape)} needs {product(shape):,}"
        raise ShapeError("weight-shape", message, argument=argument)
    return Tensor(shape, literal.elements)


def bias_weight(bias: bool | Tensor, units: int) -> dict[str, Weight]:
    """The bias tensor, if there is one."""
    if bias is False:
        return {}
    return {"bias": Weight((units,), literal=None if bias is True else fitted(bias, (units,), "bias"))}
