"""What commands write: never over what they read, never over what somebody else wrote, and they say so."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import cnndsl as package
from cnndsl.interop.onnx.exporter import model as exporter
from cnndsl.runtime.data.weights import save_weights

MODEL = "input 1@8x8\nconv 4 3x3 pad=1 -> {}\nflatten -> dense 3 -> softmax\n"


@pytest.fixture
def inputs(folder):
    """net.cnn, which imports parts.cnn, and everything that it can be run with."""
    (folder / "parts.cnn").write_text("block Unit(width) { conv width 3x3 pad=1 -> relu }\n")
    (folder / "net.cnn").write_text('import "parts.cnn"\ninput 1@8x8\nUnit 4\nflatten -> dense 3 -> softmax\n')
    save_weights(package.load("net.cnn").weights(), "w.npz")
    np.savez("x.npz", input=np.zeros((1, 1, 8, 8), np.float32))
    (folder / "images").mkdir()
    Image.new("L", (8, 8)).save("images/one.png")
    (folder / "labels.png").write_text("a\nb\nc\n")
    (folder / "net.svg").symlink_to("net.cnn")
    os.link("parts.cnn", "parts.html")
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "line",
    [
        "export net.cnn -o net.cnn --force",
        "export net.cnn -o parts.cnn --force",
        "export net.cnn -o ../{folder}/net.cnn --force",
        "draw net.cnn -o net.svg",
        "report net.cnn -o parts.html",
        "run net.cnn --input x.npz --out x.npz",
        "run net.cnn --input x.npz --weights w.npz --out w.npz",
        "run net.cnn --input images --plot images/one.png",
        "run net.cnn --input images/one.png --plot images/one.png",
        "run net.cnn --input zeros --labels labels.png --plot labels.png",
        "explain net.cnn conv1 --at 0,0,0 --input images/one.png --format html -o parts.html",
        "filters net.cnn conv1 -o net.svg",
    ],
)
def test_nothing_is_written_over_what_is_read(cnndsl, inputs, line):
    before = contents(inputs)
    outcome = cnndsl(*line.format(folder=inputs.name).split())
    assert outcome.status == 2 and outcome.err.startswith("error[output-is-input]: "), outcome
    assert contents(inputs) == before


@pytest.mark.parametrize(
    "line",
    [
        "export net.cnn -o net.cnn --to json",
        "export net.cnn -o new.md --to json",
        "draw net.cnn -o net.cnn --to svg",
        "draw net.cnn -o new.html --to svg",
        "report net.cnn -o net.cnn",
        "report net.cnn -o train.py",
        "explain net.cnn conv1 -o net.cnn",
        "explain net.cnn conv1 --format json -o new.html",
        "explain shape-mismatch -o net.cnn",
    ],
)
def test_a_suffix_fits_what_is_written(cnndsl, inputs, line):
    (inputs / "train.py").write_text("precious")
    before = contents(inputs)
    outcome = cnndsl(*line.split())
    assert outcome.status == 2 and outcome.err.startswith("error[bad-setting]: "), outcome
    assert contents(inputs) == before


@pytest.mark.parametrize("out", ["new.txt", "new.bak", "new"])
def test_a_format_that_is_asked_for_goes_under_any_name_but_that_of_another(cnndsl, folder, out):
    assert cnndsl("export", "net.cnn", "-o", out, "--to", "cnn") == (0, "", f"cnndsl: wrote {out}\n")


def test_import_leaves_alone_what_it_did_not_write(cnndsl, folder):
    package.load("net.cnn").to_onnx("net.onnx")
    before = contents(folder)
    outcome = cnndsl("import", "net.onnx")
    assert outcome.status == 2 and "error[file-exists]: `net.cnn`" in outcome.err
    save_weights(package.load("net.cnn").weights(), "new.safetensors")
    before = contents(folder)
    outcome = cnndsl("import", "net.onnx", "-o", "new.cnn")
    assert outcome.status == 2 and "error[file-exists]: `new.safetensors`" in outcome.err
    assert contents(folder) == before
    assert cnndsl("import", "net.onnx", "-o", "new.cnn", "--force").status == 0
    assert cnndsl("import", "net.onnx", "-o", "new.cnn").status == 0, "it may replace what it wrote"


@pytest.mark.parametrize("command", ["import net.onnx", "export net.cnn"])
def test_a_text_that_was_changed_since_is_somebodys(cnndsl, folder, command):
    package.load("net.cnn").to_onnx("net.onnx")
    line = [*command.split(), "-o", "new.cnn"]
    assert [cnndsl(*line).status for _ in range(2)] == [0, 0]
    written = Path("new.cnn").read_text()
    assert package.loads(written).params == package.load("net.cnn").params
    Path("new.cnn").write_bytes(written.replace("\n", "\r\n").encode())
    assert cnndsl(*line).status == 0, "other line ends are no change"
    Path("new.cnn").write_text(written + "# by hand\n")
    outcome = cnndsl(*line)
    assert outcome.status == 2 and "error[file-exists]" in outcome.err
    assert Path("new.cnn").read_text() == written + "# by hand\n"
    assert cnndsl(*line, "--force").status == 0
    assert Path("new.cnn").read_text() == written


@pytest.fixture
def models(folder):
    """a.onnx and b.onnx: two networks whose weights have the same names and shapes; c.onnx is a, trained longer."""
    for name, activation, seed in (("a", "relu", 1), ("b", "tanh", 2), ("c", "relu", 3)):
        package.loads(MODEL.format(activation)).to_onnx(f"{name}.onnx", seed=seed)


@pytest.mark.parametrize("command", ["run new.cnn --input zeros", "verify new.cnn", "export new.cnn -o again.onnx"])
def test_weights_of_another_text_are_told(cnndsl, models, folder, command):
    assert cnndsl("import", "b.onnx", "-o", "new.cnn").status == 0
    weights = Path("new.safetensors").read_bytes()
    assert cnndsl("import", "a.onnx", "-o", "new.cnn").status == 0
    line = [*command.split(), "--weights", "new.safetensors"]
    assert cnndsl(*line).status == 0
    Path("new.safetensors").write_bytes(weights)
    outcome = cnndsl(*line)
    assert outcome.status == 1 and "error[weights-pair]" in outcome.err
    text = Path("new.cnn").read_text()
    Path("new.cnn").write_text(text.partition("\n")[2])
    assert cnndsl(*line).status == 0, "without its first line, a text goes with all weights that fit"


def test_a_text_may_change_and_networks_may_be_trained_on(cnndsl, models, folder):
    for name in "ac":
        assert cnndsl("import", f"{name}.onnx", "-o", f"{name}.cnn").status == 0
    assert cnndsl("run", "a.cnn", "--input", "zeros", "--weights", "c.safetensors").status == 0
    Path("a.cnn").write_text(Path("a.cnn").read_text().replace("softmax", "sigmoid"))
    assert cnndsl("run", "a.cnn", "--input", "zeros", "--weights", "a.safetensors").status == 0
    save_weights(package.load("a.cnn").weights(), "trained.safetensors")
    assert cnndsl("run", "a.cnn", "--input", "zeros", "--weights", "trained.safetensors").status == 0


def test_external_data_have_the_name_of_their_content(cnndsl, folder, monkeypatch):
    monkeypatch.setattr(exporter, "EXTERNAL_BYTES", 0)
    (folder / "net.onnx.mine.data").write_text("precious")
    found = []
    for seed in (1, 2, 1):
        assert cnndsl("export", "net.cnn", "-o", "net.onnx", "--seed", seed).status == 0
        (data,) = folder.glob("net.onnx.????????????????.data")
        found.append(data.name)
        model = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load("net.onnx").graph.initializer}
        np.testing.assert_array_equal(model["conv1.weight"], package.load("net.cnn").weights(seed)["conv1.weight"])
    assert found[0] == found[2] != found[1]
    assert (folder / "net.onnx.mine.data").exists()


def test_external_data_lie_beside_the_model_itself(cnndsl, folder, monkeypatch):
    monkeypatch.setattr(exporter, "EXTERNAL_BYTES", 0)
    (folder / "deep").mkdir()
    (folder / "link.onnx").symlink_to("deep/real.onnx")
    assert cnndsl("export", "net.cnn", "-o", "link.onnx").status == 0
    assert len(list(folder.glob("deep/real.onnx.*.data"))) == 1 and not list(folder.glob("*.data"))
    x = np.ones((1, 1, 28, 28), np.float32)
    np.testing.assert_array_equal(package.load("link.onnx").run(x), package.load("net.cnn").run(x))
    long = "n" * 250 + ".onnx"
    assert cnndsl("export", "net.cnn", "-o", long).status == 0
    np.testing.assert_array_equal(package.load(long).run(x), package.load("net.cnn").run(x))


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="needs /dev/null")
def test_a_device_has_nothing_beside_it(cnndsl, folder, monkeypatch):
    monkeypatch.setattr(exporter, "EXTERNAL_BYTES", 0)
    before = sorted(os.listdir("/dev"))
    assert cnndsl("export", "net.cnn", "-o", "/dev/null", "--to", "onnx") == (0, "", "")
    assert sorted(os.listdir("/dev")) == before


def test_a_model_in_one_piece_has_a_bound(cnndsl, folder, monkeypatch):
    monkeypatch.setattr(exporter, "MODEL_BYTES", 1000)
    outcome = cnndsl("export", "net.cnn", "-o", "-", "--to", "onnx")
    assert outcome.status == 1 and "external data" in outcome.err and outcome.out == ""
    with pytest.raises(package.CnnError, match="2 GiB"):
        package.load("net.cnn").to_onnx()


def test_python_writes_over_nothing_that_it_read(inputs):
    network = package.load("net.cnn")
    network.to_onnx("net.onnx")
    model = package.load("net.onnx")
    before = contents(inputs)
    for write in (
        lambda: network.draw("net.svg"),
        lambda: network.report("parts.html"),
        lambda: network.report("net.cnn"),
        lambda: model.to_onnx("net.onnx"),
        lambda: network.to_onnx("net.onnx", weights="net.onnx"),
        lambda: network.to_onnx("w.npz", weights="w.npz"),
    ):
        with pytest.raises(package.CnnError) as error:
            write()
        assert error.value.diagnostics[0].code == "output-is-input"
    for write in (network.to_onnx, network.draw, network.report):
        with pytest.raises(package.CnnError, match="there is no folder `missing`"):
            write("missing/net.svg")
    assert contents(inputs) == before
