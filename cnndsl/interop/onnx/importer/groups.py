"""Groups of nodes that mean one layer: what becomes of each formula of ``patterns``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.constant_folding import Unfoldable, reshaped
from cnndsl.interop.onnx.importer.graph import Constant, NodeContext, Refusal, Value, decimal
from cnndsl.interop.onnx.importer.names import called_mean, called_weight
from cnndsl.interop.onnx.importer.translations.affine import aligned, scaled
from cnndsl.interop.onnx.importer.translations.elements import pointwise
from cnndsl.interop.onnx.importer.translations.windows import compact, map_of, normalized_layer, numbers, padding
from cnndsl.ops import activation
from cnndsl.ops.dense import Rbf
from cnndsl.ops.global_pool import AdaptiveAvgPool, AdaptiveMaxPool
from cnndsl.ops.norm import BatchNorm, GroupNorm, LocalResponseNorm
from cnndsl.ops.pool import Subsample
from cnndsl.shapes import product


class NodeGroup(NamedTuple):
    """A formula: ``site`` has the value x as its only input; its names stand for ``constants``, held in ``tensors``."""

    site: NodeContext
    constants: Mapping[str, Array]
    tensors: Mapping[str, str]
    inner: tuple[tuple[NodeProto, Mapping[str, Any]], ...]

    def attributes(self, kind: str) -> Mapping[str, Any]:
        """Those of the first inner node of a kind."""
        return next(attributes for node, attributes in self.inner if node.op_type == kind)


def layernorm(group: NodeGroup) -> Value:
    """Mean and variance over the last axes, by hand."""
    x = group.site.any()
    rank = len(group.site.builder.leading) + len(x.order)
    found = [attributes for node, attributes in group.inner if node.op_type == "ReduceMean"]
    reduced = [{int(axis) % rank for axis in attributes.get("axes") or range(rank)} for attributes in found]
    axes = reduced[0]
    if any(other != axes for other in reduced) or not all(attributes.get("keepdims", 1) for attributes in found):
        raise Refusal("its means are over different axes, or lose them")
    eps = decimal(group.constants["EPS"].reshape(()).item())
    first = min(axes)
    if first < len(group.site.builder.leading):
        raise Refusal("it works across the examples of the batch")
    if axes == set(range(first, rank)):
        return normalized_layer(group.site, first, eps)
    if len(axes) == 1 and x.order[first - len(group.site.builder.leading)] == 0:
        # Over the channels, wherever they are: as if they were ONNX's last axis.
        turned = x.ordered((*range(1, len(x.order)), 0))
        seen = NodeContext(group.site.builder, group.site.node, {}, [turned], group.site.opset, group.site.uses)
        return normalized_layer(seen, -1, eps).ordered(x.order)
    raise Refusal("it normalises over axes that are not the last")


def groupnorm(group: NodeGroup) -> Value:
    """Instance normalisation of groups that a reshape made into channels."""
    site, x = group.site, group.site.value()
    leading, full = site.builder.leading, (*site.builder.leading, *x.dimensions)
    inner = _reshaped(full, group.constants["INNER"])
    groups = inner[len(leading)] if len(inner) == len(leading) + 2 else 0
    if inner != (*leading, groups, x.shape.elements // max(groups, 1)) or x.shape.channels % groups:
        raise Refusal("it normalises a reshaped value")
    if _reshaped(inner, group.constants["OUTER"]) != full:
        raise Refusal("it normalises a reshaped value")
    for name, nothing in (("ONES", 1), ("ZEROS", 0)):
        tensor = group.tensors[name]
        if np.any(group.constants[name] != nothing) or (tensor in site.builder.learnt and called_weight(tensor)):
            raise Refusal("it scales the groups")
    eps = decimal(group.attributes("InstanceNormalization").get("epsilon", 1e-5))
    return site.emit(GroupNorm(groups=groups, eps=eps, affine=False), x)


def batchnorm(group: NodeGroup) -> Value:
    """Batch normalisation by hand, up to its bias: the statistics are buffers, and the weight stands behind the norm.

    Where the exporter worked out weight/sqrt(var + eps), that is the weight, of a variance of 1.
    """
    site, x, learnt = group.site, group.site.any(), group.site.builder.learnt
    statistics = [name for name in ("MEAN", "VAR") if name in group.constants]
    known = "VAR" in statistics or ("WEIGHT" in group.tensors and group.tensors["WEIGHT"] in learnt)
    if site.own_export or not known or any(group.tensors[name] not in learnt for name in statistics):
        raise Refusal("it normalises by constants")
    if statistics == ["MEAN"] and not called_mean(group.tensors["MEAN"]):
        raise Refusal("it subtracts what may be a parameter")
    mean = aligned(site, x, group.constants["MEAN"])
    x = site.builder.led_by(x, int(np.argmax(mean.shape)))
    buffers = {name: aligned(site, x, group.constants[name]) for name in statistics}
    layout = (x.shape.channels, *(1 for _ in x.shape.spatial))
    if any(array.shape != layout or not np.isfinite(array).all() for array in buffers.values()):
        raise Refusal("its statistics are not one per channel")
    op = BatchNorm(affine=False)
    variance = np.full(layout, 1 - op.eps)
    if "VAR" in statistics:
        eps = group.constants["EPS"]
        if eps.size != 1 or not 0 < eps.item() < np.inf or np.any(buffers["VAR"] < 0):
            raise Refusal("it divides by what is no standard deviation")
        op, variance = BatchNorm(affine=False, eps=decimal(eps.item())), buffers["VAR"]
    running = {"running_mean": buffers["MEAN"].ravel(), "running_var": variance.ravel()}
    value = site.emit(op, x.ordered(range(len(x.order))), **running).ordered(x.order)
    if "WEIGHT" not in group.tensors:
        return value
    tensor = group.tensors["WEIGHT"]
    return scaled(site, value, Constant(group.constants["WEIGHT"], tensor in learnt, called_weight(tensor)))


def _reshaped(shape: Sequence[int], target: Array) -> tuple[int, ...]:
    try:
        return reshaped(shape, target)
    except Unfoldable as error:
        raise Refusal(str(error)) from None


def subsample(group: NodeGroup) -> Value:
    """LeNet's layer: the mean times the number of cells, times a weight, plus a bias."""
    site = group.site
    x = map_of(site)
    rank = len(x.shape.spatial)
    pool = NodeContext(site.builder, site.node, group.attributes("AveragePool"), site.inputs, site.opset, site.uses)
    kernel, stride = numbers(pool, "kernel_shape", rank, 1), numbers(pool, "strides", rank, 1)
    cells, weight, bias = (group.constants[name] for name in ("CELLS", "WEIGHT", "BIAS"))
    channels = x.shape.channels
    plain = padding(pool, rank) == 0 and not pool.attribute("ceil_mode", 0)
    if not plain or set(numbers(pool, "dilations", rank, 1)) != {1}:
        raise Refusal("its windows are dilated or padded")
    if cells.size != 1 or cells.reshape(()) != product(kernel):
        raise Refusal("it scales the mean of windows")
    layout = (channels, *(1 for _ in x.shape.spatial))
    if any(aligned(site, x, part).shape != layout for part in (weight, bias)):
        raise Refusal("its weight or bias is not one per channel")
    op = Subsample(kernel=tuple(kernel), stride=None if stride == kernel else compact(stride))
    return site.emit(op, x, weight=np.ravel(weight), bias=np.ravel(bias))


def lrn(group: NodeGroup) -> Value:
    """Local response normalisation whose mean over channels is a pool along an axis that is theirs."""
    x = group.site.value()
    pool = group.attributes("AveragePool")
    kernel, pads = list(pool.get("kernel_shape", [])), list(pool.get("pads", [0] * 4))
    size = kernel[0] if kernel else 0
    full = (*group.site.builder.leading, *x.dimensions)
    inner = _reshaped(full, group.constants["INNER"])
    centred = kernel == [size, 1] and pads == [(size - 1) // 2, 0, size // 2, 0] and pool.get("count_include_pad")
    plain = not any(pool.get(name) for name in ("ceil_mode", "auto_pad")) and len(full) > 1
    steps = {*pool.get("strides", [1]), *pool.get("dilations", [1])}
    if not centred or not plain or steps != {1} or inner[:-1] != (full[0], 1, x.shape.channels):
        raise Refusal("it divides by a power of a mean")
    if _reshaped(inner, group.constants["OUTER"]) != full:
        raise Refusal("it divides by a power of a mean")
    numbers = {name: decimal(group.constants[name].reshape(()).item()) for name in ("ALPHA", "K", "BETA")}
    op = LocalResponseNorm(size=size, alpha=numbers["ALPHA"], k=numbers["K"], beta=numbers["BETA"])
    return group.site.emit(op, x)


def adaptive(group: NodeGroup) -> Value:
    """Adaptive pooling along one axis, its windows gathered; joined with that along another."""
    site = group.site
    x, cells = site.value(), group.constants["PLACES"]
    axis = site.axis(x, int(group.attributes("Gather").get("axis", 0)))
    if cells.ndim != 2 or axis == 0:
        raise Refusal("it reduces cells that it picks")
    size, index = x.shape.dimensions[axis], np.arange(len(cells))
    begins, ends = index * size // len(cells), -((index + 1) * -size // len(cells))
    places = begins[:, None] + np.arange(cells.shape[1])
    shares = (places < ends[:, None]) / (ends - begins)[:, None]
    given = group.constants.get("SHARES")
    place = len(site.builder.leading) + axis
    behind = len(x.shape.dimensions) - 1 - axis
    if given is not None and given.shape[given.ndim - behind - 2 :] != (*shares.shape, *(1,) * behind):
        raise Refusal("it reduces cells that it picks")
    _check_reduced(site, place + 1, place + 2 + behind, keeps=False)
    if not np.array_equal(np.minimum(places, ends[:, None] - 1), cells) or (
        given is not None and not (given.size == shares.size and np.allclose(given.reshape(shares.shape), shares))
    ):
        raise Refusal("it reduces cells that it picks")
    sizes = [len(cells) if place == axis else extent for place, extent in enumerate(x.shape.dimensions)][1:]
    op = AdaptiveMaxPool(size=tuple(sizes)) if given is None else AdaptiveAvgPool(size=tuple(sizes))
    before = site.builder.unread(x) if site.uses[group.tensors["x"]] == 1 else None
    if before is not None and type(before.op) is type(op) and x.shape.dimensions[axis] == before.extent(axis):
        return site.builder.replaced(before, op)
    return site.emit(op, x)


def strided(group: NodeGroup) -> Value:
    """PyTorch's as_strided: places counted through all examples. Only those of a reshape are places in each alone."""
    site, x, places = group.site, group.site.any(), group.constants["OUTER"]
    leading = site.builder.leading
    whole = group.constants["INNER"].tolist() in ([-1], [product(leading) * x.shape.elements])
    if not leading or not whole or places.ndim < 2 or places.shape[:1] != leading or site.attribute("axis", 0):
        raise Refusal("it picks cells that are no range")
    if not np.array_equal(places.ravel(), np.arange(places.size)) or places.size != leading[0] * x.shape.elements:
        raise Refusal("it picks cells that are no range")
    return site.reshape(x, places.shape[1:])


def _check_reduced(site: NodeContext, axis: int, rank: int, keeps: bool = True) -> None:
    """Refused, unless the last node reduces that axis of so many, and (if it must) none is kept."""
    axes = [int(place) % rank for place in site.attribute("axes", None) or []]
    if axes != [axis] or (not keeps and site.attribute("keepdims", 1)):
        raise Refusal("it reduces other axes, or keeps them")


def rbf(group: NodeGroup) -> Value:
    """The squared distances from centres."""
    site, x, centers = group.site, group.site.value(), group.constants["CENTERS"]
    leading = len(site.builder.leading)
    rank = leading + 2
    places = [given.get("axes", ()) for node, given in group.inner if node.op_type == "Unsqueeze"]
    new = {int(axis) % rank for axes in places for axis in axes}
    if centers.ndim != 2 or x.shape.dimensions != (centers.shape[1],) or new != {leading}:
        raise Refusal("it sums squares of differences")
    _check_reduced(site, leading + 1, rank)
    distances = site.emit(Rbf(units=centers.shape[0]), x, centers=centers)
    return site.reshape(distances, [centers.shape[0], 1]) if site.attribute("keepdims", 1) else distances


GROUPS: dict[str, Callable[[NodeGroup], Value]] = {
    "gelu": lambda group: pointwise(group.site, activation.Gelu()),
    "gelu_tanh": lambda group: pointwise(group.site, activation.Gelu(approximate="tanh")),
    "silu": lambda group: pointwise(group.site, activation.Silu()),
    "mish": lambda group: pointwise(group.site, activation.Mish()),
    "hardswish": lambda group: pointwise(group.site, activation.HardSwish()),
    "hardsigmoid": lambda group: pointwise(group.site, activation.HardSigmoid()),
    "softplus": lambda group: pointwise(group.site, activation.Softplus()),
    "softsign": lambda group: pointwise(group.site, activation.Softsign()),
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "batchnorm": batchnorm,
    "subsample": subsample,
    "lrn": lrn,
    "adaptive": adaptive,
    "strided": strided,
    "rbf": rbf,
}
