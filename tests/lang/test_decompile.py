"""Graphs as text again: the same graph, short, and as a person would have written it."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from cnndsl import api, ops
from cnndsl.analysis.measured import Measured
from cnndsl.interop.onnx.exporter.model import export
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.decompiler import decompile, same_graph
from cnndsl.lang.decompile.sums import flattened
from cnndsl.runtime.data.initial_weights import link_mask

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
ZOO = sorted(Path(__file__).resolve().parents[2].glob("examples/**/*.cnn"))


def compiled(text, name=None):
    result = compile_text(text, "net.cnn", network=name)
    assert [found for found in result.diagnostics if found.severity == "error"] == []
    (network,) = result.networks
    return network


def text_of(source):
    return decompile(compiled(source)).text


def folded(network):
    """The text, once it is known to be folded and to give the same graph."""
    found = decompile(network)
    assert same_graph(compiled(found.text), network, found.names)
    return found.text


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("resnet50", 60),
        ("densenet121", 60),
        ("inception_v1", 50),
        ("squeezenet", 30),
        ("vgg19", 20),
        ("shufflenet", 60),
    ],
)
def test_known_networks_are_short(name, most):
    text = folded(from_onnx(LIGHT / f"light_{name}.onnx").network)
    assert len(text.splitlines()) < most


def test_mobilenet_v2_is_short(examples):
    network = api.load(examples / "zoo/mobilenet_v2.cnn").graph
    assert len(folded(network).splitlines()) < 60


def test_resnet50_reads_like_its_paper():
    text = decompile(from_onnx(LIGHT / "light_resnet50.onnx").network).text
    assert "  for [filters, stride, n] in [[64, 1, 2], [128, 2, 3], [256, 2, 5], [512, 2, 2]] {\n" in text
    assert "    repeat n { Residual filters }\n" in text
    assert "conv (4*filters) 1x1 stride=stride bias=false -> batchnorm\n" in text


def test_squeezenet_keeps_the_word_of_its_names():
    assert "block Fire(filters) {" in decompile(from_onnx(LIGHT / "light_squeezenet.onnx").network).text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "input 1@28x28\nconv 6 5x5 pad=2 -> tanh\navgpool 2x2\nflatten\ndense 10 -> softmax\n",
            "network net {\n  input 1@28x28\n  conv 6 5x5 pad=2 -> tanh\n  avgpool 2x2 -> flatten\n"
            "  dense 10 -> softmax\n  expect params == 11_926\n}\n",
        ),
        (
            "input 3@8x8\nrepeat 3 { conv 3 3x3 pad=1 -> relu }\n",
            "network net {\n  input 3@8x8\n  repeat 3 { conv 3 3x3 pad=1 -> relu }\n  expect params == 252\n}\n",
        ),
        (
            "input 3@64x64 as image\nadd { conv 3 3x3 pad=1; from image }\n",
            "network net {\n  input 3@64x64 as image\n  add { conv 3 3x3 pad=1; identity }\n  expect params == 84\n}\n",
        ),
        (
            "input 4 as a\ninput 4 as b\nsub { from a; from b }\n",
            "network net {\n  input 4 as a\n  input 4 as b\n  sub { from a; identity }\n  expect params == 0\n}\n",
        ),
        (
            "input 3@8x8\nconv 4 1x1 as one -> relu\nconv 2 1x1 as two\noutput one two\n",
            "network net {\n  input 3@8x8\n  conv 4 1x1 as one -> relu\n  conv 2 1x1 as two\n  output one two\n"
            "  expect params == 26\n}\n",
        ),
        (
            "input 3@9x9\nfor [n, s] in [[8, 1], [16, 2], [32, 2]] { conv n 3x3 stride=s pad=1 -> relu\n"
            "maxpool 2x2 stride=1\ndropout 0.5 }\n",
            "network net {\n  input 3@9x9\n  for [filters, stride] in [[8, 1], [16, 2], [32, 2]] {\n"
            "    conv filters 3x3 stride=stride pad=1 -> relu\n    maxpool 2x2 stride=1 -> dropout 0.5\n  }\n"
            "  expect params == 6_032\n}\n",
        ),
        (
            "input 8 as x1 dtype=float32\ndense 4 as first\nfrom x1 -> dense 4 share=first as second\n"
            "add { from first; from second }\n".replace(" dtype=float32", ""),
            "network net {\n  input 8 as x1\n  dense 4 as first\n  add { identity; from x1 -> dense 4 share=first }\n"
            "  expect params == 36\n}\n",
        ),
    ],
)
def test_texts(source, text):
    assert text_of(source) == text


EXAMPLES = [ops.operator(name).example for name in ops.NAMES]
HARD = [
    "input 6@9x9\nmaxpool 2 dilation=2 stride=2 pad=1 ceil_mode=true",
    "input 3@4x5x6\npermute [3, 1, 0, 2] -> permute [1, 0, 2, 3]",
    "input 6@9x9\nclip min=-0.5 -> clip max=0.25 -> scale bias=true -> bias -> clip min=-1",
    "input 6@9x9\nclip (-1) 0.5 -> pad [0, 1, 2, 3] value=-2 -> crop 1x2",
    "input 6@9x9\nconv 2 3 connect=[[0, 1], [2, 3, 5]] -> conv 1 1 weight=[1, 2] bias=[0.5]",
    "input 6@9x9\nrepeat 3 { slice 1 5 -> concat { identity; slice 0 2 } } -> resize 5x7 mode=linear",
    "input 8\nreshape (2@2x2) -> upsample 2x3 mode=linear -> normalize mean=[1, 2] std=0.5",
    "input 3@9x9 as for_\nconv 4 3x3 as relu_ -> relu\nadd { from relu_; identity }",
]


@pytest.mark.parametrize("source", EXAMPLES + HARD)
def test_every_operator_is_written_as_it_is(source):
    network = compiled(source)
    assert "expect params ==" in folded(without_identities(network) if len(network.layers) > 1 else network)


def test_names_that_begin_with_a_digit_begin_with_the_operator():
    network = compiled("input 3@8x8\nconv 4 3x3 as one -> relu\nconv 2 1x1 as two\noutput one two\n")
    renamed = Graph.model_validate_json(network.model_dump_json().replace('"one"', '"0.1"'))
    assert "conv 4 3x3 as conv_0_1 -> relu\n" in decompile(renamed).text


def test_blocks_are_called_as_they_were():
    source = """
        block Gate(c) { mul { identity; global_avgpool -> conv c 1x1 -> relu -> conv c 1x1 -> sigmoid } }
        block Stage(c) { add { identity; { conv c 3x3 pad=1 -> batchnorm -> relu; conv c 3x3 pad=1 } }; Gate c }
        input 3@32x32
        conv 8 1x1; Stage 8; Stage 8
        conv 16 1x1; Stage 16; Gate 16
    """
    network = compiled(source)
    assert decompile(network).text.startswith("block Stage(filters) {\n  add {\n")
    assert decompile(network.model_copy(update={"instances": ()})).text.startswith("block Cell(filters) {\n  add {\n")


def test_skips_of_a_u_net_are_named_and_come_back(examples):
    text = folded(api.load(examples / "zoo/unet.cnn").graph)
    assert "  for filters in [64, 128, 256] {\n    repeat 2 { conv filters 3x3 -> relu } as down_relu\n" in text
    assert "block Up(filters, size, skip) {\n" in text
    assert (
        "  for [filters, size, i] in [[512, 16, 2], [256, 40, 1], [128, 88, 0]] { Up filters size down_relu[i] }\n"
        in text
    )


def test_dense_connections_written_as_one_long_concat_are_nested():
    text = "block Layer { concat { identity; conv 4 3x3 pad=1 } }\ninput 4@8x8\nrepeat 5 { Layer }\n"
    assert "repeat 5 { concat { identity; conv 4 3x3 pad=1 } }" in text_of(text)


def plain(source):
    """The graph of a text as an importer gives it to the decompiler: no blocks, names that say nothing."""
    network = without_identities(compiled(source))
    numbers, names = Counter(), {value.name: value.name for value in network.inputs}
    layers = []
    for node in network.layers:
        numbers[node.op.operator] += 1
        names[node.name] = f"{node.op.operator}{numbers[node.op.operator]}"
        inputs = tuple(names[name] for name in node.inputs)
        layers.append(node.model_copy(update={"name": names[node.name], "inputs": inputs, "path": ()}))
    outputs = tuple(names[name] for name in network.outputs)
    return Graph(name="net", inputs=network.inputs, layers=tuple(layers), outputs=outputs)


def test_resnet18_has_one_block_of_each_kind():
    source = """
block Basic(width, stride=1) {
  add {
    conv width 3x3 stride=stride pad=1 bias=false -> batchnorm -> relu -> conv width 3x3 pad=1 bias=false -> batchnorm
    if stride != 1 { conv width 1x1 stride=stride bias=false -> batchnorm } else { identity }
  }
  relu
}
network net {
  input 3@64x64
  conv 64 7x7 stride=2 pad=3 bias=false -> batchnorm -> relu
  maxpool 3x3 stride=2 pad=1
  repeat 2 { Basic 64 }
  for width in [128, 256, 512] { Basic width stride=2; Basic width }
  global_avgpool -> flatten
  dense 10
}
"""
    assert (
        folded(plain(source))
        == """\
block Residual(filters) {
  add {
    conv filters 3x3 pad=1 bias=false -> batchnorm -> relu
      -> conv filters 3x3 pad=1 bias=false -> batchnorm
    identity
  } -> relu
}

block Projection(filters) {
  add {
    conv filters 3x3 stride=2 pad=1 bias=false -> batchnorm -> relu
      -> conv filters 3x3 pad=1 bias=false -> batchnorm
    conv filters 1x1 stride=2 bias=false -> batchnorm
  } -> relu
}

network net {
  input 3@64x64
  conv 64 7x7 stride=2 pad=3 bias=false -> batchnorm -> relu
  maxpool 3x3 stride=2 pad=1
  repeat 2 { Residual 64 }
  for filters in [128, 256, 512] {
    Projection filters
    Residual filters
  }
  global_avgpool -> flatten
  dense 10
  expect params == 11_181_642
}
"""
    )


def wavenet(layers):
    """WaveNet as it is computed: every layer hands one value on, and adds another to a sum."""
    lines, total = ["input 1@64", "conv 8 1 as x0"], ""
    for index in range(layers):
        gate = f"conv 8 2 dilation={2**index} pad=causal"
        lines += [
            f"mul {{ {gate} -> tanh; {gate} -> sigmoid }} as z{index}",
            f"conv 16 1 as s{index}",
            f"add {{ from z{index} -> conv 8 1; from x{index} }} as x{index + 1}",
        ]
        if index:
            lines.append(f"add {{ from {total}; from s{index} }} as t{index}")
        total = f"t{index}" if index else "s0"
        lines.append(f"from x{index + 1}")
    return "\n".join([*lines[:-1], f"from {total} -> relu -> conv 4 1"])


def test_values_that_the_turns_of_a_loop_make_are_read_behind_it():
    text = folded(plain(wavenet(4)))
    assert "  for dilation in [1, 2, 4, 8] {\n    identity as start\n    Gate dilation=dilation as muls\n" in text
    assert "    add { conv 8 1; from start }\n" in text
    assert len(folded(plain(wavenet(9))).splitlines()) <= len(text.splitlines())


def test_blocks_with_several_inputs():
    source = """
block Cell(width, previous) {
  conv width 1x1 bias=false -> batchnorm as right
  from previous -> relu -> conv width 1x1 bias=false -> batchnorm as left
  add { from right -> relu -> depthwise 3x3 pad=1; from left -> avgpool 3x3 stride=1 pad=1 } as one
  add { from left -> relu -> depthwise 5x5 pad=2; from right } as two
  concat { from left; from one; from two }
}
network net {
  input 3@16x16
  conv 8 3x3 pad=1 as stem
  conv 8 3x3 pad=1 as first
  Cell 8 stem as second
  Cell 8 first as third
  Cell 16 second as fourth
  Cell 16 third
  dropout 0.5
}
"""
    text = folded(plain(source))
    assert "block Cell(filters, skip) {\n" in text
    assert text.count("  Cell ") == 4
    assert len(text.splitlines()) <= 30


def test_branches_are_rolled_up_too():
    unit = "add { identity; { conv 4 1x1 -> relu -> conv 4 3x3 pad=1 -> relu } }"
    text = folded(plain(f"input 8@8x8\nconcat {{ slice 0 4; {{ slice 4 8; {unit}; {unit}; {unit}; conv 4 1x1 }} }}\n"))
    assert "      slice 4 8\n      repeat 3 { Residual }\n      conv 4 1x1\n" in text


def test_equal_branches_are_the_turns_of_a_loop():
    text = text_of(
        "input 8@8x8\nadd { identity; " + "conv 8 3x3 pad=1 bias=false -> batchnorm; " * 4 + "conv 8 1x1 }\n"
    )
    assert "    repeat 4 { conv 8 3x3 pad=1 bias=false -> batchnorm }\n" in text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "add { add { conv 4 1x1; conv 4 1x1 bias=false }; identity }",
            "add { conv 4 1x1; conv 4 1x1 bias=false; identity }",
        ),
        ("add { identity; add { conv 4 1x1; relu } }", "add { conv 4 1x1; relu; identity }"),
        ("add { add { add { tanh; relu }; elu }; identity }", "add { tanh; relu; elu; identity }"),
        ("add { identity; tanh; add { elu; relu } }", "add { identity; tanh; add { elu; relu } }"),
        ("add { add { tanh; relu }; add { elu; identity } }", "add { tanh; relu; add { elu; identity } }"),
    ],
)
def test_sums_of_sums_are_one_sum_of_the_same_bits(source, text):
    network = without_identities(compiled(f"input 4@6x6\n{source}\n"))
    found = decompile(network)
    assert f"  {text}\n" in found.text
    x = np.random.default_rng(3).normal(size=(2, 4, 6, 6)).astype(np.float32) * 1e3
    before = api.Network(network, sound_weights(network))
    (wanted,), (actual,) = (net.runner(backend="reference")(x).values() for net in (before, before.decompiled()[1]))
    np.testing.assert_array_equal(actual, wanted)


def test_a_sum_that_is_read_twice_stays():
    network = without_identities(compiled("input 4@6x6\nadd { tanh; relu } as s\nadd { from s; elu }\n"))
    assert len(flattened(network).layers) == len(network.layers)


def test_columns_and_parameters_have_names_of_their_own():
    """Two columns were called c1, one for a parameter of a block, the other for a convolution (mnasnet)."""

    def unit(wide, kernel, narrow):
        return (
            f"conv {wide} 1x1 bias=false -> batchnorm -> relu; "
            f"depthwise {kernel} pad={kernel // 2} bias=false -> batchnorm -> relu; conv {narrow} 1x1"
        )

    lines = ["input 8@16x16"]
    for wide, narrow, kernel, count in ((24, 16, 3, 2), (48, 24, 5, 3), (72, 40, 3, 2)):
        lines.append(unit(wide, kernel, narrow))
        lines.append(f"repeat {count} {{ add {{ {{ {unit(3 * narrow + wide, kernel, narrow)} }}; identity }} }}")
    text = folded(plain("\n".join(lines)))
    for table in re.findall(r"for \[(.*)\] in|block \w+\((.*)\)", text):
        names = [name.partition("=")[0] for name in "".join(table).split(", ")]
        assert len(names) == len(set(names))
    assert "pad=kernel//2" in text
    assert len(text.splitlines()) <= 25


def test_long_names_are_shortened():
    network = compiled("input 4@6x6\nconv 4 1x1 as first -> relu\nconv 4 1x1 as second\noutput first second\n")
    text = network.model_dump_json().replace('"first"', '"model.stage4.0.fuse_layers.3.1.conv_exp.act2"')
    text = decompile(Graph.model_validate_json(text)).text
    assert " as stage4_conv_exp_act2 -> relu" in text
    assert max(map(len, re.findall(r"[A-Za-z_]\w*", text))) <= 20


def sound_weights(network):
    """Weights of a size that keeps values near 1; one number a tensor where there are very many."""
    random = np.random.default_rng(0)
    weights = {}
    for key, _, weight in network.all_weights():
        if key.endswith("running_var"):
            values = random.random(weight.shape, np.float32) + 0.5
        elif np.prod(weight.shape) > 1e6:
            values = np.full(weight.shape, (random.random() - 0.5) / weight.fan_in, np.float32)
        else:
            values = random.standard_normal(weight.shape, np.float32) * np.float32(np.sqrt(2 / weight.fan_in))
        if weight.links is not None:
            values = values * link_mask(weight)
        weights[key] = (
            values if weight.literal is None else np.reshape(np.float32(weight.literal.elements), weight.shape)
        )
    return weights


def described(model):
    """The nodes of a model but for names, order and what says nothing."""
    found = []
    for node in model.graph.node:
        values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        said = sorted((name, str(v)) for name, v in values.items() if np.any(v) and name != "count_include_pad")
        if node.op_type != "Identity":
            found.append((node.op_type, str(said)))
    return sorted(found)


def contents(model):
    return sorted((tuple(t.dims), hash(numpy_helper.to_array(t).tobytes())) for t in model.graph.initializer)


def networks():
    return [
        pytest.param(file, network.name, id=f"{file.stem}-{network.name}")
        for file in ZOO
        for network in api.check_file(file).networks
    ]


LINES = {"GhostNet": 75, "HRNetW18Small": 110, "InceptionV3": 80}
"""The most lines of those with many kinds of blocks, or none."""


@pytest.mark.parametrize(("file", "name"), networks())
def test_through_onnx_and_text_and_back_to_onnx(file, name):
    network = api.load(file, network=name)
    if network.params > 61.5e6:
        pytest.skip("its weights take too much memory; others of its kind are tested")
    first = export(network.graph, sound_weights(network.graph))
    imported = from_onnx(first)
    text, again = api.Network(imported.network, imported.weights).decompiled()
    second = again.to_onnx()
    assert described(second) == described(first)
    assert contents(second) == contents(first)
    sizes = {one.name: one.default for one in network.graph.symbols}  # ONNX has no defaults
    again = again.at(sizes) if sizes else again
    assert (again.params, again.buffers, again.macs) == (network.params, network.buffers, network.macs)
    assert list(again.outputs.values()) == list(network.outputs.values())
    assert len(text.splitlines()) <= LINES.get(name, 70)
    if network.macs < 2e8 and all(value.dtype == "float32" for value in network.graph.inputs):
        x = {
            v.name: np.random.default_rng(1).random((2, *v.shape.dimensions), np.float32) for v in network.graph.inputs
        }
        renamed = dict(zip(again.inputs, x.values(), strict=True))
        weights = sound_weights(network.graph)
        wanted, actual = network.runner(weights=weights)(x), again.runner()(renamed)
        for mine, theirs in zip(again.graph.outputs, network.graph.outputs, strict=True):
            scale = np.abs(wanted[theirs]).max()
            assert np.abs(actual[mine] - wanted[theirs]).max() <= 1e-5 * scale


# --- any graph --------------------------------------------------------------------------------------------------------
STAGES = (
    "conv 4 3x3 pad=1", "conv 4 1x1 bias=false", "depthwise 3x3 pad=1", "relu", "batchnorm",
    "maxpool 3x3 stride=1 pad=1", "avgpool 3x3 stride=1 pad=1", "conv 8 1x1 -> conv 4 1x1", "tanh", "dropout 0.5",
)  # fmt: skip


@st.composite
def bodies(draw, depth=0):
    """Statements that keep the shape 4@6x6."""
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 5 if depth < 2 else 1))
        if kind <= 2:
            lines.append(draw(st.sampled_from(STAGES)))
        elif kind == 3:
            count = draw(st.integers(2, 3))
            lines.append(f"repeat {count} {{ {draw(bodies(depth + 1))} }}")
        else:
            branches = [f"{{ {draw(bodies(depth + 1))} }}" for _ in range(draw(st.integers(1, 2)))]
            merge = draw(st.sampled_from(("add", "mul", "maximum", "concat")))
            lines.append(f"{merge} {{ identity; {'; '.join(branches)} }}" + " -> conv 4 1x1" * (merge == "concat"))
    return "; ".join(lines)


@st.composite
def tangles(draw):
    """Networks whose values are read again far behind, and that have several outputs."""
    lines, named = ["input 4@6x6 as start"], ["start"]
    for index in range(draw(st.integers(1, 6))):
        name = f"v{index}"
        other = draw(st.sampled_from(named))
        lines.append(draw(st.sampled_from(("", f"from {other} -> "))) + f"{draw(st.sampled_from(STAGES))} as w{index}")
        if draw(st.booleans()):
            lines.append(draw(bodies(1)))
        lines.append(f"add {{ from {draw(st.sampled_from(named))}; identity }} as {name}")
        named += [name, f"w{index}"]
    if draw(st.booleans()):
        lines.append(
            "output " + " ".join(draw(st.lists(st.sampled_from(named[1:]), min_size=1, max_size=3, unique=True)))
        )
    return "\n".join(lines)


@settings(max_examples=150)
@given(st.one_of(bodies().map(lambda body: f"input 4@6x6\n{body}"), tangles()))
def test_any_graph_comes_back(source):
    network = without_identities(compiled(source))
    found = decompile(network)
    assert same_graph(found.network, network, found.names)
    assert Measured(found.network).params == Measured(network).params


def without_identities(network):
    """The graph as an importer gives it: identities say nothing."""
    values = {value.name: value.name for value in network.inputs}
    layers = []
    for node in network.layers:
        inputs = tuple(values[name] for name in node.inputs)
        if node.op.operator == "identity":
            values[node.name] = inputs[0]
        else:
            values[node.name] = node.name
            layers.append(node.model_copy(update={"inputs": inputs}))
    outputs = tuple(dict.fromkeys(values[name] for name in network.outputs))
    return Graph(name=network.name, inputs=network.inputs, layers=tuple(layers), outputs=outputs)


def test_very_deep_and_very_long_graphs_are_written_too():
    chain = compiled("input 4@6x6\n" + "for i in range(900) { conv 4 1x1 -> relu; tanh }\n")
    assert "repeat 900" in decompile(chain).text
    nested = "add { identity; conv 4 1x1 }"
    for _ in range(30):
        nested = f"add {{ identity; {{ {nested}; relu }} }}"
    network = without_identities(compiled(f"input 4@6x6\n{nested}"))
    found = decompile(network)
    assert same_graph(found.network, network, found.names)
