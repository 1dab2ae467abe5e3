"""The table of differences: whole, proved, documented, and asked for by ``--for``."""

import re
from collections import Counter
from pathlib import Path

import pytest

from cnndsl import ops
from cnndsl.analysis.lint import members
from cnndsl.analysis.lint.portability.difference import TARGETS, Difference
from cnndsl.analysis.lint.portability.table import DIFFERENCES
from cnndsl.cli import main
from tools.make_docs import escaped

TESTS = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
PROVED = Counter(name for names in re.findall(r"@proves\(([^)]*)\)", TESTS) for name in re.findall(r'"([^"]+)"', names))


def test_every_difference_is_proved_and_every_proof_about_one() -> None:
    assert PROVED.keys() == {one.name for one in DIFFERENCES}
    assert len({one.name for one in DIFFERENCES}) == len(DIFFERENCES)


@pytest.mark.parametrize("one", DIFFERENCES, ids=lambda one: one.name)
def test_rows_are_well_formed(one: Difference) -> None:
    assert set(one.targets) <= TARGETS.keys() and one.targets
    assert set(one.operators) <= set(ops.NAMES) and one.operators
    assert not one.about.endswith(".") and not one.instead.endswith(".")


@pytest.mark.parametrize("one", DIFFERENCES, ids=lambda one: one.name)
def test_every_difference_is_on_the_page(one: Difference, root: Path) -> None:
    page = (root / "docs" / "frameworks.md").read_text(encoding="utf-8")
    assert f"| {escaped(one.about)} | {escaped(one.instead)} |" in page


def test_every_target_has_a_rule() -> None:
    assert members("portability") == {f"portability-{target}" for target in TARGETS}


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "net.cnn"
    path.write_text(
        "input 3@32x32\nconv 16 3x3 stride=2 pad=1 -> relu\nconv 16 3x3 stride=2 pad=1 -> relu\n"
        "conv 16 3x3 stride=2 pad=same -> relu\n",
        encoding="utf-8",
    )
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """The exit status and the codes told."""
    status = main(["check", "--quiet", *arguments])
    return status, re.findall(r"^\w+\[([a-z0-9-]+)\]", capsys.readouterr().err, re.MULTILINE)


def test_for_asks_about_targets(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, text) == (0, [])
    assert said(capsys, text, "--for", "keras") == (0, ["portability-keras"])
    assert said(capsys, text, "--for", "torch, keras") == (0, ["portability-keras", "portability-torch"])
    assert said(capsys, text, "--for", "torch", "--for", "onnx") == (0, ["portability-torch"])
    assert said(capsys, text, "--for", "keras", "--ignore", "portability-keras") == (0, [])
    assert said(capsys, text, "--select", "portability-torch") == (0, ["portability-torch"])
    Path(text).write_text("input 3@32x32\nconv 16 3x3 stride=2 pad=same -> relu\n", encoding="utf-8")
    assert said(capsys, text, "--for", "torch,keras", "--strict") == (1, ["portability-torch"])


@pytest.mark.parametrize(
    ("target", "help"),
    [("kears", "did you mean `keras`?"), ("caffe", "the targets are keras, onnx, onnxruntime, tflite, torch")],
)
def test_an_unknown_target(target: str, help: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", text, "--for", f"torch,{target}"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines == [f"error[bad-setting]: nothing is known about the target `{target}`", f"  = help: {help}"]


def test_layers_that_differ_alike_are_told_once(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", text, "--for", "keras", "--format", "concise"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("so that it reads other pixels; `conv1`, `conv2`: 2 of 6 layers") and ":2:1: " in line
