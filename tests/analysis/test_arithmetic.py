"""The arithmetic behind a layer: every line evaluates to its result, and the results are the layer's numbers."""

import ast
import math
import operator
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

import pytest

import cnndsl
from cnndsl import ops
from cnndsl.analysis.arithmetic import Explanation, arithmetic
from tests import generators

SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
FUNCTIONS = {"floor": math.floor, "ceil": math.ceil, "max": max}
FILES = sorted(path.name for path in (Path(__file__).parents[2] / "examples" / "zoo").glob("*.cnn"))


@cache
def evaluated(text: str) -> Fraction:
    """The exact value of numbers, signs and rounding: an evaluator of its own."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(number):
                return Fraction(number)
            case ast.UnaryOp(ast.USub(), operand):
                return -value(operand)
            case ast.BinOp(left, sign, right):
                return SIGNS[type(sign)](value(left), value(right))
            case ast.Call(ast.Name(function), arguments):
                return Fraction(FUNCTIONS[function](*map(value, arguments)))
        raise AssertionError(ast.dump(node))

    return value(ast.parse(text, mode="eval").body)


def faults(network: cnndsl.Network) -> Iterator[str]:
    """Where an explanation does not come to the numbers of the layer."""
    for name in (*network.inputs, *network.layers):
        explanation = arithmetic(network, name)
        sections = {section.key: section for section in explanation.sections}
        results = {key: [line.result for line in section.lines] for key, section in sections.items()}
        for section in explanation.sections:
            for line in section.lines:
                if bool(line.rule) != bool(line.numbers) or (line.numbers and evaluated(line.numbers) != line.result):
                    yield f"{name}: {line}"
        shape = network.graph.shapes[name]
        expected = {"output": list(shape.dimensions)}
        if name in network.layers:
            layer = network.layers[name]
            sizes = [line.result for line in sections["receptive_field"].lines if "," not in line.topic]
            jumps = [line.result for line in sections["receptive_field"].lines if line.topic.endswith("jump")]
            starts = [line.result for line in sections["receptive_field"].lines if line.topic.endswith("start")]
            counted = {"parameters": layer.params, "macs": layer.macs, "connections": layer.connections}
            expected |= {key: [number] for key, number in counted.items() if key != "parameters" and number}
            if any(sections[key].total != number for key, number in counted.items()):
                yield f"{name}: totals"
            own = network.graph.weights(layer.node)
            tensors = {line.topic: line.result for line in sections["parameters"].lines}
            if {key: tensors.get(key) for key in own} != {key: weight.elements for key, weight in own.items()}:
                yield f"{name}: tensors {tensors}"
            if tensors.get("parameters", layer.params) != layer.params:
                yield f"{name}: parameters {tensors}"
            if tuple(sizes) != layer.receptive_field:
                yield f"{name}: receptive field {sizes}"
            moving = [axis for axis, pattern in enumerate(layer.field) if pattern.axis is not None]
            if [jump for jump in jumps if jump is not None] != [
                layer.rf_stride[axis] for axis in moving if layer.field[axis].stride.denominator == 1
            ]:
                yield f"{name}: jumps {jumps}"
            if starts != [layer.rf_start[axis] for axis in moving]:
                yield f"{name}: starts {starts}"
        bytes_each = 8 if any(v.name == name and v.dtype == "int64" for v in network.graph.inputs) else 4
        if name in network.layers and network.layers[name].node.dtype == "int64":
            bytes_each = 8
        expected["memory"] = [shape.elements * bytes_each]
        for key, numbers in expected.items():
            if results[key] != numbers:
                yield f"{name}: {key} {results[key]}, not {numbers}"
        used = {symbol for symbol, _ in explanation.legend}
        if len(used) != len(explanation.legend):
            yield f"{name}: a symbol twice"


@pytest.mark.parametrize("file", FILES)
def test_the_zoo(examples, file):
    for network in cnndsl.check_file(examples / "zoo" / file).networks:
        assert not list(faults(network))


def test_the_examples(examples):
    files = [path for path in sorted(examples.glob("*.cnn")) if cnndsl.check_file(path).networks]
    assert len(files) > 10
    for path in files:
        for network in cnndsl.check_file(path).networks:
            assert not list(faults(network)), path


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_operator(name):
    assert not list(faults(cnndsl.loads(ops.operator(name).example)))
    for index in range(15):
        text = generators.sound_layer(Random(f"{name}/{index}"), name)
        assert not list(faults(cnndsl.loads(text))), text


def test_random_networks():
    for seed in range(75):
        text = generators.network_text(seed, 12)
        assert not list(faults(cnndsl.loads(text))), text


def explained(text: str, name: str) -> dict[str, dict[str, tuple[str, str, int | None]]]:
    """Rule, numbers and result by section and topic."""
    return by_topic(arithmetic(cnndsl.loads(text), name))


def by_topic(explanation: Explanation) -> dict[str, dict[str, tuple[str, str, int | None]]]:
    return {
        section.key: {line.topic: (line.rule, line.numbers, line.result) for line in section.lines}
        for section in explanation.sections
    }


def test_the_issue_of_a_first_lesson():
    found = explained("input 1@32x32\nconv 10 5x5", "conv1")
    assert found["output"]["height"] == ("(H - Kh + 2*P)/S + 1", "(32 - 5 + 2*0)/1 + 1", 28)
    assert found["connections"]["an example"] == ("(F*C*Kh*Kw + F)*Ho*Wo", "(10*1*5*5 + 10)*28*28", 203_840)
    assert found["macs"]["an example"][2] == 196_000
    assert found["parameters"] == {
        "weight": ("F*C*Kh*Kw", "10*1*5*5", 250),
        "bias": ("F", "10", 10),
        "parameters": ("weight + bias", "250 + 10", 260),
    }


def test_a_remainder_and_the_pixels_that_it_leaves_out():
    network = cnndsl.loads("input 1@10x9\nconv 2 4 stride=3 pad=0 as c")
    section = arithmetic(network, "c").sections[0]
    height, width = section.lines[1:]
    assert height[1:4] == ("(H - Kh + 2*P)/S + 1", "(10 - 4 + 2*0)/3 + 1", 3) and not height.words
    assert width[1:4] == ("floor((W - Kw + 2*P)/S) + 1", "floor((9 - 4 + 2*0)/3) + 1", 2)
    assert width.words == "exactly 2.67, rounded down: 2 columns are never read"


def test_a_remainder_of_padding_only():
    width = arithmetic(cnndsl.loads("input 1@8x8\nconv 2 3 stride=2 pad=1 as c"), "c").sections[0].lines[2]
    assert width.numbers == "floor((8 - 3 + 2*1)/2) + 1"
    assert width.words == "exactly 4.5, rounded down: only padding is left over"


@pytest.mark.parametrize(
    ("size", "arguments", "words"),
    [
        (8, "1 stride=2", "exactly 4.5, rounded down: 1 row is never read; 3 rows are never read, in the gaps"),
        (7, "1 stride=2", "3 rows are never read, in the gaps between those that are"),
        (40, "5 stride=2 dilation=2 pad=[8, 8, 0, 0]", "exactly 20.5, rounded down: 1 row is never read; 19 rows are"),
        (7, "3 stride=2", ""),
    ],
)
def test_cells_that_lie_between_what_is_read(size, arguments, words):
    """By hand: of 0..7 a 1x1 kernel with stride 2 reads 0, 2, 4, 6; the remainder explains 7 alone."""
    network = cnndsl.loads(f"input 1@{size}x{size}\nconv 1 {arguments} as c")
    found = arithmetic(network, "c").sections[0].lines[1].words
    assert found.startswith(words) and bool(found) == bool(words)


@pytest.mark.parametrize("operator", ["batchnorm", "prelu", "scale", "subsample 2", "relu", "conv_transpose 1 2"])
def test_what_is_not_counted_is_no_claim_about_the_layer(operator):
    """Norms multiply by weights and a transposed convolution has windows: the convention leaves them out."""
    sections = {s.key: s for s in arithmetic(cnndsl.loads(f"input 1@8x8\n{operator} as x"), "x").sections}
    for key in ("macs", "connections"):
        if sections[key].total == 0:
            assert sections[key].words.startswith("none are counted for it: only those of conv")


def test_dilation_and_uneven_padding():
    found = explained("input 1@32x32\nconv 2 3 dilation=2 pad=1 as a -> conv 2 3 pad=[1, 1, 2, 1] as b", "a")
    assert found["output"]["height"][1:] == ("(32 - (2*(3 - 1) + 1) + 2*1)/1 + 1", 30)
    assert found["receptive_field"]["height"] == ("r + (Keff - 1)*j", "1 + (5 - 1)*1", 5)
    found = explained("input 1@30x30\nconv 2 3 pad=[1, 1, 2, 1] as b", "b")
    assert found["output"]["height"] == ("(H - Kh + Pt + Pb)/S + 1", "(30 - 3 + 1 + 2)/1 + 1", 31)
    assert found["output"]["width"] == ("(W - Kw + 2*Pw)/S + 1", "(30 - 3 + 2*1)/1 + 1", 30)


def test_groups_and_depthwise():
    found = explained("input 8@6x6\nconv 12 3x1 groups=4 bias=false as c", "c")
    assert found["parameters"] == {"weight": ("F*C/G*Kh*Kw", "12*8/4*3*1", 72)}
    assert found["macs"]["an example"] == ("F*C/G*Kh*Kw*Ho*Wo", "12*8/4*3*1*4*6", 1728)
    found = explained("input 8@6x6\ndepthwise 3 multiplier=2 as d", "d")
    assert found["output"]["channels"] == ("C*M", "8*2", 16)
    assert found["parameters"]["weight"] == ("C*M*Kh*Kw", "8*2*3*3", 144)


def test_the_connection_table_of_lenet_5(examples):
    """LeCun et al. 1998, section II.B: C3 has 1,516 parameters and 151,600 connections."""
    networks = cnndsl.check_file(examples / "zoo" / "lenet.cnn").networks
    found = by_topic(arithmetic(next(n for n in networks if n.name == "LeNet5"), "C3"))
    assert found["parameters"] == {
        "weight": ("links*Kh*Kw", "60*5*5", 1500),
        "bias": ("F", "16", 16),
        "parameters": ("weight + bias", "1500 + 16", 1516),
    }
    assert found["connections"]["an example"] == ("(links*Kh*Kw + F)*Ho*Wo", "(60*5*5 + 16)*10*10", 151_600)


def test_dense_and_batchnorm():
    found = explained("input 1960\ndense 200 as d", "d")
    assert found["connections"]["an example"] == ("U*N + U", "200*1960 + 200", 392_200)
    assert found["macs"]["an example"] == ("U*N", "200*1960", 392_000)
    found = explained("input 4@2x2\nbatchnorm as n", "n")["parameters"]
    assert found["parameters"] == ("weight + bias", "4 + 4", 8)
    assert found["buffers"] == ("running_mean + running_var", "4 + 4", 8)


def test_pooling_that_rounds_up():
    network = cnndsl.loads("input 3@6x7\nmaxpool 3 stride=2 ceil_mode=true as p")
    height, width = arithmetic(network, "p").sections[0].lines[1:]
    assert height[1:4] == ("ceil((H - Kh + 2*P)/S) + 1", "ceil((6 - 3 + 2*0)/2) + 1", 3)
    assert height.words.startswith("exactly 2.5, rounded up")
    assert width[1:4] == ("(W - Kw + 2*P)/S + 1", "(7 - 3 + 2*0)/2 + 1", 3)


def test_pooling_that_drops_a_window_in_the_padding():
    line = arithmetic(cnndsl.loads("input 1@5\nmaxpool 2 stride=3 pad=1 ceil_mode=true as p"), "p").sections[0].lines[1]
    assert (line.numbers, line.result) == ("ceil((5 - 2 + 2*1)/3) + 1 - 1", 2)
    assert "dropped" in line.words


def test_transposed_and_upsampled():
    found = explained("input 6@8x8\nconv_transpose 4 3 stride=2 pad=1 output_pad=1 groups=2 as t", "t")
    assert found["output"]["height"] == ("(H - 1)*S - 2*P + Kh + output_pad", "(8 - 1)*2 - 2*1 + 3 + 1", 16)
    assert found["macs"]["an example"] == ("C*H*W*F/G*Kh*Kw", "6*8*8*4/2*3*3", 6912)
    assert explained("input 6@8x8\nupsample 2 as u", "u")["output"]["width"] == ("W*scale", "8*2", 16)


def test_merges_and_their_receptive_fields():
    text = "input 3@8x8\nconcat { conv 4 3 pad=1 as a; conv 5 5 pad=2 as b; identity as c } as all"
    found = explained(text, "all")
    assert found["output"]["channels"] == ("C1 + C2 + C3", "4 + 5 + 3", 12)
    assert found["receptive_field"]["height"] == ("max(r1, r2, r3)", "max(3, 5, 1)", 5)
    section = {s.key: s for s in arithmetic(cnndsl.loads(text), "all").sections}["receptive_field"]
    assert section.lines[0].words == "`b` decides: it sees the most"
    found = explained("input 3@8x8\nadd { conv 3 3 pad=1; identity } as sum", "sum")
    assert found["output"]["channels"] == ("C", "3", 3)


def test_shared_weights_count_where_they_live():
    text = "input 2@4x4\nconv 2 1 as first -> conv 2 1 share=first as second"
    section = {s.key: s for s in arithmetic(cnndsl.loads(text), "second").sections}["parameters"]
    assert (section.lines, section.total) == ((), 0)
    assert section.words == "it uses the weights of `first`: 6 elements, which count there"


def test_an_input_and_the_peak():
    network = cnndsl.loads("input 4 dtype=int64 as words\nembedding 9 3 as e -> conv 2 1 -> relu")
    explanation = arithmetic(network, "words")
    assert (explanation.operator, explanation.reads) == ("", ())
    assert explanation.sections[-1].lines[0][1:4] == ("N*8", "4*8", 32)
    memory = {name: arithmetic(network, name).sections[-1].words for name in ("words", "e", "relu1")}
    # 4 words of 8 bytes and 3@4 of 4 bytes are 80; 3@4 and 2@4 are 80 too, later
    assert memory["e"] == memory["words"] == "alive at the network's peak of 80 bytes, while `e` computes"
    assert memory["relu1"] == ""


def test_an_unknown_layer():
    with pytest.raises(cnndsl.CnnError) as caught:
        arithmetic(cnndsl.loads("input 1@8x8\nconv 1 3"), "cnov1")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("unknown-layer", ("did you mean `conv1`?",))
