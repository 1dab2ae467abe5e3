"""Spans, diagnostics and the one exception users see.

A diagnostic is a value: lowering and inference collect diagnostics and go on. :class:`CnnError` carries them where an
exception is the only way out. The meaning of every code, with examples, is in :mod:`cnndsl.codes`.
"""

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Span(NamedTuple):
    """A stretch of source text. Lines and columns count from 1, in code points; ``end_column`` is one past the last."""

    file: str
    """The name that the text was given, most often a path."""
    line: int
    """The first line, from 1."""
    column: int
    """The first character in it, from 1."""
    end_line: int
    """The last line; the same one for most."""
    end_column: int


class Source:
    """A named text that turns character offsets into spans."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._line_starts = [0]
        position = text.find("\n")
        while position >= 0:
            self._line_starts.append(position + 1)
            position = text.find("\n", position + 1)

    def span(self, start: int, end: int) -> Span:
        """The span from offset ``start`` to ``end`` (exclusive)."""
        starts = self._line_starts
        line = bisect_right(starts, start)
        end_line = bisect_right(starts, end, lo=line - 1)
        return Span(self.file, line, start - starts[line - 1] + 1, end_line, end - starts[end_line - 1] + 1)

    def offsets(self, span: Span) -> tuple[int, int]:
        """The offsets at which a span begins and (exclusive) ends."""
        starts = self._line_starts
        return starts[span.line - 1] + span.column - 1, starts[span.end_line - 1] + span.end_column - 1


class Label(NamedTuple):
    """A secondary place in the source with what it has to do with the problem."""

    span: Span
    """Where."""
    message: str
    """A few words to stand behind the underline."""


class Fix(NamedTuple):
    """A replacement of ``span`` by ``replacement``. ``safe`` fixes keep what the author plainly meant."""

    title: str
    """What it does, as ``replace by conv``."""
    span: Span
    replacement: str
    safe: bool = False


class Diagnostic(NamedTuple):
    """One finding: a code of :mod:`cnndsl.codes`, what is wrong in words, where, and what to do about it."""

    code: str
    """Such as ``needs-vector``; its meaning never changes."""
    message: str
    """What is wrong, with the numbers."""
    span: Span | None = None
    """None where no text is to blame: settings, weights, images."""
    severity: Severity = "error"
    """Errors make a check fail, warnings do under ``strict`` alone."""
    labels: tuple[Label, ...] = ()
    """Other places that have to do with it."""
    help: tuple[str, ...] = ()
    """What would mend it, a sentence each."""
    fixes: tuple[Fix, ...] = ()
    """The same as replacements of text."""

    def __str__(self) -> str:
        place = f"{self.span.file}:{self.span.line}:{self.span.column}: " if self.span else ""
        return f"{place}{self.severity}[{self.code}]: {self.message}"


class CnnError(Exception):
    """Anything wrong with what the user gave: text, weights, images, arguments.

    ``diagnostics`` holds every finding (never empty); ``sources`` maps file names to their text, for excerpts.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
        self.diagnostics: Sequence[Diagnostic] = tuple(diagnostics)
        self.sources: Mapping[str, str] = dict(sources or {})
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))

    @classmethod
    def of(cls, code: str, message: str, *help: str, span: Span | None = None) -> "CnnError":
        """An error with one diagnostic."""
        return cls([Diagnostic(code, message, span, help=help)])

    def __reduce__(self) -> tuple[type["CnnError"], tuple[Sequence[Diagnostic], Mapping[str, str]]]:
        return type(self), (self.diagnostics, self.sources)


def quoted(text: str, limit: int = 60) -> str:
    """``text`` between backquotes, shortened, control characters escaped: safe to print on a terminal."""
    return f"`{shortened(text, limit)}`"


def shortened(text: str, limit: int = 60) -> str:
    """As ``quoted``, without the backquotes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1])
    return f"{shown[:limit]}…" if len(shown) > limit else shown


def require_text(text: object) -> None:
    """Raises CnnError for what callers may have taken for a text: bytes, None, a path."""
    if not isinstance(text, str):
        raise CnnError.of("bad-setting", f"the text must be a str, not {type(text).__name__}")


def require_path(path: object, what: str = "the path") -> None:
    """Raises CnnError for what names no file: None, a number, bytes."""
    if not isinstance(path, str | os.PathLike) or not isinstance(name := os.fspath(path), str):
        raise CnnError.of("bad-setting", f"{what} must be a str or a path, not {type(path).__name__}")
    if "\0" in name:
        raise CnnError.of("bad-setting", f"{what} has a character that no name can have: {quoted(name)}")


def require_names(given: object, what: str) -> None:
    """Raises CnnError for what is no sequence of texts; a text alone is none."""
    if (
        isinstance(given, str | bytes)
        or not isinstance(given, Collection)
        or not all(isinstance(n, str) for n in given)
    ):
        raise CnnError.of("bad-setting", f"{what} must be a list of names, not {quoted(repr(given))}")


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message, which stays short however many there are and however long they are."""
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return ", ".join([*(shortened(name, 64) for name in names[:most]), *more])


def either(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def missing_library(library: str, extra: str, error: ImportError) -> CnnError:
    """What to raise where a library of an extra is used and absent, or does not import for the reason that it gives."""
    install = f'pip install "cnndsl[{extra}]"'
    if isinstance(error, ModuleNotFoundError) and error.name == library.lower().replace(" ", ""):
        return CnnError.of("bad-setting", f"{library} is not installed", f"install it with: {install}")
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    message = f"{library} is installed, but cannot be imported: {reason}"
    return CnnError.of("bad-setting", message, f"versions that fit together come with: {install} --upgrade")


def stopped(most: int) -> Diagnostic:
    """The note behind ``most`` diagnostics that there may be more."""
    return Diagnostic("diagnostic-limit", f"stopped after {most} diagnostics; there may be more", severity="note")
