"""``# cnn: ignore[CODE, CODE]``: warnings that the author has seen and means to leave.

Behind a statement the comment speaks of its own line; on a line of its own, of all of the next statement, its body
included. Errors cannot be ignored.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cnndsl.analysis.lint import RULES
from cnndsl.errors import Diagnostic, Source, Span, quoted
from cnndsl.lang.text import syntax

_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|(#[^\n]*)')
_IGNORE = re.compile(r"\bcnn:\s*ignore\b\s*(?:\[([^\]]*)\])?")


class Suppression(NamedTuple):
    """One comment: the codes that it names, its place, and the lines it speaks of (both inclusive)."""

    codes: tuple[str, ...]
    span: Span
    first: int
    last: int


def suppressions(tree: syntax.File, file: str) -> Iterator[Suppression]:
    """The comments of one file, in order."""
    if "cnn:" not in tree.text:
        return
    source = Source(file, tree.text)
    stages: list[tuple[int, int]] | None = None
    for comment in _COMMENT.finditer(tree.text):
        found = _IGNORE.search(comment[1] or "")
        if found is None:
            continue
        span = source.span(comment.start(), comment.end())
        codes = tuple(code.strip() for code in (found[1] or "").split(",") if code.strip())
        first = last = span.line
        if not tree.text[comment.start() - span.column + 1 : comment.start()].strip():
            stages = _stages(tree) if stages is None else stages
            next_one = bisect_left(stages, (comment.end(), 0))
            if next_one < len(stages):
                start, end = stages[next_one]
                place = source.span(start, -end)
                first, last = place.line, place.end_line
        yield Suppression(codes, span, first, last)


def _stages(tree: syntax.File) -> list[tuple[int, int]]:
    """Where every statement and every stage, however deep, begins and (negative) ends: outer ones first."""
    kinds = syntax.Stage | syntax.Item
    found: list[tuple[int, int]] = []
    pending = list[object](tree.items)
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            if isinstance(node, kinds):
                found.append((node.start, -node.end))
            pending.extend(part for part in node if isinstance(part, tuple))
    return sorted(found)


def unsuppressed(
    diagnostics: Iterable[Diagnostic],
    comments: Mapping[str, Sequence[Suppression]],
    judged: str | None,
    ran: Collection[str],
) -> Iterator[Diagnostic]:
    """What is left when comments have had their say, and ``bad-suppression`` for comments that make no sense.

    ``comments`` are those of every file. Only comments of the file ``judged`` are judged useless, and only by the codes
    that ``ran``: another choice of networks, settings or rules might need them.
    """
    needed: set[tuple[Span, str]] = set()
    for diagnostic in diagnostics:
        span = diagnostic.span
        told = [
            comment
            for comment in (comments.get(span.file, ()) if span and diagnostic.severity == "warning" else ())
            if diagnostic.code in comment.codes
            and span
            and comment.first <= span.end_line
            and span.line <= comment.last
        ]
        needed.update((comment.span, diagnostic.code) for comment in told)
        if not told:
            yield diagnostic
    for comment in (comment for file in comments.values() for comment in file):
        if not comment.codes:
            yield _bad("this comment names no code to ignore", comment.span, "as in `# cnn: ignore[unread-pixels]`")
        for code in comment.codes:
            if code not in RULES:
                yield _unknown(code, comment.span)
            elif comment.span.file == judged and code in ran and (comment.span, code) not in needed:
                message = f"there is no warning {quoted(code)} here to ignore"
                yield _bad(message, comment.span, "take the comment out, or move it to the line of the warning")


def _unknown(code: str, span: Span) -> Diagnostic:
    from cnndsl.suggest import nearest

    suggestion = nearest(code, RULES)
    advice = f"did you mean {quoted(suggestion)}?" if suggestion else "errors cannot be ignored"
    return _bad(f"no warning has the code {quoted(code)}", span, advice)


def _bad(message: str, span: Span, advice: str) -> Diagnostic:
    return Diagnostic("bad-suppression", message, span, "warning", help=(advice,))
