"""The line about long work: what, how far, how long it will take."""

import io

import numpy as np
import pytest

import cnndsl as package
from cnndsl import progress
from cnndsl.cli import progress as shown
from cnndsl.cli.progress import Line


@pytest.mark.parametrize(
    ("total", "unit", "done", "past", "text"),
    [
        (None, "", 0, 3, "work, 3 s"),
        (32, "examples", 0, 5, "work, 5 s"),
        (32, "examples", 8, 20, "work: 8 of 32 examples, 1 min 0 s left"),
        (1_000_000, "", 250_000, 10, "work: 25%, 30 s left"),
        (10, "", 10, 130, "work, 2 min 10 s"),
    ],
)
def test_the_words(total, unit, done, past, text):
    line = Line("at first")
    line.begin("work", total, unit)
    line.advance(done)
    assert line.text(line.begun + past) == text


class Heard:
    """Writes down what it is told."""

    def __init__(self):
        self.stages = []

    def begin(self, what, total, unit):
        self.stages.append([what, total, 0])

    def advance(self, amount):
        self.stages[-1][2] += amount


def test_stages_of_an_export_add_up(tmp_path):
    net = package.loads("input 1@8x8\nconv 4 3x3\nflatten -> dense 10\n")
    heard = Heard()
    with progress.watched(heard):
        net.to_onnx(tmp_path / "net.onnx")
    stages = {what: (total, done) for what, total, done in heard.stages}
    drawn = sum(weight.elements for key, _, weight in net.graph.all_weights() if key.endswith(".weight"))
    assert stages["making initial weights"] == (net.params, drawn)  # biases are 0
    total, done = stages["writing"]
    assert total == (tmp_path / "net.onnx").stat().st_size <= done
    assert "waiting for the disk" in stages


def test_nobody_hears_of_it_afterwards():
    heard = Heard()
    with progress.watched(heard):
        progress.begin("one")
    progress.begin("two")
    progress.advance(3)
    assert heard.stages == [["one", None, 0]]


def test_a_pipe_gets_nothing(monkeypatch):
    monkeypatch.setattr(shown, "DELAY", 0)
    monkeypatch.setattr("sys.stderr", stream := io.StringIO())
    with shown.shown_progress("work"):
        np.linalg.inv(np.eye(300))
    assert stream.getvalue() == ""
