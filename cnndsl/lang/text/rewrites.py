"""Mistakes of the text whose mending is plain: the diagnostic says what to write, and its fix writes it."""

import re
from collections.abc import Callable, Sequence

from cnndsl import ops
from cnndsl.errors import Diagnostic, Fix, Source, quoted, shortened
from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.indentation import first_on_line
from cnndsl.lang.text.lalr_machine import Failure
from cnndsl.lang.text.lexer import UNEXPECTED
from cnndsl.lang.text.syntax_errors import lexical

_SIZE = re.compile(r"[0-9]+(?:[xX×][0-9]+)+(?![A-Za-z0-9_.])")
_TUPLE = re.compile(r"\(\s*[0-9]+\s*(?:,\s*[0-9]+\s*)*,?\s*\)")
_NUMBERS = re.compile(r"[0-9]+")
_INPUT = re.compile(
    r"input\b[ \t]{0,9}(?P<sign>[=:]?[ \t]{0,9}(?:shape[ \t]{0,9}=)?)[ \t]{0,9}(?P<bracketed>[(\[]?"
    r"(?P<shape>(?:[0-9]{1,9}@)?[0-9]{1,9}(?:(?:[ \t]{0,9}[,x][ \t]{0,9}|[ \t]{1,9})[0-9]{1,9}){0,9})"
    r"[)\]]?)(?=[ \t]*(?:[;\n#]|$|as\b|dtype\b))"
)
_LIST = re.compile(r"(?:\bin|\b(?:let|param)[ \t]+\w+[ \t]*=)$")
_MERGE = re.compile(rf"\b({'|'.join(ops.MERGES)})[ \t]*$")
_PAIRS = {"(": ")", "[": "]"}
_WORD = re.compile(r"[A-Za-z]+")
_STATEMENT_START = re.compile(r"[\n;{}]|->")
_COMMENT = re.compile(r"//|--(?=[ \t])|/\*(?P<inside>[^*\n]{0,500})\*/")
_WORDS = re.compile(r"(?://|--)[ \t]*[A-Za-z]\S*[ \t]+\S|/\*")
_CONDITION = re.compile(r"(?:if|else[ \t]+if)\b")
_SIGN = re.compile(r"[=!<>]+")
_COMPARISONS = {"===": "==", "!==": "!=", "<>": "!=", "=<": "<=", "=>": ">="}
_MOST = 2_000


def rewritten(failure: Failure, source: Source) -> Diagnostic | None:
    """The diagnostic of a mistake that shows what was meant, or None."""
    return next(filter(None, (rule(failure, source) for rule in _RULES)), None)


def said(source: Source, failure: Failure, message: str, advice: str, place: tuple[int, int], new: str) -> Diagnostic:
    """The diagnostic of a mistake at ``place``, where ``new`` is to stand."""
    found = failure.found
    inside = place[0] <= found.start <= place[1] and "\n" not in source.text[place[0] : place[1]]
    span = source.span(*place) if inside else source.span(found.start, found.end)
    fix = Fix(f"write {shortened(new)}" if "\n" not in new else advice, source.span(*place), new, safe=True)
    return Diagnostic("syntax", message, span, help=(advice,), fixes=(fix,))


def _size_letter(failure: Failure, source: Source) -> Diagnostic | None:
    """``3X3`` and ``3×3``."""
    found = failure.found
    if found.type != UNEXPECTED:
        return None
    start = found.start
    while start and source.text[start - 1].isdigit() and start > found.start - 20:
        start -= 1
    size = _SIZE.match(source.text, start)
    if not size or found.start >= size.end():
        return None
    new = re.sub("[X×]", "x", size[0])
    if found.value == "×":
        fix = Fix(f"write {shortened(new)}", source.span(*size.span()), new, safe=True)
        return lexical(found, source)._replace(fixes=(fix,))
    return said(source, failure, "sizes are written with a small x", f"write {quoted(new)}", size.span(), new)


def _parenthesised_size(failure: Failure, source: Source) -> Diagnostic | None:
    """``(3, 3)``."""
    opener = failure.open[-1] if failure.open else None
    if failure.found.type != "COMMA" or not opener or opener.value != "(":
        return None
    size = _TUPLE.match(source.text, opener.start)
    if not size:
        return None
    numbers = _NUMBERS.findall(size[0])
    head = source.text[max(opener.start - 20, 0) : opener.start].rstrip(" \t")
    if _LIST.search(head):
        new = f"[{', '.join(numbers)}]"
        return said(source, failure, "a list stands between `[` and `]`", f"write {quoted(new)}", size.span(), new)
    new = "x".join(numbers)
    message = "a size is written with the letter x, without parentheses"
    return said(source, failure, message, f"write {quoted(new)}", size.span(), new)


def shape_of(numbers: Sequence[str]) -> str:
    """Sizes as a shape: channels are the first number or the last one, whichever is small; an image has one."""
    if len(numbers) < 2:
        return numbers[0]
    if int(numbers[0]) <= 4 < int(numbers[-1]):
        channels, *spatial = numbers
    elif len(numbers) == 2 and int(numbers[-1]) > 4:
        channels, spatial = "1", list(numbers)
    else:
        *spatial, channels = numbers
    return f"{channels}@{'x'.join(spatial)}"


def _input_shape(failure: Failure, source: Source) -> Diagnostic | None:
    """``input 3 32 32``, ``input 3, 32, 32``, ``input 3@32,32``, ``input = 3@32x32``, ``input shape=3@32x32``."""
    start, told = statement_start(failure, source), "a shape follows `input` without a sign between them"
    shape = _INPUT.match(source.text, start)
    if not shape or failure.found.start >= shape.end():
        if failure.found.type != "EQUAL" or not re.compile(r"input\b").match(source.text, start):
            return None
        return Diagnostic("syntax", told, source.span(start, failure.found.end), help=("write `input 3@32x32`",))
    channels, _, size = shape["shape"].rpartition("@")
    numbers = _NUMBERS.findall(size)
    new = f"{channels}@{'x'.join(numbers)}" if channels else shape_of(numbers)
    if shape["sign"].strip():
        message, place, written = told, shape.span(), f"input {new}"
    elif shape["bracketed"] != shape["shape"]:
        message, place, written = "a shape is written without parentheses", shape.span("bracketed"), new
    elif channels:
        message, place, written = "the sides of a size stand around the letter x", shape.span("shape"), new
    else:
        message, place, written = "channels and size of a shape stand around an `@`", shape.span("shape"), new
    return said(source, failure, message, f"write {quoted(written)}", place, written)


def _merge_in_parentheses(failure: Failure, source: Source) -> Diagnostic | None:
    """``add ( ... )`` and ``add [ ... ]``."""
    opener = next((token.start for token in failure.open if token.value in _PAIRS), None)
    if failure.found.type == "FUNCTION":
        opener = failure.found.end
    merge = _MERGE.search(source.text[max(opener - 20, 0) : opener]) if opener else None
    if not merge or opener is None:
        return None
    text = source.text[opener : opener + _MOST]
    depth, place = 1, 0
    while depth and place + 1 < len(text):
        place += 1
        depth += (text[place] in "([{") - (text[place] in ")]}")
    message = f"the branches of {merge[1]} stand between braces"
    advice = f"write {quoted(f'{merge[1]} {{ ... }}')}"
    inside = text[1:place]
    if depth or text[place] != _PAIRS[text[0]] or "," in inside:
        found = failure.found
        return Diagnostic("syntax", message, source.span(found.start, found.end), help=(advice,))
    space = "" if source.text[opener - 1] in " \t" else " "
    before, after = ("" if inside[:1].isspace() else " "), ("" if inside[-1:].isspace() else " ")
    new = f"{space}{{{before}{inside}{after}}}"
    return said(source, failure, message, advice, (opener, opener + place + 1), new)


def _comment(failure: Failure, source: Source) -> Diagnostic | None:
    """``// text``, ``/* text */``, ``-- text``."""
    found, text = failure.found, source.text
    mark = _COMMENT.match(text, found.start)
    if not mark or text[found.start - 1 : found.start] not in ("", " ", "\t", "\n"):
        return None
    behind_size = failure.previous is not None and failure.previous.type == "SIZE"
    if not first_on_line(text, found) and not behind_size and not _WORDS.match(text, found.start):
        return None
    message, place = "a comment begins with `#`", (found.start, mark.end())
    if mark["inside"] is None:
        return said(source, failure, message, "write `#`", place, "#")
    alone = re.compile(r"[ \t]*(?:\n|$)").match(text, mark.end())
    new = f"#{mark['inside'].rstrip()}" if alone else ""
    return said(source, failure, message, "write `#`", place, new)


def _capital_keyword(failure: Failure, source: Source) -> Diagnostic | None:
    """``If``, ``For``, ``Expect``."""
    start = statement_start(failure, source)
    word = _WORD.match(source.text, start)
    if not word or word[0] == word[0].lower() or word[0].lower() not in vocabulary().keywords:
        return None
    if word.end() >= failure.found.end or source.text[word.end() : word.end() + 1] not in (" ", "\t"):
        return None
    small = word[0].lower()
    message = f"{quoted(word[0])} is written small: {quoted(small)}"
    return said(source, failure, message, f"write {quoted(small)}", word.span(), small)


def _comparison(failure: Failure, source: Source) -> Diagnostic | None:
    """``if x = 3``, ``x === 3``, ``x <> 3``, ``x =< 3``."""
    found = failure.found
    if found.type not in ("EQUAL", "COMPARISON"):
        return None
    start = found.start
    while source.text[start - 1 : start] in ("=", "!", "<", ">") and start > found.start - 2:
        start -= 1
    sign = _SIGN.match(source.text, start)
    if not sign or not start <= found.start < sign.end():
        return None
    if sign[0] != "=":
        new = _COMPARISONS.get(sign[0])
        message = f"{quoted(sign[0])} is no comparison"
        return said(source, failure, message, f"write {quoted(new)}", sign.span(), new) if new else None
    if not _CONDITION.match(source.text, statement_start(failure, source)):
        return None
    message = "`=` stands between a name and its value; a comparison is written `==`"
    return said(source, failure, message, "write `==`", sign.span(), "==")


def statement_start(failure: Failure, source: Source) -> int:
    """Where the statement or stage begins that the parser stopped in."""
    start = max(failure.found.start - _MOST, source.text.rfind("\n", 0, failure.found.start) + 1, 0)
    starts = [match.end() for match in _STATEMENT_START.finditer(source.text, start, failure.found.start)]
    start = starts[-1] if starts else start
    while source.text[start : start + 1] in (" ", "\t"):
        start += 1
    return start


_RULES: tuple[Callable[[Failure, Source], Diagnostic | None], ...] = (
    _size_letter,
    _input_shape,
    _parenthesised_size,
    _merge_in_parentheses,
    _comment,
    _capital_keyword,
    _comparison,
)
