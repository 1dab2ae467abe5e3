"""Worked values as text, JSON and HTML: golden texts, formulas that hold, nothing that a name could break."""

import json
import math
import re
from html.parser import HTMLParser
from random import Random

import numpy as np
import pytest

import cnndsl
from cnndsl import ops
from cnndsl.report.trace import STYLE, html, json_object, text
from cnndsl.report.trace.words import number, numbers, step_text
from cnndsl.runtime.trace import trace_value
from tests import generators


def worked(source, layer, position, x, weights=None):
    network = cnndsl.loads(source, file="net.cnn") if isinstance(source, str) else source
    (value,) = network.graph.inputs
    given = {value.name: np.asarray(x, value.dtype)[None]}
    tensors = network.weights() | {name: np.asarray(array, np.float32) for name, array in (weights or {}).items()}
    return trace_value(network.graph, layer, position, given, tensors)


# Golden texts: numbers chosen so that the sums can be checked by hand

LINE = """\
VerticalLine: conv1 at channel 0, row 2, column 3 (counted from 0) is 3
conv 1 3x3 bias=[0] weight=[[0, 1, 0], [0, 1, 0], [0, 1, 0]]: 1@8x8 -> 1@6x6
reads channel 0, rows 2 to 4, columns 3 to 5 of input (1@8x8)
filter 0

channel 0, sum 3
  weight     input     weight*input
  0 1 0      0 1 0     0 1 0
  0 1 0   *  0 1 0  =  0 1 0
  0 1 0      0 1 0     0 1 0
  weight*input, row by row
    0*0 + 1*1 + 0*0 = 1
    0*0 + 1*1 + 0*0 = 1
    0*0 + 1*1 + 0*0 = 1
    1 + 1 + 1 = 3

sum = 3
value = sum + bias = 3 + 0 = 3
run gives 3
"""

BUMP = """\
bump_detector: conv1 at channel 0, position 0 (counted from 0) is 0
conv 1 3 bias=[0] weight=[0, 1, 0]: 1@8 -> 1@6
reads channel 0, positions 0 to 2 of input (1@8)
filter 0

channel 0, sum 0
  weight     input     weight*input
  0 1 0   *  0 0 0  =  0 0 0
  weight*input, row by row
    0*0 + 1*0 + 0*0 = 0

sum = 0
value = sum + bias = 0 + 0 = 0
run gives 0
"""

COLOURS = """\
cifar10: first at channel 5, row 0, column 31 (counted from 0) is 2.625
conv 32 3x3 pad=same: 3@32x32 -> 32@32x32
reads channels 0 to 2, rows -1 to 1 (-1 is padding), columns 30 to 32 (32 is padding) of input (3@32x32)
filter 5

channel 0, sum -0.125
  weight               input                   weight*input
  -0.5   0     0.5     (0)    (0)    (0)        0       0       0
   1     1.5  -1.5  *   0      0.25  (0)    =   0       0.375   0
  -1    -0.5   0        0.25   0.5   (0)       -0.25   -0.25    0
  weight*input, row by row
     -0.5*0 +        0*0 +    0.5*0 = 0
        1*0 +   1.5*0.25 + (-1.5)*0 = 0.375
    -1*0.25 + (-0.5)*0.5 +      0*0 = -0.5
    0 + 0.375 + (-0.5) = -0.125

channel 1, sum -0.5
  weight               input                   weight*input
   0.5   1     1.5     (0)    (0)    (0)        0       0       0
  -1.5  -1    -0.5  *   0.25   0.5   (0)    =  -0.375  -0.5     0
   0     0.5   1        0.5    0.75  (0)        0       0.375   0
  weight*input, row by row
        0.5*0 +      1*0 +    1.5*0 = 0
    -1.5*0.25 + (-1)*0.5 + (-0.5)*0 = -0.875
        0*0.5 + 0.5*0.75 +      1*0 = 0.375
    0 + (-0.875) + 0.375 = -0.5

channel 2, sum 2
  weight               input                   weight*input
   1.5  -1.5  -1       (0)    (0)    (0)        0      0      0
  -0.5   0     0.5  *   0.5    0.75  (0)    =  -0.25   0      0
   1     1.5  -1.5      0.75   1     (0)        0.75   1.5    0
  weight*input, row by row
       1.5*0 + (-1.5)*0 +   (-1)*0 = 0
    -0.5*0.5 +   0*0.75 +    0.5*0 = -0.25
      1*0.75 +    1.5*1 + (-1.5)*0 = 2.25
    0 + (-0.25) + 2.25 = 2

numbers in parentheses are padding

sums of the channels
  channel 0  -0.125
  channel 1  -0.5
  channel 2   2

sum = 1.375
value = sum + bias = 1.375 + 1.25 = 2.625
run gives 2.625
"""

MAXIMUM = """\
net: pool at channel 0, row 0, column 1 (counted from 0) is 9
maxpool 3x3 stride=2 pad=1: 1@4x4 -> 1@2x2
reads channel 0, rows -1 to 1 (-1 is padding), columns 1 to 3 of input (1@4x4)
the largest is at row 1, column 1

channel 0
  input
   ·   ·   ·
   2   0   4
  [9]  7   8

· is a cell outside of the map, which does not count
the number in brackets is the largest

largest = 9
run gives 9
"""

MEAN = """\
net: pool at channel 0, row 0, column 1 (counted from 0) is 5
avgpool 3x3 stride=2 pad=1: 1@4x4 -> 1@2x2
reads channel 0, rows -1 to 1 (-1 is padding), columns 1 to 3 of input (1@4x4)

channel 0
  input
  · · ·
  2 0 4
  9 7 8

· is a cell outside of the map, which does not count

sum = 30
divisor = cells of the window - not counted = 9 - 3 = 6
value = sum/divisor = 30/6 = 5
run gives 5
"""

MEAN_WITH_PADDING = """\
net: pool at channel 0, row 0, column 1 (counted from 0) is 3.3333
avgpool 3x3 stride=2 pad=1 count_include_pad=true: 1@4x4 -> 1@2x2
reads channel 0, rows -1 to 1 (-1 is padding), columns 1 to 3 of input (1@4x4)

channel 0
  input
  (0) (0) (0)
   2   0   4
   9   7   8

numbers in parentheses are padding

sum = 30
divisor = 9
value = sum/divisor = 30/9 = 3.3333
run gives 3.3333
shown with 5 digits; the sums are those of the full numbers
"""

DENSE = """\
net: dense1 at feature 1 (counted from 0) is 2
dense 2: 4 -> 2
reads features 0 to 3 of input (4)
unit 1

             weight  input  weight*input
  feature 0    2       1             2
  feature 1    0.25   -2            -0.5
  feature 2   -4       0.5          -2
  feature 3    1       3             3

sum = 2.5
value = sum + bias = 2.5 + (-0.5) = 2
run gives 2
"""

GROUPED = """\
net: conv1 at channel 1, row 0, column 0 (counted from 0) is 191
conv 2 1x3 groups=2: 4@1x3 -> 2@1x1
reads channels 2 to 3, row 0, columns 0 to 2 of input (4@1x3)
filter 1 of group 1

channel 2, sum 170
  weight     input     weight*input
  6 7 8   *  7 8 9  =  42 56 72
  weight*input, row by row
    6*7 + 7*8 + 8*9 = 170

channel 3, sum 20
  weight       input     weight*input
   9 10 11  *  1 0 1  =   9  0 11
  weight*input, row by row
    9*1 + 10*0 + 11*1 = 20

sums of the channels
  channel 2  170
  channel 3   20

sum = 190
value = sum + bias = 190 + 1 = 191
run gives 191
"""

SMALL = [[[1, 2, 0, 4], [5, 9, 7, 8], [0, -1, 3, 3], [2, 6, -4, 1]]]


def test_the_vertical_line(examples):
    x = np.zeros((1, 8, 8))
    x[..., 4] = 1
    network = cnndsl.load(examples / "line_detectors.cnn", network="VerticalLine")
    assert text(worked(network, "conv1", (0, 2, 3), x)) == LINE


def test_the_bump(examples):
    network = cnndsl.load(examples / "bump_detector.cnn")
    assert text(worked(network, "conv1", (0, 0), [[0, 0, 0, 1, 1, 0, 0, 0]])) == BUMP


def test_three_colours_at_a_padded_corner(examples):
    x = np.indices((3, 32, 32)).sum(axis=0) % 5 / 4
    weights = {"first.weight": (np.arange(864) % 7 - 3).reshape(32, 3, 3, 3) / 2, "first.bias": np.arange(32) / 4}
    assert text(worked(cnndsl.load(examples / "cifar10.cnn"), "first", (5, 0, 31), x, weights)) == COLOURS


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("maxpool 3x3 stride=2 pad=1", MAXIMUM),
        ("avgpool 3x3 stride=2 pad=1", MEAN),
        ("avgpool 3x3 stride=2 pad=1 count_include_pad=true", MEAN_WITH_PADDING),
    ],
)
def test_pools(layer, expected):
    assert text(worked(f"input 1@4x4\n{layer} as pool", "pool", (0, 0, 1), SMALL)) == expected


def test_a_dense_layer():
    weights = {"dense1.weight": [[1, 1, 1, 1], [2, 0.25, -4, 1]], "dense1.bias": [0, -0.5]}
    assert text(worked("input 4\ndense 2", "dense1", (1,), [1, -2, 0.5, 3], weights)) == DENSE


def test_groups():
    x = [[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]], [[1, 0, 1]]]
    weights = {"conv1.weight": np.arange(12).reshape(2, 2, 1, 3), "conv1.bias": [0, 1]}
    assert text(worked("input 4@1x3\nconv 2 1x3 groups=2", "conv1", (1, 0, 0), x, weights)) == GROUPED


@pytest.mark.parametrize(
    ("layer", "x", "line"),
    [
        ("relu", -1.5, "value = max(0, x) = max(0, -1.5) = 0"),
        ("clip (-1) 2", -3, "value = min(max(x, min), max) = min(max(-3, -1), 2) = -1"),
        ("clip min=2", -3, "value = max(x, min) = max(-3, 2) = 2"),
        ("clip max=-4", -3, "value = min(x, max) = min(-3, -4) = -4"),
        ("scale init=3 bias=true", -2, "value = weight*x + bias = 3*(-2) + 0 = -6"),
        ("bias", -2, "value = x + bias = -2 + 0 = -2"),
        ("leaky_relu 0.5", -3, "value = alpha*x = 0.5*(-3) = -1.5"),
        ("leaky_relu 0.5", 3, "value = x = 3"),
        ("sigmoid", 0, "value = 1/(1 + e^(-x)) = 1/(1 + e^(-0)) = 0.5"),
        ("softsign", -3, "value = x/(1 + |x|) = -3/(1 + |-3|) = -0.75"),
        ("hardswish", 3, "value = x*min(max(0, x + 3), 6)/6 = 3*min(max(0, 3 + 3), 6)/6 = 3"),
        ("normalize mean=1 std=4", -1, "value = (x - mean)/std = (-1 - 1)/4 = -0.5"),
        ("add { identity; identity }", -2, "value = branch 0 + branch 1 = -2 + (-2) = -4"),
        ("average { identity; relu }", 4, "value = (branch 0 + branch 1)/branches = (4 + 4)/2 = 4"),
        ("softmax", 7, "value = e^(x - largest)/sum = e^(7 - 7)/1 = 1"),
    ],
)
def test_formulas_on_one_line(layer, x, line):
    found = text(worked(f"input 1\n{layer} as last", "last", (0,), [x]))
    assert line in found.splitlines()


def test_batch_norm_shows_its_four_numbers():
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {f"last.{name}": [value] for name, value in zip(names, (3, 1, 2, 4), strict=True)}
    found = text(worked("input 1\nbatchnorm eps=5 as last", "last", (0,), [8], weights))
    rule = "(x - mean)/sqrt(variance + eps)*weight + bias"
    assert f"value = {rule} = (8 - 2)/sqrt(4 + 5)*3 + 1 = 7\nrun gives 7\n" in found


# Much is cut, and JSON has all


def test_of_many_channels_the_first_and_the_largest_are_shown():
    x = np.ones((512, 3, 3))
    kernel = np.ones((1, 512, 3, 3))
    kernel[0, 300] = -7
    found = worked("input 512@3x3\nconv 1 3x3", "conv1", (0, 0, 0), x, {"conv1.weight": kernel, "conv1.bias": [0.0]})
    lines = text(found).splitlines()
    assert [line for line in lines if line.startswith("channel")] == [
        "channel 0, sum 9",
        "channel 1, sum 9",
        "channel 2, sum 9",
        "channel 300, sum -63",
    ]
    assert "  … 508 more   4572" in lines and len(lines) < 62
    assert "left out: channels 3 to 299, 301 to 511" in lines
    shown = json_object(found)
    assert len(shown["channels"]) == 512 and shown["channels"][300]["total"] == -63
    assert shown["value"] == shown["total"] == 511 * 9 - 63


def test_one_cell_a_channel_is_a_table():
    weights = {"conv1.weight": np.arange(3).reshape(1, 3, 1, 1), "conv1.bias": [0]}
    found = text(worked("input 3@1x1\nconv 1 1x1", "conv1", (0, 0, 0), np.full((3, 1, 1), 2), weights))
    assert "  channel 2       2      2             4" in found.splitlines() and "sums of" not in found


def test_of_many_features_those_that_matter_are_shown():
    weights = np.zeros((1, 9216))
    weights[0, [70, 9000]] = 5, -8
    found = worked("input 9216\ndense 1", "dense1", (0,), np.ones(9216), {"dense1.weight": weights, "dense1.bias": [0]})
    lines = text(found).splitlines()
    assert "  feature 9000      -8      1            -8" in lines
    (left,) = [line for line in lines if line.startswith("left out: features")]
    assert left.endswith("to 8,999, 9,001 to 9,215")
    assert any(line.startswith("  … 9,211 more") and line.endswith(" 0") for line in lines) and len(lines) < 25
    assert len(json_object(found)["terms"]["columns"]["weight*input"]) == 9216


def test_a_large_map_is_cut():
    x = np.arange(30 * 30).reshape(1, 30, 30)
    found = worked("input 1@30x30\nglobal_maxpool", "global_maxpool1", (0, 0, 0), x)
    lines = text(found).splitlines()
    assert "the largest is at row 29, column 29" in lines
    assert any(line.endswith("[899]") for line in lines) and sum("…" in line for line in lines) == 13
    assert np.shape(json_object(found)["channels"][0]["input"]) == (30, 30)


def test_many_inputs_are_not_all_named():
    branches = "; ".join("identity" for _ in range(6))
    found = text(worked(f"input 1@2x2\nconcat {{ {branches} }}", "concat1", (5, 0, 1), np.ones((1, 2, 2))))
    assert f"concat: {' and '.join(['1@2x2'] * 4)} and 2 more -> 6@2x2" in found.splitlines()


def test_shared_weights_are_said_to_be():
    source = "input 1@2x2\nconv 1 1x1 as first -> conv 1 1x1 share=first as second"
    found = text(worked(source, "second", (0, 0, 0), np.ones((1, 2, 2))))
    assert "the weights are those of `first`" in found.splitlines()
    assert "those of" not in text(worked(source, "first", (0, 0, 0), np.ones((1, 2, 2)))).partition("run gives")[0]


def test_slices_of_a_volume():
    found = text(worked("input 1@2x2x2\nmaxpool 2x2x2", "maxpool1", (0, 0, 0, 0), np.arange(8).reshape(1, 2, 2, 2)))
    assert "channel 0\n  slice 0\n  input\n   0   1\n   2   3\n  slice 1\n  input\n   4   5\n   6  [7]\n" in found


def test_the_whole_of_the_json():
    found = json_object(worked("input 1@2\navgpool 2 stride=1 pad=1 as last", "last", (0, 0), [[4, 6]]))
    assert found == {
        "network": "net",
        "layer": "last",
        "operator": "avgpool",
        "arguments": "2 stride=1 pad=1",
        "shape": {"channels": 1, "spatial": [3]},
        "position": [0, 0],
        "value": 4.0,
        "total": 4.0,
        "reads": [{"input": "input", "shape": {"channels": 1, "spatial": [2]}, "channels": [0], "places": [[-1, 0]]}],
        "channels": [{"channel": 0, "total": 4.0, "input": [None, 4.0], "padding": [True, False]}],
        "steps": [
            {"name": "sum", "formula": "", "numbers": {}, "value": 4.0},
            {
                "name": "divisor",
                "formula": "{cells of the window} - {not counted}",
                "numbers": {"cells of the window": 2.0, "not counted": 1.0},
                "value": 1,
            },
            {"name": "value", "formula": "{sum}/{divisor}", "numbers": {"sum": 4.0, "divisor": 1.0}, "value": 4.0},
        ],
        "notes": [],
    }


def test_infinities_are_no_json_and_stay_readable():
    found = worked("input 2\nadd { identity; identity }", "add1", (0,), [np.inf, 0])
    assert "value = branch 0 + branch 1 = inf + inf = inf" in text(found)
    assert json_object(found)["value"] is None
    json.dumps(json_object(found), allow_nan=False)


# Numbers


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3.0, "3"),
        (-0.0, "0"),
        (np.float32(0.1).item(), "0.1"),
        (1 / 3, "0.33333"),
        (-1234.567, "-1234.6"),
        (1e-5, "1e-05"),
        (1e9, "1e+09"),
        (float("nan"), "NaN"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_have_five_digits(value, shown):
    assert number(value) == shown


def test_numbers_below_each_other_have_the_decimals_of_the_largest():
    assert numbers([12.3456, -0.5, 0.00001, 3, 0]) == ["12.346", "-0.5", "1.0e-05", "3", "0"]
    assert numbers([0.123456, 0.2]) == ["0.12346", "0.2"]
    assert numbers([]) == []


def test_decimal_points_stand_below_each_other():
    x = [[[10.5, -2.25], [0, 100]]]
    lines = text(worked("input 1@2x2\nlppool 2x2", "lppool1", (0, 0, 0), x)).splitlines()
    start = lines.index("channel 0") + 2
    assert lines[start : start + 2] == [
        "   10.5    -2.25       110.25      5.06",
        "    0     100            0     10000",
    ]


# HTML


class Reader(HTMLParser):
    """Tags in their order, and whether every one is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.words = [], [], []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(fragment):
    reader = Reader()
    reader.feed(fragment)
    reader.close()
    assert not reader.open
    return reader


def test_html_has_the_same_numbers_in_tables(examples):
    x = np.indices((3, 32, 32)).sum(axis=0) % 5 / 4
    found = worked(cnndsl.load(examples / "cifar10.cnn"), "first", (5, 0, 31), x)
    reader = read(html(found))
    tags = [tag for tag, _ in reader.seen]
    assert tags[0] == "section" and tags.count("table") == 10 and not {"script", "style", "link", "img"} & set(tags)
    assert not any({"style", "onclick", "href", "src"} & set(attributes) for _, attributes in reader.seen)
    printed = text(found)
    sums = [line.strip() for line in printed.splitlines() if re.match(r"    .*\*.* = |value = ", line)]
    written_out = {line.strip() for word in reader.words for line in word.splitlines()}
    assert len(sums) == 10 and set(sums) <= written_out
    cells = {word.strip(" \u2007") for word in reader.words}
    matrices = re.findall(r"(?<=  )\(?-?[\d.]+\)?(?=  |$)", printed, re.MULTILINE)
    assert len(matrices) > 60 and set(matrices) <= cells
    assert sum(attributes.get("class") == "worked-padding" for _, attributes in reader.seen) == 15
    assert [tag for tag in tags if tag in ("h2", "h3", "h4")] == ["h2", "h3", "h3", "h3"]
    assert read(html(found, level=4)).seen[1][0] == "h4"


@pytest.mark.parametrize("name", ops.NAMES)
def test_html_of_every_operator_is_sound(name):
    random = Random(f"html {name}")
    network = cnndsl.loads(generators.sound_layer(random, name))
    x = {value.name: np.ones((1, *value.shape.dimensions), value.dtype) for value in network.graph.inputs}
    node = network.graph.layers[-1]
    found = trace_value(network.graph, node.name, tuple(0 for _ in node.shape.dimensions), x, network.weights())
    classes = {attributes.get("class") for _, attributes in read(html(found)).seen}
    known = set(re.findall(r"\.(worked[a-z-]*)", STYLE)) | {"worked", "worked-sign", "worked-steps"}
    assert classes - {None} <= known
    json.dumps(json_object(found), allow_nan=False)


def test_names_from_a_file_stay_text():
    graph = cnndsl.loads("input 2@3\nconv 1 2").graph
    hostile = "<script>alert(1)</script>\x1b[2J\n"
    node = graph.layers[0].model_copy(update={"name": hostile})
    graph = graph.model_copy(update={"name": hostile, "layers": (node,), "outputs": (hostile,)})
    graph.__dict__.pop("shapes", None)
    weights = {f"{hostile}.weight": np.ones((1, 2, 2), np.float32), f"{hostile}.bias": np.ones(1, np.float32)}
    found = trace_value(graph, hostile, (0, 0), {"input": np.ones((1, 2, 3), np.float32)}, weights)
    tags = {tag for tag, _ in read(html(found)).seen}
    assert "script" not in tags and "&lt;script&gt;" in html(found)
    for shown in (text(found), html(found)):
        assert not any(not character.isprintable() for character in shown.replace("\n", "").replace("\u2007", ""))
    assert text(found).startswith("<script>alert(1)</script>\\x1b[2J\\n: ")


# Formulas and sums that hold

SPACES = {
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "ln": math.log,
    "sin": math.sin,
    "pi": math.pi,
    "e": math.e,
    "max": max,
    "min": min,
}


def evaluated(formula):
    """A formula as it is printed, computed by Python."""
    python = re.sub(r"\|([^|]*)\|", r"abs(\1)", formula).replace("^", "**")
    phi = {"Phi": lambda x: (1 + math.erf(x / math.sqrt(2))) / 2}
    return eval(python, {"__builtins__": {"abs": abs}}, SPACES | phi)


@pytest.mark.parametrize("name", ops.NAMES)
def test_printed_formulas_give_the_printed_value(name):
    for seed in range(5):
        random = Random(f"printed {name}/{seed}")
        network = cnndsl.loads(generators.sound_layer(random, name))
        draw = np.random.default_rng(seed)
        x = {
            value.name: draw.integers(0, 9, (1, *value.shape.dimensions)).astype(value.dtype)
            if value.dtype == "int64"
            else draw.uniform(-2, 2, (1, *value.shape.dimensions)).astype(np.float32)
            for value in network.graph.inputs
        }
        node = network.graph.layers[-1]
        position = tuple(random.randrange(size) for size in node.shape.dimensions)
        found = trace_value(network.graph, node.name, position, x, network.weights())
        if not math.isfinite(found.total):
            continue
        for step in found.working.steps:
            if step.formula and not step.formula.startswith("{x}^"):
                left, *_, filled, value = step_text(step).split(" = ")
                assert left == step.name
                if filled not in ("x", "-x"):
                    spread = max(map(abs, step.numbers.values()), default=0) ** 2
                    assert evaluated(filled) == pytest.approx(float(value), rel=2e-3, abs=2e-4 * max(1, spread))
        for line in text(found).splitlines():
            if re.match(r"    .*\*.* = ", line):
                left, _, right = line.partition(" = ")
                assert evaluated(left.strip()) == pytest.approx(float(right), rel=1e-3, abs=1e-3)
