"""Networks in ``tests/cases`` with the report of their diagnostics side by side.

``UPDATE_CASES=1 pytest tests/test_cases.py`` rewrites the reports; read the diff afterwards.
"""

import os
from pathlib import Path

import pytest

from cnndsl.api import CheckResult, check_file
from cnndsl.errors import render

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.cnn"))


def checked(name: str, monkeypatch: pytest.MonkeyPatch) -> CheckResult:
    """The case as it is reported from its own folder, so that reports name no other folder."""
    monkeypatch.chdir(CASES)
    return check_file(f"{name}.cnn")


@pytest.mark.parametrize("name", NAMES)
def test_report(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = checked(name, monkeypatch)
    report = render(result.diagnostics, result.sources) or "no diagnostics\n"
    expected = CASES / f"{name}.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(report, encoding="utf-8", newline="\n")
    assert report == expected.read_text(encoding="utf-8")


def test_every_report_has_its_network() -> None:
    assert sorted(path.stem for path in CASES.glob("*.txt")) == NAMES


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("expect_28", ["1@26x26", "(32 - 7 + 2*0)/1 + 1 = 26"]),
        ("stride_3", ["(7 - 3 + 2*0)/3 + 1 = 2.33"]),
        ("alexnet_stem", ["(224 - 11 + 2*0)/4 + 1 = 54.25", "1 row and 1 column"]),
        ("dense_without_flatten", ["3,136 features", "31,370 parameters", "16 features", "170 parameters"]),
    ],
)
def test_numbers_worked_out_by_hand(name: str, facts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    result = checked(name, monkeypatch)
    report = render(result.diagnostics, result.sources)
    assert not [fact for fact in facts if fact not in report]
