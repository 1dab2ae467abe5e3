"""One output value of layers that read a vector, a line of channels, or several branches: a table of numbers."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from cnndsl.ops import activation, dense, global_pool, merge, norm
from cnndsl.runtime.trace.formulas import AFFINE, STANDARD, Rule
from cnndsl.runtime.trace.parts import Doubles, Places, Terms, TracedLayer, TraceStep, Working, coordinate_names, wide


def _numbered(what: str, columns: Mapping[str, Doubles], first: int = 0, marked: int | None = None) -> Terms:
    count = len(next(iter(columns.values())))
    listed = {name: tuple(column.tolist()) for name, column in columns.items()}
    return Terms(what, tuple(range(first, first + count)), listed, marked)


def product(op: dense.Dense, site: TracedLayer) -> Working:
    weights, inputs = wide(site.weights["weight"][site.channel]), wide(site.values[0])
    products = weights * inputs
    total = float(products.sum())
    steps = [TraceStep("sum", "", {}, total)]
    if "bias" in site.weights:
        bias = site.weight("bias", site.channel)
        steps.append(TraceStep("value", "{sum} + {bias}", {"sum": total, "bias": bias}, total + bias))
    terms = _numbered("feature", {"weight": weights, "input": inputs, "weight*input": products})
    return Working((site.all_channels(),), tuple(steps), terms=terms, notes=(f"unit {site.channel}",))


def distance(op: dense.Rbf, site: TracedLayer) -> Working:
    centers, inputs = wide(site.weights["centers"][site.channel]), wide(site.values[0])
    squares = np.square(inputs - centers)
    columns = {"input": inputs, "center": centers, "(input - center)^2": squares}
    steps = (TraceStep("sum", "", {}, float(squares.sum())),)
    notes = (f"unit {site.channel}",)
    return Working((site.all_channels(),), steps, terms=_numbered("feature", columns), notes=notes)


def embedding(op: dense.Embedding, site: TracedLayer) -> Working:
    place = site.position[1]
    word = int(site.values[0][place])
    value = site.weight("weight", word, site.channel)
    note = f"number {site.channel} in row {word} of the table of {op.vocabulary} words"
    return Working((site.at((place,)),), (TraceStep("value", "", {}, value),), notes=(note,))


def parameter(op: dense.Parameter, site: TracedLayer) -> Working:
    value = site.weight("weight", *site.position)
    return Working((), (TraceStep("value", "", {}, value),), notes=("a learned number; nothing is read",))


def softmax(op: activation.Softmax | activation.LogSoftmax, site: TracedLayer) -> Working:
    """The largest input is subtracted first, which changes nothing but keeps the powers finite."""
    inputs = site.column()
    largest = inputs.max()
    powers = np.exp(inputs - largest)
    numbers = {"x": site.cell, "largest": float(largest), "sum": float(powers.sum())}
    if isinstance(op, activation.LogSoftmax):
        rule = Rule("{x} - {largest} - ln({sum})", lambda x, largest, sum: x - largest - np.log(sum))
    else:
        rule = Rule("e^({x} - {largest})/{sum}", lambda x, largest, sum: np.exp(x - largest) / sum)
    steps = (
        TraceStep("largest", "", {}, numbers["largest"]),
        TraceStep("sum", "", {}, numbers["sum"]),
        rule.step(numbers),
    )
    what = "feature" if site.output.is_vector else "channel"
    terms = _numbered(what, {"x": inputs, "e^(x - largest)": powers}, marked=site.channel)
    return Working((site.all_channels(),), steps, terms=terms)


def reduced(op: global_pool.Reduce, site: TracedLayer) -> Working:
    """One line of cells along the axis."""
    index: tuple[Any, ...] = (*site.position[: op.axis], slice(None), *site.position[op.axis + 1 :])
    inputs, every = wide(site.values[0][index]), range(site.shapes[0].dimensions[op.axis])
    places = tuple((place,) for place in site.position[1:])
    if op.axis == 0:
        read = site.all_channels()
    else:
        read = site.read(site.position[:1], (*places[: op.axis - 1], tuple(every), *places[op.axis :]))
    what = coordinate_names(site.shapes[0])[op.axis]
    columns, total = {"x": inputs}, float(inputs.sum())
    if op.by in ("max", "min"):
        best = int(inputs.argmax() if op.by == "max" else inputs.argmin())
        step = TraceStep("value", "", {}, float(inputs[best]))
        return Working((read,), (step,), terms=_numbered(what, columns, marked=best))
    if op.by == "norm":
        columns["x^2"] = np.square(inputs)
        total = float(columns["x^2"].sum())
    steps = [TraceStep("sum", "", {}, total)]
    if op.by == "mean":
        numbers = {"sum": total, "cells": float(len(inputs))}
        steps.append(TraceStep("value", "{sum}/{cells}", numbers, total / len(inputs)))
    elif op.by == "norm":
        steps.append(TraceStep("value", "{sum}^(1/2)", {"sum": total}, total**0.5))
    return Working((read,), tuple(steps), terms=_numbered(what, columns))


def response(op: norm.LocalResponseNorm, site: TracedLayer) -> Working:
    """The neighbours are those of the kernel: an even size has its odd channel behind the middle one."""
    first = max(site.channel - (op.size - 1) // 2, 0)
    inputs = site.column()[first : site.channel + op.size // 2 + 1]
    squares = np.square(inputs)
    total = float(squares.sum())
    numbers = {"x": site.cell, "k": op.k, "alpha": op.alpha, "size": op.size, "sum": total, "beta": op.beta}
    rule = Rule(
        "{x}/({k} + {alpha}/{size}*{sum})^{beta}",
        lambda x, k, alpha, size, sum, beta: x / (k + alpha / size * sum) ** beta,
    )
    terms = _numbered("channel", {"x": inputs, "x^2": squares}, first, site.channel - first)
    read = site.read(range(first, first + len(inputs)), tuple((place,) for place in site.position[1:]))
    return Working((read,), (TraceStep("sum", "", {}, total), rule.step(numbers)), terms=terms)


def _standardised(site: TracedLayer, eps: float, channels: range, places: Places, weights: Sequence[int]) -> Working:
    """Mean and variance over some channels and places; ``weights`` is where the learnt factor and summand stand."""
    read = site.read(channels, places)
    numbers = wide(site.values[0][np.ix_(channels, *places)])
    mean, variance = float(numbers.mean()), float(numbers.var())
    known = {"x": site.cell, "mean": mean, "variance": variance, "eps": eps}
    known |= {name: site.weight(name, *weights) for name in site.weights}
    steps = (
        TraceStep("mean", "", {}, mean),
        TraceStep("variance", "", {}, variance),
        (AFFINE if site.weights else STANDARD).step(known),
    )
    count = len(channels) * prod(map(len, places))
    return Working((read,), steps, notes=(f"mean and variance are those of {count:,} numbers",))


def _everywhere(site: TracedLayer) -> Places:
    return tuple(tuple(range(size)) for size in site.output.spatial)


def layernorm(op: norm.LayerNorm, site: TracedLayer) -> Working:
    every = range(site.output.channels)
    if op.axes == "channel":
        return _standardised(site, op.eps, every, tuple((place,) for place in site.position[1:]), site.position[:1])
    return _standardised(site, op.eps, every, _everywhere(site), site.position)


def groupnorm(op: norm.GroupNorm, site: TracedLayer) -> Working:
    size = site.output.channels // op.groups
    first = site.channel // size * size
    return _standardised(site, op.eps, range(first, first + size), _everywhere(site), site.position[:1])


def instancenorm(op: norm.InstanceNorm, site: TracedLayer) -> Working:
    return _standardised(site, op.eps, range(site.channel, site.channel + 1), _everywhere(site), site.position[:1])


MERGED: dict[str, tuple[str, str, str, Callable[[Doubles], np.float64]]] = {
    "add": ("", " + ", "", np.sum),
    "mul": ("", "*", "", np.prod),
    "sub": ("", " - ", "", lambda values: values[0] - values[1]),
    "div": ("", "/", "", lambda values: values[0] / values[1]),
    "maximum": ("max(", ", ", ")", np.max),
    "minimum": ("min(", ", ", ")", np.min),
    "average": ("(", " + ", ")/{branches}", np.mean),
}
"""What stands before, between and behind the branches, and what computes it."""


def merged(op: merge.Merge, site: TracedLayer) -> Working:
    """One number a branch; an axis of size 1 has one cell for all positions."""
    reads, values = [], []
    for branch, shape in enumerate(site.shapes):
        place = tuple(0 if size == 1 else at for size, at in zip(shape.dimensions, site.position, strict=True))
        reads.append(site.at(place, branch))
        values.append(float(site.values[branch][place]))
    names = [f"branch {branch}" for branch in range(len(values))]
    before, between, behind, value = MERGED[op.operator]
    text = before + between.join(f"{{{name}}}" for name in names) + behind
    numbers = dict(zip(names, values, strict=True))
    if op.operator == "average":
        numbers["branches"] = float(len(values))
    step = TraceStep("value", text, numbers, float(value(np.array(values))))
    return Working(tuple(reads), (step,))
