"""Spans, diagnostics and how they look, and the one exception users see.

A diagnostic is a value: lowering and inference collect diagnostics and go on. :class:`CnnError` carries them where an
exception is the only way out. The meaning of every code, with examples, is in :mod:`cnndsl.codes`.
"""

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import index
from typing import Literal, NamedTuple, SupportsIndex

Severity = Literal["error", "warning", "note"]

TAB = 4
MAX_WIDTH = 160
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_BOLD, _BLUE, _RESET = "\x1b[1m", "\x1b[1;34m", "\x1b[0m"


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


class Mark(NamedTuple):
    """One underline: where, with which character, and what is said beside it."""

    span: Span
    character: str
    message: str


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], color: bool = False) -> str:
    """All diagnostics, an empty line between two of them. ``sources`` maps file names to texts."""
    lines = {name: text.split("\n") for name, text in sources.items()}
    return "\n".join(_render(diagnostic, lines, color) for diagnostic in diagnostics)


def _render(diagnostic: Diagnostic, lines: Mapping[str, list[str]], color: bool) -> str:
    def paint(text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if color and text else text

    severity = paint(f"{diagnostic.severity}[{diagnostic.code}]", _COLOURS[diagnostic.severity])
    result = [f"{severity}{paint(':', _BOLD)} {paint(visible(diagnostic.message), _BOLD)}"]
    marks = [Mark(diagnostic.span, "^", "")] if diagnostic.span else []
    marks += [Mark(label.span, "-", label.message) for label in diagnostic.labels]
    gutter = max((len(str(mark.span.line)) for mark in marks), default=1)
    bar = paint("|", _BLUE)
    main_file = diagnostic.span.file if diagnostic.span else None
    files = dict.fromkeys(mark.span.file for mark in marks)
    for file in files:
        here = [mark for mark in marks if mark.span.file == file]
        first = diagnostic.span if diagnostic.span and file == main_file else here[0].span
        arrow = "-->" if file == main_file else ":::"
        result.append(f"{' ' * gutter}{paint(arrow, _BLUE)} {visible(file)}:{first.line}:{first.column}")
        if file not in lines:
            result += [f"{' ' * gutter} = {mark.message}" for mark in here if mark.message]
            continue
        result.append(f"{' ' * gutter} {bar}")
        previous = None
        for number in sorted({mark.span.line for mark in here}):
            if previous is not None and number > previous + 1:
                result.append(paint("...", _BLUE))
            previous = number
            text = lines[file][number - 1] if number <= len(lines[file]) else ""
            cells, shown = laid_out(text)
            result.append(f"{paint(str(number).rjust(gutter), _BLUE)} {bar} {shown}".rstrip())
            for mark in sorted(
                (m for m in here if m.span.line == number), key=lambda m: (m.character != "^", m.span.column)
            ):
                start, end = _columns(mark.span, cells)
                if start >= MAX_WIDTH:
                    continue
                underline = mark.character * max(min(end, MAX_WIDTH) - start, 1)
                paint_code = _COLOURS[diagnostic.severity] if mark.character == "^" else _BLUE
                said = f"{underline} {visible(mark.message)}".rstrip()
                result.append(f"{' ' * gutter} {bar} {' ' * start}{paint(said, paint_code)}")
    result += [f"{' ' * gutter} {paint('=', _BLUE)} help: {visible(text)}" for text in diagnostic.help]
    return "\n".join(result) + "\n"


@lru_cache(maxsize=4)  # many diagnostics may stand in one line
def laid_out(text: str) -> tuple[list[int], str]:
    """The terminal cell at which each character of a line begins (and what is shown ends), and the line as it is shown.

    Tabs become spaces, control characters are escaped, wide characters take two cells and combining ones none.
    """
    from unicodedata import category, combining, east_asian_width  # which a check without findings does without

    cells: list[int] = []
    parts: list[str] = []
    cell = 0
    for character in text:
        cells.append(cell)
        if cell > MAX_WIDTH:
            return cells, "".join(parts)
        if character == "\t":
            part, width = " " * (TAB - cell % TAB), TAB - cell % TAB
        elif not character.isprintable():
            part = character.encode("unicode_escape").decode()
            width = len(part)
        else:
            part = character
            joined = combining(character) or category(character) in ("Mn", "Me", "Cf")
            width = 0 if joined else 2 if east_asian_width(character) in "WF" else 1
        if cell + width <= MAX_WIDTH:
            parts.append(part)
        elif cell <= MAX_WIDTH:
            parts.append("…")
            cell = MAX_WIDTH + 1
        cell += width
    cells.append(cell)
    return cells, "".join(parts)


def _columns(span: Span, cells: list[int]) -> tuple[int, int]:
    """The cells that an underline begins at and ends before; a span of several lines is underlined on its first."""
    last = len(cells) - 1
    start = cells[min(span.column - 1, last)]
    end = cells[min(span.end_column - 1, last)] if span.end_line == span.line else cells[last]
    return start, end


def visible(text: str) -> str:
    """Text with control characters escaped, newlines kept."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class CnnError(Exception):
    """Anything wrong with what the user gave: text, weights, images, arguments.

    ``diagnostics`` holds every finding (never empty); ``sources`` maps file names to their text, for excerpts. As text
    it is what the command line prints.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None) -> None:
        self.diagnostics: Sequence[Diagnostic] = tuple(diagnostics)
        self.sources: Mapping[str, str] = dict(sources or {})
        super().__init__("\n".join(map(str, self.diagnostics)))

    def __str__(self) -> str:
        return render(self.diagnostics, self.sources).rstrip("\n")

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


def require_whole(name: str, value: object, least: int) -> None:
    """Raises CnnError ``bad-setting`` for what is no whole number of at least that."""
    if not isinstance(value, SupportsIndex) or index(value) < least:
        raise CnnError.of("bad-setting", f"{name} is a whole number from {least} on, not {quoted(repr(value))}")


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


def names_of(given: str | Sequence[str], what: str) -> tuple[str, ...]:
    """The names of a list, or a single one. Raises CnnError for anything else."""
    if isinstance(given, str):
        return (given,)
    require_names(given, what)
    return tuple(given)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message, which stays short however many there are and however long they are."""
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    return ", ".join([*(shortened(name, 64) for name in names[:most]), *more])


def plural(count: int, noun: str) -> str:
    """``1 layer``, ``12 layers``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def either(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def said_by(error: BaseException) -> str:
    """What somebody else's exception says, on one line, for a message."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def missing_library(library: str, extra: str, error: ImportError) -> CnnError:
    """What to raise where a library of an extra is used and absent, or does not import for the reason that it gives."""
    module = "torch" if library == "PyTorch" else library.lower().replace(" ", "")
    install = f'pip install "cnndsl[{extra}]"'
    if isinstance(error, ModuleNotFoundError) and error.name == module:
        return CnnError.of("bad-setting", f"{library} is not installed", f"install it with: {install}")
    message = f"{library} is installed, but cannot be imported: {said_by(error)}"
    return CnnError.of("bad-setting", message, f"versions that fit together come with: {install} --upgrade")


def stopped(most: int) -> Diagnostic:
    """The note behind ``most`` diagnostics that there may be more."""
    return Diagnostic("diagnostic-limit", f"stopped after {most} diagnostics; there may be more", severity="note")
