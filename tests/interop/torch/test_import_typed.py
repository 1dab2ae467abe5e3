"""What is typed wrong at ``cnndsl import package.module:callable``: one diagnostic each, and nothing else printed."""

import subprocess
import sys

import pytest

from cnndsl.cli import main

torch = pytest.importorskip("torch")

NETS = """
import warnings
import torch
from torch import nn


class Decides(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        x = self.conv(x)
        if x.mean() > 0:
            return torch.relu(x)
        return torch.tanh(x)


class Strange(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.FractionalMaxPool2d(2, output_size=3)

    def forward(self, x):
        warnings.warn("about the module")
        return self.pool(x)


warnings.warn("about all of them")


def number():
    return 3


def plain():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


STATE = plain().state_dict()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "typed_nets.py").write_text(NETS, encoding="utf-8")
    (tmp_path / "needs_more.py").write_text("import no_such_library", encoding="utf-8")
    (tmp_path / "net.pt").write_bytes(b"PK")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "typed_nets", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "texts"),
    [
        (
            ["typed_nets:Decides", "--input", "3@8x8"],
            "python-object",
            ["PyTorch can neither trace nor export the module", "if x.mean() > 0:", "torch.fx: ", "by torch.where"],
        ),
        (
            ["typed_nets:Strange", "--input", "3@8x8"],
            "import-unsupported",
            ["`pool`: the language has nothing for `torch.nn.FractionalMaxPool2d`", "return self.pool(x)"],
        ),
        (
            ["typed_nets:plain", "--input", "1@8x8"],
            "python-object",
            [
                "the module does not take the example of 1x1x8x8",
                "give torch.zeros(1, 3, 224, 224)",
                "--input 3@224x224",
            ],
        ),
        (["net.pt"], "pickle-file", ["`net.pt` is a pickle", 'torch.load("net.pt", weights_only=True)']),
        (
            ["no_such_nets:plain", "--input", "3@8x8"],
            "python-object",
            ["`no_such_nets` cannot be imported", "PYTHONPATH"],
        ),
        (
            ["needs_more:plain", "--input", "3@8x8"],
            "python-object",
            ["`needs_more` cannot be imported", "its code imports `no_such_library`: install that"],
        ),
        (
            ["typed_nets:plian", "--input", "3@8x8"],
            "python-object",
            ["`typed_nets` has no `plian`", "did you mean `typed_nets:plain`?"],
        ),
        (
            ["typed_nets.py:plain", "--input", "3@8x8"],
            "python-object",
            ["name the Python module and not its file: typed_nets:plain"],
        ),
        (["typed_nets.py"], "python-object", ["is Python code", "cnndsl import typed_nets:callable --input 3@224x224"]),
        (
            ["typed_nets:number", "--input", "3@8x8"],
            "python-object",
            ["`typed_nets:number` gives `int`, no torch.nn.Module", "name the class of the network, or a function"],
        ),
        (
            ["typed_nets:STATE", "--input", "3@8x8"],
            "python-object",
            ["`typed_nets:STATE` is of the type `OrderedDict`", "name the class of the network, or a function"],
        ),
    ],
)
def test_one_diagnostic(folder, capfd, words, code, texts):
    assert main(["import", *words, "-o", "net.cnn"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"error[{code}]: ") and err.count("error[") == 1
    for text in texts:
        assert text in err
    assert not (folder / "net.cnn").exists()


def test_without_pytorch_the_install_line_is_given(folder):
    code = "import sys; sys.modules['torch'] = None; from cnndsl import main; "
    code += "sys.exit(main(['import', 'typed_nets:plain', '--input', '3@8x8', '-o', 'net.cnn']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.startswith("error[bad-setting]: PyTorch is not installed\n"), done.stderr
    assert 'pip install "cnndsl[torch]"' in done.stderr
