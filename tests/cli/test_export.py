"""`cnndsl export`: the three formats, and nothing half-written."""

import errno
import os
import re
import stat
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

import cnndsl as package
from cnndsl.interop.onnx.exporter import model as exporter
from cnndsl.runtime.data.weights import save_weights


def complaint(outcome, status, code):
    assert (outcome.status, outcome.out) == (status, ""), outcome
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", outcome.err, re.MULTILINE) == [("error", code)], outcome.err
    return outcome.err


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_onnx(cnndsl, folder):
    weights = package.load("net.cnn").weights(seed=3)
    save_weights(weights, "net.safetensors")
    line = ("export", "net.cnn", "-o", "net.onnx", "--weights", "net.safetensors")
    assert cnndsl(*line) == (0, "", "cnndsl: wrote net.onnx\n")
    model = onnx.load("net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 17
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for key, value in weights.items():
        np.testing.assert_array_equal(tensors[key], value)
    assert cnndsl("export", "net.cnn", "-o", "seed.onnx", "--seed", "3", "--opset", "13").status == 0
    assert onnx.load("seed.onnx").opset_import[0].version == 13


def test_json_and_text_come_back_as_the_same_network(cnndsl, folder):
    assert cnndsl("export", "net.cnn", "-o", "out.json") == (0, "", "cnndsl: wrote out.json\n")
    assert cnndsl("export", "net.cnn", "-o", "out.CNN") == (0, "", "cnndsl: wrote out.CNN\n")
    original = package.load("net.cnn")
    again = package.from_json(Path("out.json").read_text(encoding="utf-8"))
    text = package.load("out.CNN")
    assert again.graph == original.graph
    assert [node.model_copy(update={"span": None}) for node in text.graph.layers] == [
        node.model_copy(update={"span": None}) for node in original.graph.layers
    ]


def test_standard_output(cnndsl, command, folder):
    assert cnndsl("export", "net.cnn", "-o", "-", "--to", "json").out == package.load("net.cnn").to_json()
    assert cnndsl("export", "net.cnn", "-o", "-", "--to", "cnn").out == package.load("net.cnn").to_cnn()
    complaint(cnndsl("export", "net.cnn", "-o", "-"), 2, "bad-setting")


def test_onnx_on_standard_output(environment, folder):
    import subprocess
    import sys

    line = [sys.executable, "-m", "cnndsl", "export", "net.cnn", "-o", "-", "--to", "onnx"]
    done = subprocess.run(line, capture_output=True, env=environment, check=True)
    package.load("net.cnn").to_onnx("net.onnx")
    assert done.stdout == Path("net.onnx").read_bytes()


def test_the_same_network_gives_the_same_bytes(command, folder):
    for to in ("onnx", "json", "cnn"):
        for seed in "12":
            assert command("export", "net.cnn", "-o", f"{seed}.{to}", PYTHONHASHSEED=seed).status == 0
        assert Path(f"1.{to}").read_bytes() == Path(f"2.{to}").read_bytes()


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [("-o net", 2, "bad-setting"), ("-o net.pb", 2, "bad-setting"), ("-o net.onnx --opset 3", 2, "bad-opset"),
     ("-o net.onnx --weights missing.npz", 2, "weights-file"), ("-o missing/net.onnx", 2, "file-unwritable"),
     ("-o missing/net.json", 2, "file-unwritable"), ("-o net.cnn/net.json", 2, "file-unwritable"),
     ("-o folder.onnx", 2, "file-unwritable"), ("-o folder.cnn", 2, "file-unwritable")],
)  # fmt: skip
def test_what_can_be_wrong(cnndsl, folder, line, status, code):
    (folder / "folder.onnx").mkdir()
    (folder / "folder.cnn").mkdir()
    before = names(folder)
    complaint(cnndsl("export", "net.cnn", *line.split()), status, code)
    assert names(folder) == before


def test_bad_networks_and_missing_files(cnndsl, folder):
    (folder / "bad.cnn").write_text("input 8\nrelo\n")
    complaint(cnndsl("export", "bad.cnn", "-o", "bad.json"), 1, "unknown-operator")
    complaint(cnndsl("export", "missing.cnn", "-o", "bad.json"), 2, "file-unreadable")
    assert not Path("bad.json").exists()


@pytest.mark.parametrize("suffix", ["onnx", "json", "cnn"])
@pytest.mark.parametrize("failing", ["replace", "open", "write"])
def test_a_failure_keeps_the_old_file_and_leaves_no_other(cnndsl, folder, monkeypatch, suffix, failing):
    target = folder / f"old.{suffix}"
    target.write_bytes(b"precious")
    before = names(folder)

    def fail(*arguments, **keywords):
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "write":
        monkeypatch.setattr(Path, "write_text", fail)
        monkeypatch.setattr(exporter, "_write_bytes", fail)
    else:
        monkeypatch.setattr(os, failing, fail)
    outcome = cnndsl("export", "net.cnn", "-o", target, *(["--force"] if suffix == "cnn" else []))
    monkeypatch.undo()
    assert "No space left on device" in complaint(outcome, 2, "file-unwritable")
    assert target.read_bytes() == b"precious"
    assert names(folder) == before


def test_an_interrupt_while_writing_leaves_nothing(cnndsl, folder, monkeypatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    before = names(folder)
    monkeypatch.setattr(os, "replace", interrupt)
    assert cnndsl("export", "net.cnn", "-o", "net.onnx") == (130, "", "")
    monkeypatch.undo()
    assert names(folder) == before


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_folder_without_permission(cnndsl, folder):
    assert cnndsl("export", "net.cnn", "-o", "first.onnx").status == 0  # everything is loaded
    text = Path("net.cnn").read_text()
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        Path(place, "net.cnn").write_text(text)
        locked = Path(place, "locked")
        locked.mkdir(mode=0o500)
        administrator = os.geteuid() == 0
        if administrator:  # who may write everywhere: somebody else, then
            os.seteuid(65534)
        try:
            outcome = cnndsl("export", Path(place, "net.cnn"), "-o", locked / "x.onnx")
        finally:
            if administrator:
                os.seteuid(0)
        assert "Permission denied" in complaint(outcome, 2, "file-unwritable")
        assert not any(locked.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX links, modes and devices")
def test_links_are_followed_and_devices_survive(cnndsl, folder):
    real = folder / "deep" / "real.json"
    real.parent.mkdir()
    real.write_text("old")
    (folder / "link.json").symlink_to(real)
    assert cnndsl("export", "net.cnn", "-o", "link.json").status == 0
    assert (folder / "link.json").is_symlink() and real.read_text() == package.load("net.cnn").to_json()
    device = folder / "pipe.json"
    os.mkfifo(device)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert cnndsl("export", "net.cnn", "-o", device).status == 0
        assert stat.S_ISFIFO(device.stat().st_mode)
        assert os.read(reader, 20) == package.load("net.cnn").to_json().encode()[:20]
    finally:
        os.close(reader)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")
def test_new_files_have_the_modes_of_other_files(cnndsl, folder):
    Path("plain.txt").write_text("")
    assert cnndsl("export", "net.cnn", "-o", "new.json").status == 0
    assert Path("new.json").stat().st_mode == Path("plain.txt").stat().st_mode
