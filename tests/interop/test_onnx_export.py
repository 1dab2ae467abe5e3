"""Exported models, judged by ONNX's checker and by ONNX Runtime's values beside the NumPy kernels'."""

import os
import re
import subprocess
import sys
import tracemalloc
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnndsl
from cnndsl import ops
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.exporter import model as onnx_export
from cnndsl.interop.onnx.exporter.model import DEFAULT_OPSET, IR_VERSIONS, MAX_OPSET, MIN_OPSET, export, write
from cnndsl.interop.onnx.exporter.operators import TRANSLATIONS
from cnndsl.lang.compile import compile_text
from cnndsl.runtime.data.initial_weights import link_mask
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.plan.planner import make_plan
from tests.opsets import newest_judged

MAPS = {1: "6@11", 2: "6@9x11", 3: "6@5x7x6"}

ANY_MAP = """
conv 4 3 pad=same | conv 4 2 pad=same stride=2 | conv 4 2 pad=same_lower | conv 4 3 pad=4
conv 6 3 groups=3 dilation=2 pad=1 bias=false
conv 4 3 pad=2 pad_mode=reflect | conv 4 3 pad=2 pad_mode=edge | conv 4 3 pad=2 pad_mode=circular
conv 2 3 connect=[[0,1],[2,3,5]] | conv 2 3 bias=[1,2]
depthwise 3 multiplier=2 stride=2 pad=1 | depthwise 3 dilation=2 pad=same bias=false
conv_transpose 4 3 stride=2 pad=1 output_pad=1 | conv_transpose 4 3 stride=2 groups=2 dilation=2
conv_transpose 4 3 stride=2 pad=same
conv_transpose 4 2 stride=3 pad=same_lower bias=false | conv_transpose 4 1 stride=2 output_pad=1
conv_transpose 4 3 dilation=3 output_pad=2
maxpool 3 stride=2 pad=1 | maxpool 3 stride=2 ceil_mode=true
maxpool 2 dilation=2 stride=2 pad=1 ceil_mode=true | maxpool 2 dilation=4 pad=2 stride=1
maxpool 2 stride=1 pad=same | maxpool 2 stride=1 pad=same_lower | maxpool 3 dilation=2 stride=1 pad=same
reduce by=sum | reduce by=mean axis=1 | reduce by=max | reduce by=min axis=1 | reduce by=norm
avgpool 3 stride=2 pad=1 | avgpool 3 stride=2 pad=1 count_include_pad=true | avgpool 2 ceil_mode=true
avgpool 4 stride=2 pad=same
avgpool 3 pad=1 ceil_mode=true | avgpool 2 stride=3 pad=1 count_include_pad=true ceil_mode=true
lppool 3 stride=2 pad=1 ceil_mode=true | lppool 2 p=1 | lppool 2 p=3 stride=1 pad=same
subsample 2
global_maxpool | global_avgpool | global_lppool | global_lppool p=1 | global_lppool p=3
adaptive_avgpool 1 | adaptive_avgpool 3 | adaptive_avgpool 4 | adaptive_avgpool 13
adaptive_maxpool 1 | adaptive_maxpool 3 | adaptive_maxpool 4 | adaptive_maxpool 13
pad 2 | pad 2 value=3 | pad 2 mode=reflect | pad 2 mode=edge | pad 2 mode=circular | crop 1
upsample 2 | upsample 3 mode=linear | resize 3 | resize 10 | resize 22
resize 1 mode=linear | resize 7 mode=linear | resize 13 mode=linear
resize 1 mode=linear align_corners=true | resize 3 mode=linear align_corners=true
resize 13 mode=linear align_corners=true
upsample 2 mode=cubic | resize 1 mode=cubic | resize 7 mode=cubic | resize 13 mode=cubic | resize 11 mode=cubic
resize 1 mode=cubic align_corners=true | resize 3 mode=cubic align_corners=true
resize 13 mode=cubic align_corners=true
slice 1 3 axis=1 | concat axis=1 { identity; relu } | sub { identity; global_avgpool }
mul { global_avgpool; identity }
average { identity; global_avgpool; tanh } | maximum { identity; global_avgpool; tanh }
layernorm axes=channel affine=false | instancenorm | instancenorm affine=true
"""
ANYTHING = """
flatten | identity | slice 1 4 | channel_shuffle 3 | reshape 2@3 | concat { identity; relu }
batchnorm | batchnorm affine=false | layernorm | layernorm affine=false | layernorm axes=channel
groupnorm 3 | groupnorm 1 affine=false | lrn 1 | lrn 2 alpha=0.5 | lrn 3 | lrn 4 | lrn 5 alpha=-0.01
lrn 15 alpha=0.3 k=2
normalize mean=1 std=2 | normalize mean=[1,2,3,4,5,6] std=-2 | scale | scale bias=true | bias
dropout 0.5 | spatial_dropout 0.5
add { identity; relu } | add { identity; relu; tanh } | mul { identity; relu; tanh } | sub { identity; relu }
maximum { identity; relu } | minimum { identity; relu } | average { identity; relu; tanh }
div { identity; exp } | div { relu; sin }
leaky_relu 0.2 | elu 0.3 | celu 0.3 | gelu approximate=tanh | clip (-1) 0.5 | clip min=-0.25 | clip max=0.5
pow 3 | pow (-1) | pow 0.4 | pow 2
"""
ANYTHING += " | ".join(
    name
    for name in ops.NAMES
    if ops.family(name) == "activation"
    and name != "clip"  # needs one bound of two
    and not any(field.is_required() for field in ops.operator(name).model_fields.values())
)
ANY_MAP += " | ".join(f"{name} 3 stride=2" for name in ops.NAMES if ops.operator(name).window_pool)
ONE_KIND = """
input 12 | dense 5
input 12 | dense 5 bias=false
input 12 | rbf 4
input 12 | permute [0]
input 6@11 | permute [1, 0]
input 3@4x5 | permute [2, 0, 1]
input 3@4x5x6 | permute [3, 1, 0, 2]
input 3@4x5 | reshape (5@3x4)
input 8@3x5 | pixel_shuffle 2
input 3@6x4 | space_to_depth 2
input 6@3x3 | channel_shuffle 2
input 3@7x7 | adaptive_avgpool 7x3
input 3@4x6 | resize 8x6
input 1@12 | conv 2 3 pad=causal dilation=2
input 4@12 | maxpool 3 stride=1 pad=causal
input 3@3 | maxpool 4 pad=same stride=2
input 2@1 | maxpool 2 dilation=4 pad=2 stride=1
input 2@1x2x1 | conv_transpose 4 1x3x1 stride=[4, 2, 1] dilation=[2, 1, 2] pad=same_lower output_pad=[0, 0, 1]
input 4@1x1 | batchnorm -> instancenorm -> groupnorm 2
input 2@4x4 | reshape (2@2x2x2x2) -> relu -> softmax -> batchnorm -> layernorm -> prelu
input 12 | parameter 5
input 6@11 | add { identity; parameter 6@11 init=0.5 }
input 3@4x5 | mul { parameter 3@4x1 init=-2; identity }
input 3@4x5 | add { parameter 3@1x5 init=2; parameter 3@4x1 init=0.5 }
input 3@4x5x6 | concat { parameter 1@4x5x6 init=0.5; identity }
input 6 dtype=int64 | embedding 9 4
input 6 dtype=int64 | identity
input 6 dtype=int64 | reshape (2@3)
input 6 dtype=int64 | slice 1 4
input 2@3 dtype=int64 | flatten
input 2@3 dtype=int64 | permute [1, 0]
"""


def listed(cases):
    return [case.strip() for line in cases.strip().splitlines() for case in line.split(" | ")]


def body_on(shape, body):
    elements = int(np.prod([int(size) for size in shape.replace("@", "x").split("x")]))
    return f"input {shape}\n{body.replace('reshape 2@3', f'reshape (2@{elements // 2})')}"


CASES = [
    *(body_on(shape, body) for shape in MAPS.values() for body in listed(ANY_MAP) + listed(ANYTHING)),
    *(body_on("6", body) for body in listed(ANYTHING)),
    *(line.replace(" | ", "\n") for line in ONE_KIND.strip().splitlines()),
]


def compiled(text, file="net.cnn"):
    result = compile_text(text, file)
    errors = [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]
    assert not errors, f"{text}: {errors}"
    (network,) = result.networks
    return network


def random_weights(network, seed=0):
    random = np.random.default_rng(seed)
    weights = {}
    for key, _, weight in network.all_weights():
        values = random.random(weight.shape) + 0.5 if key.endswith("var") else random.standard_normal(weight.shape)
        if weight.literal is not None:
            values = np.reshape(weight.literal.elements, weight.shape)
        if weight.links is not None:
            values = values * link_mask(weight)
        weights[key] = values.astype(np.float32)
    return weights


def random_inputs(network, batch=2, seed=0):
    random = np.random.default_rng(seed)
    return {
        value.name: random.integers(0, 9, (batch, *value.shape.dimensions))
        if value.dtype == "int64"
        else (2 * random.standard_normal((batch, *value.shape.dimensions))).astype(np.float32)
        for value in network.inputs
    }


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def assert_agree(network, weights, model, batches=(2,)):
    """ONNX Runtime and the kernels give the same shapes and types, and values within 1e-4 of the largest."""
    running, plan = session(model), make_plan(network, weights)
    for batch in batches:
        inputs = random_inputs(network, batch)
        expected = execute(plan, inputs)
        for name, actual in zip(network.outputs, running.run(None, inputs), strict=True):
            wanted = expected[name]
            assert (actual.shape, actual.dtype) == (wanted.shape, wanted.dtype)
            finite = np.isfinite(wanted)
            np.testing.assert_array_equal(actual[~finite], wanted[~finite])
            error = np.abs(actual[finite].astype(np.float64) - wanted[finite]).max(initial=0)
            assert error <= 1e-4 * np.abs(wanted[finite]).max(initial=1e-30)


def exported(text, opset=DEFAULT_OPSET, **options):
    network = compiled(text)
    return export(network, random_weights(network), opset=opset, **options)


OPSETS = (MIN_OPSET, DEFAULT_OPSET, MAX_OPSET)


def assert_exports(text, opsets=OPSETS, **options):
    """Of opsets that the libraries at hand do not know the newest that they do stands for the rest."""
    network = compiled(text)
    weights = random_weights(network)
    for opset in sorted({min(opset, newest_judged()) for opset in opsets}):
        model = export(network, weights, opset=opset)
        onnx.checker.check_model(model, full_check=True)
        assert_agree(network, weights, model, **options)


def kinds(model):
    return [node.op_type for node in model.graph.node]


def test_every_operator_has_a_translation():
    assert set(TRANSLATIONS) == set(ops.NAMES)


@pytest.mark.parametrize("text", CASES, ids=lambda text: text.replace("\n", " | "))
def test_values_agree(text):
    assert_exports(text)


def test_the_cases_cover_every_operator_on_every_rank_it_admits():
    ranks = defaultdict(set)
    for text in CASES:
        network = compiled(text)
        for node in network.layers:
            ranks[node.op.operator] |= {len(shape.spatial) for shape in network.input_shapes(node)}
    expected = {name: {1, 2, 3} for name in ops.NAMES}
    for name in ops.NAMES:
        if ops.family(name) == "merge" or ops.operator(name).follows or ops.operator(name).elementwise:
            expected[name] = {0, 1, 2, 3}
    special = {"dense": {0}, "rbf": {0}, "embedding": {0}, "pixel_shuffle": {2}, "space_to_depth": {2}}
    special |= {name: {0, 1, 2, 3} for name in ("flatten", "reshape", "permute", "slice")} | {"instancenorm": {1, 2, 3}}
    missing = {name: wanted - ranks[name] for name, wanted in (expected | special).items() if wanted - ranks[name]}
    assert not missing


@pytest.mark.parametrize("name", ops.NAMES)
def test_examples_agree_in_every_opset(name):
    assert_exports(ops.operator(name).example, opsets=IR_VERSIONS, batches=(1,))


@st.composite
def geometries(draw):
    """A windowed layer on a small map; many do not fit."""
    rank = draw(st.integers(1, 3))

    def sizes(low, high, count=rank):
        return f"[{', '.join(str(draw(st.integers(low, high))) for _ in range(count))}]"

    flag = st.sampled_from(["true", "false"])
    pads = ["same", "same_lower", sizes(0, 3), sizes(0, 2, 2 * rank)]
    window = f"{sizes(1, 4)} stride={sizes(1, 4)} pad={draw(st.sampled_from(pads))}"
    layer = draw(
        st.sampled_from(
            [
                f"conv 4 {window} dilation={sizes(1, 3)} groups=2 pad_mode=zeros",
                f"conv 4 {window} pad_mode={draw(st.sampled_from(['reflect', 'edge', 'circular']))}",
                f"depthwise {window} dilation={sizes(1, 3)} multiplier=2",
                f"conv_transpose 4 {window} dilation={sizes(1, 3)} groups=2 output_pad={sizes(0, 2)}",
                f"maxpool {window} dilation={sizes(1, 3)} ceil_mode={draw(flag)}",
                f"avgpool {window} ceil_mode={draw(flag)} count_include_pad={draw(flag)}",
                f"lppool {window} ceil_mode={draw(flag)} p={draw(st.integers(1, 3))}",
                f"adaptive_avgpool {sizes(1, 9)}",
                f"adaptive_maxpool {sizes(1, 9)}",
                f"resize {sizes(1, 30)}",
                f"resize {sizes(1, 30)} mode=linear align_corners={draw(flag)}",
                f"resize {sizes(1, 30)} mode=cubic align_corners={draw(flag)}",
            ]
        )
    )
    return f"input 2@{sizes(1, 9)}\n{layer}"


@settings(max_examples=400)
@given(text=geometries(), opset=st.sampled_from([13, 17, 19, 22, 26]))
def test_random_geometries_agree(text, opset):
    assume(compile_text(text).networks)
    assert_exports(text, opsets=(opset,))


@pytest.mark.parametrize("size", [3, 7, 11, 100, 255])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_resize_gives_the_size_asked_for(size, mode):
    for target in range(1, 300, 23):
        model = exported(f"input 1@{size}\nresize {target} mode={mode}")
        (result,) = session(model).run(None, {"input": np.zeros((1, 1, size), np.float32)})
        assert result.shape == (1, 1, target)


def test_any_batch_goes_in():
    text = (
        "input 1@12x12\nconv 4 3x3 -> batchnorm -> relu\nmaxpool 2 -> channel_shuffle 2 -> flatten\ndense 5 -> softmax"
    )
    assert_exports(text, batches=(1, 2, 7))


@pytest.mark.parametrize("name", ["lenet", "lenet5_1998", "tiny_unet", "squeeze_excite", "sentence", "video"])
def test_example_networks_agree(examples, name):
    assert_exports((examples / f"{name}.cnn").read_text(encoding="utf-8"), opsets=(DEFAULT_OPSET,))


@pytest.mark.parametrize("between", ["identity", "dropout 0.5", "slice 0 1"])
@pytest.mark.parametrize("pool", ["maxpool 3 stride=1", "maxpool 1", "avgpool 2 count_include_pad=true"])
def test_onnx_runtime_keeps_padding_out_of_the_pool_behind_it(between, pool):
    """Zeros before the maximum of negative values; ONNX Runtime would make them the pool's own padding, -inf."""
    assert_exports(f"input 1@6\nnormalize mean=100 std=1\npad 2 -> {between} -> {pool}")


def test_several_inputs_and_outputs_and_shared_weights():
    text = """
        network Twin {
          input 3@8x8 as left
          conv 4 3x3 as tower -> relu as first
          input 3@8x8 as right
          conv 4 3x3 share=tower -> relu as second
          sub { from first; from second } as difference
          output difference second
        }"""
    network = compiled(text)
    weights = random_weights(network)
    model = export(network, weights)
    assert [value.name for value in model.graph.input] == ["left", "right"]
    assert [value.name for value in model.graph.output] == ["difference", "second"]
    assert [tensor.name for tensor in model.graph.initializer] == ["tower.weight", "tower.bias"]
    assert_agree(network, weights, model)


def test_names_and_places():
    text = (
        "block Stem(w) {\n  conv w 3x3 bias=false -> batchnorm -> gelu\n}\ninput 3@8x8\nStem 4 as stem\nglobal_avgpool"
    )
    network = compiled(text, file="C:\\work\\folder/net.cnn")
    model = export(network, random_weights(network), metadata={"b": "2", "a": "1"})
    graph = model.graph
    assert [tensor.name for tensor in graph.initializer][:5] == [key for key, _, _ in network.all_weights()]
    assert {node.name for node in graph.node} >= {node.name for node in network.layers}
    assert all(node.name == node.output[0] for node in graph.node)
    assert {value.name for value in graph.value_info} == {node.name for node in network.layers[:-1]}
    for value in (*graph.input, *graph.output, *graph.value_info):
        sizes = [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        assert sizes == ["N", *network.shapes[value.name].dimensions]
    by_name = {node.name: node for node in graph.node}
    assert by_name[network.layers[0].name].doc_string == f"net.cnn:2 in {'/'.join(network.layers[0].path)}"
    assert by_name[network.layers[-1].name].doc_string == "net.cnn:6"
    assert [(entry.key, entry.value) for entry in model.metadata_props] == [("a", "1"), ("b", "2")]
    assert model.producer_name == "cnndsl"
    assert model.producer_version


def test_intermediate_values_keep_out_of_the_way_of_layers():
    network = compiled("input 4@8\nsilu as a\nrelu as b")
    renamed = network.layers[1].model_copy(update={"name": "a/Sigmoid"})
    network = network.model_copy(update={"layers": (network.layers[0], renamed), "outputs": ("a/Sigmoid",)})
    model = export(network, {})
    assert [node.name for node in model.graph.node] == ["a/Sigmoid_2", "a", "a/Sigmoid"]
    assert_agree(network, {}, model)


def test_an_input_and_a_repeated_value_are_outputs_by_identity():
    network = compiled("input 4@8\nrelu as a").model_copy(update={"outputs": ("input", "a", "a")})
    model = export(network, {})
    assert [value.name for value in model.graph.output] == ["input/output", "a", "a/output"]
    onnx.checker.check_model(model, full_check=True)
    assert_agree(network, {}, model)


@pytest.mark.parametrize(
    ("body", "opset", "expected"),
    [
        ("gelu", 19, "Erf"),
        ("gelu", 20, "Gelu"),
        ("mish", 17, "Softplus"),
        ("mish", 18, "Mish"),
        ("hardswish", 13, "HardSigmoid"),
        ("hardswish", 14, "HardSwish"),
        ("layernorm", 16, "ReduceMean"),
        ("layernorm", 17, "LayerNormalization"),
        ("pad 1 mode=circular", 18, "Concat"),
        ("pad 1 mode=circular", 19, "Pad"),
        ("global_lppool", 21, "GlobalLpPool"),
        ("global_lppool", 22, "LpPool"),
        ("lrn 3", 17, "LRN"),
        ("lrn 4", 17, "AveragePool"),
        ("maxpool 3 stride=2 ceil_mode=true", 17, "MaxPool"),
        ("maxpool 2 dilation=4 pad=2", 17, "ReduceMax"),
        ("adaptive_avgpool 4", 17, "AveragePool"),
        ("adaptive_avgpool 3", 17, "Gather"),
        ("resize 16", 17, "Resize"),
        ("resize 12", 17, "Gather"),
        ("dropout 0.5", 17, "Identity"),
    ],
)
def test_own_operators_are_used_where_the_opset_has_them(body, opset, expected):
    assert expected in kinds(exported(f"input 6@8x8\n{body}", opset))


def test_ir_versions_are_those_of_the_opsets():
    published = {row[2]: row[1] for row in reversed(onnx.helper.VERSION_TABLE)}
    known = published.keys() & IR_VERSIONS.keys()
    assert {opset: published[opset] for opset in known} == {opset: IR_VERSIONS[opset] for opset in known}
    assert len(known) == len(IR_VERSIONS) or onnx.defs.onnx_opset_version() < MAX_OPSET
    for opset in OPSETS:
        model = exported("input 4\nrelu", opset)
        assert (model.opset_import[0].version, model.ir_version) == (opset, IR_VERSIONS[opset])


@pytest.mark.parametrize("opset", [-1, 12, MAX_OPSET + 1])
def test_other_opsets_are_refused(opset):
    with pytest.raises(CnnError, match=f"opset {opset} .* from 13 to {MAX_OPSET}") as caught:
        exported("input 4\nrelu", opset)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["bad-opset"]


def test_weights_that_do_not_fit_are_listed_together():
    network = compiled("input 3@8x8\nconv 4 3x3 as a -> conv 4 3x3 as b")
    weights = random_weights(network)
    del weights["a.bias"]
    weights["b.weight"] = weights["b.weight"][:2]
    with pytest.raises(CnnError) as caught:
        export(network, weights)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "weights-mismatch"
    assert "a.bias (4) is missing" in diagnostic.message
    assert "b.weight is 2x4x3x3, but the network needs 4x4x3x3" in diagnostic.message


def test_two_tensors_of_one_name_cannot_be_expressed():
    network = compiled("input 4\ndense 4 as a -> relu as b -> relu as c")
    names = {"b": "a.weight", "c": "a.bias"}
    layers = [node.model_copy(update={"name": names.get(node.name, node.name)}) for node in network.layers]
    layers[2] = layers[2].model_copy(update={"inputs": ("a.weight",)})
    network = network.model_copy(update={"layers": tuple(layers), "outputs": ("a.bias",)})
    with pytest.raises(CnnError) as caught:
        export(network, random_weights(network))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["export-unsupported"] * 2
    assert all(diagnostic.span and diagnostic.span.line == 2 for diagnostic in caught.value.diagnostics)


def test_weights_become_float32_in_any_layout():
    network = compiled("input 3\ndense 4 bias=false")
    weight = np.arange(12.0).reshape(3, 4).T
    model = export(network, {"dense1.weight": weight})
    stored = onnx.numpy_helper.to_array(model.graph.initializer[0])
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, weight)


def test_the_same_bytes_every_time(root: Path):
    script = (
        "import sys, hashlib, numpy as np\n"
        "from cnndsl.interop.onnx.exporter.model import export\n"
        "from cnndsl.lang.compile import compile_text\n"
        "net = compile_text('input 4@8x8\\nconv 4 3x3 as a -> batchnorm -> mish -> groupnorm 2 -> lrn 4').networks[0]\n"
        "weights = {key: np.ones(weight.shape, 'f') for key, _, weight in net.all_weights()}\n"
        "print(hashlib.sha256(export(net, weights, metadata={'a': '1', 'b': '2'}).SerializeToString()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=240,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


SMALL = "input 3@8x8\nconv 4 3x3 -> relu\nglobal_avgpool -> flatten -> dense 5"


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["inside", "outside"])
def test_written_files_run(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(onnx_export, "EXTERNAL_BYTES", limit)
    network = compiled(SMALL)
    weights = random_weights(network)
    path = tmp_path / "net.onnx"
    for _ in range(2):
        write(network, weights, path)
        first, names = path.read_bytes(), sorted(file.name for file in tmp_path.iterdir())
    assert path.read_bytes() == first
    assert names[0] == "net.onnx" and len(names) == (1 if limit else 2)
    assert limit or re.fullmatch(r"net\.onnx\.[0-9a-f]{16}\.data", names[1])
    onnx.checker.check_model(str(path), full_check=True)
    assert_agree(network, weights, path)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    for key, values in weights.items():
        np.testing.assert_array_equal(stored[key], values)


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["inside", "outside"])
def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(onnx_export, "EXTERNAL_BYTES", limit)
    network = compiled(SMALL)
    weights = random_weights(network)
    target = tmp_path / "net.onnx"
    target.mkdir()
    with pytest.raises(OSError, match=r"net\.onnx"):
        write(network, weights, target)
    assert list(tmp_path.iterdir()) == [target]
    target.rmdir()
    write(network, weights, target)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*_):
        raise OSError("no space left")

    for owner, name in ((onnx_export, "_write_bytes"), *([] if limit else [(onnx_export, "_write_pages")])):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with pytest.raises(OSError, match="no space"):
                write(network, weights, target)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_writing_large_weights_takes_no_second_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "EXTERNAL_BYTES", 1 << 20)
    network = cnndsl.loads("input 2000\ndense 2000 -> relu -> dense 2000")
    weights = network.weights()
    size = sum(array.nbytes for array in weights.values())
    onnx_export.write(network.graph, weights, tmp_path / "warm.onnx")
    tracemalloc.start()
    onnx_export.write(network.graph, weights, tmp_path / "large.onnx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (data,) = tmp_path.glob("large.onnx.*.data")
    assert data.stat().st_size >= size
    assert peak < 0.1 * size
