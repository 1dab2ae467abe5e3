"""Feature maps as pictures inside the page."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError
from cnndsl.report.markup import text
from cnndsl.shapes import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 600_000
"""Of all pictures of a page, before they are written as text."""

SIDES = (64, 48, 32, 16)
"""How wide and high a map is about, in pixels: the first that leaves room for all."""

MOST_LAYERS = 8
"""Layers whose maps are shown, unless asked otherwise."""


class Picture(NamedTuple):
    """A picture of an input or of a layer's value; ``caption`` says what of it, such as ``32 of 64 maps``.

    ``ends`` are the numbers that are black and white.
    """

    name: str
    caption: str
    png: bytes
    ends: tuple[float, float] | None = None


def maps_html(images: Sequence[Picture], positions: Mapping[str, int]) -> str:
    """One figure a picture; ``positions`` are the indices by which the page knows the layers."""
    figures = "\n".join(_figure(image, positions.get(image.name)) for image in images)
    return f'<div class="maps">\n{figures}\n</div>' if figures else ""


def _figure(image: Picture, position: int | None) -> str:
    chosen = "" if position is None else f' data-layers="{position}"'
    name, caption = text(image.name), text(image.caption)
    data = b64encode(image.png).decode()
    return (
        f'<figure{chosen}><img src="data:image/png;base64,{data}" alt="{name}: {caption}">'
        f"<figcaption>{_scale(image.ends)}<strong>{name}</strong> {caption}</figcaption></figure>"
    )


def _scale(ends: tuple[float, float] | None) -> str:
    """The greys from the number that is black to the one that is white."""
    if ends is None:
        return ""
    from cnndsl.report.plots.sheet import number

    return f'<span class="scale"><span>{number(ends[0])}</span><i></i><span>{number(ends[1])}</span></span> '


def feature_maps(
    network: Measured, values: Mapping[str, "NDArray[Any]"], layers: Sequence[str], weights: str = ""
) -> list[Picture]:
    """Pictures of the inputs that are images and of the layers' maps; ``values`` are those of one example by name.

    The captions say what ``weights`` they are made with. As large as :data:`MOST_BYTES` allow. Raises CnnError
    ``bad-setting`` where small ones are still too much.
    """
    from cnndsl.report.plots import maps

    given = [
        Picture(
            name, f"{_shape(values[name])}, the input", maps.png_of_picture(values[name], side=256), _ends(values[name])
        )
        for name in network.inputs
        if maps.is_picture(values[name].shape)
    ]
    for side in SIDES:
        found = [*given, *(_of_layer(network, name, values[name], side, weights) for name in layers)]
        if sum(len(picture.png) for picture in found) <= MOST_BYTES:
            return found
    message = f"the feature maps of {len(layers):,} layers are too much for one page"
    raise CnnError.of("bad-setting", message, "name fewer: --layers conv1,conv2")


def _of_layer(network: Measured, name: str, value: "NDArray[Any]", side: int, weights: str) -> Picture:
    from cnndsl.report.plots import is_image, maps

    layer = network.layers[name]
    shown = maps.maps_of(value)
    what = f"{layer.operator} {_shape(value)}"
    if is_image(network, name):
        facts = filter(None, (what, "an RGB image", weights))
        return Picture(name, ", ".join(facts), maps.png_of_picture(value, side=256), _ends(value))
    facts = filter(None, (what, shown.count, shown.note, weights))
    return Picture(name, ", ".join(facts), maps.png_of_maps(value, side=side), _ends(shown.shown))


def _ends(shown: "NDArray[Any]") -> tuple[float, float]:
    from cnndsl.report.plots import maps

    return maps.scale_ends(maps.value_range(shown))


def _shape(value: "NDArray[Any]") -> Shape:
    """That of a value of one example; where symbols decide it, another than the network's own."""
    return Shape(value.shape[0], value.shape[1:])


def default_layers(network: Measured) -> tuple[str, ...]:
    """The first few layers that look at maps through windows, and outputs that are images."""
    from cnndsl.report.plots import is_image

    graph = network.graph
    windowed = (
        node.name for node in graph.layers if node.op.windows(graph.input_shapes(node)[0]) and node.shape.spatial
    )
    images = (name for name in graph.outputs if is_image(network, name))
    return tuple(dict.fromkeys((*islice(windowed, MOST_LAYERS), *images)))
