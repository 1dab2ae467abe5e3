"""Text to syntax tree."""

import re
from collections.abc import Callable
from functools import cache
from typing import NoReturn, cast

from lark.exceptions import UnexpectedToken
from lark.lexer import Token as LarkToken

from cnndsl.errors import CnnError, Diagnostic, Source, Span
from cnndsl.lang import syntax, syntax_errors
from cnndsl.lang.grammar import lark_parser, vocabulary
from cnndsl.lang.lexer import Lexer, Refused
from cnndsl.lang.tree_builder import current_limits
from cnndsl.limits import DEFAULT_LIMITS, Limits

# Control characters but tab and newline, and halves of surrogate pairs: nothing that an editor would show.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def parse(text: str, file: str = "<text>", limits: Limits = DEFAULT_LIMITS) -> syntax.File:
    """The syntax tree of ``text``.

    A byte-order mark is taken off, and CRLF and lone CR become ``\\n``: offsets in the tree refer to ``File.text``.
    ``file`` is the name that diagnostics show. Any number of threads may parse at once.

    Raises :class:`CnnError` with one diagnostic: ``syntax``, ``bad-character``, ``bad-escape``, ``number-too-long``,
    ``nesting-too-deep`` or ``source-too-large``.
    """
    # No character is shorter than a byte: a text that is far too long is refused before it is encoded.
    if len(text) > limits.source_bytes or len(text.encode("utf-8", "surrogatepass")) > limits.source_bytes:
        raise CnnError.of(
            "source-too-large",
            f"the source has more than {limits.source_bytes:,} bytes",
            span=Span(file, 1, 1, 1, 1),
        )
    text = _normalized(text)
    invisible = _INVISIBLE.search(text)
    if invisible:
        source = Source(file, text)
        _refuse(syntax_errors.bad_character(invisible[0], invisible.start(), source), source)
    try:
        outcome = _run(text, limits)
    except Refused as refused:
        source = Source(file, text)
        _refuse(syntax_errors.refusal(refused, source), source)
    if isinstance(outcome, syntax_errors.Failure):
        source = Source(file, text)
        _refuse(syntax_errors.syntax_error(outcome, _known_mistakes(), source), source)
    return syntax.File(0, len(text), outcome, text)


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
        raise CnnError.of(
            "not-utf8",
            message,
            f"{encoding}save the file as UTF-8",
            span=Span(file, line, column, line, column + 1),
        ) from None


def _normalized(text: str) -> str:
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _run(text: str, limits: Limits) -> tuple[syntax.Item, ...] | syntax_errors.Failure:
    """The items of a file, or where the parser stopped; raises :class:`Refused`."""
    parser = lark_parser().parse_interactive()
    feed = parser.feed_token
    lexer = Lexer(text, vocabulary(), limits)
    outer_limits = current_limits.set(limits)
    items: object = ()
    try:
        for token in lexer:
            # Lark asks a token for its type only.
            items = feed(cast(LarkToken, token))
    except UnexpectedToken:
        state = parser.parser_state.position
        accepts = cast(Callable[[], set[str]], parser.accepts)
        expected = frozenset(accepts())
        return syntax_errors.Failure(cast(int, state), token, lexer.previous, tuple(lexer.open), expected)
    finally:
        current_limits.reset(outer_limits)
    return cast("tuple[syntax.Item, ...]", items)


@cache
def _known_mistakes() -> syntax_errors.KnownMistakes:
    def failure_of(example: str) -> syntax_errors.Failure:
        outcome = _run(example, DEFAULT_LIMITS)
        if isinstance(outcome, syntax_errors.Failure):
            return outcome
        raise ValueError(f"this mistake is none: {example}")

    return syntax_errors.learned(failure_of)


def _refuse(diagnostic: Diagnostic, source: Source) -> NoReturn:
    raise CnnError([diagnostic], {source.file: source.text})
