"""Commands that are killed while they write: a few of the kills of `make kills`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import kill_writers as tool

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked")


@pytest.mark.parametrize("command", ["import", "external data", "text"])
def test_nothing_is_lost(root: Path, command: str) -> None:
    line = [sys.executable, "-m", "tools.kill_writers", "--trials", "3", "--seed", "3", command]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("3 kills, 0 faults") == 2


def test_the_tool_sees_what_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tool.prepare()
    trial = tool.Trial(tool.WRITERS["import"])
    whole = trial.whole["a"]
    half = {**whole, "out.cnn": whole["out.cnn"][:20]}
    assert trial.faults(half, None) == ["out.cnn is neither of the two"]
    assert trial.faults({**whole, "out.safetensors": b""}, None) == ["out.safetensors is neither of the two"]
    (tmp_path / "out.cnn").write_bytes(whole["out.cnn"].split(b"\n", 1)[1])  # without its mark nobody can tell
    trial.whole["a"]["out.cnn"] = (tmp_path / "out.cnn").read_bytes()
    mixed = {"out.cnn": trial.whole["a"]["out.cnn"], "out.safetensors": trial.whole["b"]["out.safetensors"]}
    (tmp_path / "out.safetensors").write_bytes(mixed["out.safetensors"])
    assert trial.faults(mixed, None) == ["the text of one network has the weights of another, and nobody says so"]
    assert trial.faults(trial.whole["a"], None) == []
