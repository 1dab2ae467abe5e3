"""Whoever computes with initial weights says so: on standard error, in captions and in JSON."""

import io
import json
import sys

import pytest

import cnndsl as package
from cnndsl.cli import main
from cnndsl.runtime.data.weights import save_weights

pytestmark = pytest.mark.usefixtures("folder")
RUN = ("run", "net.cnn", "--input", "zeros")


@pytest.fixture
def said(capsys):
    """Runs a command; gives what it says on standard error, and on standard output."""

    def run(*words):
        capsys.readouterr()
        assert main([*words]) == 0
        out, err = capsys.readouterr()
        return err, out

    return run


@pytest.mark.parametrize(
    "line",
    [
        "run net.cnn --input zeros --seed 3",
        "filters net.cnn conv1 --seed 3 -o a.png",
        "report net.cnn --input zeros --seed 3 -o a.html",
        "export net.cnn --seed 3 -o a.onnx",
        "verify net.cnn --seed 3",
        "explain net.cnn conv1 --at 0,2,3 --input zeros --seed 3",
    ],
)
def test_every_command_that_computes_says_so_once(said, line):
    err, _ = said(*line.split())
    assert err.splitlines()[0] == "cnndsl: initial weights, seed 3; those of training come by --weights FILE"
    assert err.count("initial weights") == 1
    save_weights(package.load("net.cnn").weights(), "net.npz")
    assert "initial" not in said(*line.split(), "--weights", "net.npz")[0]


def test_what_cannot_be_read_says_nothing_of_weights(capsys):
    assert main(["run", "net.cnn", "--input", "missing.png"]) == 2
    assert "initial" not in capsys.readouterr().err


def test_weights_beside_the_file_are_named_where_they_fit(said, folder):
    weights = package.load("net.cnn").weights()
    save_weights({"other.weight": weights["conv1.weight"]}, "net.npz")
    (folder / "broken.safetensors").write_bytes(b"nothing")
    assert "--weights FILE" in said(*RUN)[0]
    save_weights(weights, "a b.npz")
    assert said(*RUN)[0] == 'cnndsl: initial weights, seed 0; `a b.npz` lies beside the file: --weights "a b.npz"\n'
    save_weights(weights, "net.safetensors")
    err, out = said(*RUN, "--format", "json")
    assert err.endswith("`net.safetensors` lies beside the file: --weights net.safetensors\n")
    assert json.loads(out)["initial_weights"] == {"seed": 0, "beside": ["net.safetensors", "a b.npz"]}
    (folder / "deep").mkdir()
    (folder / "net.cnn").rename(folder / "deep" / "net.cnn")
    save_weights(weights, "deep/net.safetensors")
    err, _ = said("run", "deep/net.cnn", "--input", "zeros")
    assert err.endswith("`net.safetensors` lies beside the file: --weights deep/net.safetensors\n")


@pytest.mark.parametrize(
    "text", ["input 1@4x4\nmaxpool 2x2\n", "input 1@1x2\nconv 1 1x2 weight=[[[[1, 2]]]] bias=[0]\n"]
)
def test_networks_without_learned_weights_are_quiet(said, folder, text):
    (folder / "net.cnn").write_text(text)
    err, out = said(*RUN, "--format", "json")
    assert err == "" and json.loads(out)["initial_weights"] is None


def test_models_and_graphs_are_quiet(said):
    said("export", "net.cnn", "-o", "net.onnx")
    assert said("run", "net.onnx", "--input", "zeros")[0] == ""
    assert said("export", "net.cnn", "-o", "net.json")[0] == "cnndsl: wrote net.json\n"
    assert said("report", "net.cnn", "-o", "net.html")[0] == "cnndsl: wrote net.html\n"


@pytest.mark.parametrize(
    ("line", "null"),
    [("verify net.cnn", False), ("explain net.cnn conv1 --at 0,2,3 --input zeros", False),
     ("run net.cnn --input zeros --weights net.npz", True)],
)  # fmt: skip
def test_json_says_so_too(said, line, null):
    save_weights(package.load("net.cnn").weights(), "net.npz")
    found = json.loads(said(*line.split(), "--format", "json")[1])["initial_weights"]
    assert found == (None if null else {"seed": 0, "beside": ["net.npz"]})


def test_captions_say_so(said, folder):
    caption = "initial weights, seed 4"
    lines = {
        "filters net.cnn conv1 -o filters.svg": "filters.svg",
        "run net.cnn --input zeros --plot maps.svg": "maps.svg",
        "report net.cnn --input zeros -o report.html": "report.html",
    }
    save_weights(package.load("net.cnn").weights(), "net.npz")
    for line, file in lines.items():
        said(*line.split(), "--seed", "4")
        assert caption in (folder / file).read_text(encoding="utf-8")
        said(*line.split(), "--weights", "net.npz")
        assert "initial weights" not in (folder / file).read_text(encoding="utf-8")


def test_standard_input_has_nothing_beside_it(capsys, monkeypatch):
    save_weights(package.loads("input 4\ndense 2\n").weights(), "net.npz")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"input 4\ndense 2\n")))
    assert main(["run", "-", "--input", "zeros"]) == 0
    assert "--weights FILE" in capsys.readouterr().err
