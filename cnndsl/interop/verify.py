"""Two executions of one network compared: the largest difference of each output, where they first part, and which of
them is nearer to a third in float64.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from cnndsl.analysis.resized import resized
from cnndsl.analysis.sizes import along
from cnndsl.arrays import Array
from cnndsl.extents.periodic import TooLong
from cnndsl.ir import Graph
from cnndsl.runtime.data.made import made_input

if TYPE_CHECKING:
    from cnndsl.interop.onnx.importer.layout import Layout

    Model: TypeAlias = tuple[str | PathLike[str], Layout | None]
    Run: TypeAlias = Callable[[Mapping[str, Array]], dict[str, Array]]

FEW = 8
"""Small sizes that are looked at for an odd one."""

TOLERANCE = 1e-4
"""The largest difference over the largest value (docs/conventions.md)."""


class Difference(NamedTuple):
    """How far two values of a layer are apart: the largest difference, and that over the largest value."""

    name: str
    """Of the layer."""
    absolute: float
    """Infinite where shapes differ, or where not the same cells are finite."""
    relative: float
    """Over the largest finite value of the other side."""

    def within(self, tolerance: float) -> bool:
        """Whether the relative difference is at most that."""
        return self.relative <= tolerance


class Judgement(NamedTuple):
    """How far the interpreter and ONNX Runtime are from an output in float64, over its largest value."""

    name: str
    interpreter: float
    onnxruntime: float

    @property
    def nearer(self) -> str:
        if self.interpreter == self.onnxruntime:
            return "neither"
        return "the interpreter" if self.interpreter < self.onnxruntime else "ONNX Runtime"


class Verification(NamedTuple):
    """The outputs compared; ``first`` is the first layer beyond the tolerance, if there is one.

    ``optimised`` is how far ONNX Runtime with its optimiser is from itself without it, ``judged`` what float64 says
    where the outputs differ by more than the tolerance.
    """

    outputs: tuple[Difference, ...]
    """In the order of the network."""
    first: Difference | None
    tolerance: float
    """The relative difference that is allowed."""
    optimised: tuple[Difference, ...] = ()
    """Where ONNX Runtime with its optimiser differs from itself without it."""
    judged: tuple[Judgement, ...] = ()
    """How far both are from float64, for outputs that differ."""
    sizes: tuple[dict[str, int], ...] = ()
    """Of a network with symbols the values that they had, one after the other: differences are the largest of all."""

    @property
    def ok(self) -> bool:
        """Whether all outputs are within the tolerance."""
        return all(output.within(self.tolerance) for output in self.outputs)

    def judged_by(
        self, exact: Mapping[str, Array], mine: Mapping[str, Array], theirs: Sequence[Array]
    ) -> "Verification":
        """The same with what ``exact`` says of the outputs that differ; ``theirs`` are ONNX Runtime's."""
        judged = tuple(
            Judgement(
                output.name,
                difference(output.name, mine[output.name], exact[output.name]).relative,
                difference(output.name, value, exact[output.name]).relative,
            )
            for output, value in zip(self.outputs, theirs, strict=True)
            if not output.within(self.tolerance)
        )
        return self._replace(judged=judged)


def verified(
    network: Graph,
    weights: Mapping[str, Array],
    run: "Run",
    exact: "Run",
    made: tuple[int, int],
    tolerance: float | None,
    model: "Model | None",
) -> Verification:
    """What ``run``, the interpreter, gives beside ONNX Runtime on random inputs, judged by ``exact`` in float64.

    ``made`` is how many random examples, and of which seed. ``model`` is a file whose own outputs are compared, with
    its layout where that is known. With symbols, this is done at several sizes.
    """
    allowed = TOLERANCE if tolerance is None else tolerance
    if not network.symbols:
        return _verified(network, weights, run, exact, made, allowed, model)
    found = []
    for size in sizes_compared(network):
        there = resized(network, size)
        found.append((size, _verified(there, weights, run, exact, made, allowed, model)))
    return together(found)


def _verified(
    network: Graph,
    weights: Mapping[str, Array],
    run: "Run",
    exact: "Run",
    made: tuple[int, int],
    tolerance: float,
    model: "Model | None",
) -> Verification:
    from cnndsl.interop.onnx.importer.beside import layout_beside
    from cnndsl.interop.onnx.runtime import make_runner, run_file

    inputs = {value.name: made_input(value, "random", *made) for value in network.inputs}
    mine = run(inputs)
    theirs = make_runner(network, weights, [node.name for node in network.layers], optimised=False)(inputs)
    if model is None:
        outputs = [theirs[name] for name in dict.fromkeys(network.outputs)]
        optimised = list(make_runner(network, weights)(inputs).values())
    else:
        path, known = model
        layout = known or layout_beside(network, path)
        given = layout.to_model(inputs.values())
        outputs, optimised = (layout.from_model(run_file(path, given, choice)) for choice in (False, True))
    found = compare(network, mine, theirs, outputs, tolerance, optimised)
    if found.ok or found.first is None:  # then the float64 run would be of another network than the model's
        return found
    return found.judged_by(exact(inputs), mine, outputs)


def sizes_compared(network: Graph) -> list[dict[str, int]]:
    """The sizes at which a network with symbols is compared: the default, the smallest, and one that is odd.

    Where no small one is odd, another small one is taken.
    """
    default = {one.name: one.default for one in network.symbols}
    smallest, odd = dict(default), dict(default)
    try:
        for one in network.symbols:
            found = along(resized(network, smallest), [one.name]).taken
            smallest[one.name] = found.least  # it has the size before
        if smallest == default and len(default) > 1:  # they may be tied
            found = along(network, [*default]).taken
            smallest = dict.fromkeys(default, found.least) if found else smallest
        odd = dict(smallest)
        for one in network.symbols:
            found = along(resized(network, odd), [one.name]).taken
            after = [*islice(found.members(odd[one.name] + 1, odd[one.name] + 1 + 2 * found.period), FEW)]
            odd[one.name] = next((size for size in after if size % 2), next(iter(after), odd[one.name]))
    except TooLong:
        pass  # without a short answer, what is known by then is compared
    return list({tuple(size.items()): size for size in (default, smallest, odd)}.values())


def together(found: Sequence[tuple[dict[str, int], Verification]]) -> Verification:
    """What was found at several sizes: the worst of them, with the largest differences of all."""
    worst = next((one for _, one in found if not one.ok), found[0][1])
    sizes = tuple(size for size, _ in found)

    def largest(of: Sequence[Sequence[Difference]]) -> tuple[Difference, ...]:
        return tuple(max(column, key=lambda one: one.relative) for column in zip(*of, strict=True))

    outputs = largest([one.outputs for _, one in found])
    return worst._replace(outputs=outputs, optimised=largest([one.optimised for _, one in found]), sizes=sizes)


def difference(name: str, mine: Array, theirs: Array) -> Difference:
    """Infinite where the shapes, or the places of what is not finite, are not the same."""
    if mine.shape != theirs.shape:
        return Difference(name, np.inf, np.inf)
    a, b = mine.astype(np.float64), theirs.astype(np.float64)
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(a[finite]).all():
        return Difference(name, np.inf, np.inf)
    largest = float(np.abs(a[finite] - b[finite]).max(initial=0.0))
    scale = float(np.abs(b[finite]).max(initial=0.0))
    return Difference(name, largest, largest / scale if scale else largest)


def compare(
    network: Graph,
    mine: Mapping[str, Array],
    theirs: Mapping[str, Array],
    outputs: Sequence[Array] | None = None,
    tolerance: float = TOLERANCE,
    optimised: Sequence[Array] = (),
) -> Verification:
    """Compares all layers' values in order; ``outputs`` are the outputs from elsewhere, if not those of ``theirs``, and
    ``optimised`` those of ONNX Runtime with its optimiser.
    """
    wanted = [theirs[name] for name in network.outputs] if outputs is None else outputs
    found = tuple(difference(name, mine[name], value) for name, value in zip(network.outputs, wanted, strict=True))
    changed = tuple(map(difference, network.outputs, optimised, wanted)) if optimised else ()
    result = Verification(found, None, tolerance, changed)
    if result.ok:
        return result
    layers = (difference(node.name, mine[node.name], theirs[node.name]) for node in network.layers)
    return result._replace(first=next((one for one in layers if not one.within(tolerance)), None))
