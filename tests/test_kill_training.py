"""The tool that kills trainings: it finds nothing where nothing is lost, and finds what is."""

import os
from pathlib import Path

import pytest

from tools import kill_training as tool

pytest.importorskip("torch")


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["--trials", "1"]) == 0
    assert "1 kills, 0 faults" in capsys.readouterr().out


def test_what_is_lost_is_found(tmp_path: Path) -> None:
    tool.prepare(tmp_path)
    process = tool.start(tmp_path, "--out", "run", "--epochs", "2")
    process.communicate()
    run = tmp_path / "run"
    assert process.returncode == 0 and tool.epochs(run) == 2
    assert tool.faults(run, 2) == [] and tool.same(run, run)
    assert tool.faults(run, 3) == ["3 epochs were finished, but the state has 2"]
    history = run / "history.csv"
    history.write_text(history.read_text(encoding="utf-8").rsplit("\n", 2)[0] + "\n", encoding="utf-8")
    assert tool.faults(run, 2) == ["the state has 2 epochs, but the history 1"]
    (run / "best.safetensors").write_bytes((run / "best.safetensors").read_bytes()[:100])
    (fault,) = tool.faults(run, 2)
    assert "SafetensorError" in fault
