"""The sizes that a network takes, against trying them one by one."""

import os
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

import cnndsl
from cnndsl import ops
from cnndsl.analysis.resized import resized
from cnndsl.analysis.sizes import Along, along, operator_for, with_symbols
from cnndsl.errors import CnnError
from cnndsl.extents.expression import evaluated
from cnndsl.extents.extent import Extent
from cnndsl.extents.periodic import TooLong
from cnndsl.extents.words import described
from cnndsl.ir import Graph
from cnndsl.shapes import Shape, ShapeError
from tests import generators
from tests.example_networks import EXAMPLES, loaded, networks

LARGEST = 700
CASES_EACH = 12
CHAINS = 5 * int(os.environ.get("CNNDSL_FUZZ", "10"))
"""For each of 20 seeds; 5,000 in all have been compared (CNNDSL_FUZZ=50)."""


def tried(graph: Graph, values: Mapping[str, int], known: dict[object, Shape | None]) -> list[Shape] | None:
    """The outputs by numbers alone; None where a layer does not take its input, or would have other weights."""
    shapes = {}
    if not all(evaluated(assumption.text, values) for assumption in graph.assumptions):
        return None
    for value in graph.inputs:
        extents = [evaluated(text, values) for text in value.extents] or list(value.shape.dimensions)
        shapes[value.name] = Shape(extents[0], tuple(extents[1:]))
    for node in graph.layers:
        before = tuple(shapes[name] for name in node.inputs)
        op = operator_for(node, values)
        key = (node.name, before, op)
        if key not in known:
            try:
                output = op.output(before)
                found = {name: weight.shape for name, weight in op.weights(before).items()}
                wanted = {name: weight.shape for name, weight in node.op.weights(graph.input_shapes(node)).items()}
                known[key] = output if found == wanted else None
            except ShapeError:
                known[key] = None
        shape = known[key]
        if shape is None:
            return None
        shapes[node.name] = shape
    return [shapes[name] for name in graph.outputs]


def numbers(found: Along, name: str, size: int) -> tuple[int, ...]:
    return tuple(n.at(size) if isinstance(n, Extent) else n for n in found.shapes[name].dimensions)


def compare(graph: Graph, largest: int) -> None:
    general = with_symbols(graph)
    defaults = {one.name: one.default for one in general.symbols}
    for symbol in defaults:
        found, known = along(general, [symbol]), {}
        for size in range(1, largest + 1):
            outputs = tried(general, {**defaults, symbol: size}, known)
            assert (outputs is not None) == (size in found.taken), (symbol, size, described(found.taken))
            if outputs is not None:
                assert [numbers(found, name, size) for name in graph.outputs] == [o.dimensions for o in outputs]


@pytest.mark.parametrize(("path", "name"), [*networks()], ids=lambda value: getattr(value, "stem", value))
def test_every_network_of_the_examples(path: Path, name: str | None) -> None:
    graph = loaded(path, name).graph
    compare(graph, LARGEST if len(graph.layers) < 100 else 260)


@pytest.mark.parametrize("name", ops.NAMES)
def test_random_layers(name: str) -> None:
    for index in range(CASES_EACH):
        text = generators.sound_layer(Random(f"sizes/{name}/{index}"), name)
        try:
            compare(cnndsl.loads(text).graph, 60)
        except TooLong:
            pytest.fail(f"no answer for\n{text}")


@pytest.mark.parametrize("seed", range(150))
def test_random_networks(seed: int) -> None:
    text = generators.network_text(f"sizes {seed}", 8)
    compare(cnndsl.loads(text).graph, 60)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (("unet.cnn", "UNet"), "188, 204, 220, ... (16k + 12, at least 188)"),
        (("vgg.cnn", "VGG16"), "at least 32"),
        (("densenet.cnn", "DenseNet121"), "at least 29"),
        (("resnet.cnn", "ResNet50"), "any size"),
        (("lenet.cnn", "LeNet5"), "32 to 35"),
    ],
)
def test_known_answers(network: tuple[str, str], words: str) -> None:
    graph = with_symbols(cnndsl.load(EXAMPLES / "zoo" / network[0], network=network[1]).graph)
    assert described(along(graph, ["H"]).taken) == described(along(graph, ["W"]).taken) == words


def test_another_size() -> None:
    graph = with_symbols(cnndsl.load(EXAMPLES / "zoo" / "unet.cnn", network="UNet").graph)
    other = resized(graph, {"H": 188, "W": 204})
    assert [str(other.shapes[name]) for name in other.outputs] == ["2@4x20"]
    with pytest.raises(CnnError, match="H = 189: concat: the branches differ"):
        resized(graph, {"H": 189})
    lenet = with_symbols(cnndsl.load(EXAMPLES / "lenet.cnn").graph)
    with pytest.raises(CnnError, match="has a weight of 120 x 400"):
        resized(lenet, {"H": 60})


def chain(random: Random) -> str:
    """A chain of windows, resizings and merges along one axis; not all fit the 48 cells that they are given."""

    def pad() -> str:
        words = ("", f"pad={random.randint(0, 3)}", "pad=same", "pad=same_lower", "pad=causal")
        return random.choice((*words, f"pad=[{random.randint(0, 3)}, {random.randint(0, 3)}]"))

    def window() -> str:
        kernel, stride = random.randint(1, 7), random.randint(1, 4)
        match random.randrange(6):
            case 0 | 1:
                return f"conv 2 {kernel} stride={stride} dilation={random.randint(1, 3)} {pad()}"
            case 2:
                ceil = random.choice(("", "ceil_mode"))
                return f"maxpool {kernel} stride={stride} pad={random.randint(0, kernel // 2)} {ceil}"
            case 3:
                return f"avgpool {kernel} stride={stride} {random.choice(('', 'pad=same'))}"
            case 4:
                return f"conv_transpose 2 {kernel} stride={stride} pad={random.randint(0, 2)}"
            case _:
                return f"depthwise {kernel} stride={stride} {pad()}"

    def step() -> str:
        match random.randrange(12):
            case 0:
                return f"upsample {random.randint(2, 3)}"
            case 1:
                return f"crop [{random.randint(0, 3)}, {random.randint(0, 3)}]"
            case 2:
                return (
                    f"pad [{random.randint(0, 3)}, {random.randint(0, 3)}] mode={random.choice(('zeros', 'reflect'))}"
                )
            case 3:
                begin = random.randint(0, 2)
                return f"slice {begin} {begin + random.randint(1, 7)} axis=1"
            case 4:
                return f"resize {random.randint(1, 20)}"
            case 5:
                return f"concat axis=1 {{ {window()}; {window()} }}"
            case 6 | 7:
                stride = random.randint(1, 3)
                same = f"conv 2 {random.choice((1, 3, 5))} stride={stride} pad=same"
                return f"add {{ {same}; conv 2 {random.randint(1, 5)} stride={stride} {pad()} }}"
            case 8:
                return f"concat {{ {window()}; {window()} }} -> conv 2 1"
            case _:
                return window()

    return "input 2@48\n" + "\n".join(step() for _ in range(random.randint(2, 7)))


@pytest.mark.parametrize("part", range(20))
def test_random_chains(part: int) -> None:
    """Against brute force over sizes, and never without an answer."""
    compared = 0
    for seed in range(1_000):
        text = chain(Random(f"chain {part} {seed}"))
        result = cnndsl.check(text, ignore=["all"])
        if not result.ok:
            continue
        try:
            compare(result.networks[0].graph, 100)
        except (AssertionError, TooLong):
            pytest.fail(f"{part} {seed}\n{text}")
        compared += 1
        if compared == CHAINS:
            return
    pytest.fail("too few chains fit")
