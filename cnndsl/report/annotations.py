"""Diagnostics on one line each: for editors and for GitHub's workflow commands."""

from collections.abc import Iterable

from cnndsl.errors import Diagnostic, visible

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def github(file: str, diagnostics: Iterable[Diagnostic]) -> str:
    """One workflow command a diagnostic, as GitHub Actions shows them beside the code."""
    return "".join(_command(file, diagnostic) + "\n" for diagnostic in diagnostics)


def concise(file: str, diagnostics: Iterable[Diagnostic]) -> str:
    """``file:line:column: error[code]: message``, one line a diagnostic."""
    lines = (str(one) if one.span else f"{file}: {one}" for one in diagnostics)
    return "".join(visible(line.replace("\n", " ")) + "\n" for line in lines)


def _command(file: str, diagnostic: Diagnostic) -> str:
    properties = {"file": diagnostic.span.file if diagnostic.span else file, "title": f"cnndsl {diagnostic.code}"}
    if diagnostic.span:
        span = diagnostic.span
        properties |= {"line": str(span.line), "endLine": str(span.end_line)}
        if span.line == span.end_line:
            properties |= {"col": str(span.column), "endColumn": str(span.end_column)}
    listed = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    message = "\n".join((diagnostic.message, *(f"help: {text}" for text in diagnostic.help)))
    return f"::{_LEVELS[diagnostic.severity]} {listed}::{_escaped(message)}"


def _escaped(text: str, extra: str = "") -> str:
    """GitHub's escapes: percent, line ends, and in properties colon and comma too; then what no terminal should see."""
    for character in "%\r\n" + extra:
        text = text.replace(character, f"%{ord(character):02X}")
    return visible(text)
