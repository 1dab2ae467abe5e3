"""SARIF reports, judged by an independent model of the format."""

import json
from pathlib import Path
from typing import Any

import pytest
from sarif_pydantic import Sarif

import cnndsl
from cnndsl.cli import main
from cnndsl.report.sarif import sarif

TEXT = "input 3@32x32\nconv 16 7x7 strid=2\nadd { conv 8 3x3; identity }\nrulu\n"


@pytest.fixture
def report() -> dict[str, Any]:
    return sarif({"net one.cnn": cnndsl.check(TEXT, file="net one.cnn").diagnostics}, "1.2.3")


def test_an_independent_model_accepts_the_report(report: dict[str, Any]) -> None:
    parsed = Sarif.model_validate(json.loads(json.dumps(report)))
    (run,) = parsed.runs
    assert run.tool.driver.name == "cnndsl"
    assert run.results is not None and run.tool.driver.rules is not None
    for result in run.results:
        assert result.rule_index is not None
        assert run.tool.driver.rules[result.rule_index].id == result.rule_id


def test_places_and_fixes_are_those_of_the_diagnostics(report: dict[str, Any]) -> None:
    (run,) = report["runs"]
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "net%20one.cnn"
    assert place["region"] == {"startLine": 2, "startColumn": 13, "endLine": 2, "endColumn": 18}
    (replacement,) = first["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["insertedContent"] == {"text": "stride"}
    assert replacement["deletedRegion"] == place["region"]
    assert run["columnKind"] == "unicodeCodePoints"


def test_the_command_line_writes_one_report_for_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.cnn").write_text("input 3@8x8\nrelu\n")
    Path("bad.cnn").write_text(TEXT)
    assert main(["check", "good.cnn", "bad.cnn", "missing.cnn", "--format", "sarif"]) == 2
    (run,) = Sarif.model_validate_json(capsys.readouterr().out).runs
    assert run.results is not None
    codes = [result.rule_id for result in run.results]
    assert codes == ["unknown-parameter", "unknown-operator", "file-unreadable"]
