"""Two ways to the command line: in this process, and as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cnndsl.cli import main

LENET = """input 1@28x28
conv 6 5x5 pad=2 -> tanh
avgpool 2x2
conv 16 5x5 -> tanh
avgpool 2x2
flatten
dense 10 -> softmax
"""


NOTICE = re.compile(r"^cnndsl: initial weights, seed .*\n", re.MULTILINE)
"""What is said of initial weights, which tests of other things leave out; test_initial_weights.py is about it."""


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with net.cnn in it."""
    (tmp_path / "net.cnn").write_text(LENET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cnndsl(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs a command in this process: its exit status and what it said."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse: usage errors, --help, --version
            assert isinstance(stop.code, int)
            status = stop.code
        out, err = capsys.readouterr()
        return Outcome(status, out, NOTICE.sub("", err))

    return run


@pytest.fixture
def environment(root: Path) -> dict[str, str]:
    """An environment in which `python -m cnndsl` is this project's, whatever the current folder."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING")
    }
    return {**kept, "PYTHONPATH": str(root)}


@pytest.fixture
def command(environment: dict[str, str]) -> Callable[..., Outcome]:
    """Runs a command as a process of its own."""

    def run(*arguments: object, stdin: bytes = b"", **variables: str) -> Outcome:
        line = [sys.executable, "-m", "cnndsl", *map(str, arguments)]
        done = subprocess.run(line, input=stdin, capture_output=True, env={**environment, **variables}, timeout=240)
        return Outcome(done.returncode, done.stdout.decode(), NOTICE.sub("", done.stderr.decode()))

    return run
