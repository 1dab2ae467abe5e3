"""One output value of what works element by element: a formula and the numbers that go into it."""

import re
from collections.abc import Callable, Mapping
from math import erf, sqrt
from typing import NamedTuple

import numpy as np

from cnndsl.ops import activation, norm
from cnndsl.ops.base import Operator
from cnndsl.runtime.kernels.dispatch import LayerContext, compute
from cnndsl.runtime.trace.parts import TracedLayer, TraceStep, Working, wide
from cnndsl.shapes import Shape


class Rule(NamedTuple):
    """A formula and what computes it from the numbers it names: NumPy's, which know infinities and NaN."""

    formula: str
    value: Callable[..., np.float64]

    def step(self, numbers: Mapping[str, float]) -> TraceStep:
        """The step to the layer's value; ``numbers`` may hold more than the formula names."""
        named = {name: float(numbers[name]) for name in dict.fromkeys(re.findall(r"{(\w+)}", self.formula))}
        value = self.value(**{name: np.float64(number) for name, number in named.items()})
        return TraceStep("value", self.formula, named, float(value))


GELU = {
    "none": Rule("{x}*Phi({x})", lambda x: x * (1 + erf(x / sqrt(2))) / 2),
    "tanh": Rule(
        "{x}*(1 + tanh(sqrt(2/pi)*({x} + 0.044715*{x}^3)))/2",
        lambda x: x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    ),
}

STANDARD = Rule(
    "({x} - {mean})/sqrt({variance} + {eps})",
    lambda x, mean, variance, eps: (x - mean) / np.sqrt(variance + eps),
)
AFFINE = Rule(
    STANDARD.formula + "*{weight} + {bias}",
    lambda x, mean, variance, eps, weight, bias: (x - mean) / np.sqrt(variance + eps) * weight + bias,
)


def elementwise(op: Operator, site: TracedLayer) -> Working:
    """The operator's formula with x, its parameters and the channel's weights, computed by its kernel in float64."""
    positive = site.cell > 0
    formula = op.formulas()[0 if positive else -1]
    numbers = {name: _number(name, op, site) for name in dict.fromkeys(re.findall(r"{(\w+)}", formula))}
    notes = (("x is above 0" if positive else "x is not above 0"),) if len(op.formulas()) > 1 else ()
    return Working((site.here(),), (TraceStep("value", formula, numbers, _value(op, site)),), notes=notes)


def _number(name: str, op: Operator, site: TracedLayer) -> float:
    if name == "x":
        return site.cell
    if name in site.weights:
        return site.weight(name, site.channel)
    given = getattr(op, name)
    return float(given[site.channel] if isinstance(given, tuple) else given)


def _value(op: Operator, site: TracedLayer) -> float:
    """That of a vector of equal features at the channel: every element is computed by itself."""
    channels = Shape(site.shapes[0].channels)
    weights = {name: wide(values) for name, values in site.weights.items()}
    kernel = compute(op, LayerContext((channels,), channels, weights))
    return float(kernel(np.full((1, channels.channels), site.cell))[0, site.channel])


def gelu(op: activation.Gelu, site: TracedLayer) -> Working:
    notes = ("Phi is the distribution function of the standard normal distribution",)
    step = GELU[op.approximate].step({"x": site.cell})
    return Working((site.here(),), (step,), notes=notes if op.approximate == "none" else ())


def batchnorm(op: norm.BatchNorm, site: TracedLayer) -> Working:
    channel = site.channel
    numbers = {
        "x": site.cell,
        "mean": site.weight("running_mean", channel),
        "variance": site.weight("running_var", channel),
        "eps": op.eps,
    }
    if op.affine:
        numbers |= {"weight": site.weight("weight", channel), "bias": site.weight("bias", channel)}
    return Working((site.here(),), ((AFFINE if op.affine else STANDARD).step(numbers),))


def unchanged(op: Operator, site: TracedLayer) -> Working:
    note = ("dropout acts while training only",) if op.drops else ()
    return Working((site.here(),), (TraceStep("value", "{x}", {"x": site.cell}, site.cell),), notes=note)
