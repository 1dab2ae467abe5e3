"""Formatting as edits: the whole text, some of its lines, or the line that has just been typed."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from cnndsl.errors import CnnError, Fix, Span
from cnndsl.lang.review.fixes import replaced
from cnndsl.lang.style.format import INDENT, format_text
from cnndsl.language_service.analysis import Analysis

MOST_LINES = 5_000
"""In longer texts formatting replaces all that lies between the first difference and the last."""


def formatted(analysis: Analysis, first: int = 1, last: int | None = None) -> list[Fix]:
    """The edits that format lines ``first`` to ``last``, from 1; none where the text cannot be read."""
    try:
        after = format_text(analysis.text, analysis.file, analysis.limits)
    except CnnError:
        return []
    found = edits(analysis, after)
    if first == 1 and last is None:
        return found
    found = [fix for fix in found if fix.span.end_line > first and (last is None or fix.span.line <= last)]
    text = replaced(analysis.text, analysis.file, found)
    try:
        # Lines that moved may have been taken for others.
        return found if format_text(text, analysis.file, analysis.limits) == after else []
    except CnnError:
        return []


def edits(analysis: Analysis, after: str) -> list[Fix]:
    """Replacements of whole lines that make ``after`` of the text."""
    old, new = analysis.text.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[Fix] = []
    for start, end, first, last in _differences(old, new):
        ends_text = end == len(old) and bool(old) and not old[-1].endswith("\n")
        end_line, end_column = (end, len(old[end - 1]) + 1) if ends_text and end > start else (end + 1, 1)
        span = Span(analysis.file, start + 1, 1, end_line, end_column)
        if ends_text and end == start:
            span = Span(analysis.file, end, len(old[-1]) + 1, end, len(old[-1]) + 1)
        found.append(Fix("format", span, "".join(new[first:last])))
    return found


def _differences(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    behind = 0
    while behind < min(len(old), len(new)) - start and old[-1 - behind] == new[-1 - behind]:
        behind += 1
    end, last = len(old) - behind, len(new) - behind
    if max(end, last) - start > MOST_LINES:
        return [(start, end, start, last)]
    return [
        (start + one[0], start + one[1], start + one[2], start + one[3])
        for one in _aligned(old[start:end], new[start:last])
    ]


def _aligned(old: list[str], new: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Differences between lines that say the same: those that differ in their layout alone are replaced one by one."""
    bare_old, bare_new = (["".join(line.split()) for line in lines] for lines in (old, new))
    for kind, start, end, first, last in SequenceMatcher(None, bare_old, bare_new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield start, end, first, last
            continue
        for number in range(end - start):
            if old[start + number] != new[first + number]:
                yield start + number, start + number + 1, first + number, first + number + 1


def typed(analysis: Analysis, line: int, character: str) -> list[Fix]:
    """What is to be done behind a character that was just typed: the indentation of the line, from 1.

    A line end indents the new line as deep as its body; ``}`` goes where its body began.
    """
    lines = analysis.text.split("\n")
    if line > len(lines) or character not in ("\n", "}"):
        return []
    text = lines[line - 1]
    content = text.lstrip(" \t")
    if character == "}" and content != "}":
        return []
    depth = _depth("\n".join(lines[: line - 1])) - content.startswith("}")
    wanted = " " * (INDENT * max(depth, 0))
    present = text[: len(text) - len(content)]
    if wanted == present:
        return []
    return [Fix("indent", Span(analysis.file, line, 1, line, len(present) + 1), wanted)]


def _depth(text: str) -> int:
    """How many brackets are open at the end of a text; those in comments and strings do not count."""
    depth = 0
    for line in text.split("\n"):
        quoted = False
        for character in line:
            if character == '"':
                quoted = not quoted
            elif not quoted:
                if character == "#":
                    break
                depth += (character in "{[(") - (character in "}])")
    return depth
