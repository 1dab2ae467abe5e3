"""Mistakes of the text whose mending is plain: the diagnostic says what to write, and its fix writes it."""

import re
from collections.abc import Callable

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
_SHAPE = re.compile(r"\b[0-9]{1,9}(?:[ \t]{1,9}[0-9]{1,9}){1,9}(?=[ \t]*(?:[;\n#]|$|as\b|dtype\b))")
_MERGE = re.compile(rf"\b({'|'.join(ops.MERGES)})[ \t]*$")
_WORD = re.compile(r"[A-Za-z]+")
_STATEMENT_START = re.compile(r"[\n;{}]|->")
_WORDS = re.compile(r"//[ \t]*[A-Za-z]\S*[ \t]+\S")
_CONDITION = re.compile(r"(?:if|else[ \t]+if)\b")
_MOST = 2_000


def rewritten(failure: Failure, source: Source) -> Diagnostic | None:
    """The diagnostic of a mistake that shows what was meant, or None."""
    return next(filter(None, (rule(failure, source) for rule in _RULES)), None)


def _said(source: Source, failure: Failure, message: str, advice: str, place: tuple[int, int], new: str) -> Diagnostic:
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
    return _said(source, failure, "sizes are written with a small x", f"write {quoted(new)}", size.span(), new)


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
    if re.search(r"(?:^|[\n;{]|\s)input$", head):
        new = _shape(numbers)
        return _said(
            source, failure, "a shape is written without parentheses", f"write {quoted(new)}", size.span(), new
        )
    new = "x".join(numbers)
    message = "a size is written with the letter x, without parentheses"
    return _said(source, failure, message, f"write {quoted(new)}", size.span(), new)


def _shape(numbers: list[str]) -> str:
    """Sizes as a shape: channels are the first number or the last one, whichever is small."""
    if len(numbers) < 2:
        return numbers[0]
    first = int(numbers[0]) <= 4 < int(numbers[-1])
    channels, spatial = (numbers[0], numbers[1:]) if first else (numbers[-1], numbers[:-1])
    return f"{channels}@{'x'.join(spatial)}"


def _spaced_shape(failure: Failure, source: Source) -> Diagnostic | None:
    """``input 3 32 32``."""
    found, start = failure.found, _statement(failure, source)
    if found.type != "NUMBER" or not source.text.startswith("input", start):
        return None
    line_end = source.text.find("\n", found.start)
    shape = _SHAPE.search(source.text, start, line_end if line_end >= 0 else len(source.text))
    if not shape or found.start >= shape.end():
        return None
    new = _shape(_NUMBERS.findall(shape[0]))
    message = "channels and size of a shape stand around an `@`"
    return _said(source, failure, message, f"write {quoted(new)}", shape.span(), new)


def _merge_in_parentheses(failure: Failure, source: Source) -> Diagnostic | None:
    """``add ( ... )``."""
    opener = next((token.start for token in failure.open if token.value == "("), None)
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
    if depth or text[place] != ")" or "," in inside:
        found = failure.found
        return Diagnostic("syntax", message, source.span(found.start, found.end), help=(advice,))
    space = "" if source.text[opener - 1] in " \t" else " "
    before, after = ("" if inside[:1].isspace() else " "), ("" if inside[-1:].isspace() else " ")
    new = f"{space}{{{before}{inside}{after}}}"
    return _said(source, failure, message, advice, (opener, opener + place + 1), new)


def _comment(failure: Failure, source: Source) -> Diagnostic | None:
    """``// text``."""
    found = failure.found
    if found.type != "QUOTIENT":
        return None
    if not first_on_line(source.text, found) and not (
        source.text[found.start - 1 : found.start].isspace() and _WORDS.match(source.text, found.start)
    ):
        return None
    return _said(source, failure, "a comment begins with `#`", "write `#`", (found.start, found.end), "#")


def _capital_keyword(failure: Failure, source: Source) -> Diagnostic | None:
    """``If``, ``For``, ``Expect``."""
    start = _statement(failure, source)
    word = _WORD.match(source.text, start)
    if not word or word[0] == word[0].lower() or word[0].lower() not in vocabulary().keywords:
        return None
    if word.end() >= failure.found.end or source.text[word.end() : word.end() + 1] not in (" ", "\t"):
        return None
    small = word[0].lower()
    message = f"{quoted(word[0])} is written small: {quoted(small)}"
    return _said(source, failure, message, f"write {quoted(small)}", word.span(), small)


def _equality(failure: Failure, source: Source) -> Diagnostic | None:
    """``if x = 3``."""
    found = failure.found
    if found.type != "EQUAL" or not _CONDITION.match(source.text, _statement(failure, source)):
        return None
    message = "`=` stands between a name and its value; a comparison is written `==`"
    return _said(source, failure, message, "write `==`", (found.start, found.end), "==")


def _statement(failure: Failure, source: Source) -> int:
    """Where the statement or stage begins that the parser stopped in."""
    start = max(failure.found.start - _MOST, source.text.rfind("\n", 0, failure.found.start) + 1, 0)
    starts = [match.end() for match in _STATEMENT_START.finditer(source.text, start, failure.found.start)]
    start = starts[-1] if starts else start
    while source.text[start : start + 1] in (" ", "\t"):
        start += 1
    return start


_RULES: tuple[Callable[[Failure, Source], Diagnostic | None], ...] = (
    _size_letter,
    _parenthesised_size,
    _spaced_shape,
    _merge_in_parentheses,
    _comment,
    _capital_keyword,
    _equality,
)
