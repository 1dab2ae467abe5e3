"""The whole way in half a minute: from text to check, run, export and picture, and every command once.

``make smoke`` runs this and the tests of the architecture, on any Python at hand; beside the package it installs the
extra ``smoke`` alone.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as xml
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import cnndsl
from cnndsl.cli import COMMANDS, main

PARAMETERS = {"lenet": 61_706, "crash_course": 392_460, "squeeze_excite": None, "tiny_unet": None, "sentence": None}
"""Networks of examples/, with their parameters where LeCun et al. (1998) and introductions have worked them out."""


def made_inputs(net: cnndsl.Network) -> dict[str, Any]:
    """Two examples: numbers from 0 to 1, or what is looked up in a table."""
    random = np.random.default_rng(7)
    found: dict[str, Any] = {}
    for value in net.graph.inputs:
        shape = (2, *value.shape.dimensions)
        found[value.name] = random.integers(0, 9, shape) if value.dtype == "int64" else random.random(shape, np.float32)
    return found


@pytest.mark.parametrize("name", PARAMETERS)
def test_from_text_to_picture(name: str, examples: Path) -> None:
    net = cnndsl.load(examples / f"{name}.cnn")
    assert PARAMETERS[name] in (None, net.params)
    assert net.params == sum(array.size for array in net.weights().values()) - net.buffers
    assert f"{net.params:,}" in net.summary()

    x, model = made_inputs(net), net.to_onnx()
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    values, expected = net.runner()(x), session.run(None, x)
    for output, wanted in zip(net.outputs, expected, strict=True):
        assert values[output].shape == wanted.shape == (2, *net.outputs[output].dimensions)
        assert np.abs(values[output] - wanted).max() <= 1e-4 * np.abs(wanted).max()

    assert cnndsl.from_onnx(model).params == net.params
    words = " ".join(xml.fromstring(str(net.draw(depth=9))).itertext())
    assert all(name.rpartition(".")[2] in words for name, layer in net.layers.items() if layer.params)


def test_what_is_wrong_is_said_with_its_numbers() -> None:
    result = cnndsl.check("input 1@28x28\nconv 6 31x31\ndens 10")
    found = {diagnostic.code: diagnostic for diagnostic in result.diagnostics}
    assert found.keys() == {"kernel-too-large", "unknown-operator"} and not result.ok
    assert "31x31" in found["kernel-too-large"].message and found["kernel-too-large"].span[1:3] == (2, 8)
    assert found["unknown-operator"].fixes[0].replacement == "dense"


LINES = [
    "check net.cnn --format json",
    "run net.cnn --input image.png --top 3 --format json",
    "train net.cnn --data digits.npz --epochs 1 --out run",
    "evaluate net.cnn --data digits.npz --format json",
    "export net.cnn -o net.onnx",
    "import net.onnx -o again.cnn",
    "verify net.cnn",
    "sizes net.cnn",
    "draw net.cnn -o net.svg",
    "report net.cnn -o net.html",
    "filters net.cnn conv1 -o filters.png",
    "fmt net.cnn --check",
    "explain needs-vector",
    "completion bash",
]


def test_every_command(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The language server waits for an editor: tests/lsp.
    assert [line.split()[0] for line in LINES] == [name for name in COMMANDS if name != "lsp"]
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text((examples / "lenet.cnn").read_text(encoding="utf-8"), encoding="utf-8")
    Image.new("L", (28, 28), 200).save("image.png")
    np.savez("digits.npz", x=np.zeros((20, 1, 28, 28), np.uint8), y=np.arange(20) % 10)
    printed = {}
    for line in LINES:
        extra = {"completion": "shtab", "train": "torch"}.get(line.split()[0])
        missing = extra is not None and find_spec(extra) is None
        assert main(line.split()) == (2 if missing else 0), capsys.readouterr().err
        printed[line.split()[0]] = capsys.readouterr().out
    assert json.loads(printed["check"])["files"][0]["networks"][0]["totals"]["params"] == 61_706
    (result,) = json.loads(printed["run"])["results"]
    assert len(result["outputs"]["softmax1"]["top"]) == 3
    assert cnndsl.load("again.cnn").params == cnndsl.load("net.onnx").params == 61_706
    assert xml.parse("net.svg").getroot().tag.endswith("svg")
    assert Path("net.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with Image.open("filters.png") as picture:
        assert picture.width > 100
    assert "needs-vector" in printed["explain"]


def test_as_a_process(examples: Path, root: Path) -> None:
    command = [sys.executable, "-m", "cnndsl", "check", str(examples / "lenet.cnn")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=240)
    assert done.returncode == 0 and "61,706" in done.stdout and done.stderr == ""
