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
    require_text(text)
    # No character is shorter than a byte: a text that is far too long is refused before it is encoded.
    if len(text) > limits.source_bytes or len(text.encode("utf-8", "surrogatepass")) > limits.source_bytes:
        raise CnnError.of(
            "source-too-large",
            f"the source has more than {limits.source_bytes:,} bytes",
            span=Span(file, 1, 1, 1, 1),
        )
    text = _normalized(text)
    invisible = _INVISIBLE.search(text)
    machine = Machine(_INVISIBLE.sub(" ", text) if invisible else text, limits)
    try:
        items = machine.read()
    except (UnexpectedToken, Refused) as problem:
        raise _refusal(text, file, limits, machine, problem) from None
    if invisible:
        raise _refusal(text, file, limits)
    return syntax.File(0, len(text), items, text)


def _refusal(
    text: str,
    file: str,
    limits: Limits,
    machine: Machine | None = None,
    problem: UnexpectedToken | Refused | None = None,
) -> CnnError:
    """Everything that is wrong with a text, imported only now: most texts are right."""
    from cnndsl.lang.text import recovery, syntax_errors

    source = Source(file, text)
    found = syntax_errors.invisible_characters(_INVISIBLE, source, limits.diagnostics + 1)
    if machine and problem:
        found += recovery.diagnostics_of(machine, problem, source, limits.diagnostics + 1)
    found = sorted(dict.fromkeys(found), key=_place)
    if len(found) > limits.diagnostics:
        found[limits.diagnostics :] = [stopped(limits.diagnostics)]
    return CnnError(found, {file: text})


def decode(data: bytes, file: str) -> str:
    """The text of a ``.cnn`` file, which is UTF-8.

    Raises :class:`CnnError` (``not-utf8``) with the offset of the first byte that is not, and its line.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = _normalized(data[: error.start].decode("utf-8"))
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


def _normalized(text: str) -> str:
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    span = diagnostic.span
    return (span.line, span.column) if span else (0, 0)
