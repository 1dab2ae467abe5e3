"""One output value of what works element by element: a formula and the numbers that go into it."""

import re
from collections.abc import Callable, Mapping
from math import erf, sqrt
from typing import NamedTuple

import numpy as np

from cnndsl.ops import activation, norm
from cnndsl.ops.base import Operator
from cnndsl.runtime.kernels.activation import SELU_ALPHA, SELU_SCALE
from cnndsl.runtime.trace.parts import TracedLayer, TraceStep, Working


class Rule(NamedTuple):
    """A formula and what computes it from the numbers it names: NumPy's, which know infinities and NaN."""

    formula: str
    value: Callable[..., np.float64]

    def step(self, numbers: Mapping[str, float]) -> TraceStep:
        """The step to the layer's value; ``numbers`` may hold more than the formula names."""
        named = {name: float(numbers[name]) for name in dict.fromkeys(re.findall(r"{(\w+)}", self.formula))}
        value = self.value(**{name: np.float64(number) for name, number in named.items()})
        return TraceStep("value", self.formula, named, float(value))


X = Rule("{x}", lambda x: x)

RULES: dict[str, Rule | tuple[Rule, Rule]] = {
    "relu": Rule("max(0, {x})", lambda x: np.maximum(x, 0)),
    "relu6": Rule("min(max(0, {x}), 6)", lambda x: np.clip(x, 0, 6)),
    "leaky_relu": (X, Rule("{alpha}*{x}", lambda x, alpha: alpha * x)),
    "prelu": (X, Rule("{weight}*{x}", lambda x, weight: weight * x)),
    "elu": (X, Rule("{alpha}*(e^{x} - 1)", lambda x, alpha: alpha * np.expm1(x))),
    "selu": (
        Rule("{scale}*{x}", lambda x, scale: scale * x),
        Rule("{scale}*{alpha}*(e^{x} - 1)", lambda x, scale, alpha: scale * alpha * np.expm1(x)),
    ),
    "celu": (X, Rule("{alpha}*(e^({x}/{alpha}) - 1)", lambda x, alpha: alpha * np.expm1(x / alpha))),
    "silu": Rule("{x}/(1 + e^(-{x}))", lambda x: x / (1 + np.exp(-x))),
    "mish": Rule("{x}*tanh(ln(1 + e^{x}))", lambda x: x * np.tanh(np.logaddexp(0, x))),
    "hardswish": Rule("{x}*min(max(0, {x} + 3), 6)/6", lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "hardsigmoid": Rule("min(max(0, {x} + 3), 6)/6", lambda x: np.clip(x + 3, 0, 6) / 6),
    "sigmoid": Rule("1/(1 + e^(-{x}))", lambda x: 1 / (1 + np.exp(-x))),
    "tanh": Rule("tanh({x})", lambda x: np.tanh(x)),
    "softplus": Rule("ln(1 + e^{x})", lambda x: np.logaddexp(0, x)),
    "softsign": Rule("{x}/(1 + |{x}|)", lambda x: x / (1 + np.abs(x))),
    "clip": Rule("min(max({x}, {min}), {max})", lambda x, min, max: np.clip(x, min, max)),
    "scale": Rule("{weight}*{x}", lambda x, weight: weight * x),
    "normalize": Rule("({x} - {mean})/{std}", lambda x, mean, std: (x - mean) / std),
}
"""The formula of x; of two, the second holds where x is not above 0."""

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


def pointwise(op: Operator, site: TracedLayer) -> Working:
    """The formula with x, the operator's own numbers, and the channel's learnt ones."""
    rule = RULES[op.operator]
    numbers = {"x": site.cell, "scale": SELU_SCALE, **({"alpha": SELU_ALPHA} if op.operator == "selu" else {})}
    for name in type(op).model_fields:
        given = getattr(op, name)
        numbers[name] = given[site.channel] if isinstance(given, tuple) else given
    numbers |= {name: site.weight(name, site.channel) for name in site.weights}
    if isinstance(rule, Rule):
        return Working((site.here(),), (rule.step(numbers),))
    positive = site.cell > 0
    note = "x is above 0" if positive else "x is not above 0"
    return Working((site.here(),), (rule[not positive].step(numbers),), notes=(note,))


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
    note = () if op.operator == "identity" else ("dropout acts while training only",)
    return Working((site.here(),), (X.step({"x": site.cell}),), notes=note)
