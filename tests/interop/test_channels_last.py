"""Models whose channels are last: the text has the language's layout, and everything that meets the model says so."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import cnndsl
from cnndsl.cli import main
from cnndsl.errors import CnnError
from cnndsl.interop.onnx_backend import CnndslBackend

FIRST = "Transpose <perm=[0, 3, 1, 2]>"
LAST = "Transpose <perm=[0, 2, 3, 1]>"


def drawn(*shape):
    return np.random.default_rng(len(shape)).uniform(-1, 1, shape).astype(np.float32)


def model(body, inputs, outputs=("y",), **constants):
    """The model of some nodes; ``inputs`` have their extents without the batch, constants are initializers."""
    heads = [f"float[N,{','.join(map(str, shape))}] {name}" for name, shape in inputs.items()]
    ends = ", ".join(f"float[] {name}" for name in outputs)
    text = f'<ir_version: 8, opset_import: ["": 18]> keras ({", ".join(heads)}) => ({ends}) {{ {body} }}'
    made = onnx.parser.parse_model(text)
    for output in made.graph.output:
        output.type.tensor_type.ClearField("shape")
    made.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items())
    return made


def answers(made, arrays):
    """What ONNX Runtime computes, its optimiser off."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, arrays)


def read(made, keep_layout=False):
    """The imported network, once it gives what ONNX Runtime gives, for three examples and for one."""
    net = cnndsl.from_onnx(made, keep_layout=keep_layout)

    def moved(name, array):
        return np.moveaxis(array, -1, 1) if name in net.channels_last else array

    for batch in (3, 1):
        sizes = [[axis.dim_value for axis in value.type.tensor_type.shape.dim][1:] for value in made.graph.input]
        random = np.random.default_rng(batch)
        arrays = [random.standard_normal((batch, *shape), np.float32) for shape in sizes]
        wanted = answers(made, {value.name: array for value, array in zip(made.graph.input, arrays, strict=True)})
        names = list(net.inputs)
        found = net.runner()({name: moved(name, array) for name, array in zip(names, arrays, strict=True)})
        for name, array in zip(net.outputs, wanted, strict=True):
            assert found[name].shape == moved(name, array).shape
            np.testing.assert_allclose(found[name], moved(name, array), rtol=1e-4, atol=1e-5)
    return net


def operators(net):
    return [node.op.operator for node in net.graph.layers]


def shape_of(net):
    """The shape of the only input."""
    (shape,) = net.inputs.values()
    return str(shape)


CONV = {"w": drawn(4, 3, 3, 3)}
IMAGE = {"image": (6, 5, 3)}


# --- inputs -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "layers"),
    [
        (f"t = {FIRST} (image)", ["conv"]),
        (f"i = Identity(image) c = Cast <to=1> (i) t = {FIRST} (c)", ["conv"]),
        (f"d = Div(image, deviation) m = Sub(d, mean) t = {FIRST} (m)", ["normalize", "conv"]),
        (f"d = Mul(image, scale) r = Relu(d) t = {FIRST} (r)", ["normalize", "relu", "conv"]),
        (f"p = Pad(image, cells) t = {FIRST} (p)", ["conv"]),
        (f"s = Slice(image, two, three, axes) t = {FIRST} (s)", ["slice", "conv"]),
        (f"g = Mul(image, learnt) t = {FIRST} (g)", ["scale", "conv"]),
    ],
)
def test_an_input_that_is_transposed_at_once_has_the_channels_first(before, layers):
    made = model(f"{before} y = Conv(t, w)", IMAGE, **CONV, cells=[0, 1, 1, 0, 0, 1, 1, 0], axes=[1])
    if "Slice" in before:
        made.graph.initializer.extend(numpy_helper.from_array(np.array([n]), s) for n, s in ((2, "two"), (6, "three")))
    made.graph.initializer.append(numpy_helper.from_array(drawn(3) + 2, "learnt"))
    for name, array in (("mean", drawn(3)), ("deviation", drawn(1, 1, 3) + 2), ("scale", np.float32(0.5))):
        held = onnx.helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(array)))
        made.graph.node.insert(0, held)
    net = read(made)
    assert operators(net) == layers
    assert shape_of(net) == "3@6x5"
    assert net.channels_last == ("image",)
    assert "  input 3@6x5 as image\n" in net.decompiled()[0]


def test_several_readers_may_all_transpose():
    body = f"a = {FIRST} (image) r = Relu(image) b = {FIRST} (r) c = Conv(a, w) d = Conv(b, w) y = Add(c, d)"
    net = read(model(body, IMAGE, **CONV))
    assert sorted(operators(net)) == ["add", "conv", "conv", "relu"]
    assert net.channels_last == ("image",)


def test_an_input_that_is_also_read_untransposed_stays_as_it_is():
    body = f"t = {FIRST} (image) c = Conv(t, w) g = GlobalAveragePool(c) v = Flatten(g) f = Flatten(image) "
    body += "d = MatMul(f, m) y = Add(v, d)"
    net = read(model(body, IMAGE, **CONV, m=drawn(90, 4)))
    assert operators(net).count("permute") == 1
    assert shape_of(net) == "6@5x3"
    assert net.channels_last == ()


def test_an_input_that_is_an_output_too_stays_as_it_is():
    net = read(model(f"z = Relu(image) t = {FIRST} (z) y = Conv(t, w)", IMAGE, ("y", "z"), **CONV))
    assert net.channels_last == ()


@pytest.mark.parametrize(
    ("right", "moved", "body"),
    [
        ((6, 5, 3), ("left", "right"), f"b = {FIRST} (right) d = Conv(b, w) e = Flatten(d)"),
        ((6, 5, 3), ("left",), "b = Conv(right, v) e = Flatten(b)"),
        ((7,), ("left",), "e = Identity(right)"),
    ],
)
def test_each_of_two_inputs_has_its_own_layout(right, moved, body):
    body = f"a = {FIRST} (left) c = Conv(a, w) f = Flatten(c) {body} y = Concat <axis=1> (f, e)"
    net = read(model(body, {"left": (6, 5, 3), "right": right}, **CONV, v=drawn(4, 6, 3, 3)))
    assert net.channels_last == moved


def test_two_inputs_that_meet_before_they_are_transposed_stay_as_they_are():
    body = f"s = Sub(left, right) t = {FIRST} (s) y = Conv(t, w)"
    assert read(model(body, {"left": (6, 5, 3), "right": (6, 5, 3)}, **CONV)).channels_last == ()


def test_other_transpositions_are_no_layout():
    body = "t = Transpose <perm=[0, 1, 3, 2]> (image) y = Conv(t, w)"
    net = read(model(body, {"image": (3, 6, 5)}, **CONV))
    assert (operators(net), net.channels_last) == (["permute", "conv"], ())


def test_sequences_and_volumes():
    sequence = model("t = Transpose <perm=[0, 2, 1]> (x1) y = Conv(t, w)", {"x1": (7, 3)}, w=drawn(4, 3, 3))
    assert shape_of(read(sequence)) == "3@7"
    body = "t = Transpose <perm=[0, 4, 1, 2, 3]> (x1) y = Conv(t, w)"
    volume = model(body, {"x1": (4, 5, 6, 3)}, w=drawn(2, 3, 3, 3, 3))
    assert shape_of(read(volume)) == "3@4x5x6"


def test_of_two_axes_a_transposition_does_not_tell_the_channels():
    body = "t = Transpose <perm=[0, 2, 1]> (tokens) d = MatMul(t, m) y = Softmax(d)"
    net = read(model(body, {"tokens": (7, 3)}, m=drawn(7, 4)))
    assert net.channels_last == ()


def test_one_channel_is_moved_by_a_reshape_too():
    body = "t = Reshape(image, cells) c = Conv(t, w) l = Reshape(c, last) d = Flatten(l) y = MatMul(d, m)"
    shapes = {"cells": [-1, 1, 6, 5], "last": [-1, 4, 3, 1]}
    net = read(model(body, {"image": (6, 5, 1)}, w=drawn(1, 1, 3, 3), m=drawn(12, 2), **shapes))
    assert (net.channels_last, shape_of(net)) == (("image",), "1@6x5")
    assert "permute" not in operators(net)


def test_one_channel_that_is_behind_the_positions_needs_no_permute_to_be_flattened():
    body = f"t = {FIRST} (image) c = Conv(t, w) l = {LAST} (c) d = Flatten(l) y = MatMul(d, m)"
    net = read(model(body, {"image": (6, 5, 1)}, w=drawn(1, 1, 3, 3), m=drawn(12, 2)))
    assert operators(net) == ["conv", "flatten", "dense"]


def test_our_own_exports_come_back_as_they_were():
    net = cnndsl.loads("input 6@5x3; permute [2, 0, 1]; conv 4 3x3; permute [1, 2, 0]")
    again = cnndsl.from_onnx(net.to_onnx())
    assert again.to_cnn() == net.to_cnn()
    assert again.channels_last == ()


def test_a_mean_that_is_reshaped_to_one_cell_is_no_vector_in_between():
    """Squeeze and excitation as Keras writes it: vectors become 1x1 maps with the channels last."""
    body = f"t = {FIRST} (image) c = Conv(t, w) l = {LAST} (c) m = ReduceMean <keepdims=0> (l, places) "
    body += f"r = Reshape(m, cells) f = {FIRST} (r) s = Conv(f, v) g = Sigmoid(s) k = {LAST} (g) h = Mul(l, k) "
    body += f"o = {FIRST} (h) y = Conv(o, v)"
    net = read(model(body, IMAGE, **CONV, v=drawn(4, 4, 1, 1), places=[1, 2], cells=[-1, 1, 1, 4]))
    assert operators(net) == ["conv", "global_avgpool", "conv", "sigmoid", "mul", "conv"]


def test_a_mean_in_a_row_is_a_row():
    body = "m = GlobalAveragePool(image) f = Flatten(m) r = Reshape(f, cells) y = Conv(r, v)"
    net = read(model(body, {"image": (4, 6, 5)}, v=drawn(1, 1, 1, 3), cells=[-1, 1, 1, 4]))
    assert str(net.graph.layers[-1].shape) == "1@1x2"


# --- outputs ----------------------------------------------------------------------------------------------------------
def test_the_outputs_of_such_a_model_have_the_channels_first_too():
    body = f"t = {FIRST} (image) c = Conv(t, w) l = {LAST} (c) z = Softmax <axis=3> (l) g = GlobalAveragePool(c) "
    body += "y = Flatten(g) a = Add(l, b) q = Relu(a)"
    net = read(model(body, IMAGE, ("y", "z", "q"), **CONV, b=drawn(4)))
    assert "permute" not in operators(net)
    assert [str(net.graph.shapes[name]) for name in net.outputs] == ["4", "4@4x3", "4@4x3"]
    assert net.channels_last == ("image", *list(net.outputs)[1:])


def test_a_transposition_behind_channels_that_were_first_is_the_models_own():
    net = read(model(f"c = Conv(image, w) y = {LAST} (c)", {"image": (3, 6, 5)}, **CONV))
    assert (operators(net), net.channels_last) == (["conv", "permute"], ())


def test_maps_made_of_vectors_have_the_channels_first():
    body = f"d = MatMul(code, m) r = Reshape(d, cells) t = {FIRST} (r) c = Conv(t, w) y = {LAST} (c)"
    net = read(model(body, {"code": (7,)}, m=drawn(7, 90), cells=[-1, 6, 5, 3], **CONV))
    assert net.channels_last == tuple(net.outputs)
    assert operators(net).count("permute") == 1


def test_one_value_may_be_the_output_in_both_orders():
    body = f"t = {FIRST} (image) y = Conv(t, w) z = {LAST} (y)"
    net = read(model(body, IMAGE, ("y", "z"), **CONV))
    assert net.channels_last == ("image", list(net.outputs)[1])


# --- where networks meet the model ------------------------------------------------------------------------------------
CUBE = model(
    f"t = {FIRST} (image) c = Conv <pads=[1,1,1,1]> (t, w) y = {LAST} (c)", {"image": (3, 3, 3)}, w=CONV["w"][:3]
)
"""Its layouts are of the same extents."""


@pytest.fixture
def cube(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx.save(CUBE, "cube.onnx")


def test_the_models_layout_is_kept_where_that_is_asked_for():
    net = read(CUBE, keep_layout=True)
    assert operators(net) == ["permute", "conv", "permute"]
    assert net.channels_last == ()


@pytest.mark.parametrize("keep_layout", [False, True])
def test_files_are_loaded_in_either_layout(cube, keep_layout):
    net = cnndsl.load("cube.onnx", keep_layout=keep_layout)
    assert operators(net) == (["permute", "conv", "permute"] if keep_layout else ["conv"])


@pytest.mark.parametrize("keep_layout", [False, True])
def test_verify_gives_the_model_what_it_takes(cube, keep_layout):
    net = cnndsl.from_onnx("cube.onnx", keep_layout=keep_layout)
    assert net.verify(model="cube.onnx", batch=3).ok
    assert main(["verify", "cube.onnx"]) == 0


@pytest.mark.parametrize("keep_layout", [False, True])
def test_verify_of_a_text_beside_the_model(tmp_path, keep_layout):
    made = model(f"t = {FIRST} (image) y = Conv(t, w)", IMAGE, **CONV)
    onnx.save(made, tmp_path / "model.onnx")
    text, net = cnndsl.from_onnx(made, keep_layout=keep_layout).decompiled()
    again = cnndsl.loads(text)
    assert again.verify(weights=net.weights(), model=tmp_path / "model.onnx", batch=3).ok
    with pytest.raises(CnnError, match="has other inputs or outputs than the network") as caught:
        cnndsl.loads("input 3@6x6; conv 4 3x3").verify(model=tmp_path / "model.onnx")
    assert caught.value.diagnostics[0].code == "bad-setting"


def test_a_decompiled_network_knows_it_too():
    net = read(CUBE)
    for one in (net, net.decompiled()[1]):
        assert one.channels_last == ("image", *one.outputs)


def test_weights_of_the_model_fit_either_layout(tmp_path):
    onnx.save(CUBE, tmp_path / "cube.onnx")
    x = drawn(2, 3, 3, 3)
    for keep_layout in (False, True):
        net = cnndsl.from_onnx(CUBE, keep_layout=keep_layout)
        again = cnndsl.loads(net.decompiled()[0])
        np.testing.assert_array_equal(again.run(x, weights=tmp_path / "cube.onnx"), net.run(x))


def test_the_backend_keeps_the_models_layout():
    x = drawn(2, 3, 3, 3)
    (found,) = CnndslBackend.run_model(CUBE, [x])
    (wanted,) = answers(CUBE, {"image": x})
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_import_says_it_and_so_does_the_text(cube, capsys):
    assert main(["import", "cube.onnx"]) == 0
    said = capsys.readouterr().err
    assert "note[channels-last]: the channels are first here and last in the model: `image` is 3@3x3 for 3x3x3" in said
    mark, comment, *rest = Path("cube.cnn").read_text().splitlines()
    assert mark.startswith("# written by cnndsl import")
    assert comment.startswith("# the channels are first here and last in the model: `image` is 3@3x3 for 3x3x3, `")
    assert not any("permute" in line for line in rest)
    assert main(["import", "cube.onnx"]) == 0  # over what it wrote itself
    assert main(["verify", "cube.cnn", "--weights", "cube.safetensors"]) == 0


def test_a_note_is_no_warning(cube, capsys):
    assert main(["check", "cube.onnx", "--strict"]) == 0
    assert "note[channels-last]" in capsys.readouterr().err
    assert cnndsl.check_file("cube.onnx").ok


def test_run_reads_arrays_of_the_model(cube, capsys):
    x = drawn(2, 3, 3, 3)
    np.save("x.npy", x)
    assert main(["run", "cube.onnx", "--input", "x.npy", "--channels-last", "--out", "y.npz"]) == 0
    (wanted,) = answers(CUBE, {"image": x})
    np.testing.assert_allclose(np.load("y.npz")["c"], np.moveaxis(wanted, -1, 1), rtol=1e-5, atol=1e-6)
    assert "note[channels-last]" in capsys.readouterr().err


def test_models_with_the_channels_first_say_nothing(tmp_path, capsys):
    cnndsl.loads("input 3@6x5; conv 4 3x3").to_onnx(tmp_path / "net.onnx")
    assert main(["check", str(tmp_path / "net.onnx")]) == 0
    assert capsys.readouterr().err == ""
    assert cnndsl.load(tmp_path / "net.onnx").channels_last == ()
