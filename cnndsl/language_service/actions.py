"""Fixes as edits: one at a time, all safe ones at once, or a comment that silences a warning."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from cnndsl.analysis.lint import RULES
from cnndsl.errors import Diagnostic, Fix, Span
from cnndsl.lang.compile import compile_text
from cnndsl.lang.modules import Resolver
from cnndsl.lang.review.fixes import mended
from cnndsl.language_service.analysis import Analysis

_IGNORED = re.compile(r"\bcnn:\s*ignore\s*\[[^\]]*(?=\])")


class Action(NamedTuple):
    """Something to do about a finding. ``preferred`` is the one that is most likely meant."""

    title: str
    edits: tuple[Fix, ...]
    diagnostic: Diagnostic | None = None
    preferred: bool = False


def actions(analysis: Analysis, first: int, last: int) -> list[Action]:
    """What can be done about the findings in lines ``first`` to ``last``, from 1."""
    found: list[Action] = []
    for diagnostic in analysis.diagnostics:
        span = diagnostic.span
        if span is None or span.file != analysis.file or span.line > last or span.end_line < first:
            continue
        for number, fix in enumerate(diagnostic.fixes):
            if fix.span.file == analysis.file:
                found.append(Action(fix.title, (fix,), diagnostic, preferred=number == 0 and fix.safe))
        if diagnostic.code in RULES and diagnostic.code != "bad-suppression":
            found.append(_silenced(analysis, diagnostic, span))
    return found


def _silenced(analysis: Analysis, diagnostic: Diagnostic, span: Span) -> Action:
    """A comment behind the line that says that the warning is known."""
    line = analysis.text.split("\n")[span.line - 1]
    comment = max(line.find("#"), 0)
    known = _IGNORED.search(line, comment) if comment or line.startswith("#") else None
    column = (known.end() if known else len(line)) + 1
    place = Span(analysis.file, span.line, column, span.line, column)
    added = f", {diagnostic.code}" if known else f"  # cnn: ignore[{diagnostic.code}]"
    return Action(f"ignore {diagnostic.code} in this line", (Fix("", place, added),), diagnostic)


def fix_all(analysis: Analysis, resolver: Resolver | None) -> str:
    """The text with all safe fixes, and those that they uncover."""

    def check(text: str) -> Sequence[Diagnostic]:
        return compile_text(
            text, analysis.file, resolver, limits=analysis.limits, warnings=analysis.warnings
        ).diagnostics

    return mended(analysis.text, analysis.file, check)
