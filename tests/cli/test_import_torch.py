"""`cnndsl import package.module:callable`, and pickles."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import cnndsl as package

SOURCE = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

        def forward(self, x):
            return self.body(x).flatten(1)


    def leaves():
        raise SystemExit(7)


    def fails():
        raise RuntimeError("no such weights")


    def with_width(width):
        return nn.Linear(width, width)


    net = Net()
    number = 3
    words = nn.Sequential(nn.Embedding(10, 4), nn.Flatten())
"""


@pytest.fixture
def nets(folder, monkeypatch):
    """nets.py in the working directory."""
    pytest.importorskip("torch")
    (folder / "nets.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    yield
    sys.modules.pop("nets", None)


@pytest.mark.parametrize("name", ["Net", "net"])
def test_text_and_weights(nets, cnndsl, folder, name):
    before = list(sys.path)
    said = "cnndsl: wrote made.cnn and made.safetensors\n"
    assert cnndsl("import", f"nets:{name}", "--input", "3@8x8", "-o", "made.cnn") == (0, "", said)
    assert sys.path == before
    import nets as module

    net = package.load("made.cnn")
    x = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    wanted = module.Net().eval()(module.torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(net.run(x, weights="made.safetensors"), wanted, atol=1e-5)


def test_the_text_is_called_as_the_object(nets, cnndsl, folder):
    assert cnndsl("import", "nets:words", "--input", "5 dtype=int64")[0] == 0
    assert "input 5 dtype=int64" in (folder / "words.cnn").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nets:missing", "--input", "3@8x8"], "python-object", "`nets` has no `missing`"),
        (["nothing.there:net", "--input", "3@8x8"], "python-object", "`nothing.there` cannot be imported: No module"),
        (["nets:leaves", "--input", "3@8x8"], "python-object", "without arguments, fails"),
        (["nets:fails", "--input", "2000000000@9999x9999"], "python-object", "fails: no such weights"),
        (["nets:net", "--input", "2000000000@9999x9999"], "memory-limit", "does not fit into memory"),
        (["nets:fails", "--input", "3@8x8"], "python-object", "fails: no such weights"),
        (["nets:with_width", "--input", "3"], "python-object", "called without arguments, fails: with_width() missing"),
        (["nets:number", "--input", "3"], "python-object", "`nets:number` is of the type `int`, and no function"),
        (["nets:Net", "--input", "1@8x8"], "python-object", "the module does not take the example of 1x1x8x8"),
        (["nets:Net"], "bad-setting", "give its shape by --input"),
        (["nets:Net", "--input", "x=3@8x8"], "bad-setting", "the inputs of a module have no names"),
        (["nets:Net", "--input", "3@8x8", "--partial"], "bad-setting", "--partial is for ONNX models"),
    ],
)
def test_one_problem(nets, cnndsl, arguments, code, said):
    status, _, err = cnndsl("import", *arguments, "-o", "made.cnn")
    assert status in (1, 2)
    assert err.count("error[") == 1
    assert f"error[{code}]: " in err
    assert said in err


@pytest.mark.parametrize("name", ["net.pt", "net.PTH", "pytorch_model.bin", "net.pkl"])
def test_pickles_are_refused(cnndsl, folder, name):
    (folder / name).write_bytes(b"\x80\x04.")
    status, _, err = cnndsl("import", name)
    assert status in (1, 2)
    assert f"error[pickle-file]: `{name}` is a pickle" in err
    assert err.count("= help: ") == 2
    assert "safetensors.torch.save_file(torch.load(" in err


def test_importing_cnndsl_does_not_load_torch():
    code = "import sys, cnndsl; cnndsl.from_torch; cnndsl.loads('input 3'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
