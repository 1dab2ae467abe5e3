"""The table of differences: whole, proved, documented, and asked for by ``--for``."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import cnndsl
from cnndsl import ops
from cnndsl.analysis.lint import members
from cnndsl.analysis.lint.portability.difference import TARGETS, Difference
from cnndsl.analysis.lint.portability.table import DIFFERENCES
from cnndsl.cli import main
from tests.portability.frameworks import findings
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


EXAMPLES = {
    "keras-padding": ("input 3@32x32\nconv 8 3x3 stride=2 pad=1", ["0 before and 1 after", "1 before and 1 after"]),
    "ceil-mode": ("input 3@7x7\nmaxpool 2 ceil_mode=true", ["3x3", "4x4"]),
    "torch-divisor": ("input 3@7x7\navgpool 3 stride=2 pad=1", ["9", "4"]),
    "keras-average-padding": ("input 3@7x7\navgpool 3 stride=2 pad=1 count_include_pad=true", ["4", "9"]),
    "epsilon": ("input 8\nlayernorm eps=1e-5", ["0.001", "4.6"]),
    "running-variance": ("input 8\nbatchnorm eps=1e-3 momentum=0.5", ["3.1"]),
    "slope": ("input 8\nleaky_relu", ["0.3", "0.01"]),
    "gelu": ("input 8\ngelu", ["0.00047"]),
    "hardsigmoid": ("input 8\nhardsigmoid", ["0.2", "1/6", "0.083", "2.5"]),
    "flatten": ("input 16@5x5\nflatten", ["396", "400"]),
    "global-pools": ("input 64@7x7\nglobal_avgpool", ["64", "64@1x1"]),
    "embedding": ("input 50 dtype=int64\nembedding 9 128", ["50x128", "128"]),
    "pixel-shuffle": ("input 12@2x2\npixel_shuffle 2", ["10", "12"]),
    "keras-nearest": ("input 1@4x4\nresize 7x7", ["2 of 7"]),
    "onnx-nearest": ("input 1@4x4\nresize 7x7", ["1 of 7"]),
    "aligned-corners": ("input 1@4x4\nresize 7x7 mode=linear align_corners=true", ["0.357", "0.5"]),
    "kept-share": ("input 8@8x8\nbatchnorm eps=1e-3", ["0.9", "0.1"]),
    "connections-table": ((Path(__file__).parents[2] / "examples/zoo/lenet.cnn"), ["1,500", "2,400"]),
}
"""Rows whose text on the page holds numbers of an example, each with the example and the numbers."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_numbers_on_the_page_are_those_of_findings(name: str) -> None:
    text, words = EXAMPLES[name]
    (one,) = (one for one in DIFFERENCES if one.name == name)
    source = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
    about = one.about.replace("pads 1 and 1", "pads 1 before and 1 after")
    assert [word for word in words if word not in about] == []
    said = [message for message in findings(source, one.targets[0]) if all(word in message for word in words)]
    assert len(said) == 1


def test_models_are_asked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(tmp_path / "net.onnx")
    cnndsl.loads("input 3@32x32\nconv 8 3x3 stride=2 pad=1 -> relu").to_onnx(model)
    assert said(capsys, model) == (0, [])
    assert said(capsys, model, "--for", "keras,torch") == (0, ["portability-keras"])


def test_comments_and_formats_take_the_codes(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for format, words in (("json", '"code": "portability-keras"'), ("sarif", '"ruleId": "portability-keras"')):
        assert main(["check", text, "--for", "keras", "--format", format]) == 0
        assert words in capsys.readouterr().out
    source = Path(text).read_text(encoding="utf-8").splitlines()
    source[1] += "  # cnn: ignore[portability-keras]"
    Path(text).write_text("\n".join(source), encoding="utf-8")
    assert said(capsys, text, "--for", "keras") == (0, [])
    assert said(capsys, text) == (0, [])


def test_nothing_is_loaded_that_is_not_asked_for(text: str) -> None:
    program = (
        "import sys; from cnndsl.cli import main; main(['check', '--quiet', *sys.argv[1:]]); "
        "print(*(name for name in sys.modules if 'portability' in name or name in ('numpy', 'torch', 'keras', 'onnx')))"
    )

    def loaded(*arguments: str) -> list[str]:
        command = [sys.executable, "-c", program, text, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert loaded() == []
    assert loaded("--for", "keras") and not {"numpy", "torch", "keras", "onnx"} & set(loaded("--for", "keras"))
