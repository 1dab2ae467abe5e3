"""Diagnostics as SARIF 2.1.0, the format that code scanning services read (OASIS 2020)."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnndsl.codes import CODES
from cnndsl.errors import Diagnostic, Fix, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "note": "note"}


def sarif(files: Mapping[str, Sequence[Diagnostic]], version: str) -> dict[str, Any]:
    """One run with the diagnostics of all files by file name; ``version`` is that of cnndsl."""
    codes = list(dict.fromkeys(diagnostic.code for found in files.values() for diagnostic in found))
    rules = [_rule(code) for code in codes]
    results = [_result(file, found, codes.index(found.code)) for file, several in files.items() for found in several]
    driver = {"name": "cnndsl", "version": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(file)}} for file in files],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    entry = CODES[code]
    return {
        "id": code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.meaning},
        "defaultConfiguration": {"level": _LEVELS[entry.severity]},
        "help": {"text": f"Wrong:\n\n{entry.bad}\n\nRight:\n\n{entry.good}\n"},
    }


def _result(file: str, diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    text = "\n".join((diagnostic.message, *(f"help: {advice}" for advice in diagnostic.help)))
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": _location(diagnostic.span, file)}],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": index, "message": {"text": label.message}, "physicalLocation": _location(label.span, file)}
            for index, label in enumerate(diagnostic.labels)
        ]
    if diagnostic.fixes:
        result["fixes"] = [_fix(fix) for fix in diagnostic.fixes]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.replacement}}
    change = {"artifactLocation": {"uri": _uri(fix.span.file)}, "replacements": [replacement]}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _location(span: Span | None, file: str) -> dict[str, Any]:
    if span is None:
        return {"artifactLocation": {"uri": _uri(file)}}
    return {"artifactLocation": {"uri": _uri(span.file)}, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _uri(file: str) -> str:
    """A relative or absolute path as a URI."""
    from urllib.parse import quote

    path = file.replace("\\", "/")
    return ("file://" if path.startswith("/") else "") + quote(path)
