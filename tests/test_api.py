"""Embedding, as docs promise it: cheap to import, silent, without global state, safe from several threads."""

import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import cnndsl

TEXT = """param classes = 10
input 1@28x28
conv 6 5x5 pad=2 -> tanh
avgpool 2x2
flatten
dense classes
"""


def codes(error):
    return [diagnostic.code for diagnostic in error.value.diagnostics]


def python(script, root):
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_importing_is_cheap_and_silent(root):
    """Nothing but the standard library is loaded, and little of that."""
    script = "import sys; before = set(sys.modules); import cnndsl; print(*(set(sys.modules) - before))"
    loaded = set(python(script, root).split())
    assert {name.partition(".")[0] for name in loaded} <= {"cnndsl", "typing", "collections", "contextlib", "re"} | set(
        sys.stdlib_module_names
    )
    assert len(loaded) < 40
    assert loaded & {"pydantic", "numpy", "onnx", "cnndsl.api"} == set()


def test_checking_loads_neither_numpy_nor_onnx(root):
    script = (
        "import sys, cnndsl\nnet = cnndsl.loads('input 1@8x8; conv 2 3x3 -> relu')\nnet.summary(), net.to_json()\n"
        "print(*sys.modules)"
    )
    loaded = set(python(script, root).split())
    assert "pydantic" in loaded and loaded & {"numpy", "onnx", "PIL", "safetensors", "onnxruntime"} == set()


def test_nothing_is_printed(root):
    script = (
        "import cnndsl, numpy\nnet = cnndsl.loads('input 1@8x8; maxpool 3x3 stride=3')\n"
        "net.run(numpy.zeros((1, 1, 8, 8))), net.to_onnx(), cnndsl.check('inptu')"
    )
    assert python(script, root) == ""


def test_what_is_exported_exists():
    assert set(cnndsl.__all__) <= set(dir(cnndsl))
    assert all(getattr(cnndsl, name) is not None for name in cnndsl.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = cnndsl.nothing_of_the_kind


def test_the_promised_calls(tmp_path):
    (tmp_path / "lenet.cnn").write_text(TEXT)
    net = cnndsl.load(tmp_path / "lenet.cnn", classes=100)
    assert str(net.layers["conv1"].shape) == "6@28x28"
    assert net.params == 156 + (6 * 14 * 14 + 1) * 100
    assert net.macs == 6 * 28 * 28 * 25 + 6 * 14 * 14 * 100
    assert "conv1" in net.summary() and f"{net.params:,}" in net.summary()
    x = np.zeros((3, 1, 28, 28), np.float32)
    y = net.run(x)
    assert y.shape == (3, 100) and y.dtype == np.float32
    again, kept = net.run(x, keep=["conv1"])
    assert kept["conv1"].shape == (3, 6, 28, 28) and (again == y).all()
    net.to_onnx(tmp_path / "lenet.onnx")
    assert (tmp_path / "lenet.onnx").read_bytes() == net.to_onnx().SerializeToString(deterministic=True)
    assert cnndsl.from_json(net.to_json()).graph == net.graph
    result = cnndsl.check(TEXT)
    assert result.ok and result.network.params == 156 + 1177 * 10 and result.diagnostics == ()
    tree = cnndsl.parse(TEXT)
    assert len(tree.items) == 6
    assert repr(net) == f"<Network lenet: 5 layers, {net.params:,} parameters>"
    assert repr(net.layers["conv1"]) == "<Layer conv1: conv 6@28x28>"


def test_settings():
    assert cnndsl.loads(TEXT, classes=3).outputs["dense1"] == cnndsl.Shape(3)
    assert cnndsl.loads(TEXT, params={"classes": 4}).outputs["dense1"] == cnndsl.Shape(4)
    shape = cnndsl.Shape(3, (32, 32))
    assert cnndsl.loads(TEXT, inputs={None: shape}).inputs == {"input": shape}
    assert cnndsl.loads(TEXT, inputs={"input": shape}).inputs == {"input": shape}
    assert cnndsl.loads("param ratio = 1\ninput 8; dense (round(ratio * 10))", ratio=0.5).params == 45
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.loads(TEXT, classes=object())
    assert codes(error) == ["bad-setting"]
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.loads(TEXT, clases=3)
    assert codes(error) == ["unknown-setting"] and "classes" in error.value.diagnostics[0].help[0]


def test_strict_and_limits():
    assert cnndsl.check("input 1@8x8; maxpool 3x3 stride=2").ok
    assert not cnndsl.check("input 1@8x8; maxpool 3x3 stride=2", strict=True).ok
    limits = cnndsl.Limits(layers=3)
    assert cnndsl.check("input 8; repeat 3 { relu }", limits=limits).ok
    assert not cnndsl.check("input 8; repeat 4 { relu }", limits=limits).ok


def test_networks_are_picked_by_name(tmp_path):
    text = "network A { input 8; relu }\nnetwork B { input 9; relu }\n"
    assert [network.name for network in cnndsl.check(text).networks] == ["A", "B"]
    assert cnndsl.check(text).network is None
    assert cnndsl.loads(text, network="B").inputs == {"input": cnndsl.Shape(9)}
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.loads(text)
    assert codes(error) == ["several-networks"]


def test_all_errors_at_once():
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.loads("input 3@8x8\nconv 8 9x9\nfrom nowhere\nrelo\n")
    assert codes(error) == ["kernel-too-large", "unknown-name", "unknown-operator"]
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines if line.startswith("error")] == [
        f"error[{c}]" for c in codes(error)
    ]
    assert " --> <text>:2:8" in lines and "2 | conv 8 9x9" in lines


@pytest.mark.parametrize(
    "text", ["", "\0", "input", "\ud800", "}" * 99, "input 8; " + "(" * 500, "#", "network {", "é"]
)
def test_check_never_raises_on_bad_text(text):
    result = cnndsl.check(text)
    assert result.network is None and not result.ok and result.diagnostics


def test_files(tmp_path):
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.load(tmp_path / "missing.cnn")
    assert codes(error) == ["file-unreadable"]
    (tmp_path / "blocks.cnn").write_text("block Unit(width) { dense width -> relu }")
    (tmp_path / "net.cnn").write_text('import "blocks.cnn"\ninput 8\nUnit 4\n')
    assert cnndsl.load(tmp_path / "net.cnn").params == 36
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.loads((tmp_path / "net.cnn").read_text())
    assert codes(error)[0] == "import-unavailable"
    resolver = {"blocks.cnn": "block Unit(width) { dense width }"}.__getitem__
    assert cnndsl.loads((tmp_path / "net.cnn").read_text(), resolver=resolver).params == 36


def test_imports_stay_in_the_folder(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.cnn").write_text("block Unit { relu }")
    (inside / "link.cnn").symlink_to(tmp_path / "secret.cnn")
    for path in ("../secret.cnn", "link.cnn", str(tmp_path / "secret.cnn")):
        (inside / "net.cnn").write_text(f'import "{path}"\ninput 8\nUnit\n')
        with pytest.raises(cnndsl.CnnError) as error:
            cnndsl.load(inside / "net.cnn")
        assert codes(error)[0] == "import-outside"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 2}', "null", '"text"'])
def test_json_that_is_no_network(text):
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.from_json(text)
    assert codes(error) == ["bad-json"]


def test_json_is_checked_again():
    written = json.loads(cnndsl.loads(TEXT).to_json())
    written["layers"][0]["shape"]["channels"] = 7
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.from_json(json.dumps(written))
    assert codes(error) == ["bad-json"]


@pytest.mark.parametrize("name", ["lenet.cnn", "inception.cnn", "tiny_unet.cnn", "lenet5_1998.cnn", "sentence.cnn"])
def test_the_three_forms_of_a_network_agree(examples, name):
    """The expanded text has names of its own for what lay in blocks: weights are handed over in order."""
    original = cnndsl.load(examples / name)
    (value,) = original.graph.inputs
    x = np.random.default_rng(0).random((2, *value.shape.dimensions), np.float32)
    weights = list(original.weights().values())
    for copy in (cnndsl.from_json(original.to_json()), cnndsl.loads(original.to_cnn())):
        assert (copy.params, copy.macs, copy.connections) == (original.params, original.macs, original.connections)
        renamed = dict(zip(copy.weights(), weights, strict=True))
        np.testing.assert_array_equal(copy.run(x, weights=renamed), original.run(x))
    assert cnndsl.from_json(original.to_json()).graph == original.graph
    assert cnndsl.loads(original.to_cnn()).to_cnn() == original.to_cnn()


def test_errors_and_networks_are_pickled():
    with pytest.raises(cnndsl.CnnError) as error:
        cnndsl.loads("input 3@8x8\nconv 8 9x9\n", file="net.cnn")
    again = pickle.loads(pickle.dumps(error.value))
    assert type(again) is cnndsl.CnnError and str(again) == str(error.value)
    assert (again.diagnostics, again.sources) == (error.value.diagnostics, error.value.sources)
    net = cnndsl.loads(TEXT)
    assert net.layers
    copy = pickle.loads(pickle.dumps(net))
    assert copy.graph == net.graph and copy.params == net.params


def task(index):
    """Checks, runs and exports a network of its own; everything that it saw."""
    width = index % 8 + 1
    text = (
        f"input 1@12x12\nconv {width} 3x3 pad=1 as c -> batchnorm -> relu\nadd {{ identity; tanh }}\nflatten\ndense 5"
    )
    net = cnndsl.loads(text)
    x = np.random.default_rng(index).random((2, 1, 12, 12), np.float32)
    bad = cnndsl.check(text + f"\nexpect {width}\nrelo")
    y, kept = net.run(x, keep=["c"], seed=index)
    model = net.to_onnx(seed=index).SerializeToString(deterministic=True)
    return y.tobytes(), kept["c"].tobytes(), model, net.summary(), net.to_json(), bad.diagnostics


def test_eight_threads_give_what_one_gives():
    expected = [task(index) for index in range(32)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(task, range(32))) == expected


def test_one_network_and_one_runner_for_eight_threads():
    net = cnndsl.loads(
        "input 2@16x16\nconv 4 3x3 -> relu\nmaxpool 2x2\nconv 4 3x3\nglobal_avgpool -> flatten -> softmax"
    )
    inputs = [np.random.default_rng(index).random((3, 2, 16, 16), np.float32) for index in range(32)]
    run = net.runner()
    expected = [run(x)["softmax1"] for x in inputs]
    with ThreadPoolExecutor(8) as pool:
        for result, wanted in zip(pool.map(run, inputs), expected, strict=True):
            np.testing.assert_array_equal(result["softmax1"], wanted)


def test_the_first_use_may_be_in_eight_threads(root):
    """Models are built on first use; here eight threads come first."""
    script = """
import sys, threading
import cnndsl
sys.setswitchinterval(1e-6)
barrier, results = threading.Barrier(8), []
def work():
    barrier.wait()
    net = cnndsl.loads("input 1@8x8; conv 2 3x3 -> relu; maxpool 2x2; flatten; dense 3")
    results.append((net.to_json(), net.summary(), cnndsl.from_json(net.to_json()).params))
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(results), len(set(results)))
"""
    assert python(script, root) == "8 1\n"


def test_calls_leave_no_traces():
    first = cnndsl.loads(TEXT, classes=7)
    cnndsl.check("let broken = (", classes=3)
    assert cnndsl.loads(TEXT).outputs["dense1"] == cnndsl.Shape(10)
    assert first.outputs["dense1"] == cnndsl.Shape(7)
    weights = first.weights()
    weights["conv1.weight"][:] = 0
    assert first.weights()["conv1.weight"].any()


def test_the_package_is_typed(root):
    assert (Path(cnndsl.__file__).parent / "py.typed").exists()


def test_repeated_runs_reuse_the_plan_and_other_settings_get_their_own() -> None:
    net = cnndsl.loads("input 3@8x8\nconv 4 3x3 as first -> relu\n")
    x = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    once = net.run(x)
    runner = net._last_runner
    assert np.array_equal(net.run(x), once) and net._last_runner is runner
    other = net.run(x, seed=1)
    assert not np.array_equal(other, once)
    given = {key: value * 2 for key, value in net.weights().items()}
    assert np.allclose(net.run(x, weights=given), once * 2, atol=1e-5)
    assert np.array_equal(net.run(x), once)
    result, kept = net.run(x, keep=["first"])
    assert np.array_equal(result, once) and kept["first"].shape == (2, 4, 6, 6)


def test_a_network_that_ran_can_be_pickled() -> None:
    net = cnndsl.loads("input 3@8x8\nconv 4 3x3 -> relu\n")
    x = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    y = net.run(x)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).run(x), y)


@pytest.mark.parametrize(
    "setting", [{"seed": "a"}, {"seed": -1}, {"seed": 1.5}, {"seed": None}, {"threads": 1.5}, {"threads": 0}]
)
def test_settings_are_whole_numbers(setting) -> None:
    net = cnndsl.loads("input 3\ndense 2\n")
    calls = [lambda: net.run(np.zeros((1, 3)), **setting), lambda: net.runner(**setting)]
    if "seed" in setting:
        calls += [lambda: net.weights(**setting), lambda: net.verify(**setting), lambda: net.to_onnx(**setting)]
    for call in calls:
        with pytest.raises(cnndsl.CnnError, match="is a whole number from") as error:
            call()
        assert error.value.diagnostics[0].code == "bad-setting"
    np.testing.assert_array_equal(net.run(np.ones((1, 3)), seed=np.int64(3)), net.run(np.ones((1, 3)), seed=3))


@pytest.mark.parametrize("text", [b"input 3", None, Path("net.cnn"), 3])
def test_a_text_is_a_str(text) -> None:
    for call in (cnndsl.loads, cnndsl.check, cnndsl.parse, cnndsl.format, cnndsl.from_json):
        with pytest.raises(cnndsl.CnnError, match="the text must be a str, not ") as error:
            call(text)
        assert error.value.diagnostics[0].code == "bad-setting"


@pytest.mark.filterwarnings("error")
def test_numbers_that_float32_cannot_hold_are_infinite() -> None:
    net = cnndsl.loads("input 2\nidentity\n")
    assert net.run(np.array([[1e300, -1e300]])).tolist() == [[np.inf, -np.inf]]


def test_masks_are_not_lost() -> None:
    net = cnndsl.loads("input 2\ndense 2\n")
    masked = np.ma.masked_array(np.ones((1, 2)), [[True, False]])
    with pytest.raises(cnndsl.CnnError, match="masked out") as error:
        net.run(masked)
    assert error.value.diagnostics[0].code == "input-dtype"
    weights = {**net.weights(), "dense1.bias": np.ma.masked_array(np.ones(2, np.float32), [True, False])}
    with pytest.raises(cnndsl.CnnError, match=r"masked arrays: dense1\.bias") as error:
        net.run(np.ones((1, 2)), weights=weights)
    assert error.value.diagnostics[0].code == "weights-mismatch"
    unmasked = np.ma.masked_array(np.ones((1, 2)), False)
    np.testing.assert_array_equal(net.run(unmasked), net.run(np.ones((1, 2))))


def test_layers_by_number_and_by_slice() -> None:
    net = cnndsl.loads("input 1@28x28\nconv 6 5x5 as first -> relu -> maxpool 2x2\nconv 8 3x3")
    names = ["first", "relu1", "maxpool1", "conv1"]
    assert [net.layers[number].name for number in (0, 1, -2, np.int64(3))] == names
    assert [*net.layers[1:3]] == names[1:3] and [*net.layers[::-1]] == names[::-1] and not net.layers[4:]
    assert "first" in net.layers and 0 not in net.layers and "second" not in net.layers
    with pytest.raises(IndexError):
        net.layers[4]
    with pytest.raises(KeyError, match=r"there is no layer 'frist'; did you mean 'first'\?"):
        net.layers["frist"]


@pytest.mark.parametrize("name", ["examples/lenet.cnn", "missing.onnx"])
def test_the_name_of_a_file_is_no_text(name: str) -> None:
    assert "name of a file" in cnndsl.check(name).diagnostics[0].help[0]
    with pytest.raises(cnndsl.CnnError, match="`load` and `check_file` read"):
        cnndsl.loads(name)


@pytest.mark.parametrize("name", ["lenet", "lennet.cnn", "lenet.onnx"])
def test_a_missing_file_has_a_neighbour(name: str, tmp_path: Path) -> None:
    (tmp_path / "lenet.cnn").write_text("input 3\n")
    (tmp_path / "other.cnn").write_text("input 3\n")
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.check_file(tmp_path / name)
    advice = [] if name.endswith(".onnx") else [f"did you mean `{tmp_path / 'lenet.cnn'}`?"]
    assert [*caught.value.diagnostics[0].help] == advice


def test_commands_can_be_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert cnndsl.main(["explain", "relu"]) == 0 and capsys.readouterr().out.startswith("relu\n")


def test_layers_print_as_their_table() -> None:
    net = cnndsl.loads("input 1@28x28\nconv 6 5x5 -> relu -> maxpool 2x2\nconv 8 3x3")
    whole, part = repr(net.layers).splitlines(), repr(net.layers[1:3]).splitlines()
    assert "\n".join(whole) in net.summary()
    assert [line.split()[0] for line in whole if line[0] != "-"] == ["layer", *net.layers, "total"]
    assert [line.split()[0] for line in part if line[0] != "-"] == ["layer", "relu1", "maxpool1", "total"]
    assert part[-1].split()[1:3] == ["2", "layers"]


def test_a_picture_is_a_text_that_notebooks_show() -> None:
    picture = cnndsl.loads("input 1@8x8\nconv 2 3x3").draw()
    assert isinstance(picture, str) and picture.startswith("<?xml")
    assert type(picture._repr_svg_()) is str and picture._repr_svg_() == picture


def test_one_name_is_kept_as_a_list_of_one() -> None:
    net = cnndsl.loads("input 1@8x8\nconv 2 3x3 -> relu")
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    result, kept = net.run(x, keep="conv1")
    assert [*kept] == ["conv1"] and np.array_equal(np.maximum(kept["conv1"], 0), result)
    assert [*net.runner(keep="conv1", backend="reference")(x)] == ["relu1", "conv1"]
    assert net.plan(keep="conv1").kept == ("relu1", "conv1")
    with pytest.raises(cnndsl.CnnError, match="no layer `conv2`"):
        net.run(x, keep="conv2")


def test_a_value_is_worked_out_for_an_example() -> None:
    net = cnndsl.loads("input 1@3x3\nconv 1 3x3 weight=[[1, 2, 3], [4, 5, 6], [7, 8, 9]] bias=[0.5] -> square")
    x = np.arange(9).reshape(1, 1, 3, 3)
    assert "value = sum + bias = 240 + 0.5 = 240.5" in net.explain("conv1", at=(0, 0, 0), x=x)
    assert "value = x^2 = 240.5^2 = 57840" in net.explain("square1", at=np.array([0, 0, 0]), x={"input": x})
    given = {"conv1.weight": np.ones((1, 1, 3, 3), np.float32), "conv1.bias": np.zeros(1, np.float32)}
    assert "value = sum + bias = 36 + 0 = 36" in net.explain("conv1", at=[0, 0, 0], x=x, weights=given)
    with pytest.raises(cnndsl.CnnError, match="for one example, but the input holds 2"):
        net.explain("conv1", at=(0, 0, 0), x=np.ones((2, 1, 3, 3)))
    with pytest.raises(cnndsl.CnnError, match="lies outside"):
        net.explain("conv1", at=(1, 0, 0), x=x)
