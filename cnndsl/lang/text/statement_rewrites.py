"""Statements as other languages write them, and how they are written here: assignments, loops, arrows, keywords."""

import re
from collections.abc import Callable

from cnndsl import ops
from cnndsl.errors import Diagnostic, Source, quoted
from cnndsl.lang.synonyms import exact_operator, keyword_meant
from cnndsl.lang.text.lalr_machine import Failure
from cnndsl.lang.text.lexer import UNEXPECTED
from cnndsl.lang.text.rewrites import said, statement_start
from cnndsl.lang.text.syntax_errors import lexical

_ARROW = re.compile(r"(?:[-=~]{1,3}[ \t]?>{1,2}|\|>|>{1,2}|\|)(?=[ \t]*(?P<word>[A-Za-z_]\w{0,60}))")
_NAMED_LAYER = re.compile(
    r"(?:let[ \t]+)?(?P<name>[A-Za-z_]\w{0,60})[ \t]*[:=][ \t]*(?P<layer>(?P<word>[A-Za-z_]\w{0,60})\b[^\n;#{}]{0,500})"
)
_ASSIGNED = re.compile(r"(?:let|param)[ \t]+\w+[ \t]*(?P<sign>:=?)")
_FOR = re.compile(r"for[ \t]+(?P<name>\w+)[ \t]+in[ \t]+")
_FOR_IN_PARENTHESES = re.compile(r"for[ \t]*\((?P<head>[^{}\n]{1,200})\)(?=[ \t]*\{)")
_ROW = re.compile(r"[^\s,()\[\]{}]{1,60}(?:[ \t]*,[ \t]*[^\s,()\[\]{}]{1,60}){1,50}(?=[ \t]*\{)")
_RANGE = re.compile(r"range[ \t]+(?P<count>\w{1,60})(?=[ \t]*\{)")
_FROM_TO = re.compile(r"(?P<first>[0-9]{1,9})[ \t]*(?:\.{2,3}|:|\bto\b)[ \t]*(?P<last>[0-9]{1,9})")
_WORD = re.compile(r"[A-Za-z_]+(?=[ \t])")
_SETTING = re.compile(r"\w{1,60}(?P<sign>[ \t]*[:=][ \t]*)")
_TRAIN = re.compile(r"train[ \t]*\Z")
_CHARACTERS = {
    **dict.fromkeys("→⟶⇒", "->"),
    **dict.fromkeys("−–—", "-"),
    **dict.fromkeys("“”„", '"'),
    **dict(zip("≤≥≠", ("<=", ">=", "!="), strict=True)),
    **{"&&": "and", "||": "or", "&": "and"},
}


def rewritten(failure: Failure, source: Source) -> Diagnostic | None:
    """The diagnostic of a statement that shows what was meant, or None."""
    return next(filter(None, (rule(failure, source) for rule in _RULES)), None)


def _arrow(failure: Failure, source: Source) -> Diagnostic | None:
    """``conv 8 3x3 | relu``, ``=> relu``, ``> relu``, ``--> relu``."""
    start = failure.found.start
    arrow = _ARROW.match(source.text, start)
    if not arrow or not failure.previous or arrow[0] == "->" or not exact_operator(arrow["word"], ops.NAMES):
        return None
    return said(source, failure, "what flows on is written `->`", "write `->`", (start, arrow.end()), "->")


def _character(failure: Failure, source: Source) -> Diagnostic | None:
    """Signs as they are printed, or as other languages have them."""
    found = failure.found
    if found.type != UNEXPECTED:
        return None
    two = source.text[found.start : found.start + 2]
    sign = two if two in _CHARACTERS else two[:1]
    if sign not in _CHARACTERS:
        return None
    place = (found.start, found.start + len(sign))
    told = lexical(found, source)
    new = _CHARACTERS[sign]
    if new.isalpha():
        before, after = source.text[place[0] - 1 : place[0]], source.text[place[1] : place[1] + 1]
        new = f"{'' if before.isspace() else ' '}{new}{'' if after.isspace() else ' '}"
    return told._replace(fixes=said(source, failure, told.message, told.help[0], place, new).fixes)


def _named_layer(failure: Failure, source: Source) -> Diagnostic | None:
    """``x = conv 8 3x3``, ``let x = conv 8 3x3``, ``x: conv 8 3x3``."""
    named = _NAMED_LAYER.match(source.text, statement_start(failure, source))
    if not named or failure.found.start >= named.end() or not exact_operator(named["word"], ops.NAMES):
        return None
    if not named.start("name") < failure.found.start <= named.end("word") + 1:
        return None
    layer = named["layer"].rstrip()
    new = f"{layer} as {named['name']}"
    end = named.start("layer") + len(layer)
    message = "a layer gets its name behind it, by `as`"
    if source.text[named.end() : named.end() + 1] in ("{", "}") or " as " in layer or layer.endswith("->"):
        return Diagnostic("syntax", message, source.span(named.start(), end), help=("as in `conv 8 3x3 as name`",))
    return said(source, failure, message, f"write {quoted(new)}", (named.start(), end), new)


def _assignment(failure: Failure, source: Source) -> Diagnostic | None:
    """``let x := 3``, ``param c: 3``."""
    signed = _ASSIGNED.match(source.text, statement_start(failure, source))
    if not signed or failure.found.start != signed.start("sign"):
        return None
    place = signed.span("sign")
    new = "=" if source.text[place[0] - 1].isspace() or place[1] - place[0] > 1 else " ="
    return said(source, failure, "between a name and its value stands `=`", "write `=`", place, new)


def _loop(failure: Failure, source: Source) -> Diagnostic | None:
    """``for i in range 3 {``, ``for c in 8, 16 {``, ``for (c in xs) {``, ``for i in 1..3 {``."""
    start, text = statement_start(failure, source), source.text
    whole = _FOR_IN_PARENTHESES.match(text, start)
    if whole and failure.found.value == "(":
        new = f"for {whole['head'].strip()}"
        return said(source, failure, "`for` has no parentheses", f"write {quoted(new)}", whole.span(), new)
    loop = _FOR.match(text, start)
    if not loop:
        return None
    row = _ROW.match(text, loop.end())
    if row and failure.found.value == ",":
        new = f"[{row[0]}]"
        return said(source, failure, "a list stands between `[` and `]`", f"write {quoted(new)}", row.span(), new)
    count = _RANGE.match(text, loop.end())
    if count and failure.found.start == count.start("count"):
        new = f"range({count['count']})"
        return said(
            source, failure, "`range` takes its bounds in parentheses", f"write {quoted(new)}", count.span(), new
        )
    bounds = _FROM_TO.match(text, loop.end())
    if not bounds:
        return None
    first, last = int(bounds["first"]), int(bounds["last"])
    advice = f"{quoted(f'range({first}, {last + 1})')} counts from {first} to {last}"
    message = "what a loop counts through is a list, or `range(...)`"
    return Diagnostic("syntax", message, source.span(*bounds.span()), help=(advice,))


def _setting(failure: Failure, source: Source) -> Diagnostic | None:
    """``epochs = 3`` and ``epochs: 3`` inside ``train { }``."""
    brace = failure.open[-1] if failure.open else None
    if not brace or brace.value != "{" or not _TRAIN.search(source.text[max(brace.start - 20, 0) : brace.start]):
        return None
    setting = _SETTING.match(source.text, statement_start(failure, source))
    if not setting or not setting.start("sign") <= failure.found.start < setting.end():
        return None
    message = "what a setting of training is set to stands behind its word"
    advice = "write `epochs 60`; only the parts of a setting have a `=`, as in `optimizer sgd lr=0.1`"
    return said(source, failure, message, advice, setting.span("sign"), " ")


def _keyword(failure: Failure, source: Source) -> Diagnostic | None:
    """``assert params == 3``, ``def B(c) {``."""
    start = statement_start(failure, source)
    word = _WORD.match(source.text, start)
    here = keyword_meant(word[0]) if word else None
    if not word or not here or failure.found.start < word.end():
        return None
    message = f"{quoted(word[0])} is not a word of the language"
    told = said(source, failure, message, f"write {quoted(here)}", word.span(), here)
    return told._replace(span=source.span(*word.span()))


_RULES: tuple[Callable[[Failure, Source], Diagnostic | None], ...] = (
    _arrow,
    _named_layer,
    _assignment,
    _loop,
    _setting,
    _keyword,
    _character,
)
