"""Parse, print, parse: the printed text is the same graph, up to names."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnndsl
from cnndsl import ops
from cnndsl.analysis.costs import layer_costs, total
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.decompiler import decompile
from cnndsl.lang.decompile.printer import identifier, print_network
from cnndsl.lang.style.format import format_text
from tests import generators

SEEDS = 60


def compiled(text: str) -> Graph:
    result = compile_text(text)
    assert all(diagnostic.severity != "error" for diagnostic in result.diagnostics), (result.diagnostics, text)
    (network,) = result.networks
    return network


def nameless(network: Graph) -> dict[str, Any]:
    """The graph with its values numbered in order, without places in a text."""
    number = {name: index for index, name in enumerate(network.shapes)}
    layers = [
        (node.op, [number[name] for name in node.inputs], node.shape, node.dtype, node.share and number[node.share])
        for node in network.layers
    ]
    inputs = [(value.shape, value.dtype) for value in network.inputs]
    return {"inputs": inputs, "layers": layers, "outputs": [number[name] for name in network.outputs]}


def reads_back(network: Graph) -> str:
    text = print_network(network)
    again = compiled(text)
    assert nameless(again) == nameless(network), text
    assert print_network(again) == text
    return text


def test_random_networks() -> None:
    sizes = {len(reads_back(compiled(generators.network_text(seed, 14)))) for seed in range(SEEDS)}
    assert len(sizes) > SEEDS / 2


def test_every_training() -> None:
    """Both ways to write a network keep what it says about training, whose text keeps its meaning when formatted."""
    given = set()
    for seed in range(SEEDS):
        text = f"input 3@8x8\nconv 4 3x3 -> relu\nflatten -> dense 4\n{generators.training_text(Random(seed))}\n"
        network = compiled(text)
        assert network.training is not None
        assert compiled(reads_back(network)).training == network.training
        assert compiled(decompile(network).text).training == network.training
        formatted = format_text(text)
        assert format_text(formatted) == formatted
        assert compiled(formatted).training == network.training
        given.add(network.training)
    assert len(given) > SEEDS / 2


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_operator(name: str) -> None:
    for index in range(4):
        reads_back(compiled(generators.sound_layer(Random(f"{name}/{index}"), name)))


LAYERS = st.sampled_from(
    [
        "relu",
        "conv {} 3x3 pad=1 bias=false",
        "conv {} 1x1",
        "batchnorm",
        "leaky_relu 0.2",
        "groupnorm 2",
        "lrn 3 alpha=1e-4",
        "clip (-1) 1.5",
        "clip min=-0.5",
        "scale bias=true",
        "maxpool 3x3 stride=1 pad=1",
        "normalize mean=0.5 std=[1, 2, 3, 4]",
        "avgpool 3 stride=1 pad=[1, 1, 1, 1] count_include_pad=true",
    ]
).map(lambda text: text.format(4))


def bodies(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Statements around statements; every one keeps the shape 4@8x8."""
    several = st.lists(inner, min_size=1, max_size=3).map("\n".join)
    branches = st.lists(inner, min_size=2, max_size=3).map("\n".join)
    return st.one_of(
        several,
        several.map("{{\n{}\n}}".format),
        several.map("repeat 2 {{\n{}\n}}".format),
        several.map("for [k, r] in [[1, 0], [3, 1]] {{\n{}\nconv 4 k pad=r\n}}".format),
        st.tuples(several, several).map(lambda arms: f"if in.channels == 4 {{\n{arms[0]}\n}} else {{\n{arms[1]}\n}}"),
        branches.map("add {{\n{}\n}}".format),
        branches.map("maximum {{\nidentity\n{}\n}}".format),
        branches.map("concat {{\n{}\n}}\nconv 4 1x1".format).map("{{\n{}\n}}".format),
        several.map("{{\nrelu as skip\n{}\nadd {{ from skip; identity }}\n}}".format),
        several.map("mul {{\nidentity\n{{ global_avgpool -> conv 4 1x1 -> sigmoid }}\n{}\n}}".format),
    )


PROGRAMS = st.recursive(LAYERS, bodies, max_leaves=12)


@given(PROGRAMS)
def test_structured_programs(body: str) -> None:
    """Groups, loops, conditions, merges and skips, nested in any way."""
    network = compiled(f"input 4@8x8\n{body}")
    text = reads_back(network)
    assert "{" not in text.replace("network text {", "", 1).replace("{ from", "")  # expanded: one line, one layer
    assert total(layer_costs(compiled(text))) == total(layer_costs(network))
    assert str(network.shapes[network.outputs[0]]) == "4@8x8"


@given(PROGRAMS, PROGRAMS)
def test_blocks_are_what_stands_in_them(one: str, other: str) -> None:
    """A block used is its body written there."""
    blocks = f"block One {{\n{one}\n}}\nblock Other {{\nOne\n{other}\n}}\n"
    assert nameless(compiled(f"{blocks}input 4@8x8\nOther -> One")) == nameless(
        compiled(f"input 4@8x8\n{{\n{one}\n}}\n{{\n{other}\n}}\n{{\n{one}\n}}")
    )


@pytest.mark.parametrize(
    "text",
    [
        "input 3@8x8",
        "input 3@8x8\nadd { relu; identity }",
        "input 3@8x8\ninput 4@8x8\nconcat { identity; relu }",
        "input 9 dtype=int64 as words\nembedding 10 3",
        "input 3@8x8 as x\nrelu as y\ntanh\noutput y x",
        "input 3@8x8\nconv 3 1x1 as a\nconv 3 1x1 share=a",
        "input 1@8x8\nconv 1 2x3 weight=[[0, -1.5, 1e-7], [1, 2, 3]] bias=[0.1]",
        "input 4@8x8\nconv 2 3x3 connect=[[0, 1, 2], [3]]",
        "input 4@8x8\nconv 2 3x3 pad=[0, 1, 2, 3]",
        "input 4@8x8\npermute [0, 2, 1]",
        "input 4@8\npermute [1, 0]",
        "input 4@8x8\nreshape (16@4x4) -> reshape 256",
        "input 3@8x8\nnormalize mean=[0.485, 0.456, 0.406] std=1/3",
        "input 3@8x8\nclip (-1e20) 1e20",
        "input 3@8x8\nscale init=1e-6 -> leaky_relu (1/3)",
        "block B { conv 3 1x1 as conv }\ninput 3@8x8\nB as first -> B as second",
    ],
)
def test_forms(text: str) -> None:
    reads_back(compiled(text))


def test_names_are_kept_where_the_language_can_write_them() -> None:
    network = compiled("input 3@8x8 as image\nconv 8 3x3 as stem -> relu\nfrom stem -> tanh as last\noutput last stem")
    assert list(compiled(print_network(network)).shapes) == ["image", "stem", "relu1", "last"]
    assert "stem" in print_network(network)


@pytest.mark.parametrize(
    "name", ["", "input", "from", "3", "a.b", "a-b", "größe", "true", "conv 1", "in", "train", "x" * 999]
)
def test_any_name_becomes_one_that_can_be_written(name: str) -> None:
    network = compiled("input 3@8x8 as x\nrelu as y\ntanh\nadd { identity; from y }\noutput y")
    document = network.model_dump_json().replace('"x"', '"z"').replace('"y"', f'"{name}"')
    assert identifier(name).isidentifier()
    reads_back(cnndsl.from_json(document).graph.model_copy(update={"name": name}))


def test_names_that_become_equal_stay_apart() -> None:
    network = compiled("input 3@8x8 as x\nrelu as a\ntanh as b\nadd { from a; from b }")
    document = network.model_dump_json().replace('"a"', '"p.q"').replace('"b"', '"p-q"')
    reads_back(cnndsl.from_json(document).graph)
