"""Activations: arrays of any shape to the same shape; softmax along axis 1.

Formulas are PyTorch's, also at infinities and NaN; large arguments neither overflow nor warn.
"""

import math
from typing import Literal

import numpy as np

from cnndsl.arrays import Array
from cnndsl.ops.activation import Selu
from cnndsl.runtime.kernels.arrays import CACHE_BYTES, per_channel


def relu(x: Array) -> Array:
    """max(x, 0) (Nair and Hinton 2010)."""
    result: Array = np.maximum(x, 0)
    return result


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6) (Krizhevsky 2010)."""
    return clip(x, 0, 6)


def clip(x: Array, minimum: float | None, maximum: float | None) -> Array:
    """min(max(x, minimum), maximum); None is no bound."""
    return np.clip(x, minimum, maximum)


@np.errstate(all="ignore")
def leaky_relu(x: Array, alpha: float) -> Array:
    """x where positive, else alpha * x (Maas et al. 2013)."""
    return np.where(x > 0, x, alpha * x)


@np.errstate(all="ignore")
def prelu(x: Array, weight: Array) -> Array:
    """x where positive, else weight * x, ``weight`` (C,) per channel of ``x`` (N, C, ...) (He et al. 2015)."""
    return np.where(x > 0, x, per_channel(weight, x) * x)


@np.errstate(all="ignore")
def elu(x: Array, alpha: float) -> Array:
    """x where positive, else alpha * (exp(x) - 1) (Clevert et al. 2016)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def selu(x: Array) -> Array:
    """A scaled :func:`elu` whose constants keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    return Selu.scale * elu(x, Selu.alpha)


@np.errstate(all="ignore")
def celu(x: Array, alpha: float) -> Array:
    """x where positive, else alpha * (exp(x / alpha) - 1) (Barron 2017)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@np.errstate(all="ignore")
def gelu(x: Array, approximate: Literal["none", "tanh"]) -> Array:
    """x * P(standard normal <= x), by erf or by the tanh approximation (Hendrycks and Gimpel 2016)."""
    if approximate == "tanh":
        gate = np.tanh(math.sqrt(2 / math.pi) * x * (1 + 0.044715 * np.square(x)))
    else:
        gate = erf(x * math.sqrt(1 / 2))
    result: Array = 0.5 * x * (1 + gate)
    return result


@np.errstate(all="ignore")
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    result: Array = 1 / (1 + np.exp(-x))
    return result


@np.errstate(all="ignore")
def silu(x: Array) -> Array:
    """x * sigmoid(x), also called swish (Elfwing et al. 2018)."""
    result: Array = x / (1 + np.exp(-x))
    return result


@np.errstate(all="ignore")
def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    result: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


@np.errstate(all="ignore")
def mish(x: Array) -> Array:
    """x * tanh(softplus(x)) (Misra 2019)."""
    result: Array = x * np.tanh(softplus(x))
    return result


@np.errstate(all="ignore")
def hardsigmoid(x: Array) -> Array:
    """relu6(x + 3) / 6."""
    result: Array = relu6(x + 3) / 6
    return result


@np.errstate(all="ignore")
def hardswish(x: Array) -> Array:
    """x * relu6(x + 3) / 6 (Howard et al. 2019, MobileNetV3)."""
    result: Array = x * hardsigmoid(x)
    return result


def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    result: Array = np.tanh(x)
    return result


@np.errstate(all="ignore")
def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    result: Array = x / (1 + np.abs(x))
    return result


def abs(x: Array) -> Array:
    """|x|."""
    return np.abs(x)


def neg(x: Array) -> Array:
    """-x."""
    return -x


@np.errstate(all="ignore")
def square(x: Array) -> Array:
    """x * x."""
    return np.square(x)


@np.errstate(all="ignore")
def sqrt(x: Array) -> Array:
    """The square root; NaN below 0."""
    return np.sqrt(x)


@np.errstate(all="ignore")
def exp(x: Array) -> Array:
    """e to the power of x."""
    return np.exp(x)


@np.errstate(all="ignore")
def log(x: Array) -> Array:
    """The natural logarithm; NaN below 0, minus infinity at 0."""
    return np.log(x)


@np.errstate(all="ignore")
def sin(x: Array) -> Array:
    """The sine; NaN at infinities."""
    return np.sin(x)


@np.errstate(all="ignore")
def pow(x: Array, exponent: float) -> Array:
    """x to the power of ``exponent``, as IEEE 754 has it: NaN for x below 0 unless that is a whole number."""
    return np.power(x, exponent)


@np.errstate(all="ignore")
def softmax(x: Array) -> Array:
    """exp(x) / sum of exp(x) over axis 1 of ``x`` (N, C, ...), the largest subtracted first."""
    result: Array = np.exp(x - x.max(axis=1, keepdims=True))
    result /= result.sum(axis=1, keepdims=True)
    return result


@np.errstate(all="ignore")
def log_softmax(x: Array) -> Array:
    """log(softmax(x)) over axis 1 of ``x`` (N, C, ...), without forming the quotient."""
    shifted: Array = x - x.max(axis=1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


ERF_SMALL = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
ERFC_LARGE = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)


@np.errstate(all="ignore")
def erf(x: Array) -> Array:
    """The error function, to about 1e-15 (W. J. Cody 1969, Rational Chebyshev approximations).

    Computed in float64 whatever the dtype, a cacheful at a time. Cody's second interval ends at 4 and serves beyond it
    here: there 1 - erf(x) is below 2e-8, and of that the fit keeps enough digits.
    """
    result = np.empty(x.shape, x.dtype)
    source, target = x.reshape(-1), result.reshape(-1)
    length = CACHE_BYTES // 64
    for start in range(0, source.size, length):
        part = source[start : start + length].astype(np.float64)
        size = np.abs(part)
        square = np.square(part)
        small = part * _quotient(ERF_SMALL, np.minimum(square, 0.25))
        complement = np.exp(-square) * _quotient(ERFC_LARGE, np.minimum(size, 8))
        target[start : start + length] = np.where(size <= 0.46875, small, np.copysign(1 - complement, part))
    return result


def _quotient(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """The quotient of two polynomials, highest powers first, by Horner's rule."""
    numerator, denominator = (np.full_like(x, polynomial[0]) for polynomial in coefficients)
    for above, below in zip(coefficients[0][1:], coefficients[1][1:], strict=True):
        numerator *= x
        numerator += above
        denominator *= x
        denominator += below
    numerator /= denominator
    return numerator
