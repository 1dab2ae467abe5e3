"""The table of codes: it is complete, its examples trigger what they say, and their mended forms are clean."""

import ast
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnndsl
from cnndsl import ops
from cnndsl.analysis.lint import RuleSelection, enabled
from cnndsl.cli import main
from cnndsl.codes import AREAS, CODES, explain
from cnndsl.codes.code import Code
from cnndsl.configuration import KEYS
from cnndsl.errors import CnnError
from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.expressions.functions import FUNCTIONS
from cnndsl.lang.expressions.scope import FLOW_ATTRIBUTES, MEASURES
from cnndsl.limits import Limits

TEXTS = [code for code in CODES.values() if code.language == "cnn"]
COMMANDS = [code for code in CODES.values() if code.language == "sh"]
PYTHON = [code for code in CODES.values() if code.language == "python"]
CALLS = {
    "CnnError.of",
    "Diagnostic",
    "Refused",
    "ShapeError",
    "cls",
    "differing",
    "fault",
    "misnamed",
    "self._over_limit",
    "slip",
}
"""What makes diagnostics, with the code as its first argument."""


def compiled(code: Code, text: str) -> Compiled:
    def resolver(path: str) -> str:
        return code.files[path]

    warnings = enabled(RuleSelection([code.select] if code.select else []))
    return compile_text(
        text, "net.cnn", resolver if code.files else None, limits=Limits(**code.limits), warnings=warnings
    )


def codes_in(source: str) -> set[str]:
    """The codes that a module gives to diagnostics."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    firsts = [call.args[0] for call in calls if ast.unparse(call.func).removeprefix("errors.") in CALLS]
    return {first.value for first in firsts if isinstance(first, ast.Constant) and isinstance(first.value, str)}


def codes_used(root: Path) -> set[str]:
    return set().union(*(codes_in(path.read_text(encoding="utf-8")) for path in (root / "cnndsl").rglob("*.py")))


def test_every_code_in_use_is_in_the_table(root: Path) -> None:
    assert not codes_used(root) - CODES.keys()


def test_every_code_in_the_table_is_in_use(root: Path) -> None:
    assert not CODES.keys() - codes_used(root)


def test_codes_are_listed_once() -> None:
    assert sum(map(len, AREAS.values())) == len(CODES)


def test_codes_in_sees_every_way_of_making_a_diagnostic() -> None:
    source = 'fault("a", "")\nraise CnnError.of("b", "")\nShapeError("c")\nDiagnostic(code, "")\nprint("d")'
    assert codes_in(source) == {"a", "b", "c"}


@pytest.mark.parametrize("code", TEXTS, ids=lambda code: code.code)
def test_the_bad_text_gives_exactly_this_code(code: Code) -> None:
    (diagnostic,) = compiled(code, code.bad).diagnostics
    assert (diagnostic.code, diagnostic.severity) == (code.code, code.severity)
    assert diagnostic.message


@pytest.mark.parametrize("code", TEXTS, ids=lambda code: code.code)
def test_the_good_text_is_clean(code: Code) -> None:
    result = compiled(code, code.good)
    assert result.diagnostics == ()
    assert result.networks


def save_models(folder: Path) -> None:
    """A model, its first half, and others: channels last, depending on itself, with an operator that no network has."""
    last = cnndsl.loads("input 28@28x1; permute [2, 0, 1]; conv 4 5x5 -> relu").to_onnx()
    last.producer_name = "keras"
    (folder / "keras.onnx").write_bytes(last.SerializeToString())
    model = cnndsl.loads("input 1@28x28; conv 4 5x5 -> relu").to_onnx()
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    (folder / "damaged.onnx").write_bytes(model.SerializeToString()[: model.ByteSize() // 2])
    model.graph.node[0].input[0] = "relu1"
    (folder / "cyclic.onnx").write_bytes(model.SerializeToString())
    model.graph.node[0].input[0] = "input"
    assert main(["import", str(folder / "net.onnx"), "-o", str(folder / "new.cnn")]) == 0
    model.graph.node[1].op_type = "Cos"
    (folder / "sine.onnx").write_bytes(model.SerializeToString())


def save_data(folder: Path) -> None:
    """Data to train on."""
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), np.uint8)
    np.savez(folder / "digits.npz", x=x, y=np.arange(20) % 10)
    np.savez(folder / "unlabelled.npz", x=x)
    np.savez(folder / "twelve.npz", x=x, y=np.arange(20) % 12)
    for index, image in enumerate(x[:, 0]):
        (folder / "bad" / str(index % 10)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "bad" / str(index % 10) / f"{index}.png")
    (folder / "bad" / "3" / "notes.png").write_text("a three")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the files that examples say are given."""
    grey, colour = np.zeros((28, 28), np.uint8), np.zeros((28, 28, 3), np.uint8)
    Image.fromarray(grey).save(tmp_path / "digit.png")
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(colour).save(tmp_path / "colour.png")
    np.save(tmp_path / "channels_last.npy", np.zeros((2, 28, 28, 1), np.float32))
    np.save(tmp_path / "channels_first.npy", np.zeros((2, 1, 28, 28), np.float32))
    np.save(tmp_path / "measured.npy", np.full((1, 6), 0.5))
    np.save(tmp_path / "words.npy", np.array([[0, 1, 2, 3, 4, 99]]))
    np.save(tmp_path / "unknown.npy", np.array([[0, 1, 2, 3, 4, 100]]))
    np.savez(tmp_path / "one.npz", left=np.zeros((1, 4)))
    np.savez(tmp_path / "both.npz", left=np.zeros((1, 4)), right=np.zeros((1, 4)))
    (tmp_path / "two.txt").write_text("no\nyes\n")
    (tmp_path / "ten.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    save_models(tmp_path)
    (tmp_path / "local.cnn").write_bytes("# grüne Bildpunkte\ninput 1@28x28\n".encode("iso-8859-1"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outcome(code: Code, line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit status of a command line and what it says on standard error."""
    from cnndsl.runtime.data.weights import save_weights

    for name, content in code.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    if "--weights" in line:
        weights = cnndsl.load(folder / "net.cnn").weights()
        save_weights(weights, folder / "net.safetensors")
        others = {key: value for key, value in weights.items() if not key.startswith("conv1.")}
        save_weights(others, folder / "other.safetensors")
    if line.startswith("cnndsl train"):
        pytest.importorskip("torch")
        save_data(folder)
        if "--resume" in line:
            words = ["train", str(folder / "net.cnn"), "--data", str(folder / "digits.npz"), "--epochs", "1"]
            assert main([*words, "--out", str(folder / "runs" / "1")]) == 0
    program, *arguments = shlex.split(line)
    assert program == "cnndsl"
    capsys.readouterr()
    status = main(arguments)
    said = capsys.readouterr().err
    return status, re.sub(r"cnndsl: (wrote|left out|initial weights,) .*\n", "", said)


@pytest.mark.parametrize("code", COMMANDS, ids=lambda code: code.code)
def test_the_bad_command_gives_exactly_this_code(code: Code, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = outcome(code, code.bad, folder, capsys)
    assert status in ((0,) if code.severity == "note" else (1, 2))
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", said, re.MULTILINE) == [(code.severity, code.code)]


@pytest.mark.parametrize("code", COMMANDS, ids=lambda code: code.code)
def test_the_good_command_succeeds_silently(code: Code, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(code, code.good, folder, capsys) == (0, "")


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.code)
def test_the_bad_python_gives_exactly_this_code(code: Code) -> None:
    names = {"cnndsl": cnndsl, "net": cnndsl.loads("input 3@8x8; conv 8 3x3 -> relu")}
    with pytest.raises(CnnError) as caught:
        eval(code.bad, names)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.severity) == (code.code, code.severity)
    assert eval(code.good, names) is not None


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.code)
def test_entries_are_well_formed(code: Code) -> None:
    assert code.code == code.code.lower().replace("_", "-").replace(" ", "-")
    assert code.title and not code.title.endswith(".") and "\n" not in code.title
    assert code.meaning.endswith(".") and (code.meaning[0].isupper() or code.meaning[0] in "`(")
    assert code.bad != code.good
    assert "\t" not in code.bad + code.good


def test_explain_shows_everything() -> None:
    text = explain("layer-limit")
    code = CODES["layer-limit"]
    assert text.startswith("error[layer-limit]: a network with too many layers\n")
    assert {f"    {line}" for line in (code.bad + "\n" + code.good).splitlines()} <= set(text.splitlines())
    assert "layers is limited to 10 instead of 100,000" in text
    assert max(map(len, text.splitlines())) <= 100


def test_explain_shows_the_files_of_an_example() -> None:
    assert "With b.cnn:\n\n    block Double(width)" in explain("import-cycle")


@pytest.mark.parametrize(
    ("code", "words"),
    [("unknown-function", FUNCTIONS), ("unknown-attribute", (*FLOW_ATTRIBUTES, *MEASURES)), ("bad-config", KEYS)],
)
def test_what_a_name_may_be_is_listed(root: Path, code: str, words: Iterable[str]) -> None:
    """Where the code is explained, and on the page about the language or the command line."""
    page = root / "docs" / ("cli.md" if code == "bad-config" else "language.md")
    for text in (CODES[code].meaning, page.read_text(encoding="utf-8")):
        assert [word for word in words if not re.search(rf"[`.]{word}[`(]|\b{word} = ", text)] == []


def test_unknown_operator_lists_every_operator() -> None:
    meaning = CODES["unknown-operator"].meaning
    listed = {word for part in meaning.split(": ")[1:] for word in part.partition(".")[0].replace(";", ",").split(", ")}
    assert set(ops.NAMES) <= listed
