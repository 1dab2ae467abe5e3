"""Networks with symbols: pictures, pages, notebooks and explanations have the shapes that `check` prints."""

import json
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

import cnndsl
from cnndsl import draw
from cnndsl.analysis.arithmetic import arithmetic
from cnndsl.draw.canvas.scene import Scene, TextLabel
from cnndsl.draw.canvas.text_metrics import width
from cnndsl.report import explained
from cnndsl.report.notebook import network_html

DEEP = 9
NETWORKS = [("unet.cnn", "UNet"), ("fpn.cnn", None), ("espcn.cnn", None), ("resnet.cnn", "ResNet18")]


def zoo(examples: Path, file: str, name: str | None) -> cnndsl.Network:
    found = cnndsl.check_file(examples / "zoo" / file, ignore=["all"]).networks
    return next(one for one in found if one.symbols and name in (None, one.name))


def formulas(network: cnndsl.Network) -> set[str]:
    """Every shape of the network as the table prints it."""
    return {network.shown(name) for name in network.graph.shapes}


def numbers(network: cnndsl.Network) -> set[str]:
    """Every shape that symbols decide, in numbers: what nobody wants to see beside the formulas."""
    shapes = network.graph.shapes
    return {str(shape) for name, shape in shapes.items() if network.shown(name) != str(shape)}


def labels(scene: Scene) -> Iterator[TextLabel]:
    for glyph in scene.glyphs:
        yield from (shape for shape in glyph.shapes if isinstance(shape, TextLabel))
    for line in scene.lines:
        yield from line.labels


@pytest.mark.parametrize(("file", "name"), NETWORKS)
@pytest.mark.parametrize("style", ["graph", "volumes"])
def test_pictures(examples: Path, file: str, name: str | None, style: draw.Style) -> None:
    network = zoo(examples, file, name)
    scene = draw.scene(network, style, DEEP)
    shown = {label.text for label in labels(scene)}
    assert {network.shown(name) for name in (*network.inputs, *network.outputs)} <= shown
    assert not shown & numbers(network)
    assert {text for text in shown if "@" in text} <= formulas(network)
    assert network.numbers_for in scene.description
    for glyph in scene.glyphs:
        for label in (shape for shape in glyph.shapes if isinstance(shape, TextLabel)):
            assert width(label.text, label.size, label.bold) <= glyph.width
    for label in labels(scene):
        assert label.x < scene.width and width(label.text, label.size, label.bold) < scene.width


@pytest.mark.parametrize("to", ["mmd", "dot"])
def test_graphs_as_text(examples: Path, to: draw.Format) -> None:
    network = zoo(examples, "espcn.cnn", None)
    text = draw.render(network, to, depth=DEEP).decode()
    assert network.shown(network.graph.outputs[0]) in text.replace("#42;", "*")
    assert not any(shape in text for shape in numbers(network))


def test_explanations(examples: Path) -> None:
    network = zoo(examples, "unet.cnn", "UNet")
    found = arithmetic(network, "concat1")
    reads = " ".join(explained.text(found).split())
    before = "512@((H - 124)/8)x((W - 124)/8)"
    assert f"reads crop1 {before}, identity1 {before}, gives 1024@((H - 124)/8)x((W - 124)/8)" in reads
    assert "the numbers are for H = 572, W = 572" in reads
    page = explained.html(found)
    assert f"<code>crop1</code> {before}" in page and "The numbers are for H = 572, W = 572." in page
    told = json.loads(json.dumps(explained.json_object(found)))
    assert [one["formula"] for one in told["inputs"]] == [before, before]
    assert told["formula"] == network.shown("concat1") and told["numbers_for"] == "H = 572, W = 572"
    assert told["shape"] == {"channels": 1024, "spatial": [56, 56]}


def test_letters_of_rules_are_not_those_of_the_network() -> None:
    network = cnndsl.loads("symbol H = 9, K = 8, P\ninput 3@[H, K]\ninput 3@[P, P] as other\nconv 4 3x3 pad=1")
    for name in ("conv1", "input"):
        found = arithmetic(network, name)
        known = dict(found.legend)
        assert not known.keys() & network.symbols.keys() and known["Hi"].startswith("height")


def test_pages_and_notebooks(examples: Path) -> None:
    network = zoo(examples, "espcn.cnn", None)
    for text in (network.report(), network_html(network)):
        shown = unescape(text)
        assert all(shape in shown for shape in formulas(network))
        assert f"The numbers are for {network.numbers_for}" in shown
        assert "sizes: " in shown and "MACs" in shown


def test_numbers_where_they_are_asked_for(examples: Path) -> None:
    (network,) = cnndsl.check_file(examples / "tiny_unet.cnn", H=40, W=32).networks
    assert not network.symbols
    for style in ("graph", "volumes"):
        assert "2@40x32" in {label.text for label in labels(draw.scene(network, style, DEEP))}
    assert "2@40x32" in network.report() and "The numbers are for" not in network_html(network)
    assert "numbers are for" not in explained.text(arithmetic(network, "conv1"))
