"""An operator and its inputs with terms for their numbers: what its own code computes then shows how."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cnndsl.analysis.terms import Term
from cnndsl.ops.base import Operator, Weight, Windowed
from cnndsl.ops.conv import Conv, ConvTranspose
from cnndsl.ops.dense import Embedding, Parameter
from cnndsl.ops.global_pool import AdaptivePool
from cnndsl.ops.merge import Concat
from cnndsl.ops.resize import Crop, Pad, Resize
from cnndsl.shapes import Shape, explicit_padding, per_axis

LETTERS = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

NAMED = {
    "filters": ("F", "filters: channels of the output"),
    "units": ("U", "units: features of the output"),
    "multiplier": ("M", "multiplier: filters for every channel"),
    "vocabulary": ("V", "vocabulary: words in the table"),
    "factor": ("factor", "pixels along each side of the square that channels become or are made from"),
    "begin": ("begin", "first index of the range"),
    "end": ("end", "index behind the last of the range"),
}
PER_AXIS = {
    "kernel": ("K", "kernel"),
    "stride": ("S", "stride: cells from one window to the next"),
    "dilation": ("dilation", "cells from one tap of the kernel to the next"),
    "scale": ("scale", "how many times larger it becomes"),
    "output_pad": ("output_pad", "cells added behind the end"),
}
SIDES = {
    (2, 0): (("Pt", "padding at the top"), ("Pb", "padding at the bottom")),
    (2, 1): (("Pl", "padding on the left"), ("Pr", "padding on the right")),
}


def axis_words(rank: int) -> tuple[str, ...]:
    """``("height", "width")``; numbers where there are more axes than words."""
    return AXES.get(rank) or tuple(f"axis {index}" for index in range(1, rank + 1))


def axis_letters(rank: int) -> tuple[str, ...]:
    return LETTERS.get(rank) or tuple(f"X{index}" for index in range(1, rank + 1))


def unlike(symbol: str, taken: Collection[str]) -> str:
    """The symbol, or with an i behind it where the network has one of that name: ``Hi``, beside the output's ``Ho``."""
    return f"{symbol}i" if symbol in taken else symbol


class _Connected(Conv):
    """A convolution with a ``connect`` table: its links take the place of filters times channels."""

    links: int = 0

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        tensors = super().weights(shapes)
        weight = tensors["weight"]
        return {**tensors, "weight": weight._replace(shape=(self.links, *weight.shape[2:]), links=None)}


class Symbolic:
    """An operator applied to shapes, both with terms in the place of numbers.

    ``op`` and ``inputs`` are equal to what they were made of, so that the operator's methods give the same as before.
    ``traced`` is the output shape as the operator computes it, ``output`` the same with a name for every number that
    has none, and ``legend`` says what each symbol means. None is called as one of ``taken``.
    """

    def __init__(self, op: Operator, inputs: Sequence[Shape], output: Shape, taken: Collection[str] = ()) -> None:
        self.taken = taken
        self.legend: dict[str, str] = {}
        self.inputs = self._inputs(inputs, op.axis if isinstance(op, Concat) else None)
        self.op = self._operator(op, inputs[0], output)
        self.traced = self._traced(op)
        self.output = self._output()

    def term(self, value: int, symbol: str, words: str) -> Term:
        """A number with a name."""
        symbol = unlike(symbol, self.taken)
        self.legend[symbol] = words
        return Term(value, symbol)

    def _inputs(self, shapes: Sequence[Shape], joined: int | None) -> tuple[Shape, ...]:
        """An axis has one symbol for all inputs where they are equally large, unless they are joined along it."""
        ranks = {len(shape.spatial) for shape in shapes}
        different = {
            axis for axis, sizes in enumerate(zip(*(s.dimensions for s in shapes), strict=False)) if len(set(sizes)) > 1
        }
        results = []
        for index, shape in enumerate(shapes, 1):
            terms = []
            for axis, size in enumerate(shape.dimensions):
                letter, word = _dimension(shape, axis)
                alike = len(ranks) == 1 and axis != joined and axis not in different
                if alike or len(shapes) == 1:
                    terms.append(self.term(size, letter, f"{word} of the input"))
                else:
                    terms.append(self.term(size, f"{letter}{index}", f"{word} of input {index}"))
            results.append(Shape(terms[0], tuple(terms[1:])))
        return tuple(results)

    def _operator(self, op: Operator, shape: Shape, output: Shape) -> Operator:
        rank = len(shape.spatial)
        fields = type(op).model_fields
        windows = op.windows(shape)
        changes: dict[str, Any] = {}
        for name, (symbol, words) in NAMED.items():
            if name in fields and (name != "multiplier" or getattr(op, name) > 1):
                changes[name] = self.term(getattr(op, name), symbol, words)
        for name, (symbol, words) in PER_AXIS.items():
            value = getattr(op, name) if name in fields else None
            if name == "stride" and windows:  # what is not written is the kernel
                value = tuple(axis.stride for axis in windows)
            if value:
                changes[name] = self._along(per_axis(value, rank, name), symbol, words, own=name == "kernel")
        if windows and "pad" in fields:
            changes["pad"] = self._padding([(axis.begin, axis.end) for axis in windows], "padding")
        if isinstance(op, Pad | Crop):
            words = "cells added" if isinstance(op, Pad) else "cells taken away"
            changes["size"] = self._padding(explicit_padding(op.size, rank), words)
        elif isinstance(op, Resize | AdaptivePool):
            changes["size"] = self._along(output.spatial, "size", "size asked for:", own=True)
        elif isinstance(op, Embedding):
            changes["size"] = self.term(op.size, "E", "size: numbers for every word")
        elif isinstance(op, Parameter):
            terms = []
            for axis, number in enumerate(op.shape.dimensions):
                letter, word = _dimension(op.shape, axis)
                terms.append(self.term(number, f"{letter}o", f"{word} of the output"))
            changes["shape"] = Shape(terms[0], tuple(terms[1:]))
        if isinstance(op, Conv | ConvTranspose) and op.groups > 1:
            changes["groups"] = self.term(op.groups, "G", "groups that channels and filters are divided into")
        if isinstance(getattr(op, "bias", None), tuple):
            changes["bias"] = True
        if "weight" in fields:
            changes["weight"] = None
        changed = op.model_copy(update=changes)
        if isinstance(changed, Conv) and changed.connect is not None:
            links = self.term(sum(map(len, changed.connect)), "links", "pairs of a filter and a channel that it sees")
            return _Connected.model_construct(**dict(changed), links=links)
        return changed

    def _along(self, values: Sequence[int], symbol: str, words: str, own: bool = False) -> tuple[Term, ...]:
        """One symbol for all axes where the values are equal; ``own``: one for each in any case."""
        rank = len(values)
        if rank == 1 or (len(set(values)) == 1 and not own):
            return tuple(self.term(value, symbol, words) for value in values)
        joint = "" if len(symbol) == 1 else "_"
        return tuple(
            self.term(value, f"{symbol}{joint}{letter.lower()}", f"{words} {axis}")
            for value, letter, axis in zip(values, axis_letters(rank), axis_words(rank), strict=True)
        )

    def _padding(self, pairs: Sequence[tuple[int, int]], words: str) -> tuple[Term, ...]:
        """All begins, then all ends, in as few symbols as their values need."""
        rank = len(pairs)
        if len(set(pairs)) == 1 and pairs[0][0] == pairs[0][1]:
            return (self.term(pairs[0][0], "P", f"{words} on each side"),) * (2 * rank)
        begins, ends = [], []
        for index, (begin, end) in enumerate(pairs):
            letter = "" if rank == 1 else axis_letters(rank)[index].lower()
            axis = axis_words(rank)[index]
            if begin == end:
                begins.append(self.term(begin, f"P{letter}", f"{words} on each side ({axis})"))
                ends.append(begins[-1])
                continue
            before, after = SIDES.get((rank, index)) or (
                (f"P{letter}1", f"padding before ({axis})"),
                (f"P{letter}2", f"padding after ({axis})"),
            )
            begins.append(self.term(begin, before[0], before[1].replace("padding", words)))
            ends.append(self.term(end, after[0], after[1].replace("padding", words)))
        return (*begins, *ends)

    def _traced(self, op: Operator) -> Shape:
        if not isinstance(op, Windowed):
            return self.op.output(self.inputs)
        written = op.geometry().pad
        # The padding that a word stands for may break the rules for one that is written in numbers.
        same = self.op.model_copy(update={"pad": written}) if isinstance(written, str) else self.op
        channels = same.output(self.inputs).channels
        return Shape(channels, tuple(axis.output for axis in self.op.windows(self.inputs[0])))

    def _output(self) -> Shape:
        terms = []
        for axis, size in enumerate(self.traced.dimensions):
            if isinstance(size, Term) and size.symbols.text in self.legend:
                terms.append(size)
            else:
                letter, word = _dimension(self.traced, axis)
                terms.append(self.term(size, f"{letter}o", f"{word} of the output"))
        return Shape(terms[0], tuple(terms[1:]))


def _dimension(shape: Shape, axis: int) -> tuple[str, str]:
    """The letter and the word of an axis, channels first."""
    rank = len(shape.spatial)
    if axis == 0:
        return ("C", "channels") if rank else ("N", "features")
    return axis_letters(rank)[axis - 1], axis_words(rank)[axis - 1]
