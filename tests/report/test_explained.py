"""Explanations as text, JSON and HTML."""

import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import cnndsl
from cnndsl import ops
from cnndsl.analysis.arithmetic import arithmetic
from cnndsl.report.explained import html, json_object, page, text

FIRST = "input 1@32x32\nconv 6 5x5 as c"


def explanation(source: str, name: str):
    return arithmetic(cnndsl.loads(source, file="net.cnn"), name)


def test_text_exactly():
    assert text(explanation(FIRST, "c")).splitlines() == [
        "c: conv 6 5x5   (net.cnn:2)",
        "  Convolution: every filter slides over all channels of its group and gives one output channel.",
        "  reads input 1@32x32, gives 6@28x28",
        "",
        "output size",
        "  channels       F                                           = 6",
        "  height         (H - Kh + 2*P)/S + 1 = (32 - 5 + 2*0)/1 + 1 = 28",
        "  width          (W - Kw + 2*P)/S + 1 = (32 - 5 + 2*0)/1 + 1 = 28",
        "",
        "parameters",
        "  weight         F*C*Kh*Kw     = 6*1*5*5 = 150   of shape 6x1x5x5",
        "  bias           F                       = 6     of shape 6",
        "  parameters     weight + bias = 150 + 6 = 156",
        "",
        "multiply-accumulates (MACs)",
        "  an example     F*C*Kh*Kw*Ho*Wo = 6*1*5*5*28*28 = 117,600",
        "",
        "connections",
        "  an example     (F*C*Kh*Kw + F)*Ho*Wo = (6*1*5*5 + 6)*28*28 = 122,304",
        "",
        "receptive field",
        "  height         r + (Kh - 1)*j = 1 + (5 - 1)*1 = 5",
        "  height, jump   j*S            = 1*1           = 1",
        "  height, start  a - P*j        = 0 - 0*1       = 0",
        "  width          r + (Kw - 1)*j = 1 + (5 - 1)*1 = 5",
        "  width, jump    j*S            = 1*1           = 1",
        "  width, start   a - P*j        = 0 - 0*1       = 0",
        "",
        "memory",
        "  output         F*Ho*Wo*4 = 6*28*28*4 = 18,816   4 bytes for every float32 number",
        "  alive at the network's peak of 22,912 bytes, while `c` computes",
        "",
        "where",
        "  F   filters: channels of the output",
        "  H   height of the input",
        "  Kh  kernel height",
        "  P   padding on each side",
        "  S   stride: cells from one window to the next",
        "  W   width of the input",
        "  Kw  kernel width",
        "  C   channels of the input",
        "  Ho  height of the output",
        "  Wo  width of the output",
        "  r   receptive field of what the layer reads, in cells of the network's input",
        "  j   jump: cells of the input from one position of what it reads to the next",
        "  a   first cell of the input that position 0 of what the layer reads sees",
    ]


def test_long_rules_stand_below_each_other():
    shown = text(explanation("input 3@33x32\nconv 8 3x5 stride=2 pad=same dilation=2 as c", "c"))
    lines = shown.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("  width "))
    assert [line.strip() for line in lines[index + 1 : index + 3]] == ["= (32 - (2*(5 - 1) + 1) + 3 + 4)/2 + 1", "= 16"]
    assert "pad=same: as many cells as make the output ceil(size/stride), the odd one at the end" in shown


def test_an_input():
    lines = text(explanation("input 3@4x4 as picture\nrelu", "picture")).splitlines()
    assert lines[0] == "picture   (net.cnn:1)"
    assert "  output    C*H*W*4 = 3*4*4*4 = 192   4 bytes for every float32 number" in lines


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_operator_fits_the_page(name):
    network = cnndsl.loads(ops.operator(name).example)
    for layer in network.layers:
        found = arithmetic(network, layer)
        shown = text(found)
        assert max(map(len, shown.splitlines())) <= 100
        assert all(line == line.rstrip() for line in shown.splitlines())
        ElementTree.fromstring(html(found).replace("&nbsp;", " "))
        json.dumps(json_object(found), allow_nan=False)


def test_many_inputs_share_a_line_of_the_legend():
    branches = "; ".join(f"conv {n} 1" for n in range(1, 8))
    lines = text(explanation(f"input 2@4x4\nconcat {{ {branches} }} as c", "c")).splitlines()
    assert [line.split("  ")[1] for line in lines[lines.index("where") + 1 :]] == ["C1 to C7", "H", "W", "r1", "Co"]


def test_json():
    found = json_object(explanation(FIRST, "c"))
    assert list(found) == [
        "version", "network", "layer", "operator", "words", "place", "inputs", "shape", "sections", "legend"
    ]  # fmt: skip
    assert (found["version"], found["place"]) == (1, {"file": "net.cnn", "line": 2, "column": 1})
    keys = ["output", "parameters", "macs", "connections", "receptive_field", "memory"]
    assert [section["key"] for section in found["sections"]] == keys
    assert found["sections"][0]["lines"][1] == {
        "topic": "height", "rule": "(H - Kh + 2*P)/S + 1", "numbers": "(32 - 5 + 2*0)/1 + 1", "result": 28, "words": ""
    }  # fmt: skip
    assert json_object(explanation(FIRST, "input"))["operator"] is None


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags(markup: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(markup)
    return parser.found


def test_html():
    markup = html(explanation(FIRST, "c"), level=3)
    found = tags(markup)
    names = [name for name, _ in found]
    assert found[0] == ("section", {"class": "explained"})
    assert names.count("h3") == 1 and names.count("h4") == 7 and names.count("table") == 6
    assert not {"script", "style"} & set(names)
    assert not any(key == "style" or key.startswith("on") for _, attributes in found for key in attributes)
    assert "(H - Kh + 2*P)/S + 1 = (32 - 5 + 2*0)/1 + 1</td>" in markup
    whole = page("a & b", markup)
    assert whole.startswith("<!DOCTYPE html>") and "<title>a &amp; b</title>" in whole
    assert "http" not in whole and "url(" not in whole


def test_names_stay_text():
    source = cnndsl.loads("input 1@8x8\nconv 2 3 as c", file="<script>\x1b[31m.cnn")
    found = arithmetic(source, "c")._replace(name="<script>alert(1)</script>\x07", network="<b>")
    markup = page(found.name, html(found))
    assert "<script" not in markup and "\x07" not in markup and "&lt;script&gt;" in markup
    shown = text(found)
    assert "\x1b" not in shown and "\x07" not in shown and "\\x1b" in shown


def test_a_literal_as_long_as_a_file_is_shortened():
    numbers = ", ".join(["1"] * 900)
    found = explanation(f"input 900\ndense 1 weight=[{numbers}] as d", "d")
    assert len(text(found).splitlines()[0]) <= 100 and "…" in text(found)


def test_the_facade():
    network = cnndsl.loads(FIRST, file="net.cnn")
    assert network.explain("c") == text(arithmetic(network, "c"))


def test_what_sentences_quote_is_code_in_html(examples: Path) -> None:
    network = cnndsl.load(examples / "lenet.cnn")
    shown = html(arithmetic(network, "tanh1"))
    assert "while <code>avgpool1</code> computes" in shown and "`" not in shown
