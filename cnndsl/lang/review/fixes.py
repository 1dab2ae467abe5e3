"""Applying the safe fixes that diagnostics carry."""

from collections.abc import Callable, Iterable

from cnndsl.errors import Diagnostic, Fix, Source

MAX_ROUNDS = 20
"""A fix may uncover the next mistake; no text needs more rounds than this."""


def apply_fixes(text: str, file: str, diagnostics: Iterable[Diagnostic]) -> str:
    """The text with every safe fix for ``file`` applied; of two that overlap, the first."""
    return replaced(text, file, safe_fixes(file, diagnostics))


def replaced(text: str, file: str, fixes: Iterable[Fix]) -> str:
    """The text with what the fixes replace; of two that overlap, the first."""
    source = Source(file, text)
    edits = sorted((*source.offsets(fix.span), fix.replacement) for fix in fixes)
    parts, position = [], 0
    for start, end, replacement in edits:
        if start >= position:
            parts += [text[position:start], replacement]
            position = end
    return "".join(parts) + text[position:]


def safe_fixes(file: str, diagnostics: Iterable[Diagnostic]) -> list[Fix]:
    """The first safe fix of each diagnostic that has one for ``file``."""
    fixes = []
    for diagnostic in diagnostics:
        safe = [fix for fix in diagnostic.fixes if fix.safe and fix.span.file == file]
        fixes += safe[:1]
    return fixes


def mended(text: str, file: str, check: Callable[[str], Iterable[Diagnostic]]) -> str:
    """The text after fixing, and fixing what that uncovers, until nothing safe is left."""
    for _ in range(MAX_ROUNDS):
        after = apply_fixes(text, file, check(text))
        if after == text:
            break
        text = after
    return text
