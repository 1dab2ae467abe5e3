"""Maps at other sizes in ONNX: by the nearest pixel, linear and cubic interpolation."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from cnndsl.interop.onnx.exporter.layer import ExportedLayer, Whole
from cnndsl.ops import resize
from cnndsl.shapes import per_axis


def upsample(layer: ExportedLayer[resize.Upsample]) -> str:
    if layer.op.mode == "cubic":
        if layer.is_open and layer.rank != 2:
            scales = per_axis(layer.op.scale, layer.rank, "scale")
            targets = [size * scale for size, scale in zip(layer.dimensions[1:], scales, strict=True)]
            return to_sizes(layer, targets, {"mode": "cubic", "coordinate_transformation_mode": "half_pixel"})
        return bicubic(layer, "half_pixel")
    return enlarge(layer, layer.op.mode, "asymmetric" if layer.op.mode == "nearest" else "half_pixel")


def resized(layer: ExportedLayer[resize.Resize]) -> str:
    """Resize; nearest pixels by a fraction are gathered: its coordinates are float32, and their floor may slip."""
    if layer.is_open:
        return resized_when_run(layer)
    sizes = list(zip(layer.shape.spatial, layer.output.spatial, strict=True))
    coordinates = "align_corners" if layer.op.align_corners else "half_pixel"
    if layer.op.mode == "linear":
        return enlarge(layer, "linear", coordinates)
    if layer.op.mode == "cubic":
        return bicubic(layer, coordinates)
    if all(target % size == 0 for size, target in sizes):
        return enlarge(layer, "nearest", "asymmetric")
    x = layer.input
    for axis, (size, target) in enumerate(sizes, start=2):
        x = layer.emit("Gather", x, layer.integers("cells", np.arange(target) * size // target), axis=axis)
    return x


def resized_when_run(layer: ExportedLayer[resize.Resize]) -> str:
    """The same for extents that are not known before."""
    op, x = layer.op, layer.input
    targets = per_axis(layer.argument("size"), layer.rank, "size")
    if op.mode == "nearest":
        for axis, (size, target) in enumerate(zip(layer.dimensions[1:], targets, strict=True), start=2):
            first = layer.emit("Mul", layer.range(target), layer.tensor(size))
            x = layer.emit("Gather", x, layer.emit("Div", first, layer.tensor(target)), axis=axis)
        return x
    settings = {
        "mode": op.mode,
        "coordinate_transformation_mode": "align_corners" if op.align_corners else "half_pixel",
    }
    return to_sizes(layer, targets, settings)


def to_sizes(layer: ExportedLayer[Any], targets: Sequence[Whole], settings: Mapping[str, Any]) -> str:
    """Resize of all axes, or of cubic ones that are not those of an image one by one."""
    x, before, channels = layer.input, layer.dimensions[1:], layer.shape.channels

    def sized(x: str, sizes: Sequence[Whole]) -> str:
        outer = layer.slice(layer.emit("Shape", x), [0], [0], [2])
        return layer.emit(
            "Resize", x, "", "", layer.emit("Concat", outer, layer.vector("sizes", sizes), axis=0), **settings
        )

    if settings["mode"] != "cubic":
        return sized(x, targets)
    settings = {**settings, "cubic_coeff_a": -0.75}
    if layer.rank == 2:
        return sized(x, targets)
    for axis, (size, target) in enumerate(zip(before, targets, strict=True)):
        behind = times(before[axis + 1 :])
        x = sized(layer.reshape(x, times([channels, *targets[:axis]]), size, behind), [target, behind])
    return layer.reshape(x, channels, *targets)


def times(numbers: Sequence[Whole]) -> Whole:
    result: Whole = 1
    for number in numbers:
        result = number if isinstance(result, int) and result == 1 else result * number
    return result


def enlarge(layer: ExportedLayer[Any], mode: str, coordinates: str) -> str:
    """Resize by scales, since sizes would fix the batch."""
    scales = [least_scale(size, target) for size, target in zip(layer.shape.spatial, layer.output.spatial, strict=True)]
    return layer.emit(
        "Resize",
        layer.input,
        "",
        layer.numbers("scales", [1, 1, *scales]),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode="floor",
    )


def bicubic(layer: ExportedLayer[Any], coordinates: str) -> str:
    """Cubic Resize of images; of other maps axis by axis, since ONNX Runtime takes images only."""
    settings = {"mode": "cubic", "cubic_coeff_a": -0.75, "coordinate_transformation_mode": coordinates}
    before, after, channels = layer.shape.spatial, layer.output.spatial, layer.shape.channels
    if layer.rank == 2:
        scales = [least_scale(size, target) for size, target in zip(before, after, strict=True)]
        return layer.emit("Resize", layer.input, "", layer.numbers("scales", [1, 1, *scales]), **settings)
    x = layer.input
    for axis, (size, target) in enumerate(zip(before, after, strict=True)):
        if size == target:
            continue
        x = layer.reshape(x, channels * prod(after[:axis]), size, prod(before[axis + 1 :]))
        x = layer.emit("Resize", x, "", layer.numbers("scales", [1, 1, least_scale(size, target), 1]), **settings)
    return layer.reshape(x, *layer.output.dimensions)


def least_scale(size: int, target: int) -> float:
    """The least float32 that gives the size asked for."""
    factor = np.float32(target / size)
    return float(np.nextafter(factor, np.float32(np.inf)) if size * float(factor) < target else factor)
