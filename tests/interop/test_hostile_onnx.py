"""Models that are damaged, absurd or meant to do harm: one diagnostic each, in bounded time and memory."""

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from cnndsl.api import from_onnx as from_onnx_network
from cnndsl.api import loads
from cnndsl.errors import CnnError, Diagnostic
from cnndsl.interop.onnx.exporter.model import export
from cnndsl.interop.onnx.importer.file import parse_model
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.interop.onnx.importer.walk import import_model
from cnndsl.lang.compile import compile_text
from cnndsl.runtime.data.initial_weights import initial_weights
from tests.work import calls

TEXT = """
input 3@16x16
conv 4 3x3 pad=1 -> batchnorm -> relu -> maxpool 2x2
add { conv 4 3x3 pad=1 -> gelu; identity }
layernorm axes=channel -> groupnorm 2 -> upsample 2
concat { identity; depthwise 3x3 pad=1 }
channel_shuffle 2 -> slice 2 6 -> global_avgpool -> flatten -> dense 5 -> softmax
"""


def sound():
    (network,) = compile_text(TEXT, "net.cnn").networks
    return export(network, initial_weights(network))


def refused(data):
    with pytest.raises(CnnError) as caught:
        import_model(parse_model(data, "net.onnx"))
    return caught.value.diagnostics


def one_node(node, constants=(), shape=(1, 3, 8, 8), opset=17):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([*(node if isinstance(node, list) else [node])], "one", [x], [y], list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def claimed(name, shape, data=b""):
    return TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, raw_data=data)


def cyclic():
    model = sound()
    model.graph.node[0].input[0] = model.graph.node[3].output[0]
    return model


def without_initializer():
    model = sound()
    del model.graph.initializer[0]
    return model


def made_twice():
    model = sound()
    model.graph.node[1].output[0] = model.graph.node[0].output[0]
    return model


def overflowing():
    weight = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[2**62] * 4)
    return one_node(node, [weight])


def three_gigabytes():
    shape = numpy_helper.from_array(np.array([1, 3, 16_000, 16_000]), "s")
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])]
    return one_node(nodes, [shape])


def doubling():
    nodes = [helper.make_node("Concat", [f"c{index}"] * 2, [f"c{index + 1}"], axis=0) for index in range(28)]
    constant = numpy_helper.from_array(np.ones((1, 3, 8, 8), np.float32), "c0")
    return one_node([*nodes, helper.make_node("Add", ["x", "c28"], ["y"])], [constant])


def two_thousand_sums():
    nodes = [helper.make_node("Add", [f"c{index}", "c0"], [f"c{index + 1}"]) for index in range(2000)]
    constant = numpy_helper.from_array(np.ones((1, 3, 512, 512), np.float32), "c0")
    return one_node([*nodes, helper.make_node("Add", ["x", "c2000"], ["y"])], [constant])


def many_axes(count):
    sizes = numpy_helper.from_array(np.ones(count, np.int64), "s")
    return one_node(helper.make_node("Reshape", ["x", "s"], ["y"]), [sizes], shape=(1, 1, 1, 1))


def a_constant_of(**fields):
    """A node that adds a constant of another node, which is no array of numbers."""
    constant = helper.make_node("Constant", [], ["c"])
    constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(TensorProto(**fields))
    return one_node([constant, helper.make_node("Add", ["x", "c"], ["y"])])


def wrong_reshape():
    sizes = numpy_helper.from_array(np.full(4096, 2, np.int64), "s")
    return one_node(helper.make_node("Reshape", ["x", "s"], ["y"]), [sizes])


def axes_of_texts():
    """Squared distances from centres, of a vector that gets its new axis from a text."""
    model = loads("input 4; rbf 3").to_onnx()
    (axis,) = (tensor for tensor in model.graph.initializer if tensor.name == "rbf1/axis")
    axis.CopyFrom(TensorProto(name="rbf1/axis", data_type=8, dims=[1], string_data=[b"a"]))
    return model


GRAPHS = {
    "a transposition to one number": (
        lambda: one_node(helper.make_node("Transpose", ["x"], ["y"], perm=3)),
        "import-unsupported",
    ),
    "a transposition to words": (
        lambda: one_node(helper.make_node("Transpose", ["x"], ["y"], perm="last")),
        "import-unsupported",
    ),
    "a transposition to nowhere": (
        lambda: one_node(
            [
                helper.make_node("Transpose", ["x"], [], perm=[0, 2, 1]),
                helper.make_node("Reshape", ["x", "s"], ["y"]),
            ],
            [numpy_helper.from_array(np.array(3), "s")],
            shape=(1, 8, 1),
        ),
        "import-unsupported",
    ),
    "axes of texts": (axes_of_texts, "onnx-graph"),
    "72 axes": (lambda: many_axes(72), "import-unsupported"),
    "an input of 72 axes": (
        lambda: one_node(helper.make_node("Relu", ["x"], ["y"]), shape=[1] * 72),
        "onnx-graph",
    ),
    "a tensor of 72 axes": (
        lambda: one_node(helper.make_node("Conv", ["x", "w"], ["y"]), [claimed("w", [1] * 72, bytes(4))]),
        "onnx-graph",
    ),
    "a constant of 72 axes": (lambda: a_constant_of(data_type=1, dims=[1] * 72, raw_data=bytes(4)), "onnx-graph"),
    "a constant of no type": (lambda: a_constant_of(data_type=0), "onnx-graph"),
    "a constant of an unknown type": (lambda: a_constant_of(data_type=99), "onnx-graph"),
    "a constant of texts": (lambda: a_constant_of(data_type=8, dims=[1], string_data=[b"a"]), "onnx-graph"),
    "a constant of texts in bytes": (lambda: a_constant_of(data_type=8, dims=[1], raw_data=bytes(8)), "onnx-graph"),
    "a constant for 96 examples": (
        lambda: one_node(
            helper.make_node("Mul", ["x", "c"], ["y"]),
            [numpy_helper.from_array(np.full((96, 1, 1, 1), 2, np.float32), "c")],
            shape=["N", 3, 8, 8],
        ),
        "import-unsupported",
    ),
    "an If without branches": (
        lambda: one_node(helper.make_node("If", ["c"], ["y"]), [numpy_helper.from_array(np.array(True), "c")]),
        "import-unsupported",
    ),
    "a constant convolved with itself": (
        lambda: one_node(
            [helper.make_node("Conv", ["c", "c"], ["d"]), helper.make_node("Add", ["x", "d"], ["y"])],
            [numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "c")],
        ),
        "import-unsupported",
    ),
    "a shape of 4096 extents": (wrong_reshape, "import-unsupported"),
    "constants that double": (doubling, "import-unsupported"),
    "many sums of a constant": (two_thousand_sums, "import-unsupported"),
    "cyclic": (cyclic, "onnx-graph"),
    "missing initializer": (without_initializer, "onnx-graph"),
    "made twice": (made_twice, "onnx-graph"),
    "shapes that overflow": (overflowing, "import-unsupported"),
    "3 GB in 100 bytes": (three_gigabytes, "import-unsupported"),
    "a tensor without its numbers": (
        lambda: one_node(helper.make_node("Conv", ["x", "w"], ["y"]), [claimed("w", [4, 3, 1, 1])]),
        "onnx-graph",
    ),
    "a tensor of 10^18 numbers": (
        lambda: one_node(helper.make_node("Conv", ["x", "w"], ["y"]), [claimed("w", [10**9, 10**9], b"1234")]),
        "onnx-graph",
    ),
    "a negative extent": (
        lambda: one_node(helper.make_node("Conv", ["x", "w"], ["y"]), [claimed("w", [-4, -1], b"0" * 16)]),
        "onnx-graph",
    ),
    "a huge input": (lambda: one_node(helper.make_node("Relu", ["x"], ["y"]), shape=(1, 2**40, 2)), "onnx-graph"),
    "stride 0": (
        lambda: one_node(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[0, 0])),
        "import-unsupported",
    ),
    "a kernel of 0": (
        lambda: one_node(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[0, 2])),
        "import-unsupported",
    ),
    "group 0": (
        lambda: one_node(
            helper.make_node("Conv", ["x", "w"], ["y"], group=0),
            [numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")],
        ),
        "import-unsupported",
    ),
    "an attribute of another type": (
        lambda: one_node(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape="wide")),
        "import-unsupported",
    ),
    "words that are fractions": (
        lambda: one_node(
            helper.make_node("Gather", ["table", "x"], ["y"]),
            [numpy_helper.from_array(np.ones((9, 4), np.float32), "table")],
            shape=(1, 6),
        ),
        "import-unsupported",
    ),
    "an output from nowhere": (lambda: one_node(helper.make_node("Relu", ["x"], ["z"])), "onnx-graph"),
    "opset 99": (lambda: one_node(helper.make_node("Relu", ["x"], ["y"]), opset=99), "onnx-file"),
    "another domain": (
        lambda: one_node(helper.make_node("Relu", ["x"], ["y"], domain="com.example")),
        "import-unsupported",
    ),
    "a range without end": (
        lambda: one_node(
            [helper.make_node("Range", ["a", "b", "c"], ["r"]), helper.make_node("Add", ["x", "r"], ["y"])],
            [numpy_helper.from_array(np.array(v), n) for n, v in (("a", 0), ("b", 2**60), ("c", 1))],
        ),
        "import-unsupported",
    ),
    "a node without inputs": (lambda: one_node(helper.make_node("Shape", [], ["y"])), "import-unsupported"),
    "a CastLike without inputs": (lambda: one_node(helper.make_node("CastLike", [], ["y"])), "import-unsupported"),
    "a Sub of three": (
        lambda: one_node([helper.make_node("Relu", ["x"], ["r"]), helper.make_node("Sub", ["x", "r", "r"], ["y"])]),
        "import-unsupported",
    ),
    "an Expand to 64 axes": (
        lambda: one_node(
            helper.make_node("Expand", ["x", "s"], ["y"]), [numpy_helper.from_array(np.ones(64, np.int64), "s")]
        ),
        "import-unsupported",
    ),
    "an axis twice": (
        lambda: one_node(helper.make_node("Unsqueeze", ["x"], ["y"], axes=[1, 1]), opset=11),
        "import-unsupported",
    ),
    "an upsampling by 10^9": (
        lambda: one_node(
            helper.make_node("Resize", ["x", "", "s"], ["y"], coordinate_transformation_mode="asymmetric"),
            [numpy_helper.from_array(np.array([1, 1, 1e9, 1e9], np.float32), "s")],
        ),
        "import-unsupported",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_absurd_graphs_give_one_diagnostic(name):
    build, code = GRAPHS[name]
    data = build().SerializeToString()
    found: list[Diagnostic] = []
    assert calls(lambda: found.extend(refused(data))) < 4_000_000
    (one,) = found
    assert one.code == code
    assert len(one.message) < 600


@pytest.mark.parametrize("count", [2, 10, 11, 72])
def test_reshapes_are_refused_or_readable(count):
    try:
        network = from_onnx_network(many_axes(count))
    except CnnError:
        assert count > 10
    else:
        assert count <= 10
        assert loads(network.decompiled()[0]).outputs.popitem()[1].dimensions == (1,) * (count - 1)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n" + bytes(100), b"not a model", bytes(1000), sound().SerializeToString()[:300]],
    ids=["empty", "a picture", "text", "zeros", "truncated"],
)
def test_what_is_no_model_gives_one_diagnostic(data):
    assert [found.code for found in refused(data)] == ["onnx-file"]


def test_every_truncation_is_refused_or_whole():
    data = sound().SerializeToString()
    for size in range(0, len(data), max(1, len(data) // 60)):
        assert len(refused(data[:size])) >= 1


def test_a_million_nodes_are_refused_in_bounded_time_and_memory(tmp_path):
    """In a process of its own, whose memory is limited."""
    graph = onnx.GraphProto(node=[helper.make_node("Relu", ["x"], ["y"])]).SerializeToString()
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])
    ends = onnx.GraphProto(name="g", input=[x], output=[y]).SerializeToString()
    opset = [helper.make_opsetid("", 17)]
    shell = onnx.ModelProto(ir_version=8, opset_import=opset).SerializeToString()
    body = graph * 1_000_000 + ends
    path = tmp_path / "million.onnx"
    path.write_bytes(shell + b"\x3a" + _varint(len(body)) + body)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from cnndsl.cli import main; sys.exit(main(['check', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=240)
    assert done.returncode == 1
    assert done.stderr.count("error[") == 1
    assert "1,000,000 nodes" in done.stderr


def _varint(number):
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def external(location, offset="0", length=None):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 3, 1, 1])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=value)
    return one_node(helper.make_node("Conv", ["x", "w"], ["y"]), [tensor])


@pytest.mark.parametrize(
    ("location", "offset", "length"),
    [
        ("../secret.bin", "0", None),
        ("/etc/passwd", "0", None),
        ("link.bin", "0", None),
        ("", "0", None),
        ("missing.bin", "0", None),
        ("weights.bin", "8", None),
        ("weights.bin", "-4", None),
        ("weights.bin", "many", None),
        ("weights.bin", "0", "4"),
        ("weights.bin", "0", "x"),
        (".", "0", None),
        ("a\0b", "0", None),
    ],
)
def test_weights_outside_the_folder_or_the_file_are_refused(tmp_path, location, offset, length):
    folder = tmp_path / "model"
    folder.mkdir()
    for place in (tmp_path / "secret.bin", folder / "weights.bin"):
        place.write_bytes(bytes(48))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = folder / "net.onnx"
    path.write_bytes(external(location, offset, length).SerializeToString())
    with pytest.raises(CnnError) as caught:
        from_onnx(path)
    assert [found.code for found in caught.value.diagnostics] == ["onnx-file"]


def test_weights_in_a_file_beside_the_model_are_read(tmp_path):
    path = Path(tmp_path) / "net.onnx"
    numbers = np.arange(12, dtype="<f4")
    (tmp_path / "weights.bin").write_bytes(bytes(4096) + numbers.tobytes())
    path.write_bytes(external("weights.bin", "4096", "48").SerializeToString())
    (weight,) = from_onnx(path).weights.values()
    np.testing.assert_array_equal(weight.ravel(), numbers)


@settings(max_examples=400)
@given(st.data())
def test_damaged_bytes_never_do_more_than_raise_a_diagnostic(data):
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(1, 3))] = data.draw(st.binary(max_size=4))
    with contextlib.suppress(CnnError):
        import_model(parse_model(bytes(content), "net.onnx"))


SOUND = sound().SerializeToString()


EXTREMES = st.sampled_from([0, -1, 1, 2, 5, -5, 2**31, 2**62, -(2**63)])


@settings(max_examples=300)
@given(st.data())
def test_changed_graphs_never_do_more_than_raise_diagnostics(data):
    model = onnx.load_from_string(SOUND)
    graph = model.graph
    values = [name for node in graph.node for name in (*node.input, *node.output)]
    for _ in range(data.draw(st.integers(1, 3))):
        node = graph.node[data.draw(st.integers(0, len(graph.node) - 1))]
        change = data.draw(st.integers(0, 4))
        if change == 0 and node.input:
            node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(st.sampled_from(values))
        elif change == 1:
            node.op_type = data.draw(st.sampled_from(sorted({other.op_type for other in graph.node})))
        elif change == 2 and node.input:
            del node.input[-1]
        elif node.attribute:
            attribute = node.attribute[data.draw(st.integers(0, len(node.attribute) - 1))]
            if change == 3:
                attribute.i = data.draw(EXTREMES)
                attribute.ints[:] = [data.draw(EXTREMES) for _ in attribute.ints]
            else:
                node.attribute.remove(attribute)
    with contextlib.suppress(CnnError):
        from_onnx(model)


@pytest.mark.parametrize("kind", ["DepthToSpace", "SpaceToDepth"])
def test_blocks_that_are_none(kind):
    for block in (0, -1):
        model = one_node(helper.make_node(kind, ["x"], ["y"], blocksize=block), shape=(1, 12, 8, 8))
        (found,) = refused(model.SerializeToString())
        assert f"its blocksize is {block}" in found.message


def test_a_pool_that_is_read_between_its_axes():
    """An adaptive pool in two steps, the first of which is an output of its own."""
    (network,) = compile_text("input 4@13x13\nadaptive_maxpool 6", "net.cnn").networks
    model = export(network, {})
    reduced = next(node.output[0] for node in model.graph.node if node.op_type == "ReduceMax")
    model.graph.output.append(helper.make_tensor_value_info(reduced, TensorProto.FLOAT, None))
    found = from_onnx(model).network
    assert [str(found.shapes[name]) for name in found.outputs] == ["4@6x6", "4@6x13"]
