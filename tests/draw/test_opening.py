"""The default opening: between 8 and 30 boxes wherever blocks allow it, the same for every kind of picture."""

import json

import pytest

from cnndsl import CnnError, Limits, draw, from_json, loads
from cnndsl.draw.opening import FEWEST, MOST, boxes, telling
from cnndsl.draw.outline import STRETCHES, outline
from tests.draw.geometry import scene_faults
from tests.example_networks import loaded, networks

MANY = {"HRNetW18Small"}
"""Those whose text is more than blocks: several maps that all read each other, where a block gives one."""


def test_every_example_tells_something() -> None:
    small = set()
    for path, name in networks():
        network = loaded(path, name)
        opened = telling(network)
        found = outline(network, opened)
        assert boxes(found) <= MOST or name in MANY, (path, name)
        if boxes(found) < FEWEST:
            assert all(unit.kind != "block" for unit in found.units), (path, name)
            small.add(path.stem)
    assert {"espcn", "cifar10"} <= small and not small & {"resnet", "resnet50", "googlenet", "xception", "densenet"}


@pytest.mark.parametrize("style", draw.SCENES)
def test_pictures_and_texts_open_alike(style: draw.Style, examples) -> None:
    network = loaded(examples / "zoo" / "resnet.cnn", "ResNet50")
    found = outline(network, telling(network))
    assert [(frame.title, frame.repeat) for frame in found.frames] == [
        ("Stem", 1),
        ("BottleneckStages features", 1),
        ("Classifier", 1),
    ]
    blocks = [(unit.title, unit.repeat, str(unit.shape)) for unit in found.units if unit.kind == "block"]
    assert blocks[:2] == [("Bottleneck", 1, "256@56x56"), ("Bottleneck", 2, "256@56x56")]
    assert draw.scene(network, style) == draw.scene(network, style, 1) != draw.scene(network, style, 0)
    assert draw.render(network, "mmd") == draw.render(network, "mmd", depth=1)


def test_what_says_enough_stays_folded() -> None:
    text = "block A { " + "conv 4 3x3 pad=1\n" * 3 + " }\ninput 4@8x8\n" + "maxpool 1\n" * 6 + "A\nmaxpool 1"
    assert telling(loads(text)) == frozenset()
    assert telling(loads(text.replace("maxpool 1\n" * 6, "maxpool 1\n" * 3))) == {("A",)}


def test_the_block_with_most_layers_that_still_fits_is_opened() -> None:
    sizes = {"A": 40, "B": 20, "C": 10}
    blocks = "".join(f"block {name} {{ {'conv 4 1; ' * count} }}\n" for name, count in sizes.items())
    assert telling(loads(f"{blocks}input 4@8x8\nA; B; C")) == {("B",)}
    inner = "block In { conv 4 1; conv 4 3 pad=1 }\n"
    nested = "block Out(n) { repeat n { In; maxpool 1 } }\ninput 4@8x8\nOut 30; Out 2"
    assert telling(loads(inner + nested)) == frozenset(), "blocks of one name are opened together"


def test_a_block_inside_a_repeated_one() -> None:
    text = "block In { conv 4 1; conv 4 3 pad=1 }\nblock Out { repeat 3 { In }; tanh }\ninput 4@8x8\nrepeat 9 { Out }"
    assert telling(loads(text)) == {("Out",), ("Out", "In")}


def test_what_can_never_be_drawn_is_folded() -> None:
    network = loads("block A { " + "; ".join(["conv 4 3x3 pad=1"] * 2_001) + " }\ninput 4@8x8\nA")
    assert draw.scene(network, "volumes") == draw.scene(network, "volumes", 0)


def test_many_layers_in_blocks_are_opened_in_few_steps() -> None:
    text = "block A { conv 4 3x3 pad=1; relu }\nblock B { repeat 50 { A }; maxpool 1 }\ninput 4@8x8\nrepeat 50 { B }"
    network = loads(text, limits=Limits(layers=20_000))
    assert len(network.layers) > 5_000
    assert telling(network) == {("B",), ("B", "A")} and len(draw.scene(network, "graph").glyphs) < 10


RESIDUALS = "repeat {} {{ add {{ identity; {{ conv 4 3x3 pad=1 -> relu -> conv 4 1 -> relu }} }} }}"


@pytest.mark.parametrize("style", draw.SCENES)
@pytest.mark.parametrize("body", ["repeat 2500 { conv 4 3x3 pad=1 -> relu }", RESIDUALS.format(1_000)])
def test_a_long_network_without_blocks_is_folded_into_stretches(style: draw.Style, body: str) -> None:
    network = loads(f"input 4@8x8\n{body}", limits=Limits(layers=20_000))
    assert len(network.layers) >= 5_000
    found = outline(network, telling(network))
    assert len(found.units) == STRETCHES + 1 and len(found.edges) == STRETCHES, "one value goes on from each"
    shown = [layer.name for unit in found.units for layer in unit.layers]
    assert shown == list(network.layers)
    assert found.units[-1].outputs == tuple(network.outputs)
    scene = draw.scene(network, style)
    assert len(scene.glyphs) <= STRETCHES + 2 and list(scene_faults(scene, found)) == []
    with pytest.raises(CnnError, match="boxes"):
        draw.scene(network, style, 0)


def test_values_that_go_on_through_stretches() -> None:
    text = "input 4@8x8 as x\nconv 4 1 as first\n" + "repeat 400 { conv 4 1 }\nadd { identity; from first; from x }"
    network = loads(text)
    found = outline(network, telling(network))
    ends = [(edge.source, edge.target) for edge in found.edges if edge.target - edge.source > 1]
    assert sorted(ends) == [(0, STRETCHES), (1, STRETCHES)]


def test_blocks_without_instances_are_kinds_of_their_own() -> None:
    graph = json.loads(loads("block A { conv 4 1; conv 4 1 }\ninput 4@8x8\nA as one\nmaxpool 1\nA as two").to_json())
    graph["instances"] = []
    network = from_json(json.dumps(graph))
    assert telling(network) == {("one",), ("two",)}
