"""Where a shape came from: which line set the channels, which the size, and how a size shrank on its way."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from cnndsl.errors import Label, Span, quoted
from cnndsl.ir import Input, Node
from cnndsl.shapes import Shape, broadcast, extents

Part = TypeVar("Part")
Values = Mapping[str, Node | Input]
"""Every layer and input so far, by name."""

LONGEST_CHAIN = 6


def setter(values: Values, name: str, part: Callable[[Shape], Part], of_channels: bool = True) -> Node | Input:
    """The layer or input that gave a part of the shape of ``name`` its value: what flows after it left it alone."""
    value = values[name]
    while isinstance(value, Node):
        wanted = part(value.shape)
        unchanged = [source for source in value.inputs if part(values[source].shape) == wanted]
        if not unchanged or states_shape(value) or (of_channels and states_channels(value)):
            break
        value = values[unchanged[0]]
    return value


def states_shape(node: Node) -> bool:
    """Whether the layer's own arguments say what comes out, even if the same goes in."""
    return "shape" in type(node.op).model_fields


def states_channels(node: Node) -> bool:
    """Whether the layer's own arguments say how many channels come out, even if as many go in."""
    return not {"filters", "units"}.isdisjoint(type(node.op).model_fields)


def shape_label(values: Values, name: str) -> list[Label]:
    """A label for the line after which the shape stayed as it is."""
    maker = setter(values, name, lambda seen: seen)
    return _labelled(maker, f"{maker.shape} comes from here")


def shape_labels(values: Values, name: str) -> list[Label]:
    """Labels for the lines that made a shape: one if one line did, else one for the channels and one for the size."""
    shape = values[name].shape
    channels = setter(values, name, lambda seen: (seen.channels, seen.is_vector))
    size = setter(values, name, lambda seen: seen.spatial, of_channels=False)
    if shape.is_vector or channels is size:
        return _labelled(channels, f"{shape} comes from here")
    return [
        *_labelled(channels, f"{channels_text(shape.channels)} from here"),
        *_labelled(size, f"{extents(shape.spatial)} comes from here"),
    ]


def channels_text(count: int) -> str:
    return "1 channel comes" if count == 1 else f"{count} channels come"


def _labelled(value: Node | Input, message: str) -> list[Label]:
    return [Label(value.span, message)] if value.span else []


def size_chain(values: Values, name: str) -> list[Label]:
    """Labels for the layers that changed the size on the way to ``name``, the last few of them, in order."""
    labels: list[Label] = []
    value = setter(values, name, lambda seen: seen.spatial, of_channels=False)
    while isinstance(value, Node) and len(labels) < LONGEST_CHAIN:
        before = values[value.inputs[0]]
        labels += _labelled(value, f"{extents(before.shape.spatial)} becomes {extents(value.shape.spatial)} here")
        if before.shape.is_vector or value.shape.is_vector:
            break
        value = setter(values, before.name, lambda seen: seen.spatial, of_channels=False)
    if not isinstance(value, Node):
        labels += _labelled(value, f"the input is {extents(value.shape.spatial)}")
    return labels[::-1]


def keeping_size(values: Values, names: Sequence[str]) -> str | None:
    """The padding that would make the smaller of two branches as large as the other, if one layer alone shrinks it."""
    first, other = sorted((values[name] for name in names), key=lambda value: value.shape.positions)
    wanted = other.shape.spatial
    shrinking: list[Node] = []
    value: Node | Input = setter(values, first.name, lambda seen: seen.spatial, of_channels=False)
    while isinstance(value, Node) and value.shape.spatial != wanted and not value.shape.is_vector:
        shrinking.append(value)
        value = setter(values, value.inputs[0], lambda seen: seen.spatial, of_channels=False)
    if len(shrinking) != 1 or value.shape.spatial != wanted or "pad" not in type(shrinking[0].op).model_fields:
        return None
    (layer,) = shrinking
    windows = layer.op.windows(values[layer.inputs[0]].shape)
    pads = {(window.reach - 1) // 2 for window in windows}
    if len(pads) == 1 and all(window.stride == 1 and window.reach % 2 for window in windows):
        return f"pad={pads.pop()} on {quoted(layer.name)} keeps {extents(wanted)}"
    return None


def fitting_parameter(values: Values, names: Sequence[str]) -> str | None:
    """The parameter to write where one of two branches is one and has another shape."""
    first, other = (values[name] for name in names)
    if broadcast((first.shape, other.shape)) is not None:
        return None  # a third branch is to blame
    for value, beside in ((other, first), (first, other)):
        if isinstance(value, Node) and value.op.independent:
            return f"`parameter {beside.shape}` has the shape of the other branch; axes of size 1 stretch"
    return None


def inside(inner: Span, outer: Span) -> bool:
    """Whether a span lies within another."""
    return (
        inner.file == outer.file
        and (outer.line, outer.column) <= (inner.line, inner.column)
        and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )
