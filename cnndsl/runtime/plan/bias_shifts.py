"""Biases on their way: a layer leaves its bias to the layers that read it.

``relu(x + b) = max(x, -b) + b``: one pass gives a value that lacks a constant, its shift, one number a channel; to add
it would be another. So it is not added. A convolution that reads the value y, and not y + s, has ``W (y + s) = W y +
W s``, and ``W s`` belongs to its own bias. Where its windows see padding, which is 0, they must find ``-s``. Pooling,
sums, concatenations and factors hand shifts on; before anything else they are added, and to what is kept.

Where x is far below -b, y is -b, and what is made of it cancels only as far as float32 goes: an error of 6e-8 of the
shift. Larger shifts than LARGEST are added where they arise.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from typing import TypeAlias

import numpy as np

from cnndsl.arrays import Array
from cnndsl.ops import conv, merge, pool
from cnndsl.ops.base import Operator
from cnndsl.runtime.kernels.channels_last.strips import Follower
from cnndsl.runtime.plan.fusion import FusedLayer, per_channel_factors
from cnndsl.runtime.plan.linear import pads_with_rows

LARGEST = 8.0
"""Of the shifts that are carried."""

Shift: TypeAlias = Array | None
"""What a value lacks, (C,); None for nothing."""
Begin: TypeAlias = Callable[[FusedLayer, Sequence[Shift]], Shift]


def carry(layers: Sequence[FusedLayer], kept: Collection[str]) -> None:
    """Takes biases out of layers whose readers all do without, and puts into these what they have to make up for."""
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for layer in layers:
        for name in set(layer.inputs):  # what a follower adds may lack its shift in any case
            readers[name].append(layer.name)
    may: set[str] = set()
    takes: dict[str, bool] = {}
    for layer in reversed(layers):
        name = layer.name
        if name not in kept and all(takes[reader] for reader in readers[name]):
            may.add(name)
        takes[name] = _takes(layer, may)
    shifts: dict[str, Array] = {}
    for layer in layers:
        begin = _begin(layer.node.op)
        shift = None if begin is None else begin(layer, [shifts.get(name) for name in layer.inputs])
        others = [shifts.get(name) for name in layer.others]
        carried = _carried(layer.followers, shift, others) if layer.name in may else None
        if carried is None:
            layer.followers = _added(layer.followers, shift, others)
            if begin is _convolution and layer.followers and layer.followers[0].kind == "add":
                layer.bias = layer.followers.pop(0).operand
        else:
            layer.followers, left = carried
            if left is not None:
                shifts[layer.name] = left


def _takes(reader: FusedLayer, may: Collection[str]) -> bool:
    """Whether a layer can read a value that lacks its shift."""
    op = reader.node.op
    if isinstance(op, conv.Conv | conv.Depthwise):
        return not _sees_padding(reader) or pads_with_rows(reader)
    if isinstance(op, pool.AvgPool):
        return not (op.count_include_pad and _sees_padding(reader))
    if isinstance(op, merge.Concat):  # its inputs lie in its memory
        return op.axis == 0 and reader.name in may
    if isinstance(op, merge.Merge) and len(set(reader.shapes)) != 1:
        return False
    return _begin(op) is not None


def _sees_padding(layer: FusedLayer) -> bool:
    return any((*layer.window.begin, *layer.window.end))


def _convolution(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    """The bias and ``W s``."""
    (shift,), bias = shifts, layer.bias
    layer.bias = None
    if shift is None:
        return bias
    if layer.bounds is not None:
        low, high = layer.bounds
        layer.bounds = (None if low is None else low - shift, None if high is None else high - shift)
    elif _sees_padding(layer):
        layer.padding = -shift
    weight = layer.site.weight if layer.weight is None else layer.weight
    filters, links, *kernel = weight.shape
    groups = len(shift) // links
    wide = shift.astype(np.float64).reshape(groups, links)
    repeated = np.repeat(wide, int(np.prod(kernel)), axis=1)
    made: Array = (weight.reshape(groups, filters // groups, -1) @ repeated[..., None]).reshape(filters)
    if layer.factor is not None:
        made *= layer.factor
    return made if bias is None else made + bias


def _same(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    return shifts[0]


def _joined(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    if all(shift is None for shift in shifts):
        return None
    parts = zip(shifts, layer.shapes, strict=True)
    return np.concatenate([np.zeros(shape.channels) if shift is None else shift for shift, shape in parts])


def _sum(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    total: Shift = None
    for shift in shifts:
        total = _plus(total, shift)
    return total


def _difference(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    first, *others = shifts
    return _sum(layer, [first, *(None if other is None else -other for other in others)])


def _mean(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    total = _sum(layer, shifts)
    return None if total is None else total / len(shifts)


def _scaled(layer: FusedLayer, shifts: Sequence[Shift]) -> Shift:
    (shift,) = shifts
    return None if shift is None else per_channel_factors(layer.node, layer.site)[0] * shift


_BEGIN: Mapping[str, Begin] = {
    "conv": _convolution,
    "depthwise": _convolution,
    "concat": _joined,
    "add": _sum,
    "sub": _difference,
    "average": _mean,
}


def _begin(op: Operator) -> Begin | None:
    """What tells what a layer's result lacks before its followers, for what its inputs lack."""
    if op.hands_on_bias:
        return _same
    return _scaled if op.channel_affine else _BEGIN.get(op.operator)


def _plus(one: Shift, other: Shift) -> Shift:
    return other if one is None else one if other is None else one + other


def _carried(
    followers: Sequence[Follower], shift: Shift, others: Sequence[Shift]
) -> tuple[list[Follower], Shift] | None:
    """Followers that add no constant, and what the result lacks then; None where that cannot be."""
    found: list[Follower] = []
    for kind, operand in followers:
        if kind == "add":
            shift = _plus(shift, operand)
        elif kind in ("relu", "clip") and shift is not None:
            low, high = (0, inf) if kind == "relu" else operand
            found += [Follower("maximum", low - shift)] if low > -inf else []
            found += [Follower("minimum", high - shift)] if high < inf else []
        else:
            if kind == "other":
                shift = _plus(shift, others[operand])
            elif shift is not None:
                if kind != "multiply":
                    return None
                shift = shift * operand
            found.append(Follower(kind, operand))
    return (found, shift) if shift is None or _small(shift) else None


def _small(shift: Array) -> bool:
    return bool(np.abs(shift).max() <= LARGEST)


def _added(followers: Sequence[Follower], shift: Shift, others: Sequence[Shift]) -> list[Follower]:
    """The followers that make up for all shifts, as early as they can: convolutions add their bias for nothing."""
    found: list[Follower] = []
    begin = 0
    for follower in followers:
        kind, operand = follower
        if kind == "add":
            shift = _plus(shift, operand)
            continue
        if kind == "other":
            shift = _plus(shift, others[operand])
        elif shift is not None:
            found.insert(begin, Follower("add", shift))
            shift = None
        found.append(follower)
        if kind != "other":
            begin = len(found)
    if shift is not None:
        found.insert(begin, Follower("add", shift))
    return found
