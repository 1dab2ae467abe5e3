"""Diagnostics as text: the message, an excerpt with underlines, labels and help."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cnndsl.errors import Diagnostic, Span

TAB = 4
MAX_WIDTH = 160
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_BOLD, _BLUE, _RESET = "\x1b[1m", "\x1b[1;34m", "\x1b[0m"


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


def laid_out(text: str) -> tuple[list[int], str]:
    """The terminal cell at which each character of a line begins (and the line ends), and the line as it is shown.

    Tabs become spaces, control characters are escaped, wide characters take two cells and combining ones none.
    """
    cells, parts, cell = [], [], 0
    for character in text:
        cells.append(cell)
        if character == "\t":
            part, width = " " * (TAB - cell % TAB), TAB - cell % TAB
        elif not character.isprintable():
            part = character.encode("unicode_escape").decode()
            width = len(part)
        else:
            part = character
            combining = unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf")
            width = 0 if combining else 2 if unicodedata.east_asian_width(character) in "WF" else 1
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
