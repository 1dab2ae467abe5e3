"""``--select``, ``--ignore`` and ``[tool.cnndsl]``."""

import re
from pathlib import Path

import pytest

from cnndsl.cli import main
from cnndsl.configuration import Configuration, configuration

TEXT = "input 3@32x32\nconv 16 7x7 -> batchnorm -> relu\n"  # bias-before-norm; large-kernel under teach


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n", encoding="utf-8")
    (tmp_path / "net.cnn").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(folder: Path, table: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.cnndsl]\n{table}\n", encoding="utf-8")


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """The exit status and the codes reported."""
    status = main(["check", "--quiet", *arguments])
    return status, re.findall(r"^(?:warning|error)\[([a-z0-9-]+)\]", capsys.readouterr().err, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["bias-before-norm"]),
        (["--ignore", "bias-before-norm"], []),
        (["--select", "teach"], ["bias-before-norm", "large-kernel"]),
        (["--select", "large-kernel,large-pool", "--ignore", "all"], ["large-kernel"]),
        (
            ["--select", "all", "--ignore", "large-kernel,portability", "--ignore", "channels-of-8"],
            ["bias-before-norm"],
        ),
    ],
)
def test_options(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: list[str]) -> None:
    assert check(capsys, "net.cnn", *arguments) == (0, expected)
    assert check(capsys, "net.cnn", "--strict", *arguments) == (1 if expected else 0, expected)


def test_an_unknown_code_is_a_usage_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, "net.cnn", "--select", "teech") == (2, ["bad-setting"])


@pytest.mark.parametrize(
    ("table", "arguments", "expected"),
    [
        ('ignore = ["bias-before-norm"]', [], (0, [])),
        ('ignore = ["bias-before-norm"]', ["--select", "bias-before-norm"], (0, ["bias-before-norm"])),
        ('select = ["teach"]', ["--ignore", "default"], (0, ["large-kernel"])),
        ("strict = true", [], (1, ["bias-before-norm"])),
        ("", [], (0, ["bias-before-norm"])),
    ],
)
def test_the_project_is_asked(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    table: str,
    arguments: list[str],
    expected: tuple[int, list[str]],
) -> None:
    configure(folder, table)
    assert check(capsys, "net.cnn", *arguments) == expected


def test_the_nearest_project_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(folder, 'ignore = ["all"]')
    deep = folder / "models" / "small"
    deep.mkdir(parents=True)
    (deep / "net.cnn").write_text(TEXT, encoding="utf-8")
    assert check(capsys, "models/small/net.cnn") == (0, [])
    (folder / "models" / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    assert check(capsys, "models/small/net.cnn", "net.cnn") == (0, ["bias-before-norm"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('ignore = "checkerboard"', "ignore must be a list of codes"),
        ("select = [1]", "select must be a list of codes"),
        ('strict = "yes"', "strict must be true or false"),
        ('selects = ["teach"]', "has no key `selects`"),
        ('select = ["teech"]', "there is no rule `teech`"),
        ("select = [", "is no TOML"),
    ],
)
def test_a_bad_configuration(folder: Path, capsys: pytest.CaptureFixture[str], table: str, words: str) -> None:
    configure(folder, table)
    assert main(["check", "net.cnn"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error[bad-config]") and words in said and "pyproject.toml" in said


@pytest.mark.parametrize(
    "text",
    ["[tool.cnndsl]\nstrict = true", '["tool" . "cnndsl"]\nstrict = true', "tool.cnndsl.strict = true",
     "[tool]\nruff = {}\ncnndsl = { strict = true }", "tool = { ruff = {}, cnndsl = { strict = true } }",
     "[ tool . 'cnndsl' ]\nstrict = true"],
)  # fmt: skip
def test_every_spelling_of_the_table_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert configuration(tmp_path).strict


def test_a_project_without_the_table_is_not_parsed(tmp_path: Path) -> None:
    """Not even for syntax: it is no business of cnndsl."""
    (tmp_path / "pyproject.toml").write_text("[project\nname = cnndsl", encoding="utf-8")
    assert configuration(tmp_path) == Configuration()


def test_other_commands_leave_the_rules_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "net.cnn", "-o", "net.json"]) == 0
    assert capsys.readouterr().err == "cnndsl: wrote net.json\n"


def test_check_fix_takes_the_bias_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, "net.cnn", "--fix") == (0, [])
    assert "conv 16 7x7 bias=false -> batchnorm" in (folder / "net.cnn").read_text(encoding="utf-8")
