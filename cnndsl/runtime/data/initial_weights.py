"""Initial weights: the same bytes for the same seed on any machine.

Random bits come from PCG64, whose stream NumPy guarantees; everything after that is IEEE arithmetic whose result every
machine agrees on (+ - * / sqrt and exact bit operations), because library logarithms may differ in the last bit.
"""

import hashlib
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cnndsl import ops, progress
from cnndsl.analysis.memory import BYTES
from cnndsl.arrays import Float32
from cnndsl.ir import Graph
from cnndsl.ops.base import Weight
from cnndsl.runtime.memory_limit import require_bytes

CHUNK_NUMBERS = 1 << 16
"""Numbers that are drawn at a time."""

Float64 = NDArray[np.float64]


def initial_weights(network: Graph, seed: int = 0, keep: Mapping[str, Float32] | None = None) -> dict[str, Float32]:
    """All tensors of a network by key; those in ``keep`` are taken from there.

    What feeds a rectifier starts He-normal (std sqrt(2/fan_in), He et al. 2015), everything else Glorot-uniform (limit
    sqrt(6/(fan_in + fan_out)), Glorot and Bengio 2010); biases 0, norms 1 and 0. The generator of a tensor is seeded by
    (seed, key), so that adding a layer leaves the others' weights as they were. Raises CnnError where what is made
    does not fit into memory.
    """
    kept = keep or {}
    made = sum(weight.elements for key, _, weight in network.all_weights() if key not in kept)
    advice = "make the network smaller, or use a machine with more memory"
    require_bytes(made * BYTES["float32"], f"making the initial weights of {network.name}", advice)
    progress.begin("making initial weights", made)
    rectified = feeding_rectifiers(network)
    return {
        key: kept[key] if key in kept else initial(weight, key, seed, node.name in rectified)
        for key, node, weight in network.all_weights()
    }


def feeding_rectifiers(network: Graph) -> set[str]:
    """The layers whose value reaches a rectifier through nothing but normalisation, pooling, merges and moves."""
    found: set[str] = set()
    for node in reversed(network.layers):
        family = ops.family(node.op.operator)
        transparent = node.name in found and family not in ("activation", "conv", "dense")
        if node.op.rectifier or transparent:
            found.update(node.inputs)
    return found


def initial(weight: Weight, key: str, seed: int, rectified: bool) -> Float32:
    """One tensor."""
    if weight.literal is not None:
        return np.array(weight.literal.elements, np.float32).reshape(weight.shape)
    if weight.init == "constant":
        return np.full(weight.shape, weight.fill, np.float32)
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest[:16], "little"))
    values = np.empty(weight.shape, np.float32)
    flat = values.reshape(-1)
    for start in range(0, flat.size, CHUNK_NUMBERS):
        part = flat[start : start + CHUNK_NUMBERS]
        uniform = (bits.random_raw(part.size) >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54
        part[:] = _shaped(weight, uniform, rectified)
        progress.advance(part.size)
    if weight.links is not None:
        values *= link_mask(weight)
    return values


def _shaped(weight: Weight, uniform: Float64, rectified: bool) -> Float64:
    """Uniform numbers in (0, 1) in the distribution that the tensor starts with."""
    if weight.init == "signs":
        return np.where(uniform < 0.5, -1.0, 1.0).astype(np.float64)
    if weight.init == "normal":
        return normal_quantile(uniform)
    if rectified:
        return normal_quantile(uniform) * math.sqrt(2.0 / weight.fan_in)
    limit = math.sqrt(6.0 / (weight.fan_in + weight.fan_out))
    return (2.0 * uniform - 1.0) * limit


def link_mask(weight: Weight) -> Float32:
    """1 for the links that a ``connect`` table has, 0 elsewhere; shaped to multiply the tensor."""
    mask = np.zeros((*weight.shape[:2], *(1 for _ in weight.shape[2:])), np.float32)
    for filter_index, channels in enumerate(weight.links or ()):
        mask[filter_index, list(channels)] = 1.0
    return mask


# Wichura 1988, "Algorithm AS 241: The Percentage Points of the Normal Distribution", PPND16, accurate to 1e-16.
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125,
     1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077,
     687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def normal_quantile(probability: Float64) -> Float64:
    """The standard normal quantile of probabilities in (0, 1)."""
    centred = probability - 0.5
    result = centred * _ratio(_CENTRE, 0.180625 - centred * centred)
    outside = np.abs(centred) > 0.425
    tail = np.minimum(probability[outside], 1.0 - probability[outside])
    root = np.sqrt(-natural_logarithm(tail))
    value = np.where(root <= 5.0, _ratio(_MIDDLE, root - 1.6), _ratio(_TAIL, root - 5.0))
    result[outside] = np.where(centred[outside] < 0.0, -value, value)
    return result


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Float64) -> Float64:
    above, below = (_polynomial(part, x) for part in coefficients)
    return above / below


def _polynomial(coefficients: tuple[float, ...], x: Float64) -> Float64:
    """Horner's rule, the highest power first."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def natural_logarithm(x: Float64) -> Float64:
    """ln x from its mantissa and exponent: ln m = 2 artanh((m - 1)/(m + 1)) with m in [sqrt(1/2), sqrt(2))."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < 0.7071067811865476
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    exponent = exponent - low
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    odd_reciprocals = tuple(1.0 / k for k in range(25, 0, -2))
    return 2.0 * ratio * _polynomial(odd_reciprocals, ratio * ratio) + exponent * 0.6931471805599453
