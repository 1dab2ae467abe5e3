"""`cnndsl import` and `cnndsl verify`, and ONNX models where other commands take networks."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

import cnndsl as package
from cnndsl.interop import verify
from cnndsl.interop.onnx.runtime import session
from cnndsl.runtime.data.weights import save_weights

TEXT = "input 1@8x8\nrepeat 3 { conv 4 3x3 pad=1 -> relu }\nflatten\ndense 3 -> softmax\n"


@pytest.fixture
def net(folder):
    """net.cnn, its weights in net.safetensors, and both in net.onnx."""
    (folder / "net.cnn").write_text(TEXT)
    network = package.load("net.cnn")
    save_weights(network.weights(seed=5), "net.safetensors")
    network.to_onnx("net.onnx", weights="net.safetensors")
    return network


def test_text_and_weights_stand_beside_each_other(net, cnndsl):
    assert cnndsl("import", "net.onnx", "-o", "again.cnn") == (0, "", "cnndsl: wrote again.cnn and again.safetensors\n")
    again = package.load("again.cnn")
    x = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
    np.testing.assert_array_equal(again.run(x, weights="again.safetensors"), net.run(x, weights="net.safetensors"))


def test_text_goes_to_standard_output(net, cnndsl, folder):
    status, out, _ = cnndsl("import", "net.onnx", "-o", "-")
    assert status == 0
    assert "  repeat 3 { conv 4 3x3 pad=1 -> relu }\n" in out
    assert not (folder / "net2.cnn").exists()
    status, out, _ = cnndsl("import", "net.onnx", "-o", "-", "--expanded")
    assert (status, out.count("conv 4 3x3 pad=1")) == (0, 3)


def test_text_is_called_cnn(net, cnndsl):
    status, _, err = cnndsl("import", "net.onnx", "-o", "net.txt")
    assert (status, "bad-setting" in err) == (2, True)


def test_partial_says_what_is_left_out(net, cnndsl, folder):
    model = net.to_onnx()
    model.graph.node[-1].op_type = "Cos"
    (folder / "sine.onnx").write_bytes(model.SerializeToString())
    assert cnndsl("import", "sine.onnx")[0] == 1
    status, _, err = cnndsl("import", "sine.onnx", "--partial")
    assert status == 0
    assert "note[import-unsupported]: Cos `softmax1`" in err
    assert package.load("sine.cnn").params == net.params


def test_check_shows_a_model_as_a_network(net, cnndsl):
    of_text, of_model = cnndsl("check", "net.cnn")[1], cnndsl("check", "net.onnx")[1]
    assert of_model.splitlines()[-4:] == of_text.splitlines()[-4:]
    assert "softmax1" in of_model


def test_a_model_has_no_settings(net, cnndsl):
    status, _, err = cnndsl("check", "net.onnx", "--input", "1@9x9")
    assert (status, "bad-setting" in err) == (2, True)
    assert "unknown-network" in cnndsl("run", "net.onnx", "--input", "ones", "--network", "other")[2]


def test_run_takes_models_weights_of_models_and_backends_alike(net, cnndsl):
    expected = cnndsl("run", "net.cnn", "--input", "random", "--weights", "net.safetensors", "--format", "json")[1]
    assert cnndsl("run", "net.onnx", "--input", "random", "--format", "json")[1] == expected
    assert cnndsl("run", "net.cnn", "--input", "random", "--weights", "net.onnx", "--format", "json")[1] == expected
    given = ("run", "net.cnn", "--input", "random", "--weights", "net.safetensors", "--backend", "onnxruntime")
    status, out, _ = cnndsl(*given, "--layers", "conv1,input")
    assert status == 0
    assert "softmax1 (3)" in out and "conv1 (4x8x8)" in out


def test_weights_of_a_model_fit_the_text_made_of_it(net, cnndsl):
    assert cnndsl("import", "net.onnx", "-o", "again.cnn")[0] == 0
    x = np.ones((1, 1, 8, 8), np.float32)
    again = package.load("again.cnn")
    np.testing.assert_array_equal(again.run(x, weights="net.onnx"), net.run(x, weights="net.safetensors"))


def test_weights_of_another_model_do_not_fit(net, cnndsl):
    package.loads("input 1@8x8; conv 2 3x3").to_onnx("other.onnx")
    status, _, err = cnndsl("run", "net.cnn", "--input", "ones", "--weights", "other.onnx")
    assert (status, "weights-mismatch" in err) == (1, True)


@pytest.mark.parametrize("file", [("net.cnn", "--weights", "net.safetensors"), ("net.onnx",), ("net.cnn",)])
def test_verify_prints_the_difference_of_each_output(net, cnndsl, file):
    status, out, err = cnndsl("verify", *file)
    assert (status, err) == (0, "")
    assert out.startswith("softmax1: largest difference ")


def test_verify_names_the_first_layer_that_differs(net):
    x = np.ones((2, 1, 8, 8), np.float32)
    names = tuple(net.layers)
    mine = net.runner(keep=names)({"input": x})
    theirs = {name: value.copy() for name, value in mine.items()}
    assert verify.compare(net.graph, mine, theirs).ok
    for name in names[2:]:
        theirs[name] = theirs[name] + 1
    result = verify.compare(net.graph, mine, theirs)
    assert not result.ok
    assert result.first.name == "conv2"
    assert result.outputs[0].absolute == pytest.approx(1)


@pytest.mark.parametrize(
    ("mine", "theirs", "relative"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_difference(mine, theirs, relative):
    assert verify.difference("layer", np.array(mine, np.float32), np.array(theirs, np.float32)).relative == relative


def test_a_model_of_a_fixed_batch_is_verified_too(net, cnndsl, folder):
    model = net.to_onnx()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    (folder / "three.onnx").write_bytes(model.SerializeToString())
    status, _, err = cnndsl("verify", "three.onnx")
    assert (status, "use --batch 3" in err) == (2, True)
    assert cnndsl("verify", "three.onnx", "--batch", "6")[0] == 0


def padded_pool():
    """A model whose zero padding ONNX Runtime's optimiser fuses into MaxPool, where it is minus infinity."""
    helper = onnx.helper
    weight = np.random.default_rng(0).standard_normal((4, 3, 1, 1)).astype(np.float32)
    constants = {"w": weight, "b": np.full(4, -9, np.float32), "p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"]),
        helper.make_node("Pad", ["c", "p"], ["z"]),
        helper.make_node("MaxPool", ["z"], ["y"], kernel_shape=[3, 3], strides=[2, 2]),
    ]
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, 8, 8])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)]
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "pooled", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_the_optimiser_of_onnx_runtime_changes_is_not_the_interpreters_fault(cnndsl, folder):
    onnx.save(padded_pool(), "pooled.onnx")
    status, out, err = cnndsl("verify", "pooled.onnx")
    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 20):
        pytest.skip("older optimisers do not fuse the padding")
    first, second = out.splitlines()
    assert (status, err) == (0, "") and first.startswith("maxpool1: largest difference ")
    assert second.startswith("maxpool1: ONNX Runtime's optimiser changes its own result by ")
    status, out, _ = cnndsl("verify", "pooled.onnx", "--format", "json")
    report = json.loads(out)
    assert (status, report["version"], report["network"], report["ok"]) == (0, 1, "pooled", True)
    assert report["outputs"][0]["relative"] < 1e-5 and report["optimised"][0]["relative"] > 0.5
    assert report["first"] is None and report["judged"] == []


def test_verify_says_who_is_nearer_to_float64(net, cnndsl):
    status, out, err = cnndsl("verify", "net.cnn", "--tolerance", "0", "--format", "json")
    report = json.loads(out)
    assert (status, report["ok"], "verify-failed" in err) == (1, False, True)
    (judged,) = report["judged"]
    assert judged["name"] == "softmax1" and 0 <= judged["interpreter"] < 1e-5 and 0 <= judged["onnxruntime"] < 1e-5
    assert f"{judged['nearer']} is nearer" in err


@pytest.mark.parametrize(
    ("mine", "theirs", "nearer"), [(0.5, 1, "the interpreter"), (2, 1, "ONNX Runtime"), (1, 1, "neither")]
)
def test_judgements(net, mine, theirs, nearer):
    exact = net.runner(keep=tuple(net.layers), backend="reference")({"input": np.ones((2, 1, 8, 8), np.float32)})
    ours, others = ({name: value * (1 + off) for name, value in exact.items()} for off in (mine, -theirs))
    result = verify.compare(net.graph, ours, others).judged_by(exact, ours, [others["softmax1"]])
    (judged,) = result.judged
    assert judged.nearer == nearer
    assert (judged.interpreter, judged.onnxruntime) == (pytest.approx(mine), pytest.approx(theirs))


def test_without_onnx_runtime_the_extra_is_named(net, cnndsl, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    status, _, err = cnndsl("run", "net.cnn", "--input", "ones", "--backend", "onnxruntime")
    assert (status, "cnndsl[onnxruntime]" in err) == (2, True)


def test_a_model_that_onnx_runtime_refuses(net, folder):
    (folder / "broken.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(package.CnnError, match="ONNX Runtime refuses the model"):
        session("broken.onnx")
