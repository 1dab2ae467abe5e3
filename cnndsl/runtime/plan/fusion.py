"""Graph passes: which layers are computed together.

What does nothing when a network runs (dropout, identity) disappears. Batch normalisation and other per-channel factors
go into the weights of the convolution before them; activations and sums with a residual branch are done in place, by
whoever computes their input. What stays apart is what is kept or read by several.

Constants are worked out in float64 and rounded once, at the end: an error in them is the same in every cell, and does
not average out as those of sums do.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cnndsl.arrays import Array, Float32
from cnndsl.ir import Graph, Node
from cnndsl.ops import conv, merge, norm
from cnndsl.ops.function import Neg
from cnndsl.runtime.kernels.channels_last import activations
from cnndsl.runtime.kernels.channels_last.strips import PER_CHANNEL, Follower, Window
from cnndsl.runtime.kernels.dispatch import Compute, LayerContext, compute
from cnndsl.shapes import Shape

Tensors = Mapping[str, Float32]


@dataclass
class FusedLayer:
    """Layers computed in one go: ``node`` and then its followers, in place.

    ``inputs`` are the node's, ``others`` the values that followers of kind ``other`` add, in order. ``weight``,
    ``factor`` (one a filter) and ``bias`` are those of a linear node; ``bounds`` clip its input beforehand, ``padding``
    is what its windows find around it, (C,), where that is not 0. A ``precise`` layer must not use an algorithm that
    errs much more than a plain product.
    """

    node: Node
    name: str
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    weights: Tensors
    covers: list[str]
    weight: Array | None = None
    factor: Array | None = None
    bias: Array | None = None
    bounds: tuple[Array | None, Array | None] | None = None
    padding: Array | None = None
    precise: bool = False
    followers: list[Follower] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def site(self) -> LayerContext:
        return LayerContext(self.shapes, self.node.shape, self.weights)

    def kernel(self) -> Float32:
        """The weight of a linear node, factors folded in."""
        weight = self.site.weight if self.weight is None else self.weight
        if self.factor is None:
            return weight.astype(np.float32, copy=False)
        if isinstance(self.node.op, conv.ConvTranspose):  # (C, F/groups, *kernel)
            groups = self.node.op.groups
            channels, filters = weight.shape[:2]
            parts = weight.reshape(groups, channels // groups, filters, -1)
            return _rounded_product(parts, self.factor.reshape(groups, 1, filters, 1)).reshape(weight.shape)
        return _rounded_product(weight, self.factor.reshape(-1, *(1 for _ in weight.shape[1:])))

    def round_constants(self) -> None:
        """Bias, padding, bounds and what followers apply become float32, as kernels take them."""
        self.bias, self.padding = _rounded(self.bias), _rounded(self.padding)
        if self.bounds is not None:
            low, high = self.bounds
            self.bounds = (_rounded(low), _rounded(high))
        self.followers = [
            Follower(kind, _rounded(operand)) if kind in PER_CHANNEL else Follower(kind, operand)
            for kind, operand in self.followers
        ]

    @cached_property
    def window(self) -> Window:
        """That of a layer whose window slides along the spatial axes."""
        op: Any = self.node.op
        axes = op.windows(self.shapes[0])
        return Window(
            tuple(axis.kernel for axis in axes),
            tuple(axis.stride for axis in axes),
            tuple(axis.dilation for axis in axes),
            tuple(axis.begin for axis in axes),
            self.node.shape.spatial,
            tuple(axis.end for axis in axes),
        )

    @property
    def reads(self) -> tuple[str, ...]:
        return (*self.inputs, *self.others)


def _rounded(constants: Array | None) -> Float32 | None:
    return None if constants is None else constants.astype(np.float32)


def _rounded_product(weight: Array, factor: Array) -> Float32:
    """The product in float32, worked out in float64 without a copy that is as large."""
    out = np.empty(weight.shape, np.float32)
    return np.multiply(weight, factor, out=out, dtype=np.float64, casting="same_kind")


@dataclass
class FusedGraph:
    """Fused layers in order, and for every name the value that holds it."""

    layers: list[FusedLayer]
    holder: dict[str, str]


def fuse(network: Graph, tensors: Mapping[str, Tensors], kept: Sequence[str]) -> FusedGraph:
    """``tensors`` are the weights by layer and local name; layers in ``kept`` are computed as values of their own."""
    holder = {value.name: value.name for value in network.inputs}
    for node in network.layers:
        passed = node.op.does_nothing(network.shapes[node.inputs[0]], node.shape)
        holder[node.name] = holder[node.inputs[0]] if passed else node.name
    readers = Counter(holder[name] for node in network.layers if holder[node.name] == node.name for name in node.inputs)
    readers.update(holder[name] for name in kept)
    position: dict[str, int] = {}
    layers: list[FusedLayer] = []
    for node in network.layers:
        if holder[node.name] != node.name:
            continue
        inputs = tuple(holder[name] for name in node.inputs)
        site = LayerContext(network.input_shapes(node), node.shape, tensors.get(node.share or node.name, {}))
        at = max((position.get(name, -1) for name in inputs), default=-1)
        host = layers[at] if at >= 0 and readers[layers[at].name] == 1 else None
        if host is not None and isinstance(host.node.op, merge.Concat):
            host = None  # its branches, read by others, lie in its buffer
        if host is None or not _absorb(host, node, inputs, site):
            host = FusedLayer(node, node.name, inputs, site.shapes, site.weights, [])
            if node.op.linear:
                host.weight, host.bias = site.weights["weight"], site.weights.get("bias")
            layers.append(host)
            at = len(layers) - 1
        host.name = node.name
        host.covers.append(node.name)
        position[node.name] = at
    _lift(layers, readers)
    _postpone(layers, readers)
    return FusedGraph(_clip_before(layers, readers), holder)


def _absorb(host: FusedLayer, node: Node, inputs: tuple[str, ...], site: LayerContext) -> bool:
    """Makes a layer a follower of the one that computes its (last) input; False where it is none."""
    if isinstance(node.op, merge.Add):
        if len(set(inputs)) != 2 or len(inputs) != 2 or len(set(site.shapes)) != 1 or not host.node.op.linear:
            return False
        host.others.append(next(name for name in inputs if name != host.name))
        host.followers.append(Follower("other", len(host.others) - 1))
        return True
    if node.op.channel_affine:
        factor, shift = per_channel_factors(node, site)
        if host.weight is None or host.followers:
            host.followers += [Follower("multiply", factor), Follower("add", shift)]
        else:
            _fold(host, factor, shift)
        return True
    if node.op.elementwise:
        follower = activation(node, site)
        if host.weight is not None and not host.followers and follower.operand in activations.OF_DOUBLE:
            _scale(host, 0.5)
            follower = Follower("map", activations.OF_DOUBLE[follower.operand])
        host.followers.append(follower)
    return node.op.elementwise


def activation(node: Node, site: LayerContext) -> Follower:
    """How an element-wise activation is done in place on arrays with the channels last: by its kernel, or faster."""
    faster = _FASTER.get(node.op.operator)
    if faster:
        return faster(node.op, site)
    kernel = compute(node.op, site)
    return Follower("apply", _with_channels_last(kernel) if site.weights else kernel)


def _with_channels_last(kernel: Compute) -> Compute:
    return lambda x: np.moveaxis(kernel(np.moveaxis(x, -1, 1)), 1, -1)


_FASTER: dict[str, Callable[[Any, LayerContext], Follower]] = {
    "relu": lambda op, site: Follower("relu"),
    "relu6": lambda op, site: Follower("clip", (0.0, 6.0)),
    "clip": lambda op, site: Follower("clip", op.bounds),
    "tanh": lambda op, site: Follower("map", np.tanh),
    "gelu": lambda op, site: Follower("map", activations.gelu if op.approximate == "none" else activations.gelu_tanh),
    "silu": lambda op, site: Follower("map", activations.silu),
    "sigmoid": lambda op, site: Follower("map", activations.sigmoid),
    "hardsigmoid": lambda op, site: Follower("map", activations.hardsigmoid),
    "hardswish": lambda op, site: Follower("map", activations.hardswish),
}


def per_channel_factors(node: Node, site: LayerContext) -> tuple[Array, Array]:
    """The factor and the shift (C,) that a normalisation by constants is, in float64."""
    op, channels = node.op, site.output.channels
    weights = {name: tensor.astype(np.float64) for name, tensor in site.weights.items()}
    if isinstance(op, norm.BatchNorm):
        factor = 1 / np.sqrt(weights["running_var"] + op.eps)
        if "weight" in weights:
            factor = factor * weights["weight"]
        shift = weights.get("bias", np.zeros(1)) - weights["running_mean"] * factor
    elif isinstance(op, norm.Normalize):
        mean, std = (np.broadcast_to(np.asarray(values, np.float64), channels) for values in (op.mean, op.std))
        factor, shift = 1 / std, -mean / std
    elif isinstance(op, Neg):
        factor, shift = -np.ones(channels), np.zeros(channels)
    else:
        factor, shift = weights.get("weight", np.ones(channels)), weights.get("bias", np.zeros(channels))
    return factor, shift


def _fold(host: FusedLayer, factor: Array, shift: Array) -> None:
    """``factor * (W x + b) + shift = (factor W) x + (factor b + shift)``."""
    host.factor = factor if host.factor is None else factor * host.factor
    host.bias = shift if host.bias is None else factor * host.bias + shift


def _scale(host: FusedLayer, factor: float) -> None:
    """``factor * (W x + b)``."""
    host.factor = np.full(host.node.shape.channels, factor) if host.factor is None else factor * host.factor
    host.bias = None if host.bias is None else factor * host.bias


def _lift(layers: Sequence[FusedLayer], readers: Mapping[str, int]) -> None:
    """What every branch of a concatenation does at its end, bias and relu, is done once on the whole.

    The branches lie side by side in rows of all channels: their parts are many short runs, the whole is one.
    """
    by_name = {layer.name: layer for layer in layers}
    for whole in layers:
        branches = [by_name.get(name) for name in whole.inputs]
        if not isinstance(whole.node.op, merge.Concat) or whole.node.op.axis != 0 or None in branches:
            continue
        parts = [branch for branch in branches if branch is not None]
        if all(
            isinstance(branch.node.op, conv.Conv | conv.Depthwise)
            and [follower.kind for follower in branch.followers] == ["relu"]
            and readers[branch.name] == 1
            for branch in parts
        ):
            nothing = [np.zeros(branch.node.shape.channels) for branch in parts]
            biases = [zeros if part.bias is None else part.bias for part, zeros in zip(parts, nothing, strict=True)]
            whole.followers += [Follower("add", np.concatenate(biases)), Follower("relu")]
            for branch in parts:
                branch.bias = None
                branch.followers = []


def _postpone(layers: Sequence[FusedLayer], readers: Mapping[str, int]) -> None:
    """An activation before a largest or smallest cell is done after it, on the few cells left, if it keeps the order.
    Every window must have a real cell, which those with dilation may not have: there the largest is minus infinity.
    """
    by_name = {layer.name: layer for layer in layers}
    for layer in layers:
        first = by_name.get(layer.inputs[0])
        op = layer.node.op
        if not (op.window_pool and op.order_statistic) or first is None or readers[first.name] != 1:
            continue
        if {*layer.window.dilation} == {1} and first.followers and _keeps_order(first.followers[-1]):
            layer.followers.insert(0, first.followers.pop())
            if len(first.covers) > 1:  # a concatenation's activation may be that of its branches
                layer.covers.insert(1, first.covers.pop())


def _keeps_order(follower: Follower) -> bool:
    """Whether the larger of two numbers stays the larger."""
    return follower.kind in ("relu", "clip") or (follower.kind == "map" and follower.operand in activations.RISING)


def _clip_before(layers: list[FusedLayer], readers: Mapping[str, int]) -> list[FusedLayer]:
    """Normalise, relu, then a 1x1 convolution: see ``kernels.channels_last.matrix``."""
    by_name = {layer.name: layer for layer in layers}
    gone: set[str] = set()
    for layer in layers:
        first = by_name.get(layer.inputs[0])
        if first is None or readers[first.name] != 1 or not _is_matrix(layer) or layer.weight is None:
            continue
        if not first.node.op.channel_affine or len(first.followers) != 1:
            continue
        if first.followers[0].kind != "relu":
            continue
        factor, shift = per_channel_factors(first.node, first.site)
        usable = np.abs(factor) > 1e-6 * np.abs(shift)
        edge = np.where(usable, -shift / np.where(usable, factor, 1), 0)
        low = np.where(usable & (factor < 0), -np.inf, edge)
        high = np.where(usable & (factor > 0), np.inf, edge)
        weight = layer.weight.reshape(len(layer.weight), -1).astype(np.float64)
        constant = weight @ np.where(usable, shift, np.maximum(shift, 0))
        if layer.factor is not None:
            constant *= layer.factor
        layer.bounds = (_unless(low, -np.inf), _unless(high, np.inf))
        layer.weight = (weight * np.where(usable, factor, 0)).reshape(layer.weight.shape)
        layer.bias = constant if layer.bias is None else constant + layer.bias
        layer.inputs, layer.shapes = first.inputs, first.shapes
        layer.covers[:0] = first.covers
        gone.add(first.name)
    return [layer for layer in layers if layer.name not in gone]


def _unless(bounds: Array, nothing: float) -> Array | None:
    """Bounds, or None where they bound nothing."""
    return None if (bounds == nothing).all() else bounds


def _is_matrix(layer: FusedLayer) -> bool:
    op = layer.node.op
    if not isinstance(op, conv.Conv) or op.groups != 1 or op.pad_mode != "zeros":
        return False
    return layer.window.plain
