"""Groups of nodes that mean one layer: what becomes of each formula of ``patterns``."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto

from cnndsl.arrays import Array
from cnndsl.interop.onnx.importer.elements import pointwise
from cnndsl.interop.onnx.importer.graph import NodeContext, Refusal, Value, decimal
from cnndsl.interop.onnx.importer.windows import compact, map_of, normalized_layer, numbers, padding
from cnndsl.ops import activation
from cnndsl.ops.dense import Rbf
from cnndsl.ops.norm import GroupNorm, LocalResponseNorm
from cnndsl.ops.pool import AdaptiveAvgPool, AdaptiveMaxPool, Subsample
from cnndsl.shapes import product


class NodeGroup(NamedTuple):
    """A formula found: ``site`` has the value x as its only input; ``constants`` are those that its names stand for."""

    site: NodeContext
    constants: Mapping[str, Array]
    inner: tuple[tuple[NodeProto, Mapping[str, Any]], ...]

    def attributes(self, kind: str) -> Mapping[str, Any]:
        """Those of the first inner node of a kind."""
        return next(attributes for node, attributes in self.inner if node.op_type == kind)


def layernorm(group: NodeGroup) -> Value:
    """Mean and variance over the last axes, by hand."""
    x = group.site.any()
    rank = len(group.site.builder.leading) + len(x.order)
    axes: set[int] = set()
    for node, attributes in group.inner:
        if node.op_type == "ReduceMean":
            found = attributes.get("axes")
            axes.update(int(axis) % rank for axis in (range(rank) if found is None else found))
            if not attributes.get("keepdims", 1):
                raise Refusal("its mean loses the axes")
    eps = decimal(group.constants["EPS"].reshape(()).item())
    first = min(axes)
    if axes == set(range(first, rank)):
        return normalized_layer(group.site, first, eps, None, np.zeros(1))
    if len(axes) == 1 and x.order[first - len(group.site.builder.leading)] == 0:
        # Over the channels, wherever they are: as if they were ONNX's last axis.
        turned = x.ordered((*range(1, len(x.order)), 0))
        seen = NodeContext(group.site.builder, group.site.node, {}, [turned], group.site.opset, group.site.uses)
        return normalized_layer(seen, -1, eps, None, np.zeros(1)).ordered(x.order)
    raise Refusal("it normalises over axes that are not the last")


def groupnorm(group: NodeGroup) -> Value:
    """Instance normalisation of groups that a reshape made into channels."""
    site, x = group.site, group.site.value()
    inner, outer = (np.ravel(group.constants[name]) for name in ("INNER", "OUTER"))
    leading = len(site.builder.leading)
    if len(inner) != leading + 2:
        raise Refusal("it normalises a reshaped value")
    groups = int(inner[leading])
    if groups < 1 or x.shape.channels % groups:
        raise Refusal("it normalises a reshaped value")
    wanted = tuple(
        int(size) if size > 0 else x.dimensions[place] if size == 0 else -1
        for place, size in enumerate(outer[leading:].tolist())
    )
    if len(wanted) != len(x.dimensions) or any(
        size not in (-1, extent) for size, extent in zip(wanted, x.dimensions, strict=True)
    ):
        raise Refusal("it normalises a reshaped value")
    if np.any(group.constants["ONES"] != 1) or np.any(group.constants["ZEROS"]):
        raise Refusal("it scales the groups")
    eps = decimal(group.attributes("InstanceNormalization").get("epsilon", 1e-5))
    return site.emit(GroupNorm(groups=groups, eps=eps, affine=False), x)


def subsample(group: NodeGroup) -> Value:
    """LeNet's layer: the mean times the number of cells, times a weight, plus a bias."""
    site = group.site
    x = map_of(site)
    rank = len(x.shape.spatial)
    pool = NodeContext(site.builder, site.node, group.attributes("AveragePool"), site.inputs, site.opset, site.uses)
    kernel, stride = numbers(pool, "kernel_shape", rank, 1), numbers(pool, "strides", rank, 1)
    cells, weight, bias = (group.constants[name] for name in ("CELLS", "WEIGHT", "BIAS"))
    channels = x.shape.channels
    if padding(pool, rank) != 0 or cells.size != 1 or cells.reshape(()) != product(kernel):
        raise Refusal("it scales the mean of windows")
    op = Subsample(kernel=tuple(kernel), stride=None if stride == kernel else compact(stride))
    return site.emit(
        op,
        x,
        weight=np.broadcast_to(np.ravel(weight), (channels,)),
        bias=np.broadcast_to(np.ravel(bias), (channels,)),
    )


def lrn(group: NodeGroup) -> Value:
    """Local response normalisation whose mean over channels is a pool along an axis that is theirs."""
    x = group.site.value()
    pool = group.attributes("AveragePool")
    kernel, pads = list(pool.get("kernel_shape", [])), list(pool.get("pads", [0] * 4))
    size = kernel[0] if kernel else 0
    inner = [int(extent) for extent in np.ravel(group.constants["INNER"])][1:]
    centred = kernel == [size, 1] and pads == [(size - 1) // 2, 0, size // 2, 0]
    if not centred or not pool.get("count_include_pad") or inner[:2] != [1, x.shape.channels]:
        raise Refusal("it divides by a power of a mean")
    numbers = {name: decimal(group.constants[name].reshape(()).item()) for name in ("ALPHA", "K", "BETA")}
    op = LocalResponseNorm(size=size, alpha=numbers["ALPHA"], k=numbers["K"], beta=numbers["BETA"])
    return group.site.emit(op, x)


def adaptive(group: NodeGroup) -> Value:
    """Adaptive pooling along one axis, its windows gathered; joined with that along another."""
    site = group.site
    x, cells = site.value(), group.constants["CELLS"]
    axis = site.axis(x, int(group.attributes("Gather").get("axis", 0)))
    if cells.ndim != 2 or axis == 0:
        raise Refusal("it reduces cells that it picks")
    size, index = x.shape.dimensions[axis], np.arange(len(cells))
    begins, ends = index * size // len(cells), -((index + 1) * -size // len(cells))
    places = begins[:, None] + np.arange(cells.shape[1])
    shares = (places < ends[:, None]) / (ends - begins)[:, None]
    given = group.constants.get("SHARES")
    if not np.array_equal(np.minimum(places, ends[:, None] - 1), cells) or (
        given is not None and not (given.size == shares.size and np.allclose(given.reshape(shares.shape), shares))
    ):
        raise Refusal("it reduces cells that it picks")
    sizes = [len(cells) if place == axis else extent for place, extent in enumerate(x.shape.dimensions)][1:]
    op = AdaptiveMaxPool(size=tuple(sizes)) if given is None else AdaptiveAvgPool(size=tuple(sizes))
    before = site.maker()
    if before is not None and type(before.op) is type(op) and x.shape.dimensions[axis] == before.extent(axis):
        return site.builder.replaced(before, op)
    return site.emit(op, x)


def rbf(group: NodeGroup) -> Value:
    """The squared distances from centres."""
    x, centers = group.site.value(), group.constants["CENTERS"]
    if centers.ndim != 2 or x.shape.dimensions != (centers.shape[1],):
        raise Refusal("it sums squares of differences")
    return group.site.emit(Rbf(units=centers.shape[0]), x, centers=centers)


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
    "subsample": subsample,
    "lrn": lrn,
    "adaptive": adaptive,
    "rbf": rbf,
}
