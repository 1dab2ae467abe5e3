"""The report page without a browser: its numbers, its escaping, what it asks for, the source beside the shapes."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import cnndsl
from cnndsl.analysis.memory import memory
from cnndsl.errors import Diagnostic, Label, Span
from cnndsl.report.page import Picture, diagnostics_html, page, table_html
from cnndsl.report.page.charts import ticks
from cnndsl.report.page.maps import default_layers, feature_maps
from cnndsl.report.page.places import places
from cnndsl.report.page.predictions import Prediction, predictions

VOID = {"area", "br", "hr", "img", "input", "link", "meta", "wbr"}
EVIL = "<img src=x onerror=alert(1)>"


class Tree(HTMLParser):
    """Tables as lists of rows of cell texts, scripts by id; fails where elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[tuple[dict[str, str | None], list[str]]] = []
        self.cell: list[str] | None = None
        self.words: list[str] = []
        self.scripts: dict[str | None, str] = {}
        self.script: str | None = None
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append((dict(attrs), []))
        if tag in ("td", "th"):
            self.cell = []
        if tag == "script":
            self.script = dict(attrs).get("id")
            self.scripts[self.script] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1][1].append("".join(self.cell))
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[self.script] += data
        else:
            self.words.append(data)
            if self.cell is not None:
                self.cell.append(data)


def report(path: Path, **options: object) -> tuple[cnndsl.Network, str]:
    result = cnndsl.check_file(path, **options)
    network = result.networks[0]
    return network, page(network, result.sources, result.diagnostics)


@pytest.fixture(scope="module")
def resnet(examples: Path) -> tuple[cnndsl.Network, str]:
    return report(examples / "resnet50.cnn")


def data(text: str) -> dict[str, object]:
    found = json.loads(Tree(text).scripts["data"])
    assert isinstance(found, dict)
    return found


def test_size(resnet: tuple[cnndsl.Network, str]) -> None:
    assert len(resnet[1].encode()) < 1_500_000


def test_rows_are_the_layers(resnet: tuple[cnndsl.Network, str]) -> None:
    network, text = resnet
    rows = {cells[0]: cells[1:] for attributes, cells in Tree(text).rows if "data-around" in attributes}
    for name, layer in network.layers.items():
        counts = [f"{count:,}" if count else "–" for count in (layer.params, layer.macs, layer.connections)]
        assert rows[name][1:5] == [str(layer.shape), *counts]
        assert rows[name][5].startswith("x".join(map(str, layer.receptive_field)))
    inside = [layer for layer in network.layers.values() if layer.node.path == ("bottleneck5",)]
    assert rows["bottleneck5"][0] == f"block of {len(inside)}" == "block of 11"
    assert rows["bottleneck5"][2] == f"{sum(layer.params for layer in inside):,}"
    assert len(rows) == len(network.layers) + 16


def test_data_of_the_charts(resnet: tuple[cnndsl.Network, str]) -> None:
    network, text = resnet
    found = data(text)
    layers = list(network.layers.values())
    assert found["names"] == [layer.name for layer in layers]
    assert found["params"] == [layer.params for layer in layers]
    assert found["macs"] == [layer.macs for layer in layers]
    assert found["bytes"] == [4 * layer.shape.elements for layer in layers]
    assert max(found["live"]) == memory(network.graph).peak  # type: ignore[call-overload]
    assert len(found["live"]) == len(layers)  # type: ignore[arg-type]


def test_batches_multiply_memory(examples: Path) -> None:
    network = cnndsl.load(examples / "lenet.cnn")
    one, many = data(page(network)), data(page(network, batch=8))
    assert many["bytes"] == [8 * count for count in one["bytes"]]  # type: ignore[attr-defined]
    assert max(many["live"]) == network.memory(8).peak  # type: ignore[call-overload]
    assert many["macs"] == one["macs"]


def test_explanations_are_whole(resnet: tuple[cnndsl.Network, str]) -> None:
    from cnndsl.analysis.arithmetic import arithmetic
    from cnndsl.report import explained

    network, text = resnet
    packed = data(text)["explanations"]
    assert isinstance(packed, dict)
    for name, pieces in zip(network.layers, packed["layers"], strict=True):
        assert "".join(packed["pieces"][piece] for piece in pieces) == explained.html(arithmetic(network, name))


@pytest.mark.parametrize("name", ["lenet", "resnet50", "tiny_unet", "sentence", "video", "inception", "squeeze_excite"])
def test_well_formed_and_alone(examples: Path, name: str) -> None:
    network, text = report(examples / f"{name}.cnn")
    tree = Tree(text)
    identifiers = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for tag, attributes in tree.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        assert not any(key.startswith("on") for key in attributes), attributes
        for key in ("src", "href", "action", "srcset"):
            assert (attributes.get(key) or "#").startswith(("#", "data:image/png")), attributes
    references = set(re.findall(r"https?://[^\s\"'<)]+", text))
    assert references <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in text and "@import" not in text
    assert page(network) == page(cnndsl.load(examples / f"{name}.cnn"))


def test_every_zoo_network_has_a_page(examples: Path) -> None:
    files = sorted((examples / "zoo").glob("*.cnn"))
    assert len(files) > 20
    for path in files:
        network, text = report(path)
        assert text.count("data-around=") >= len(network.layers), path.name
        assert len(text) < 3_000_000, path.name


def evil() -> cnndsl.Network:
    names = [EVIL, "</script><script>alert(2)</script>", '<!--"quote" & \'', "line\nbreak\u202e\x1b"]
    network = json.loads(cnndsl.loads("input 3@8x8\nconv 4 3x3 -> relu\nmaxpool 2x2 -> flatten").to_json())
    renamed = dict(zip([layer["name"] for layer in network["layers"]], names, strict=True))
    renamed["input"] = "<b>input</b>"
    network["name"] = "<script>alert(3)</script>"
    network["inputs"][0]["name"] = renamed["input"]
    for layer in network["layers"]:
        layer["name"] = renamed[layer["name"]]
        layer["inputs"] = [renamed[name] for name in layer["inputs"]]
    network["layers"][0]["path"] = ["<i>block</i>"]
    network["outputs"] = [renamed[name] for name in network["outputs"]]
    return cnndsl.from_json(json.dumps(network))


def test_names_stay_text() -> None:
    network = evil()
    span = Span("<u>file</u>", 1, 1, 1, 4)
    warning = Diagnostic("x", "<s>`a`</s>", span, "warning", (Label(span, EVIL),), (EVIL,))
    images = [Picture(EVIL, EVIL, b"png")]
    text = page(network, {"<u>file</u>": "<em>source</em>"}, [warning], images=images)
    tree = Tree(text)
    tags = [tag for tag, _ in tree.tags]
    assert not {"b", "i", "u", "s", "em"} & set(tags)
    assert [attributes["src"] for tag, attributes in tree.tags if tag == "img"] == ["data:image/png;base64,cG5n"]
    assert tags.count("script") == 2
    assert not re.search(r"<!--|alert\(\d\)</script", text)
    assert "<script>alert(3)</script>" in tree.words
    assert data(text)["names"] == list(network.layers)
    assert "\u202e" not in text and "\x1b" not in text
    assert EVIL not in table_html(network) and EVIL not in diagnostics_html([warning], {})


def test_policy_allows_the_script_and_nothing_else(resnet: tuple[cnndsl.Network, str]) -> None:
    from base64 import b64encode
    from hashlib import sha256

    tree = Tree(resnet[1])
    (policy,) = (found["content"] for tag, found in tree.tags if found.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{b64encode(sha256(tree.scripts[None].encode()).digest()).decode()}';" in policy
    assert "img-src data:;" in policy and "connect-src" not in policy


def beside(examples: Path, name: str) -> dict[int, list[str]]:
    """What stands in the last column of the source, by line."""
    _, text = report(examples / name)
    table = text[text.index('<table class="source">') : text.index("</table>", text.index('<table class="source">'))]
    return {int(cells[0]): cells[2] for _, cells in Tree(table + "</table>").rows[1:] if cells[2]}  # type: ignore[misc]


def test_source_of_lenet(examples: Path) -> None:
    shapes = ["1@28x28", "6@28x28", "6@14x14", "16@10x10", "16@5x5", "400", "120", "84", "10"]
    assert beside(examples, "lenet.cnn") == dict(zip([3, 4, 5, 6, 7, 9, 10, 11, 12], shapes, strict=True))


def test_source_of_blocks(examples: Path) -> None:
    found = beside(examples, "resnet50.cnn")
    assert found[6] == "64@56x56 … 512@7x7"  # conv width 1x1, in the first and the last Bottleneck
    assert found[5] == found[13] == "256@56x56 … 2048@7x7"  # add and relu
    assert found[22] == found[23] == "256@56x56 … 2048@7x7"  # the two calls in the loop
    unet = beside(examples, "zoo/unet.cnn")
    assert [unet[line] for line in (11, 12, 17, 21, 30)] == [
        "1@HxW",
        "64@((H - 4)/2)x((W - 4)/2)",
        "1024@((H - 124)/16)x((W - 124)/16)",
        "512@((H - 156)/8)x((W - 156)/8)",
        "64@(H - 184)x(W - 184)",
    ]
    googlenet = beside(examples, "zoo/googlenet.cnn")
    assert googlenet[36] == "480@28x28" and googlenet[45] == "1024@7x7"  # blocks in a block, by their `as` names
    assert googlenet[50] == "1024@7x7"


TWICE = "block B(n) { conv n 3x3 pad=1 }\nnetwork N {\n  input 1@8x8\n  B 2\n  B 4\n}\n"


def test_calls_in_turn() -> None:
    network = cnndsl.loads(TWICE, file="f")
    found = places("f", list(network.layers.values()), network.graph.instances)
    assert [(place.line, str(place.layers[-1].shape)) for place in found if not place.body] == [
        (4, "2@8x8"),
        (5, "4@8x8"),
    ]


def test_source_is_printed_where_it_is_not_known(examples: Path) -> None:
    network = cnndsl.from_json(cnndsl.load(examples / "tiny_unet.cnn").to_json())
    text = page(network)
    assert "as printed by cnndsl" in text
    start = text.index('<table class="source">')
    rows = Tree(text[start : text.index("</table>", start)] + "</table>").rows
    made = [index for found, _ in rows for index in (found.get("data-layers") or "").split()]
    assert sorted(map(int, made)) == list(range(len(network.layers)))


def test_imported_files_fold_under_the_main_one(tmp_path: Path) -> None:
    (tmp_path / "parts.cnn").write_text("block P { conv 4 3x3 }\n", encoding="utf-8")
    (tmp_path / "main.cnn").write_text('import "parts.cnn"\nnetwork N { input 1@8x8\nP\n}\n', encoding="utf-8")
    _, text = report(tmp_path / "main.cnn")
    assert text.index("main.cnn, with the output") < text.index("<details><summary>") < text.index("parts.cnn, with")
    assert "4@6x6" in text


def test_several_networks_of_one_file(examples: Path) -> None:
    result = cnndsl.check_file(examples / "sliding_window.cnn")
    assert len(result.networks) > 2
    for network in result.networks:
        text = page(network, result.sources)
        assert data(text)["names"] == list(network.layers)


def test_tables_of_notebooks(examples: Path) -> None:
    network = cnndsl.load(examples / "resnet50.cnn")
    tree = Tree(table_html(network, depth=0))
    assert len(tree.rows) == 1 + (4 + 16 + 3) + 2  # layers outside of blocks are before and behind the 16 blocks
    names = [cells[0] for _, cells in tree.rows]
    assert "bottleneck16" in names and "bottleneck1.conv1" not in names
    assert tree.rows[-2][1][:2] == ["Total", "187 layers"]
    assert tree.rows[-2][1][3:6] == ["25,557,032", f"{network.macs:,}", f"{network.connections:,}"]
    assert not [found for _, found in tree.tags if "style" in found]


def test_diagnostics() -> None:
    result = cnndsl.check("input 1@8x8\nconv 4 9x9\n", file="f.cnn")
    assert not result.ok
    text = diagnostics_html(result.diagnostics, result.sources)
    tree = Tree(text)
    assert ("article", {"class": "error"}) in tree.tags
    words = "".join(tree.words)
    assert "kernel-too-large" in words and "f.cnn:2:8" in words
    assert "<mark>9x9</mark>" in text
    assert diagnostics_html([], {}) == ""
    assert "gone.cnn:7:1" in diagnostics_html([Diagnostic("x", "y", Span("gone.cnn", 7, 1, 7, 2))], {"gone.cnn": "a"})


def test_warnings_are_shown(examples: Path) -> None:
    text = page(*_with_warning())
    assert '<section id="findings"' in text and "<mark>" in text
    assert '<section id="findings"' not in report(examples / "lenet.cnn")[1]


def _with_warning() -> tuple[cnndsl.Network, dict[str, str], tuple[Diagnostic, ...]]:
    result = cnndsl.check("input 1@8x8\nconv 4 3x3 stride=2\n")
    assert result.ok and result.diagnostics
    return result.networks[0], dict(result.sources), result.diagnostics


@pytest.mark.parametrize("highest", [0, 1, 2, 3, 5, 9, 10, 61, 99, 100, 101, 48_120, 25_557_032, 10**15 + 1])
@pytest.mark.parametrize("binary", [False, True])
def test_ticks(highest: int, binary: bool) -> None:
    marks = ticks(highest, binary)
    assert marks[0] == 0 and marks[-1] >= highest and 2 <= len(marks) <= 6
    assert marks[-2] <= highest
    assert len({after - before for before, after in pairwise(marks)}) == 1
    step = marks[1]
    assert (step & (step - 1) == 0) if binary else str(step).rstrip("0") in ("1", "2", "5")


def test_what_charts_cannot_show_is_said() -> None:
    network = cnndsl.loads("input 3@32x32\nmaxpool 2x2")
    text = page(network, network.sources)
    assert "Parameters: none." in text and "Multiply-accumulates (MACs): none." in text
    charts = re.findall(r'<figure class="chart" data-series="(\w+)"', text)
    assert charts == ["bytes", "live", "field"]
    assert re.search(r'class="line line-0" d="M0 95h1"', text)  # one layer that sees 2 of 32 cells; the axis ends at 40


def test_every_axis_has_the_edge_of_its_own_colour(examples: Path) -> None:
    _, text = report(examples / "video.cnn")
    assert text.count('class="edge line-0"') == text.count('class="edge line-1"') == 1
    assert 'class="edge"' not in text and 'class="beyond"' not in text
    _, text = report(examples / "lenet.cnn")
    assert text.count('class="edge"') == text.count('class="beyond"') == 1


def test_a_picture_that_is_too_large_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnndsl.draw import outline
    from cnndsl.report.page import pictures

    network = cnndsl.loads("input 3@32x32\nmaxpool 2x2\nrelu")
    monkeypatch.setattr(pictures, "MOST_CHARACTERS", 100)
    assert "There is no picture: it is too large for this page" in page(network, network.sources)
    monkeypatch.setattr(outline, "MOST_UNITS", 2)
    assert "There is no picture: the picture would have 3 boxes, more than 2." in page(network, network.sources)


def test_feature_maps(examples: Path) -> None:
    from io import BytesIO

    from PIL import Image

    network = cnndsl.load(examples / "lenet.cnn")
    layers = default_layers(network)
    assert layers == ("conv1", "avgpool1", "conv2", "avgpool2")
    x = np.random.default_rng(1).standard_normal((1, 1, 28, 28), np.float32)
    _, kept = network.run(x, keep=layers)
    values = {"input": x[0], **{name: value[0] for name, value in kept.items()}}
    found = feature_maps(network, values, layers)
    for image in found:
        assert image.ends == (values[image.name].min(), values[image.name].max())
    assert [(image.name, image.caption) for image in found] == [
        ("input", "1@28x28, the input"),
        ("conv1", "conv 6@28x28, 6 maps"),
        ("avgpool1", "avgpool 6@14x14, 6 maps"),
        ("conv2", "conv 16@10x10, 16 maps"),
        ("avgpool2", "avgpool 16@5x5, 16 maps"),
    ]
    assert all(Image.open(BytesIO(image.png)).format == "PNG" for image in found)
    text = page(network, images=found)
    assert text.count('src="data:image/png;base64,') == 5 and 'id="maps"' in text
    assert 'id="maps"' not in page(network)
    assert text.count('class="scale"') == 5


def test_outputs_that_are_images_are_shown_so() -> None:
    network = cnndsl.loads("input 4@20x20\nrelu as r -> conv 3 1x1 as c -> sigmoid as s")
    assert default_layers(network) == ("c", "s")
    x = np.random.default_rng(1).standard_normal((1, 4, 20, 20), np.float32)
    _, kept = network.run(x, keep=("c", "s"))
    found = feature_maps(network, {"input": x[0], **{name: value[0] for name, value in kept.items()}}, ("c", "s"))
    assert [image.caption for image in found] == ["conv 3@20x20, 3 maps", "sigmoid 3@20x20, an RGB image"]


def test_shares_add_up(resnet: tuple[cnndsl.Network, str]) -> None:
    network, text = resnet
    start = text.index('<table class="shares">')
    rows = [cells for _, cells in Tree(text[start : text.index("</table>", start)] + "</table>").rows[1:]]
    assert len(rows) == 8 and rows[-1][0] == "12 others"
    for column, whole in ((1, network.params), (2, network.macs)):
        counts = [int(re.sub(r"^[\d.]+% |,", "", cells[column])) for cells in rows]
        assert sum(counts) == whole
        for cells, count in zip(rows, counts, strict=True):
            assert float(cells[column].split("%")[0]) == pytest.approx(100 * count / whole, abs=0.51)


def test_predictions() -> None:
    network = cnndsl.loads("input 4\ndense 6 as scores -> softmax as chances\noutput scores chances")
    names = ["ant", "bee", "cat", "dog", "eel", "<fox>"]
    scores = np.array([3, -1, 0, 7, 2, 6], np.float32)
    chances = np.exp(scores) / np.exp(scores).sum()
    first, second = predictions(network, {"scores": scores, "chances": chances}, names)
    assert first == Prediction("scores", (("dog", 7), ("<fox>", 6), ("ant", 3), ("eel", 2), ("cat", 0)), False)
    assert second.probabilities and [name for name, _ in second.classes] == [name for name, _ in first.classes]
    text = page(network, predictions=[first, second])
    start = text.index('<section id="predictions"')
    rows = [cells for _, cells in Tree(text[start : text.index("</section>", start)] + "</section>").rows]
    assert rows[1] == ["dog", "7"] and rows[2] == ["<fox>", "6"]
    assert rows[7] == ["dog", f"{chances[3]:.1%}"] and rows[11] == ["cat", f"{chances[2]:.1%}"]
    assert 'id="predictions"' not in page(network)
    (unnamed,) = predictions(cnndsl.loads("input 3\ndense 2 as d"), {"d": np.array([1, 2], np.float32)}, names)
    assert unnamed.classes == (("class 1", 2), ("class 0", 1))
    assert predictions(cnndsl.loads("input 1@4x4\nconv 2 3x3 as c"), {"c": np.ones((2, 2, 2))}) == []


def test_feature_maps_are_as_large_as_fits(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = cnndsl.load(examples / "cifar10.cnn")
    layers = default_layers(network)
    x = np.random.default_rng(1).standard_normal((1, 3, 32, 32), np.float32)
    _, kept = network.run(x, keep=layers)
    values = {"input": x[0], **{name: value[0] for name, value in kept.items()}}

    def size() -> int:
        return sum(len(picture.png) for picture in feature_maps(network, values, layers))

    whole = size()
    monkeypatch.setattr("cnndsl.report.page.maps.MOST_BYTES", whole - 1)
    assert size() < whole
    monkeypatch.setattr("cnndsl.report.page.maps.MOST_BYTES", 1_000)
    with pytest.raises(cnndsl.CnnError, match="too much for one page"):
        size()
