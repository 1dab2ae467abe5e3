"""Folding: which boxes a picture has, what is drawn once, where edges begin."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import cnndsl.draw.outline as module
from cnndsl import CnnError, Limits, check_file, from_json, loads
from cnndsl.analysis.measured import Measured
from cnndsl.draw.outline import Outline, outline
from cnndsl.shapes import Shape

RESIDUAL = """
block Residual(width) {
  add { conv width 3x3 pad=1 -> relu; identity }
}
input 8@28x28
"""


def pairs(found: Outline) -> list[tuple[str, str]]:
    return [(found.units[edge.source].name, found.units[edge.target].name) for edge in found.edges]


def shown(found: Outline) -> list[tuple[str, int]]:
    return [(unit.title, unit.repeat) for unit in found.units]


def names(found: Outline, units: Sequence[int]) -> list[str]:
    return [found.units[unit].name for unit in units]


def test_single_layers_are_units_of_their_own() -> None:
    found = outline(loads("input 1@28x28\nrepeat 2 { conv 8 3x3 pad=1 -> relu }\nflatten -> dense 10"))
    titles = ["input", "conv 8 3x3 pad=1", "relu", "conv 8 3x3 pad=1", "relu", "flatten", "dense 10"]
    assert [unit.title for unit in found.units] == titles
    assert [(edge.source, edge.target) for edge in found.edges] == [(index, index + 1) for index in range(6)]
    assert str(found.edges[0].shape) == "1@28x28"
    assert [unit.outputs for unit in found.units] == [()] * 6 + [("dense1",)]


def test_no_line_leads_to_a_parameter() -> None:
    found = outline(loads("input 8@9x9\nconv 8 3x3\nadd { identity; parameter 8@7x7 }\nparameter 8@1x1 as gain\nrelu"))
    assert pairs(found) == [("input", "conv1"), ("conv1", "add1"), ("parameter1", "add1"), ("gain", "relu1")]


def test_alike_instances_in_a_row_are_one_unit() -> None:
    network = loads(RESIDUAL + "Residual 8\nResidual 8\nResidual 8\nconv 4 1x1")
    found = outline(network)
    assert shown(found) == [("input", 1), ("Residual", 3), ("conv 4 1x1", 1)]
    folded = found.units[1]
    assert [layer.name for layer in folded.layers] == [
        "residual1.conv1",
        "residual1.relu1",
        "residual1.identity1",
        "residual1.add1",
    ]
    assert len(folded.others) == 8
    assert folded.params == 3 * (8 * 8 * 9 + 8)
    assert [edge.value for edge in found.edges] == ["input", "residual3.add1"]


def test_an_open_repetition_is_drawn_once_in_its_frame() -> None:
    found = outline(loads(RESIDUAL + "Residual 8\nResidual 8\nconv 4 1x1"), depth=1)
    assert [unit.name for unit in found.units] == [
        "input",
        "residual1.conv1",
        "residual1.relu1",
        "residual1.add1",
        "conv1",
    ]
    (frame,) = found.frames
    assert (frame.title, frame.repeat, frame.depth) == ("Residual", 2, 1)
    assert names(found, frame.units) == ["residual1.conv1", "residual1.relu1", "residual1.add1"]
    assert [layer.name for layer in found.units[1].others] == ["residual2.conv1"]
    assert pairs(found) == [
        ("input", "residual1.conv1"),
        ("residual1.conv1", "residual1.relu1"),
        ("residual1.relu1", "residual1.add1"),
        ("input", "residual1.add1"),
        ("residual1.add1", "conv1"),
    ]


def test_what_grows_is_still_alike() -> None:
    text = "block Grow { concat { identity; conv 4 3x3 pad=1 } }\ninput 8@28x28\nrepeat 3 { Grow }\nflatten"
    found = outline(loads(text))
    assert shown(found) == [("input", 1), ("Grow", 3), ("flatten", 1)]
    assert found.units[1].shape == Shape(20, (28, 28))
    inner = outline(loads(text), depth=1)
    assert inner.edges[-1].shape == "20@28x28"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Residual 8\nconv 8 1x1\nResidual 8\nflatten", id="something between"),
        pytest.param("Residual 8 as one\nResidual 8 as two\nadd { from one; from two }", id="read later"),
        pytest.param("Residual 8 as one\nResidual 8 as two\noutput one two", id="an output"),
        pytest.param("Residual 8\nPlain 8", id="other blocks"),
    ],
)
def test_what_stays_apart(text: str) -> None:
    other = "block Plain(width) { conv width 3x3 pad=1 -> relu -> identity -> relu }"
    found = outline(loads(other + RESIDUAL + text))
    assert [unit.repeat for unit in found.units if unit.kind == "block"] == [1, 1]


def test_other_arguments_stay_apart() -> None:
    text = "block Wide(d) { conv 8 3x3 pad=d dilation=d }\ninput 8@28x28\nWide 1\nWide 2\nWide 2"
    assert shown(outline(loads(text))) == [("input", 1), ("Wide", 1), ("Wide", 2)]


def test_a_folded_block_in_an_open_repetition() -> None:
    text = "block In { conv 8 3x3 pad=1 -> relu }\nblock Out { repeat 2 { In }; tanh }\ninput 8@4x4\nrepeat 3 { Out }"
    found = outline(loads(text), depth=1)
    assert [(frame.title, frame.repeat) for frame in found.frames] == [("Out", 3)]
    assert shown(found) == [("input", 1), ("In", 2), ("tanh", 1)]
    inner = found.units[1]
    assert [layer.name for layer in inner.row] == [
        "out1.in1.conv1",
        "out1.in1.relu1",
        "out1.in2.conv1",
        "out1.in2.relu1",
    ]
    assert inner.params == 2 * (8 * 8 * 9 + 8)
    assert len(inner.others) == 2 * 2 * 3 - 2


def test_names_that_were_given_stand_behind_the_block_s() -> None:
    text = "block Pair { conv 8 3x3 pad=1 -> relu }\ninput 8@28x28\n"
    assert shown(outline(loads(f"{text}Pair as up2\nmaxpool 2\nPair as up1")))[1::2] == [
        ("Pair up2", 1),
        ("Pair up1", 1),
    ]
    assert shown(outline(loads(f"{text}Pair as pair\nmaxpool 2\nPair as pair7")))[1::2] == [("Pair", 1), ("Pair", 1)]
    assert shown(outline(loads(f"{text}Pair as first -> Pair as second")))[1:] == [("Pair", 2)]
    unnamed = outline(from_json(loads(f"{text}Pair as d1").to_json().replace('"Pair"', '"d1"')))
    assert shown(unnamed)[1:] == [("d1", 1)]


def test_a_skip_from_inside_leaves_the_block() -> None:
    block = "block Half { conv 8 3x3 pad=1 -> relu }\n"
    graph = loads(f"{block}input 8@4x4\nHalf as half\nHalf as other\nadd {{ identity; from half }}").graph
    layers = [
        node.model_copy(update={"inputs": (node.inputs[0], "half.conv1")}) if node.name == "add1" else node
        for node in graph.layers
    ]
    found = outline(Measured(graph.model_copy(update={"layers": tuple(layers)})))
    assert sorted(pairs(found)) == [("half", "add1"), ("half", "other"), ("input", "half"), ("other", "add1")]
    assert {edge.value for edge in found.edges} == {"input", "half.relu1", "half.conv1", "other.relu1"}


def test_unet_folds_to_its_figure(root: Path) -> None:
    (network,) = check_file(root / "examples/zoo/unet.cnn", ignore=("all",)).networks
    found = outline(network)
    assert sum(unit.kind == "block" for unit in found.units) == 9
    assert {("down1", "crop4"), ("down2", "crop3"), ("down3", "crop2"), ("down4", "crop1")} <= set(pairs(found))


def test_resnet_152_has_the_stages_of_its_table(root: Path) -> None:
    networks = check_file(root / "examples/zoo/resnet.cnn", ignore=("all",)).networks
    (network,) = (network for network in networks if network.name == "ResNet152")
    found = outline(network, depth=1)
    blocks = [unit for unit in found.units if unit.title == "Bottleneck"]
    assert [unit.repeat for unit in blocks] == [1, 2, 1, 7, 1, 35, 1, 2]  # 3, 8, 36, 3: the first of each has a stride
    assert sum(unit.params for unit in found.units) == network.params == 60_192_808
    everything = sum(len(unit.layers) + len(unit.others) for unit in found.units)
    assert everything == len(network.layers)


@pytest.mark.parametrize("depth", [0, 1, 2, 9])
def test_every_edge_leads_on_and_every_layer_is_somewhere(root: Path, depth: int) -> None:
    for path in sorted((root / "examples/zoo").glob("*.cnn")):
        for network in check_file(path, ignore=("all",)).networks:
            found = outline(network, depth)
            assert all(edge.source < edge.target for edge in found.edges)
            listed = [layer.name for unit in found.units for layer in (*unit.layers, *unit.others)]
            assert len(listed) == len(set(listed))
            missing = set(network.layers) - set(listed)
            assert all(network.layers[name].operator == "identity" for name in missing)
            assert sorted(name for unit in found.units for name in unit.outputs) == sorted(network.outputs)
            assert all(names(found, frame.units) for frame in found.frames)
            read = {edge.target for edge in found.edges}
            assert all(index in read for index, unit in enumerate(found.units) if unit.kind != "input")


def test_an_input_and_an_identity_can_be_outputs() -> None:
    found = outline(loads("input 8@4x4 as x\nidentity as same\noutput x same"))
    assert [(unit.name, unit.outputs) for unit in found.units] == [("x", ("x",)), ("same", ("same",))]


def test_too_many_boxes() -> None:
    network = loads("input 1@8x8\n" + "relu\n" * module.MOST_UNITS)
    with pytest.raises(CnnError) as caught:
        outline(network)
    assert "the picture would have 2,001 boxes, more than 2,000\n" in str(caught.value)


def test_many_layers_in_blocks_are_few_boxes() -> None:
    network = loads(RESIDUAL + "repeat 5000 { Residual 8 }", limits=Limits(layers=20_000))
    assert shown(outline(network)) == [("input", 1), ("Residual", 5000)]


def test_a_negative_depth() -> None:
    with pytest.raises(CnnError, match="bad-setting"):
        outline(loads("input 1@8x8\nrelu"), -1)
