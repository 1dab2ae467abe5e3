"""Receptive fields against a naive simulator that follows every single tap back to the input.

The simulator knows cells, not intervals: for one output position it gathers the set of input cells, layer by layer,
from the definition of each operator. As everywhere, borders are ignored: positions outside the map count like others.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Any

import numpy as np
import pytest

import cnndsl
from cnndsl.analysis.arithmetic import arithmetic
from cnndsl.analysis.receptive import Pattern, receptive_fields
from cnndsl.ir import Graph, Node
from cnndsl.lang.compile import compile_text
from cnndsl.shapes import Shape
from tests import generators

Cells = frozenset[int]


def compiled(text: str) -> Graph:
    result = compile_text(text)
    (network,) = result.networks
    return network


class Simulator:
    """Dependencies along the first spatial axis; under ``borders`` nothing is read outside a map."""

    def __init__(self, network: Graph, borders: bool = False) -> None:
        self.network = network
        self.borders = borders
        self.nodes = {node.name: node for node in network.layers}
        self.known: dict[tuple[str, int], dict[str, Cells]] = {}

    def seen(self, name: str, position: int) -> dict[str, Cells]:
        """The cells of every input that one position of a value depends on."""
        key = (name, position)
        if key not in self.known:
            if name in self.nodes:
                self.known[key] = self.through(self.nodes[name], position)
            else:
                self.known[key] = {name: frozenset({position})}
        return self.known[key]

    def through(self, node: Node, position: int) -> dict[str, Cells]:
        united: dict[str, Cells] = {}
        for source in node.inputs:
            shape = self.network.shapes[source]
            for read in taps(node, shape, position):
                if self.borders and not 0 <= read < length(shape):
                    continue
                for name, cells in self.seen(source, read).items():
                    united[name] = united.get(name, frozenset()) | cells
        return united


def length(shape: Shape) -> int:
    return shape.dimensions[min(1, len(shape.spatial))]


def taps(node: Node, shape: Shape, o: int) -> list[int]:
    """The positions of an input that position ``o`` of a layer reads, from the operator's definition."""
    op: Any = node.op
    name = op.operator
    size, output = length(shape), length(node.shape)
    if name in ("conv", "maxpool", "avgpool", "depthwise", "subsample"):
        stride = op.stride or op.kernel
        dilation, pad = getattr(op, "dilation", 1), getattr(op, "pad", 0)
        return [o * stride - pad + tap * dilation for tap in range(op.kernel)]
    if name == "conv_transpose":
        spread = [o + op.pad - tap * op.dilation for tap in range(op.kernel)]
        return [cell // op.stride for cell in spread if cell % op.stride == 0]
    if name in ("upsample", "resize") and op.mode == "nearest":
        return [floor(Fraction(o * size, output))]
    if name in ("upsample", "resize"):
        if getattr(op, "align_corners", False):
            centre = Fraction(o * (size - 1), output - 1) if output > 1 else Fraction(0)
        else:
            centre = Fraction((2 * o + 1) * size, 2 * output) - Fraction(1, 2)
        if op.mode == "linear" or resampled_at_cells(op, size, output):
            return [floor(centre), ceil(centre)]
        return [cell for cell in range(floor(centre) - 1, floor(centre) + 3) if abs(cell - centre) < 2]
    if name == "pixel_shuffle":
        return [o // op.factor]
    if name == "space_to_depth":
        return [o * op.factor + i for i in range(op.factor)]
    if name == "adaptive_avgpool":
        return list(range(floor(Fraction(o * size, output)), ceil(Fraction((o + 1) * size, output))))
    if name in ("crop", "pad"):
        begin = op.size if isinstance(op.size, int) else op.size[0]
        return [o + begin if name == "crop" else o - begin]
    if name == "slice":
        return [o + (op.begin if op.axis == 1 else 0)]
    if name == "parameter":
        return []
    if name in ("global_avgpool", "flatten", "dense", "groupnorm", "instancenorm") or (name == "reduce" and op.axis):
        return list(range(size))
    if name in ("add", "mul", "maximum") and size == 1 < output:
        return [0]
    assert name in ("relu", "batchnorm", "identity", "add", "mul", "maximum", "concat", "reduce"), name
    return [o]


def resampled_at_cells(op: Any, size: int, output: int) -> bool:
    """Whether every position of a resized axis lies on a cell, which cubic convolution then takes as it is."""
    if getattr(op, "align_corners", False):
        return output == 1 or (size - 1) % (output - 1) == 0
    return size % output == 0 and size // output % 2 == 1


def judge(text: str) -> list[tuple[bool, int, int]]:
    """For every value: whether its field moves with the position, and the claimed and the simulated size.

    On the way: every claimed interval holds what was simulated.
    """
    network = compiled(text)
    simulator, inside = Simulator(network), Simulator(network, borders=True)
    fields = receptive_fields(network)
    judged = []
    for node in network.layers:
        for source, (pattern, *_) in fields.fields[node.name].items():
            sizes = []
            for position in range(max(length(node.shape), len(pattern.intervals))):  # outside the map they count too
                cells = simulator.seen(node.name, position).get(source, frozenset())
                claimed = pattern.at(position)
                if pattern.axis is None:  # everything that there is, and nothing around it
                    cells = inside.seen(node.name, position).get(source, frozenset())
                if cells:
                    assert claimed is not None and claimed[0] <= min(cells) and claimed[1] >= max(cells), (text, node)
                    sizes.append(max(cells) - min(cells) + 1)
            judged.append((pattern.axis is not None, pattern.size, max(sizes, default=0)))
    return judged


def chain(random: Random, gaps: bool) -> str:
    """A random network of 1-D layers with skips and broadcasts; ``gaps`` allows what leaves cells between taps."""
    lines = ["input 4@64 as x0"]
    names = ["x0"]
    for index in range(1, random.randint(3, 8)):
        source = random.choice([names[-1], names[-1], random.choice(names)])
        kernel, stride, radius = random.randint(1, 4), random.randint(1, 3), random.randint(0, 2)
        layer = random.choice(
            [
                f"conv 4 {kernel} stride={stride} pad={random.randint(0, 2)} dilation={random.randint(1, 2)}",
                f"maxpool {kernel} stride={random.randint(1, 2)}",
                f"avgpool {kernel} stride={stride}",
                f"conv_transpose 4 {kernel if gaps else max(kernel, stride)} stride={stride} pad={random.randint(0, 1)}"
                + (f" dilation={random.randint(1, 2)}" if gaps else ""),
                f"upsample {random.randint(1, 3)} mode={random.choice(['nearest', 'linear', 'cubic'])}",
                f"resize {random.choice([1, 9, 16, 24, 32])} mode={random.choice(['nearest', 'linear', 'cubic'])}",
                f"resize {random.choice([1, 2, 5, 9, 17])} align_corners=true "
                + f"mode={random.choice(['linear', 'cubic'])}",
                f"adaptive_avgpool {random.choice([1, 4, 6, 8])}",
                f"subsample {random.randint(1, 2)} stride={random.randint(1, 2)}",
                f"crop [{random.randint(0, 2)}, {random.randint(0, 2)}]",
                f"pad [{random.randint(0, 2)}, {random.randint(0, 2)}]",
                f"slice {random.randint(0, 2)} 9 axis=1",
                "relu",
                "mul { identity; global_avgpool -> conv 4 1 }",
                f"add {{ identity; conv 4 {2 * radius + 1} pad={radius} }}",
                "concat { relu; conv 4 3 pad=1; conv 4 3 pad=2 dilation=2 } -> conv 4 1",
            ]
        )
        line = f"from {source} -> {layer} as x{index}"
        if compile_text("\n".join([*lines, line])).networks:
            lines.append(line)
            names.append(f"x{index}")
    return "\n".join(lines)


def test_random_networks_are_exact() -> None:
    """Claimed and simulated sizes agree wherever the field moves with the position."""
    judged = 0
    for seed in range(150):
        text = chain(Random(seed), gaps=False)
        for moving, claimed, simulated in judge(text):
            assert claimed == simulated or not moving, text
            judged += moving
    assert judged > 500


def test_random_networks_with_gaps_are_never_too_small() -> None:
    """``judge`` asserts for every position that nothing seen lies outside the claimed interval."""
    assert sum(len(judge(chain(Random(seed), gaps=True))) for seed in range(1000, 1150)) > 500


def surprises(network: cnndsl.Network, seed: int) -> Iterator[tuple[str, int, int]]:
    """What changes with a cell of the input and should not: every layer and position that does, and the cell.

    The interpreter says what changes when all cells of one slice of an input do.
    """
    random = np.random.default_rng(seed)
    inputs = {name: random.normal(size=(1, *shape.dimensions)).astype(np.float32) for name, shape in shapes_of(network)}
    run = network.runner(keep=tuple(network.layers))
    before = run(inputs)
    for source, shape in shapes_of(network):
        for axis, size in enumerate(shape.spatial or shape.dimensions):
            for cell in range(size):
                changed = inputs[source].copy()
                np.moveaxis(changed, along(shape, axis), 0)[cell] += 10 * random.normal()
                after = run({**inputs, source: changed})
                for name, layer in network.layers.items():
                    pattern = network.fields.fields[name][source][axis]
                    rounding = 1e-3 * (np.abs(before[name]).max() + 1e-3)
                    places = np.nonzero(np.abs(after[name] - before[name]) > rounding)
                    place = 0 if pattern.axis is None else along(layer.shape, pattern.axis)
                    for position in np.unique(places[place]).tolist():
                        claimed = pattern.at(position)
                        if claimed is None or not claimed[0] <= cell <= claimed[1]:
                            yield name, position, cell


def shapes_of(network: cnndsl.Network) -> list[tuple[str, Shape]]:
    return list(network.inputs.items())


def along(shape: Shape, axis: int) -> int:
    """The axis of a batch of values that is spatial axis ``axis`` of them."""
    return axis + (1 if shape.is_vector else 2)


def perturbed(seed: int) -> cnndsl.Network | None:
    """A random network of real numbers; padding with other cells of the map reads what a field does not show."""
    text = generators.network_text(seed, 8)
    if any(word in text for word in ("reflect", "edge", "circular", "int64")):
        return None
    network = cnndsl.loads(text)
    depends = all(len(network.fields.fields[name]) == len(network.inputs) for name in network.layers)
    return network if depends else None


def test_nothing_changes_that_does_not_see_the_change() -> None:
    networks = {seed: network for seed in range(80) if (network := perturbed(seed))}
    assert len(networks) > 30
    for seed, network in networks.items():
        assert not list(surprises(network, seed)), (seed, network.to_cnn())


def test_a_field_that_is_too_small_would_be_noticed() -> None:
    network = cnndsl.loads("input 1@9x7\nconv 2 3x3 pad=1 as c\nmaxpool 2 stride=2 as p")
    assert not list(surprises(network, 0))
    fields = network.fields.fields
    fields["p"] = fields["c"]
    assert {name for name, _, _ in surprises(network, 0)} == {"p"}


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_resizing_a_single_cell_moves_nowhere(mode: str) -> None:
    network = cnndsl.loads(f"input 3@1x2x5\nresize [3, 11, 8] mode={mode} align_corners=true -> pad 1 -> conv 2 1")
    for layer in network.layers.values():
        assert (layer.receptive_field[0], layer.rf_stride[0], layer.rf_start[0]) == (1, 0, 0)
        lines = next(
            section for section in arithmetic(network, layer.name).sections if section.key == "receptive_field"
        )
        found = {line.topic: line.result for line in lines.lines}
        assert (found["depth"], found["depth, jump"], found["depth, start"]) == (1, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "input 1@40\nconv 4 3 dilation=3 -> conv 4 3 stride=2 -> conv 4 2",
        "input 1@40\nconv 4 3 stride=2 pad=1 -> conv_transpose 4 4 stride=2 pad=1 -> conv 1 3",
        "input 1@40\nupsample 3 mode=linear -> conv 4 3",
        "input 1@40\nupsample 2 -> maxpool 2 -> conv 4 3",
        "input 1@40\nresize 60 mode=linear -> conv 4 3",
        "input 1@40\nresize 79 mode=linear align_corners=true",
        "input 1@40\nupsample 3 mode=cubic -> conv 4 3",
        "input 1@40\nresize 60 mode=cubic -> conv 4 3",
        "input 1@40\nresize 79 mode=cubic align_corners=true -> conv 4 2",
        "input 1@45\nresize 15 mode=cubic -> conv 4 3",
        "input 1@40\nadaptive_avgpool 7",
        "input 1@40\nadaptive_avgpool 7 -> conv 2 3",
        "input 4@40\nadd { conv 4 5 pad=2; identity } -> conv 4 3",
        "input 4@40\nconcat { conv 4 5 pad=2; conv 4 3 pad=1 } -> crop 3 -> conv 4 3",
        "input 4@40\nmul { identity; global_avgpool }",
        "input 4@40\nconv 4 3 -> reduce by=sum axis=1",
        "input 4@40\nconv 4 3\nmul { identity; reduce by=max axis=1 } -> conv 1 3",
        "input 4@40\nmul { identity; reduce by=mean -> conv 1 5 pad=2 }",
        "input 4@40\nconv 2 3 pad=1\nadd { identity; parameter 2@40 } -> conv 4 3",
        "input 4@40\nconcat { parameter 4@40 -> conv 4 3 pad=1; conv 4 5 pad=2 } -> conv 4 2",
        "input 4@40 as x\nconv 4 2 stride=2 as d -> conv_transpose 4 2 stride=2\nconcat { from x; identity }",
        "input 4@40 as x\nglobal_avgpool -> flatten -> dense 3",
        "input 4@40 as a\nconv 4 3 pad=1 as b\ninput 4@40 as c\nconv 4 5 pad=2\nadd { identity; from b }",
        # a transposed convolution whose kernel is smaller than its stride leaves positions that see nothing
        "input 4@40\nadd { conv_transpose 4 1 stride=2 output_pad=1; upsample 2 -> conv 4 9 pad=4 } -> conv 4 2",
        "input 4@40\nadd { conv 4 21 pad=10 stride=2 -> conv_transpose 4 1 stride=2 output_pad=1; relu } -> conv 4 2",
    ],
)
def test_networks_are_exact(text: str) -> None:
    assert all(claimed == simulated for _, claimed, simulated in judge(text)), judge(text)


@pytest.mark.parametrize("text", ["input 4@4x4\npixel_shuffle 2", "input 1@8x8\nspace_to_depth 2 -> conv 4 3"])
def test_rearrangements_are_exact(text: str) -> None:
    assert all(claimed == simulated for _, claimed, simulated in judge(text))


def sizes(text: str, layer: int = -1) -> tuple[int, ...]:
    network = compiled(text)
    return tuple(pattern.size for pattern in receptive_fields(network).of(network.layers[layer].name))


def test_vgg16() -> None:
    """The published field of VGG-16's last pool: 212 cells with stride 32 and 90 of padding (Araujo et al. 2019)."""
    convolutions = "\n".join(
        f"repeat {depth} {{ conv {width} 3x3 pad=1 -> relu }}\nmaxpool 2x2"
        for width, depth in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
    )
    network = compiled(f"input 3@224x224\n{convolutions}")
    for pattern in receptive_fields(network).of("maxpool5"):
        assert (pattern.size, pattern.stride, pattern.start) == (212, 32, -90)


def test_axes_have_fields_of_their_own() -> None:
    assert sizes("input 1@20x30\nconv 4 3x5 -> maxpool 2x1") == (4, 5)
    assert sizes("input 1@20x30\nconv 4 3x5 -> permute [0, 2, 1] -> conv 4 2x1") == (3, 6)
    assert sizes("input 1@20x30\nconv 4 3x5 -> permute [1, 0, 2]") == (20, 5)
    assert sizes("input 1@20x30\nconv 4 3x5 -> reduce by=max axis=1") == (20, 5)
    assert sizes("input 1@20x30\nconv 4 3x5 -> reduce by=max axis=2") == (3, 30)
    assert sizes("input 1@20x30\nconv 4 3x5 -> reduce by=max") == (3, 5)


@pytest.mark.parametrize("layer", ["softmax", "log_softmax", "lrn 5", "layernorm axes=channel", "channel_shuffle 3"])
def test_what_mixes_channels_sees_a_whole_vector(layer: str) -> None:
    assert sizes(f"input 6\n{layer}") == (6,)
    assert sizes(f"input 6@9\n{layer}") == (1,)


def test_vectors_joined_see_no_more_than_the_input() -> None:
    assert sizes("input 4\nconcat { identity; relu } -> dense 3") == (4,)
    assert sizes("input 4\nrelu") == (1,)
    assert sizes("input 4\ndense 3 -> relu") == (4,)


def test_the_field_is_that_of_the_first_input() -> None:
    """Whatever the order of the branches."""
    text = "input 4@30 as a\nconv 4 3 pad=1 as b\ninput 4@30 as c\nconv 4 7 pad=3 as d\nadd {{ {} }}"
    assert sizes(text.format("from b; from d")) == sizes(text.format("from d; from b")) == (3,)


def test_paths_that_disagree_say_so() -> None:
    def disagree(text: str) -> bool:
        network = compiled(text)
        return any(pattern.disagree for pattern in receptive_fields(network).of(network.layers[-1].name))

    assert disagree("input 4@32\nadd { slice 1 31 axis=1; conv 4 1 -> crop [0, 2] }")  # centres
    assert disagree("input 4@32\nadd { conv 4 2 stride=2; slice 0 16 axis=1 }")  # strides
    assert disagree("input 4@9x9\nadd { permute [0, 2, 1]; identity }")  # axes
    assert disagree("input 4@32\nadd { slice 1 31 axis=1; crop [0, 2] } -> global_avgpool")
    assert disagree(
        "input 4@32 as x\nadd { slice 1 31 axis=1; crop [0, 2] } as d\n"
        "add { from d; from x -> conv 4 2 -> crop [0, 1] }"
    )
    assert not disagree("input 4@32\nconv 4 3 -> global_avgpool")
    assert not disagree("input 4@32\nadd { conv 4 3 pad=1; identity } -> relu")
    assert not disagree("input 4@32\nconv 4 3\nadd { conv 4 3 pad=1; identity }")


def test_paths_that_cannot_move_together_see_all_that_either_sees() -> None:
    assert sizes("input 4@32\nadd { conv 4 2 stride=2; slice 0 16 axis=1 }") == (32,)
    assert sizes("input 4@9x7\nadd { permute [0, 2, 1]; identity -> resize 7x9 } -> crop 2") == (9, 7)


def test_what_stretches_saw_what_its_one_position_saw() -> None:
    assert sizes("input 4@9\nmul { identity; conv 4 9 }") == (9,)
    assert sizes("input 4@9\nmul { crop [0, 7]; conv 4 9 }") == (9,)


def test_fields_of_positions_that_see_nothing() -> None:
    assert (Pattern(0, (None,), 1).size, Pattern(0, (None, (4, 5)), 1).start) == (0, 0)
    assert Pattern(0, ((3, 4), None), 1).start == Pattern(0, ((3, 4), (5, 7)), 1).start == 3


def test_what_is_learned_sees_nothing_and_does_not_move() -> None:
    network = compiled("input 4@9x7\nadd { identity; parameter 4@9x7 }")
    learned = receptive_fields(network).of("parameter1")
    assert [(pattern.size, pattern.start, pattern.stride) for pattern in learned] == [(0, 0, 0)] * 2
    assert sizes("input 4@9x7\nadd { conv 4 3 pad=1; parameter 4@9x7 }") == (3, 3)
    assert sizes("input 4@9x7\nadd { parameter 4@9x7; conv 4 3 pad=1 }") == (3, 3)


def test_fields_are_kept_for_the_first_four_inputs() -> None:
    network = compiled(
        "".join(f"input 1@5 as x{index}\n" for index in range(6)) + "add { from x5; from x3; from x1 } as a\n"
        "concat { from x4; from x2; from a; from x0 }"
    )
    fields = receptive_fields(network).fields
    assert list(fields["a"]) == ["x1", "x3", "x5"]
    assert list(fields[network.layers[-1].name]) == ["x0", "x1", "x2", "x3"]


def test_pictures_that_repeat_after_more_than_64_positions_are_widened_to_the_whole_axis() -> None:
    def moves(text: str) -> bool:
        network = compiled(text)
        (pattern,) = receptive_fields(network).of(network.layers[-1].name)
        assert pattern.axis is not None or len(pattern.intervals) == 1
        return pattern.axis is not None

    assert moves("input 4@65\nresize 64") and not moves("input 4@66\nresize 65")
    assert moves("input 4@65\nadd { resize 64; resize 64 mode=linear }")
    assert moves("input 4@63\nadd { resize 49 -> resize 63; resize 54 -> resize 63 }")  # after 9 and after 7
    assert not moves("input 4@72\nadd { resize 56 -> resize 72; resize 63 -> resize 72 }")  # after 9 and after 8
