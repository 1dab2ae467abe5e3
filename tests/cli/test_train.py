"""``cnndsl train`` as people use it: alone, interrupted, killed, as several processes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from cnndsl.cli import main

pytest.importorskip("torch")

NET = """\
input 1@6x6
conv 4 3x3 -> relu
flatten -> dense 2 -> softmax
train { data "data"; batch 16; optimizer adamw lr=1e-2; seed 1 }
""".replace(";", "\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network, and beside it bright and dark images."""
    chance = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 100)):
        (tmp_path / "nets" / "data" / name).mkdir(parents=True)
        for number in range(24):
            image = chance.integers(low, low + 150, (6, 6), np.uint8)
            Image.fromarray(image).save(tmp_path / "nets" / "data" / name / f"{number}.png")
    (tmp_path / "nets" / "net.cnn").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_trains_and_runs_with_the_names_of_the_classes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "nets/net.cnn", "--epochs", "12"]) == 0
    said = capsys.readouterr()
    assert said.out.count("epoch") == 12 and "wrote runs/1/best.safetensors" in said.err
    assert main(["train", "nets/net.cnn", "--epochs", "1", "--data", "nets/data"]) == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["1", "2"]
    expected = {"best.safetensors", "last.safetensors", "history.csv", "history.png", "network.cnn", "settings.json"}
    assert {path.name for path in Path("runs/1").iterdir()} == {*expected, "state.safetensors"}
    facts = json.loads(Path("runs/1/settings.json").read_text(encoding="utf-8"))
    assert facts["data"]["classes"] == ["bright", "dark"] and facts["settings"]["epochs"] == 12
    capsys.readouterr()
    images = ["--input", "nets/data/bright", "--format", "json", "--top", "1"]
    assert main(["run", "runs/1/network.cnn", "--weights", "runs/1/best.safetensors", *images]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    labels = [result["outputs"]["softmax1"]["top"][0]["label"] for result in results]
    assert labels.count("bright") >= 22
    assert main(["export", "nets/net.cnn", "--weights", "runs/1/last.safetensors", "-o", "net.onnx"]) == 0


def test_draws_curves_and_a_film_strip(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", "nets/net.cnn", "--epochs", "5", "--watch", "conv1", "--watch-every", "2", "--out", "run"]
    assert main([*line, "--plot", "curves.svg"]) == 0
    assert "and run/history.png and curves.svg and run/filters_conv1.png" in capsys.readouterr().err
    curves = Path("curves.svg").read_text(encoding="utf-8")
    assert curves.startswith("<?xml") and curves.count("</svg>") == 1
    with np.load("run/filters_conv1.npz") as kept:
        assert sorted(kept.files) == ["0", "2", "4", "every"] and kept["2"].shape == (4, 3, 3)
        before = kept["2"]
    with Image.open("run/filters_conv1.png") as strip:
        rows = strip.height
    assert main(["train", "nets/net.cnn", "--resume", "run", "--epochs", "9", "--watch", "conv1"]) == 0
    with np.load("run/filters_conv1.npz") as kept:
        assert sorted(kept.files) == ["0", "2", "4", "6", "8", "every"]
        np.testing.assert_array_equal(kept["2"], before)
    with Image.open("run/filters_conv1.png") as strip:
        assert strip.height > rows
    Path("run/filters_conv1.npz").write_bytes(b"")
    capsys.readouterr()
    assert main(["train", "nets/net.cnn", "--resume", "run", "--watch", "conv1"]) == 2
    assert "error[train-run]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--watch", "relu1"], "no weights"),
        (["--watch", "conv2"], "conv2"),
        (["--plot", "curves.jpg"], "pictures are"),
        (["--plot", "nets/net.cnn"], "pictures are"),
        (["--optimizer", "adamm lr=1"], "adamm"),
        (["--epochs", "0"], "epochs"),
        (["--augment", "rotate=10 shift=99999999999999999999999"], "shift"),
        (["--epochs", "none"], "epochs cannot be `none`: it must be a positive whole number"),
        (["--stop", "patience=none"], "stop cannot be `patience=none`"),
        (["--data", ""], "the name of a file or folder"),
        (["--device", "abacus"], "abacus"),
        (["--device", "meta"], "there is no device `meta`"),
        (["--device", "cpu", "--compile", "--mixed-precision"], "leave one of them out"),
        (["--data", "nowhere"], "there is no file or folder"),
        (["--out", "nets"], "already"),
        (["--resume", "nets"], "there is no run"),
        (["--resume", "nets", "--out", "new"], "leave --out out"),
        (["--loss", "cross_entropy class_weights=[1, 2, 3]"], "class_weights has 3"),
        (["--weights", "nowhere.npz"], "nowhere.npz"),
    ],
)
def test_what_is_wrong_is_one_message(
    folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "nets/net.cnn", "--epochs", "1", *words]) in (1, 2)
    error = capsys.readouterr().err
    assert said in error and error.count("error[") == 1 and not Path("runs").exists()


def test_goes_on_with_its_own_settings_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", "nets/net.cnn", "--epochs", "1", "--out", "run"]
    assert main([*line, "--validate", "0.2", "--batch", "8"]) == 0
    assert main(["train", "nets/net.cnn", "--resume", "run", "--epochs", "2"]) == 0
    assert len(Path("run/history.csv").read_text(encoding="utf-8").splitlines()) == 3
    capsys.readouterr()
    assert main(["train", "nets/net.cnn", "--resume", "run", "--batch", "4"]) == 2
    assert "other settings of batch" in capsys.readouterr().err
    Path("nets/data/dark/0.png").unlink()
    assert main(["train", "nets/net.cnn", "--resume", "run"]) == 2
    assert "other data" in capsys.readouterr().err
    Path("other.cnn").write_text(NET.replace("conv 4", "conv 5"), encoding="utf-8")
    assert main(["train", "other.cnn", "--resume", "run"]) == 2
    assert "another network" in capsys.readouterr().err


def test_without_pytorch(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", "nets/net.cnn", "--data", "nowhere"]) == 2
    assert 'pip install "cnndsl[train]"' in capsys.readouterr().err


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As the system says it, after the first epoch."""
    from cnndsl.training.run_folder import RunFolder

    save, calls = RunFolder.save, []

    def full(self: RunFolder, *arguments: object, **named: object) -> None:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        save(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFolder, "save", full)
    assert main(["train", "nets/net.cnn", "--epochs", "3", "--out", "run"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert load_file("run/last.safetensors") and len(Path("run/history.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_an_accelerator_that_is_not_there(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    if {"cuda": torch.cuda, "mps": torch.backends.mps}[kind].is_available():
        pytest.skip("it is there")
    assert main(["train", "nets/net.cnn", "--device", kind, "--data", "nowhere"]) == 2
    error = capsys.readouterr().err
    assert f"there is no device `{kind}`: PyTorch finds none of its kind" in error and error.count("error[") == 1


def test_mixed_precision_learns_the_same(folder: Path) -> None:
    """But for rounding; the random changes are not rounded at all."""
    words = ["--epochs", "6", "--augment", "rotate=10 shift=1", "--device", "cpu"]
    for name, more in (("exact", []), ("mixed", ["--mixed-precision"])):
        assert main(["train", "nets/net.cnn", *words, *more, "--out", name]) == 0
    exact, mixed = (np.genfromtxt(f"{name}/history.csv", delimiter=",", skip_header=1) for name in ("exact", "mixed"))
    np.testing.assert_allclose(mixed[:, 1], exact[:, 1], rtol=0.05)
    assert (mixed[:, 1] != exact[:, 1]).all()


@pytest.mark.skipif(os.name == "nt", reason="needs another compiler")
def test_compiling_without_a_compiler(folder: Path) -> None:
    environment = {"CXX": "nowhere", "PATH": "", "TORCHINDUCTOR_CACHE_DIR": str(folder / "cache")}
    process = started("--epochs", "1", "--device", "cpu", "--compile", **environment)
    _, said = process.communicate(timeout=480)
    assert process.returncode == 2 and said.count("error[") == 1 and "Traceback" not in said
    assert "torch.compile cannot compile the network" in said and "C++ compiler" in said


@pytest.mark.skipif(shutil.which("c++") is None or os.name == "nt", reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch, for itself
def test_compiled_it_learns_the_same(folder: Path) -> None:
    """The compiled network takes the same steps; its files are those of the network that is not compiled."""
    words = ["--epochs", "3", "--device", "cpu"]
    for name, more in (("plain", []), ("compiled", ["--compile"])):
        assert main(["train", "nets/net.cnn", *words, *more, "--out", name]) == 0
    plain, compiled = (load_file(f"{name}/last.safetensors") for name in ("plain", "compiled"))
    assert plain.keys() == compiled.keys()
    for key, value in plain.items():
        np.testing.assert_allclose(compiled[key], value, rtol=0, atol=1e-5)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_picture_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, and the run is there all the same."""
    Path("full.png").symlink_to("/dev/full")
    assert main(["train", "nets/net.cnn", "--epochs", "1", "--out", "run", "--plot", "full.png"]) == 2
    assert "cannot write `full.png`: No space left on device" in capsys.readouterr().err
    assert load_file("run/best.safetensors") and Path("run/history.png").exists()


def started(*words: str, processes: int = 1, **environment: str) -> subprocess.Popen[str]:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "cnndsl", "train", "nets/net.cnn", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_epochs(run: Path, count: int) -> None:
    """Until a run has finished as many."""
    for _ in range(1200):
        if (run / "history.csv").exists() and len((run / "history.csv").read_text().splitlines()) > count:
            return
        time.sleep(0.05)
    raise AssertionError(f"no {count} epochs")


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_interrupted_and_killed(folder: Path) -> None:
    """Whatever is in the folder loads, at most an epoch is lost, and the end is that of a run left alone."""
    words = ["--epochs", "900", "--stop", "patience=0"]
    assert main(["train", "nets/net.cnn", *words, "--out", "whole"]) == 0
    run, chance, done = Path("run"), random.Random(4), 0
    process = started(*words, "--out", "run")
    for sent in (signal.SIGINT, signal.SIGKILL):
        wait_for_epochs(run, done + 1)
        time.sleep(chance.random() * 0.1)
        process.send_signal(sent)
        _, said = process.communicate(timeout=240)
        assert process.returncode == (130 if sent == signal.SIGINT else -9), said
        assert sent == signal.SIGKILL or "go on with: --resume run" in said
        before, done = done, len((run / "history.csv").read_text().splitlines()) - 1
        assert done > before and all(load_file(path) for path in run.glob("*.safetensors"))
        process = started("--resume", "run")
    _, said = process.communicate(timeout=480)
    assert process.returncode == 0, said
    for key, value in load_file("whole/last.safetensors").items():
        np.testing.assert_array_equal(load_file("run/last.safetensors")[key], value)


@pytest.mark.skipif(os.name == "nt", reason="needs gloo")
def test_two_processes_are_one(folder: Path) -> None:
    """The same steps on the same batches, of random changes too."""
    words = ["--epochs", "8", "--augment", "shift=1 rotate=10 noise=0.1 mixup=0.3", "--clip", "1", "--batch", "14"]
    assert main(["train", "nets/net.cnn", *words, "--out", "one"]) == 0
    together = started(*words, "--out", "two", processes=2)
    out, said = together.communicate(timeout=480)
    assert together.returncode == 0, said
    assert out.count("epoch") == 8 and said.count("wrote") == 1  # the first process alone speaks
    ours, theirs = load_file("one/last.safetensors"), load_file("two/last.safetensors")
    for key, value in ours.items():
        np.testing.assert_allclose(theirs[key], value, rtol=0, atol=1e-5)
    history = [np.genfromtxt(f"{name}/history.csv", delimiter=",", skip_header=1)[:, :-1] for name in ("one", "two")]
    np.testing.assert_allclose(*history, rtol=0, atol=1e-5)


@pytest.mark.skipif(os.name == "nt", reason="needs gloo")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "none"], "error[bad-argument]"),
        (["--data", "nowhere"], "error[train-data]"),
        (["--optimizer", "sgd lr=1e30"], "error[train-diverged]"),
    ],
)
def test_several_processes_say_once_what_is_wrong(folder: Path, words: list[str], message: str) -> None:
    together = started(*words, "--out", "run", processes=2)
    _, said = together.communicate(timeout=480)
    assert together.returncode == 1 and said.count(message) == said.count("error[") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs gloo")
def test_a_killed_process_ends_all(folder: Path) -> None:
    together = started("--epochs", "100000", "--out", "run", processes=2)
    wait_for_epochs(Path("run"), 1)
    children = subprocess.run(["pgrep", "-P", str(together.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(children[-1]), signal.SIGKILL)
    _, said = together.communicate(timeout=240)
    assert together.returncode == 1 and "another process of this run has ended" in said
    assert "go on with: --resume run" in said and load_file("run/best.safetensors")
