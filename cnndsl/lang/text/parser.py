"""Text to syntax tree."""

import re

from cnndsl.errors import CnnError, Diagnostic, Source, Span, require_text, stopped
from cnndsl.lang.text import syntax
from cnndsl.lang.text.lalr_machine import Machine, UnexpectedToken
from cnndsl.lang.text.lexer import Refused
from cnndsl.limits import DEFAULT_LIMITS, Limits

# Control characters but tab and newline, and halves of surrogate pairs: nothing that an editor would show.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def parse(text: str, file: str = "<text>", limits: Limits = DEFAULT_LIMITS) -> syntax.File:
    """The syntax tree of ``text``.

    A byte-order mark is taken off, and CRLF and lone CR become ``\\n``: offsets in the tree refer to ``File.text``.
    ``file`` is the name that diagnostics show. Any number of threads may parse at once.

    Raises :class:`CnnError` with everything that is wrong, in the order of the text: ``syntax``, ``bad-character``,
    ``bad-escape``, ``number-too-long``, ``nesting-too-deep``, or ``source-too-large``; with ``diagnostic-limit`` at
    the end where there may be more.
    """
    found, diagnostics = read(text, file, limits)
    if found is None or diagnostics:
        raise CnnError(diagnostics, {file: found.text if found else normalized(text)})
    return found


def read(
    text: str, file: str = "<text>", limits: Limits = DEFAULT_LIMITS, known: syntax.File | None = None
) -> tuple[syntax.File | None, tuple[Diagnostic, ...]]:
    """What can be read of ``text``, and everything that is wrong with it, as :func:`parse` says.

    What cannot be read is :class:`syntax.Broken`. None where too much is wrong to go on. ``known`` is the tree of a
    text without mistakes; of one that differs in a few lines only these are read.
    """
    require_text(text)
    # No character is shorter than a byte: a text that is far too long is refused before it is encoded.
    if len(text) > limits.source_bytes or len(text.encode("utf-8", "surrogatepass")) > limits.source_bytes:
        message = f"the source has more than {limits.source_bytes:,} bytes"
        return None, (Diagnostic("source-too-large", message, Span(file, 1, 1, 1, 1)),)
    text = normalized(text)
    invisible = _INVISIBLE.search(text)
    if known and not invisible:
        from cnndsl.lang.text.reparse import reparsed, resumed

        tree = reparsed(known, text, limits)
        if tree:
            return tree, ()
        machine, begin = resumed(known, text, limits)
    else:
        machine, begin = Machine(_INVISIBLE.sub(" ", text) if invisible else text, limits), 0
    try:
        items = machine.read(begin)
    except (UnexpectedToken, Refused) as problem:
        return _recovered(text, file, limits, machine, problem)
    found = _invisible(text, file, limits) if invisible else []
    return syntax.File(0, len(text), items, text), _ordered(found, limits)


def _recovered(
    text: str, file: str, limits: Limits, machine: Machine, problem: UnexpectedToken | Refused
) -> tuple[syntax.File | None, tuple[Diagnostic, ...]]:
    """What :func:`read` gives for a text with mistakes; what that takes is imported only now: most texts are right."""
    from cnndsl.lang.text.recovery import recovered

    result = recovered(machine, problem, Source(file, text), limits.diagnostics + 1)
    found = _ordered(_invisible(text, file, limits) + result.diagnostics, limits)
    whole = result.items is not None and len(found) <= limits.diagnostics
    return syntax.File(0, len(text), result.items or (), text, result.torn) if whole else None, found


def _invisible(text: str, file: str, limits: Limits) -> list[Diagnostic]:
    from cnndsl.lang.text.syntax_errors import invisible_characters

    return invisible_characters(_INVISIBLE, Source(file, text), limits.diagnostics + 1)


def _ordered(found: list[Diagnostic], limits: Limits) -> tuple[Diagnostic, ...]:
    found = sorted(dict.fromkeys(found), key=_place)
    if len(found) > limits.diagnostics:
        found[limits.diagnostics :] = [stopped(limits.diagnostics)]
    return tuple(found)


def decode(data: bytes, file: str) -> str:
    """The text of a ``.cnn`` file, which is UTF-8.

    Raises :class:`CnnError` (``not-utf8``) with the offset of the first byte that is not, and its line.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = normalized(data[: error.start].decode("utf-8"))
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"not UTF-8: byte 0x{data[error.start]:02X} at offset {error.start}, in line {line}"
        encoding = "this looks like UTF-16; " if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        is_model = file.endswith(".keras")
        raise CnnError.of(
            "not-utf8",
            message,
            f"cnndsl import {file}" if is_model else f"{encoding}save the file as UTF-8",
            span=Span(file, line, column, line, column + 1),
        ) from None


def normalized(text: str) -> str:
    """A text without byte-order mark, its lines ended by ``\\n``."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    span = diagnostic.span
    return (span.line, span.column) if span else (0, 0)
