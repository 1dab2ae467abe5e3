"""Operators that enlarge or shrink axes, from ONNX."""

from collections.abc import Sequence
from math import isclose
from typing import Literal

import numpy as np

from cnndsl.interop.onnx.importer.graph import NodeContext, Refusal, Value
from cnndsl.ops.resize import Resize, Upsample


def expand(site: NodeContext) -> Value:
    """Axes of one cell repeated, which merges do by themselves: ``tidy`` lets them."""
    x = site.value()
    full = (*site.builder.leading, *x.dimensions)
    try:
        wanted = np.broadcast_shapes(full, tuple(site.integers(1, "shape")))
    except (ValueError, RuntimeError):  # the latter for more axes than NumPy has
        raise Refusal(f"{x.shape} does not stretch to its shape") from None
    sizes = wanted[len(site.builder.leading) :]
    if len(wanted) != len(full) or wanted[: len(site.builder.leading)] != site.builder.leading:
        raise Refusal("it repeats the examples of the batch")
    if sizes == x.dimensions:
        return x
    kept = [axis for axis, size in enumerate(sizes) if size == x.dimensions[axis]]
    if 0 in kept:
        value = site.emit(Resize(size=sizes[1:]), x)
    elif kept:
        led = site.builder.led_by(x, kept[-1])
        turned = tuple(sizes[axis] for axis in np.argsort(led.order))
        value = site.builder.straight(
            site.emit(Resize(size=turned[1:]), led.ordered(range(len(sizes)))).ordered(led.order)
        )
    else:
        value = site.reshape(site.emit(Resize(size=sizes), site.reshape(x, [1, *x.dimensions])), sizes)
    site.builder.layers[value.name].stretched = x
    return value


def resize(site: NodeContext) -> Value:
    """Resize and Upsample: nearest pixels by floor from the corner, linear, or cubic."""
    x = site.any()
    sizes = _target(site, x)
    kept = [axis for place, axis in enumerate(x.order) if sizes[place] == x.shape.dimensions[axis]]
    if not kept:
        raise Refusal("it changes the number of channels")
    x = x if 0 in kept else site.builder.led_by(x, kept[-1])
    flat = x.ordered(range(len(x.order)))
    spatial = [0] * (len(x.order) - 1)
    for place, axis in enumerate(x.order):
        if axis:
            spatial[axis - 1] = sizes[place]
    if tuple(spatial) == x.shape.spatial:
        return x
    mode = site.attribute("mode", "nearest")
    old = site.node.op_type == "Upsample" or site.opset < 11
    coordinates = site.attribute("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    if site.attribute("antialias", 0) or site.attribute("exclude_outside", 0):
        raise Refusal("it smooths or leaves out what is outside")
    whole = all(target % size == 0 for size, target in zip(x.shape.spatial, spatial, strict=True))
    scale = tuple(target // size for size, target in zip(x.shape.spatial, spatial, strict=True))
    factor = scale[0] if len(set(scale)) == 1 else scale
    if mode == "nearest":
        rounding = "floor" if old else site.attribute("nearest_mode", "round_prefer_floor")
        if not _picks_floor(coordinates, rounding, x.shape.spatial, spatial):
            raise Refusal(f"it picks nearest pixels by {coordinates} and {rounding}")
        op = Upsample(scale=factor) if whole else Resize(size=tuple(spatial))
        return site.emit(op, flat).ordered(x.order)
    if mode not in ("linear", "bilinear", "trilinear", "cubic"):
        raise Refusal(f"its mode is {mode}; the language has nearest, linear and cubic")
    coefficient = site.attribute("cubic_coeff_a", -0.75)
    if mode == "cubic" and not isclose(coefficient, -0.75, rel_tol=1e-6):
        raise Refusal(f"its cubic coefficient is {coefficient:g}; the language has -0.75")
    smooth: Literal["linear", "cubic"] = "cubic" if mode == "cubic" else "linear"
    if coordinates == "pytorch_half_pixel" and 1 not in spatial:
        coordinates = "half_pixel"
    if coordinates == "half_pixel_symmetric":
        coordinates = "half_pixel"
    if not _exact_scales(site, x, sizes):
        raise Refusal("its scale is not that of its sizes")
    if coordinates == "align_corners":
        return site.emit(Resize(size=tuple(spatial), mode=smooth, align_corners=True), flat).ordered(x.order)
    if coordinates != "half_pixel":
        raise Refusal(f"it interpolates by {coordinates}")
    op = Upsample(scale=factor, mode=smooth) if whole else Resize(size=tuple(spatial), mode=smooth)
    return site.emit(op, flat).ordered(x.order)


def _scales(site: NodeContext) -> list[float] | None:
    given = site.attribute("scales", None)
    place = 1 if site.opset < 11 or site.node.op_type == "Upsample" else 2
    if given is None and site.given(place):
        given = [float(number) for number in np.ravel(site.constant(place, "scales"))]
    return [float(number) for number in given] if given is not None and len(given) else None


def _target(site: NodeContext, x: Value) -> list[int]:
    """The extents asked for, in ONNX's order, without the batch."""
    leading = len(site.builder.leading)
    full = [*site.builder.leading, *x.dimensions]
    axes = [axis % len(full) for axis in site.attribute("axes", range(len(full)))]
    scales = _scales(site)
    if scales is None:
        wanted: list[int] = site.integers(3, "sizes")
    else:
        wanted = [int(np.floor(full[axis] * scale)) for axis, scale in zip(axes, scales, strict=False)]
    if len(wanted) != len(axes) or min(wanted, default=0) < 1:
        raise Refusal("its sizes do not fit its input")
    policy = site.attribute("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        ratios = [size / full[axis] for axis, size in zip(axes, wanted, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        wanted = [int(np.floor(ratio * full[axis] + 0.5)) for axis in axes]
    for axis, size in zip(axes, wanted, strict=True):
        if axis < leading and size != full[axis]:
            raise Refusal("it changes the number of examples")
        full[axis] = size
    return full[leading:]


def _exact_scales(site: NodeContext, x: Value, sizes: Sequence[int]) -> bool:
    """Whether the scales are those of the extents, so that nothing hangs over at the end."""
    scales = _scales(site)
    if scales is None:
        return True
    full = [*site.builder.leading, *x.dimensions]
    axes = [axis % len(full) for axis in site.attribute("axes", range(len(full)))]
    wanted = [*site.builder.leading, *sizes]
    return all(abs(scale - wanted[axis] / full[axis]) < 1e-5 for axis, scale in zip(axes, scales, strict=True))


def _picks_floor(coordinates: str, rounding: str, sizes: Sequence[int], targets: Sequence[int]) -> bool:
    """Whether the pixel picked for every position o is floor(o*size/target)."""
    for size, target in zip(sizes, targets, strict=True):
        if size == target:
            continue
        if target > 1 << 16:
            return coordinates == "asymmetric" and rounding == "floor"
        position = np.arange(target, dtype=np.float64)
        scale = target / size
        points = {
            "asymmetric": position / scale,
            "half_pixel": (position + 0.5) / scale - 0.5,
            "half_pixel_symmetric": (position + 0.5) / scale - 0.5,
            "pytorch_half_pixel": (position + 0.5) / scale - 0.5 if target > 1 else position * 0,
            "align_corners": position * (size - 1) / max(target - 1, 1),
        }.get(coordinates)
        if points is None:
            return False
        points = np.round(points, 9)
        picked = {
            "floor": np.floor(points),
            "ceil": np.ceil(points),
            "round_prefer_floor": np.ceil(points - 0.5),
            "round_prefer_ceil": np.floor(points + 0.5),
        }.get(rounding)
        if picked is None or not np.array_equal(np.clip(picked, 0, size - 1), np.arange(target) * size // target):
            return False
    return True
