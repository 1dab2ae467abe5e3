"""How a layer changes the receptive field: from that of what it reads to its own.

The fields themselves come from :mod:`cnndsl.analysis.receptive`. A rule is shown where it gives the same number; where
the picture is not that simple, words say why.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnndsl.analysis.lines import FormulaLine, line
from cnndsl.analysis.measured import Layer, Measured
from cnndsl.analysis.receptive import Pattern
from cnndsl.analysis.symbolic import Symbolic, axis_words
from cnndsl.analysis.terms import Term, maximum
from cnndsl.errors import quoted
from cnndsl.ops.base import AxisReach
from cnndsl.shapes import Shape


class Before(NamedTuple):
    """What one input of the layer sees along an axis of the network's input."""

    name: str
    shape: Shape
    symbolic: Shape
    """The same with terms."""
    pattern: Pattern


def growth(network: Measured, layer: Layer, symbolic: Symbolic) -> Iterator[FormulaLine]:
    """Size, jump and start of the field along every axis of the input that the layer's table line is about."""
    source = network.fields.first(layer.name)
    shapes = zip(network.graph.input_shapes(layer.node), symbolic.inputs, strict=True)
    inputs = dict(zip(layer.inputs, shapes, strict=True))
    seen = [(name, pair, network.fields.fields[name].get(source, ())) for name, pair in inputs.items()]
    words = axis_words(len(network.inputs[source].spatial)) or ("features",)
    for axis, (word, after) in enumerate(zip(words, layer.field, strict=True)):
        before = [Before(name, *pair, field[axis]) for name, pair, field in seen if field]
        if len(before) == 1:
            yield from _stepped(word, before[0], after, layer, symbolic)
        else:
            yield from _united(word, before, after, symbolic)


def _stepped(word: str, before: Before, after: Pattern, layer: Layer, symbolic: Symbolic) -> Iterator[FormulaLine]:
    pattern = before.pattern
    size = symbolic.term(pattern.size, "r", "receptive field of what the layer reads, in cells of the network's input")
    start = symbolic.term(pattern.start, "a", "first cell of the input that position 0 of what the layer reads sees")
    jump = symbolic.term(pattern.shift, "j", "jump: cells of the input from one position of what it reads to the next")
    reach = layer.node.op.reach((before.shape,) * len(layer.inputs), layer.shape)
    simple = len(pattern.intervals) == 1
    if reach == "nothing":
        yield line(word, after.size, "it reads nothing")
        return
    if pattern == after or pattern.axis is None:
        yield line(word, size, "it sees what its input sees")
        if pattern == after:
            yield from _moves(word, after, jump, start)
        return
    if isinstance(reach, str):
        positions = _extent(before.symbolic, pattern.axis)
        grown = size + (positions - 1) * jump if simple else size
        why = "its input stretches along this axis" if reach == "point" else "every position reads the whole axis"
        yield _checked(word, grown if reach == "whole" else size, after, why)
        return
    walked = _walk(reach, pattern.axis)
    if walked is None:
        yield _checked(word, size, after, "every position reads the whole axis")
        return
    axis, step = walked
    windows = symbolic.op.windows(before.symbolic)
    if not simple or step.rate != 1 or len(after.intervals) != 1:
        sizes = sorted({high - low + 1 for low, high in filter(None, after.intervals)})
        if simple and len(sizes) == 1 and None not in after.intervals:
            met = step.before // step.rate + step.after // step.rate + 1  # by position 0, and so by all
            yield _enlarged(word, size, jump, met, after, symbolic)
            yield from _moves(word, after)
            return
        several = f"positions see fields of {_listed(sizes)} cells in turn: the largest counts"
        uneven = "" if simple else "what it reads moves over the input in steps that are not alike"
        yield FormulaLine(word, "", "", after.size, several if len(sizes) > 1 else uneven)
        yield from _moves(word, after)
        return
    if windows:
        dilated = windows[axis].reach
        kernel: int = dilated
        if windows[axis].dilation > 1:
            kernel = symbolic.term(dilated, "Keff", "reach of the kernel with its dilation")
            yield line(f"{word}, Keff", dilated)
        begin = windows[axis].begin
        yield _checked(word, size + (kernel - 1) * jump, after)
        moved = start - begin * jump if isinstance(begin, Term) else start
        yield from _moves(word, after, jump * windows[axis].stride, moved)
        return
    more = step.before + step.after
    yield _checked(word, size + more * jump if more else size, after)
    yield from _moves(word, after, jump * step.step, start - step.before * jump if step.before else start)


def _enlarged(word: str, size: Term, jump: Term, met: int, after: Pattern, symbolic: Symbolic) -> FormulaLine:
    """The field of a layer that makes maps larger and whose positions all read equally many."""
    if met == 1:
        return _checked(word, size, after, "every position sees what one position of its input sees")
    positions = symbolic.term(met, "n", "positions of what the layer reads that one of its positions is made from")
    return _checked(word, size + (positions - 1) * jump, after)


def _walk(reach: Sequence[AxisReach], along: int) -> tuple[int, AxisReach] | None:
    """The output's axis that walks along an axis of the input, and how; None is no axis."""
    for axis, step in enumerate(reach):
        if (axis if step.source is None else step.source) == along:
            return axis, step
    return None


def _extent(shape: Shape, axis: int) -> int:
    return shape.spatial[axis] if shape.spatial else shape.channels


def _moves(word: str, after: Pattern, jump: int | None = None, start: int | None = None) -> Iterator[FormulaLine]:
    """How far the field moves from one position to the next, and where the first one begins."""
    if after.axis is None:
        return
    if after.stride.denominator == 1:
        yield line(f"{word}, jump", true_for(jump, int(after.stride)))
    else:
        yield FormulaLine(f"{word}, jump", "", "", None, f"{after.stride} cells on average")
    yield line(f"{word}, start", true_for(start, after.start), _outside(after.start))


def _outside(start: int) -> str:
    return f"{-start:,} cell{'s' if start < -1 else ''} into the padding" if start < 0 else ""


def _checked(word: str, grown: int, after: Pattern, words: str = "") -> FormulaLine:
    """The line of a rule that gives the field's size, or the size alone."""
    return line(word, true_for(grown, after.size), words)


def true_for(term: int | None, number: int) -> int:
    """The term of a rule that gives the number, or the number alone."""
    return term if term is not None and term == number else number


def _united(word: str, before: Sequence[Before], after: Pattern, symbolic: Symbolic) -> Iterator[FormulaLine]:
    """Several branches: the largest field, if it holds the others."""
    terms = []
    for index, branch in enumerate(before, 1):
        symbol = f"r{index}"
        terms.append(symbolic.term(branch.pattern.size, symbol, f"receptive field of {quoted(branch.name)}"))
    if not terms:
        yield FormulaLine(word, "", "", after.size, "")
        return
    largest = maximum(terms)
    if largest != after.size:
        yield FormulaLine(word, "", "", after.size, "the branches see different cells, together more than any of them")
    elif len({int(term) for term in terms}) == 1:
        yield line(word, terms[0], "all branches see equally much")
    else:
        winner = max(before, key=lambda branch: branch.pattern.size)
        yield line(word, largest, f"{quoted(winner.name)} decides: it sees the most")
    yield from _moves(word, after)


def _listed(sizes: Sequence[int]) -> str:
    return f"{sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 2 else " and ".join(f"{size:,}" for size in sizes)
