"""What to say about a text that is not in the language.

:data:`MISTAKES` teaches by example: it maps what people write to what they are told. An example is recognised by the
state in which it leaves the parser and the token that the parser could not take, so it stands for every text that
goes wrong in the same way. The tests run the same table.
"""

import re
from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from cnndsl.errors import Diagnostic, Fix, Label, Source, either, quoted
from cnndsl.lang.text.indentation import Gaps, first_on_line, surplus
from cnndsl.lang.text.lalr_machine import Failure
from cnndsl.lang.text.lexer import END, RESERVED, UNEXPECTED, Refused, Token


class Mistake(NamedTuple):
    """A common mistake: texts that make it, what is wrong, what to write."""

    examples: tuple[str, ...]
    message: str
    help: str


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        ("conv(8, 3)", "relu -> conv(8)", "relu\nconv(8)", "add { conv(8) }", "add {\n relu\n conv(8)\n}"),
        "layers are not called with parentheses",
        "arguments stand behind the word, separated by spaces: `conv 8 3x3 pad=1`",
    ),
    Mistake(
        (
            "conv -1",
            "conv 8 -1",
            "conv 8 +1",
            "conv 4*w",
            "conv w/2",
            "conv k//2",
            "conv k%2",
            "conv 2**k",
            "conv a < b",
            "train { seed -1 }",
            "train { stop 3 -1 }",
            "train { clip 1/2 }",
        ),
        "an operator in a positional argument needs parentheses",
        "write `(-1)` for a negative number, `(4*w)` for a product; `pad=k//2` needs none",
    ),
    Mistake(
        (
            *("conv 8, 3x3", "conv, 8", "conv pad=1, stride=2", "input 1@8, dtype=float32"),
            *("train { loss mse, batch 3 }", "train { loss, batch 3 }", "train { stop patience=1, min_delta=0 }"),
        ),
        "arguments are separated by spaces, not by commas",
        "write `conv 8 3x3 pad=1`",
    ),
    Mistake(("output a, b",), "the names of `output` are separated by spaces, not by commas", "write `output a b`"),
    Mistake(
        ("output", "add { output }"),
        "`output` names no value",
        "name a layer with `as`, then write `output name`; without an `output` the last value is the result",
    ),
    Mistake(
        ("symbol H W",),
        "the names of `symbol` are separated by commas",
        "write `symbol H, W`, or with defaults `symbol H = 224, W = 224`",
    ),
    Mistake(("input", "input\nrelu"), "an `input` has a shape", "write `input 3@32x32`"),
    Mistake(
        ("expect output == 8@6x6", "expect input == 3"),
        "`output` and `input` begin a statement and stand for no value",
        "the shape of the value above is written alone: `expect 8@6x6`",
    ),
    Mistake(
        ("Up 16 skip=from d1",),
        "`from` begins a stage, and an argument is a name or a number",
        "write `Up 16 skip=d1`, without `from`",
    ),
    Mistake(
        ("conv 8 3x3 from d1", "conv 8 from d1", "relu from d1", "conv w from d1", "conv 8 pad=1 from d1"),
        "`from` begins a stage, and has no place behind another",
        "write `from d1 -> conv 8 3x3`",
    ),
    Mistake(
        ("expect params = 3", "expect C1.params = 3", "expect w[0] = 1", "expect max(a, b) = 1", "expect 3 = a"),
        "`=` stands between a name and its value; a comparison is written `==`",
        "write `expect params == 61_706`",
    ),
    Mistake(
        ("width = 64",),
        "a value is given to a name by `let` or `param`",
        "write `let width = 64`, or `param width = 64` for a setting that can be changed from outside",
    ),
    Mistake(
        ("repeat { relu }", "repeat {\n relu\n}", "add { repeat { relu } }"),
        "`repeat` needs the number of turns",
        "write `repeat 3 { relu }`",
    ),
    Mistake(
        ("param c", "param c\nrelu", "network A { param c }"),
        "a `param` has a default, which holds where nothing else is set",
        "write `param c = 10`",
    ),
    Mistake(
        ("let c", "let c\nrelu", "add { let c }"),
        "a `let` gives a name a value",
        "write `let c = 10`",
    ),
    Mistake(
        ("expect a < b < c",),
        "comparisons cannot be chained",
        "write `a < b and b < c`",
    ),
    Mistake(
        ("import blocks.cnn", "import"),
        "`import` takes the name of a file in quotes",
        'write `import "blocks.cnn"`',
    ),
    Mistake(
        ("relu ->", "relu ->\nrelu", "add { relu -> }"),
        "nothing follows this `->`",
        "a pipeline that goes on over several lines has its `->` at the start of the next line",
    ),
    Mistake(
        ("-> relu", "relu; -> relu", "add { -> relu }", "add {\n relu; -> relu }"),
        "nothing comes before this `->`",
        "a newline already means what `->` means: the value above flows into the layer below",
    ),
    Mistake(
        ("input 1@28x28 relu", "input 1@28x28 -> relu", "input 1@28x28 conv 8", "input 1@28x28 maxpool 2x2"),
        "an `input` line holds a shape, `dtype=` and `as name`, no layer",
        "put the layer on a line of its own",
    ),
    Mistake(
        (
            *("repeat 3 conv 8", "for x in xs conv 8", "if a conv 8", "if a { } else relu"),
            *("repeat 3 (conv 8)", "repeat n (conv 8)", "repeat 3 [conv 8]", "if a == b [conv 8]"),
        ),
        "the layers of `repeat`, `for`, `if` and `else` stand between braces",
        "write `repeat 3 { conv 8 }`",
    ),
    Mistake(
        (
            "network A\n{ }",
            "block B\n{ }",
            "block B(a)\n{ }",
            "repeat 3\n{ }",
            "repeat 3 as i\n{ }",
            "for x in xs\n{ }",
            "train\n{ }",
            "if a\n{ }",
            "if a { } else\n{ }",
        ),
        "the `{` stands on the same line as what it belongs to",
        "write `network Name {` and the body on the lines below",
    ),
    Mistake(
        ("train { batch 3 -> epochs 3 }", "train { loss mse -> epochs 3 }", "train { loss -> epochs 3 }"),
        "settings of training do not flow",
        "put each on a line of its own",
    ),
    Mistake(
        ("network A(b) { }",),
        "a network has no parameters in parentheses",
        "write its settings inside: `param classes = 1000`",
    ),
    Mistake(
        ("else { relu }", "relu\nelse { relu }", "add { else { relu } }", "add { relu\nelse { relu } }"),
        "this `else` belongs to no `if`",
        "`else` stands directly behind the `}` of an `if`, on its line or on the next",
    ),
)

_CHARACTERS: Mapping[str, str] = {
    "×": "sizes are written with the letter x: `3x3`",
    ":": "a keyword argument is written `name=value`, a body stands between `{` and `}`",
    "−–—": "the minus sign is the hyphen on the keyboard: `-`",
    "→⟶⇒": "the arrow is written `->`",
    "“”„‘’'«»`": 'strings stand between straight double quotes: `"blocks.cnn"`',
    "≤≥≠": "comparisons are written `<=`, `>=`, `==` and `!=`",
    "÷": "division is written `/`, or `//` for the whole part",
    "^": "powers are written `2**k`",
    "!": "negation is written `not a`, inequality `a != b`",
    "&": "write `and`",
    "|": "write `or`",
    "\\": "lines need no backslash to go on: start the next line with `->`, or use brackets",
    "…": "three dots mean nothing here: write the layers out, or use `repeat`",
}

_SEPARATORS = frozenset({"_SEP", END})
# In the order in which they are offered; a group is named when the first of its terminals is expected.
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a statement", ("EXPECT", "INPUT", "OUTPUT", "PARAM", "LET", "SYMBOL", "TRAIN", "NETWORK", "BLOCK", "IMPORT")),
    ("a layer", ("FROM", "REPEAT", "FOR")),
    ("a value", ("NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "MINUS", "NOT", "IN", "FUNCTION", "LPAR", "LSQB")),
    ("a string in quotes", ("STRING",)),
    ("a name", ("NAME",)),
    ("an operator", ("STAR", "PLUS", "MINUS", "SLASH", "QUOTIENT", "PERCENT", "POWER", "COMPARISON", "AND", "OR")),
    ("the end of the line", ("_SEP",)),
    ("the end of the file", (END,)),
)
# Possible nearly everywhere, and hardly ever what was meant.
_UNSAID = frozenset({"INDEX", "DOT", "AT", "IF", "AS", "LBRACE", "POWER", "FUNCTION"})
_PUNCTUATION = {
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "LBRACE": "{",
    "RBRACE": "}",
    "COMMA": ",",
    "EQUAL": "=",
    "ARROW": "->",
    "DOT": ".",
    "AT": "@",
    "INDEX": "[",
}
_PARTNERS = {")": "(", "]": "[", "}": "{"}
_CLOSERS = {opening: closing for closing, opening in _PARTNERS.items()}
_GLUED = re.compile(r"[0-9][A-Za-z0-9_.]*")
_OPEN_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*\\?')

KnownMistakes = Mapping[tuple[int, str], Mistake]


def learned(failure_of: Callable[[str], Failure]) -> KnownMistakes:
    """:data:`MISTAKES` by parser state and unexpected terminal; ``failure_of`` tells where the parser stops."""
    known: dict[tuple[int, str], Mistake] = {}
    for mistake in MISTAKES:
        for example in mistake.examples:
            failure = failure_of(example)
            known.setdefault((failure.state, failure.found.type), mistake)
            if failure.found.type == END:
                known.setdefault((failure.state, "_SEP"), mistake)
    return known


def refusal(refused: Refused, source: Source) -> Diagnostic:
    """The diagnostic of a text that was refused by the lexer or the tree builder."""
    return Diagnostic(refused.code, refused.message, source.span(refused.start, refused.end), help=refused.help)


def syntax_errors(failure: Failure, known: KnownMistakes, source: Source, gaps: Gaps) -> list[Diagnostic]:
    """The diagnostics of one place that the grammar does not allow; several where several brackets are missing."""
    found = failure.found
    if found.type == UNEXPECTED:
        return [lexical(found, source)]
    missing = _missing_brackets(failure, source, gaps)
    return missing or [_bracket(failure, source) or _word(failure, source) or _grammatical(failure, known, source)]


def _grammatical(failure: Failure, known: KnownMistakes, source: Source) -> Diagnostic:
    """A known mistake if it is one, else what was expected."""
    found = failure.found
    mistake = known.get((failure.state, found.type))
    if mistake:
        return _at(found, source, mistake.message, mistake.help)._replace(fixes=_fixes(failure, mistake, source))
    message = f"expected {_alternatives(failure.expected)}, found {_described(found)}"
    diagnostic = _at(found, source, message)
    opener = failure.open[-1] if failure.open else None
    if opener and opener.value != "{":
        label = Label(source.span(opener.start, opener.end), f"inside this `{opener.value}`")
        diagnostic = diagnostic._replace(labels=(label,))
        if failure.previous and first_on_line(source.text, found):
            # What is missing is missing at the end of the line above.
            diagnostic = diagnostic._replace(span=source.span(failure.previous.end, failure.previous.end))
    return diagnostic


def _fixes(failure: Failure, mistake: Mistake, source: Source) -> tuple[Fix, ...]:
    """What stands for a token that has no place here, if there is no doubt."""
    found, previous = failure.found, failure.previous
    if found.type == "COMMA":
        instead = "" if source.text[found.end : found.end + 1].isspace() else " "
        return (Fix("leave the comma out", source.span(found.start, found.end), instead, safe=True),)
    if found.type == "EQUAL" and "comparison" in mistake.message:
        return (Fix("write ==", source.span(found.start, found.end), "==", safe=True),)
    if found.type == "EQUAL" and previous and first_on_line(source.text, previous):
        return (Fix("write let", source.span(previous.start, previous.start), "let ", safe=True),)
    return ()


def _at(token: Token, source: Source, message: str, *help: str) -> Diagnostic:
    # A separator may reach over many lines; its place is where the first of them ends.
    end = token.start if token.type in _SEPARATORS and token.value != ";" else token.end
    return Diagnostic("syntax", message, source.span(token.start, end), help=help)


def lexical(found: Token, source: Source) -> Diagnostic:
    """The diagnostic of a character that begins no token."""
    character = found.value
    if character in "0123456789":
        glued = _GLUED.match(source.text, found.start)
        end = glued.end() if glued else found.end
        help = (
            "numbers are written 3, 1_000, 0.5, 1e-5 or 62K, sizes 3x3; "
            "a space or an operator separates them from what follows"
        )
        message = f"{quoted(source.text[found.start : end])} is not a number"
        return Diagnostic("syntax", message, source.span(found.start, end), help=(help,))
    if character == '"':
        string = _OPEN_STRING.match(source.text, found.start)
        end = string.end() if string else found.end
        help = 'a string ends with `"` on the line on which it starts'
        return Diagnostic("syntax", "this string is never closed", source.span(found.start, end), help=(help,))
    help = next((text for characters, text in _CHARACTERS.items() if character in characters), "")
    if not help and character.isalpha():
        help = "names are made of the letters a to z, A to Z, digits and `_`"
    elif not help and character.isdigit():
        help = "digits are 0 to 9"
    return bad_character(character, found.start, source, *([help] if help else []))


def bad_character(character: str, offset: int, source: Source, *help: str) -> Diagnostic:
    """The diagnostic of a character that has no place in a ``.cnn`` file."""
    if character.isprintable() and ord(character) < 128:
        shown = quoted(character)
    else:
        shown = (
            f"{quoted(character)} (U+{ord(character):04X})" if character.isprintable() else f"U+{ord(character):04X}"
        )
    message = f"unexpected character {shown}"
    return Diagnostic("bad-character", message, source.span(offset, offset + 1), help=help)


def invisible_characters(pattern: re.Pattern[str], source: Source, most: int) -> list[Diagnostic]:
    """The first such character of every line, ``most`` of them."""
    found: list[Diagnostic] = []
    match = pattern.search(source.text)
    while match and len(found) < most:
        found.append(bad_character(match[0], match.start(), source))
        line_end = source.text.find("\n", match.end())
        match = pattern.search(source.text, line_end) if line_end >= 0 else None
    return found


def _missing_brackets(failure: Failure, source: Source, gaps: Gaps) -> list[Diagnostic]:
    """The brackets that, by the indentation, should have been closed above."""
    found = failure.found
    if not failure.open or (failure.open[-1].value == "{" and found.type not in (END, "NETWORK", "BLOCK", "IMPORT")):
        return []
    first = next(token for token in failure.open if (token.value == "{") == (failure.open[-1].value == "{"))
    # The unexpected token's own line counts; at the end of the file there is none.
    places = gaps.between(first.start, found.end)
    if len(places) != len(failure.open):
        places = places[:1]
    return [
        Diagnostic(
            "syntax",
            f"a `{_CLOSERS[opener.value]}` is missing here",
            source.span(place, place),
            labels=(
                Label(source.span(opener.start, opener.end), f"by the indentation, this `{opener.value}` ends there"),
            ),
        )
        for opener, place in places
    ]


def _bracket(failure: Failure, source: Source) -> Diagnostic | None:
    found = failure.found
    opener = failure.open[-1] if failure.open else None
    if opener:
        place = source.span(opener.start, opener.end)
        if found.type == END:
            end = Label(source.span(found.start, found.start), "the file ends here")
            return Diagnostic("syntax", f"this `{opener.value}` is never closed", place, labels=(end,))
        if found.type in ("NETWORK", "BLOCK", "IMPORT"):
            message = f"`{found.value}` cannot stand inside `{opener.value}`"
            label = Label(place, f"this `{opener.value}` is still open")
            help = "a closing bracket is missing above, or this belongs outside"
            return _at(found, source, message, help)._replace(labels=(label,))
    partner = _PARTNERS.get(found.value)
    if partner is None or (opener and opener.value == partner):
        return None
    if opener is None or opener.value == "{":
        return _left_over(failure, source) or _at(found, source, f"no `{partner}` is open for this `{found.value}`")
    label = Label(source.span(opener.start, opener.end), f"this `{opener.value}` is still open")
    return _at(found, source, f"`{found.value}` does not close `{opener.value}`")._replace(labels=(label,))


def _left_over(failure: Failure, source: Source) -> Diagnostic | None:
    """Where the indentation says why a ``}`` has no partner."""
    found = failure.found
    reason = surplus(source.text, failure.since, found.start) if found.value == "}" else None
    if reason is None:
        return None
    label = Label(source.span(found.start, found.end), "no `{` is left for this `}`")
    if reason.brace:
        message = "this `}` is one too many, or a `{` is missing before it"
        return _at(reason.brace, source, message)._replace(labels=(label,))
    message = "a `{` is missing here: the lines below are indented"
    return Diagnostic("syntax", message, source.span(reason.place, reason.place), labels=(label,))


def _word(failure: Failure, source: Source) -> Diagnostic | None:
    """Numbers such as ``.5``, reserved words, keywords used as names, and what follows a ``}`` on its line."""
    found, previous = failure.found, failure.previous
    if found.type == "DOT" and source.text[found.end : found.end + 1].isdigit():
        return _at(found, source, "a number starts with a digit", "write `0.5`")
    if found.value in RESERVED:
        return _at(found, source, f"`{found.value}` is reserved for later versions", "choose another name")
    is_word = found.value.isidentifier() and found.type not in ("NAME", "FUNCTION")
    if is_word and "NAME" in failure.expected and failure.expected <= {"NAME", "LBRACE", "LSQB", "FUNCTION"}:
        return _at(found, source, f"`{found.value}` is a keyword and cannot be a name", "choose another name")
    if previous and previous.type == "RBRACE" and "_SEP" in failure.expected and found.type not in _SEPARATORS:
        if found.value in ("elif", "elseif", "elsif"):
            return _at(found, source, f"`{found.value}` is not a word of the language", "write `else if`")
        if found.value.isidentifier() and found.type != "ELSE":
            help = "start a new line, or write `;` or `->` between them"
            return _at(found, source, f"{quoted(found.value)} follows `}}` on the same line", help)
    return None


def _described(token: Token) -> str:
    if token.type == END:
        return "the end of the file"
    if token.type == "_SEP" and token.value != ";":
        return "the end of the line"
    return quoted(token.value)


def _alternatives(expected: Set[str]) -> str:
    remaining = set(expected)
    words = []
    for name, group in _GROUPS:
        if group[0] in remaining:
            words.append(name)
            remaining -= set(group)
            if name in ("a statement", "a layer", "a value"):
                remaining -= {"NAME", "FROM", "REPEAT", "FOR", "IF", "LBRACE", "NUMBER", "STRING"}
    if "a statement" in words:
        return "a statement"
    if "the end of the line" in words and "the end of the file" in words:
        words.remove("the end of the file")
    for terminal in sorted(remaining - (_UNSAID if words else set())):
        words.append(f"`{_PUNCTUATION.get(terminal, terminal.lower())}`")
    return either(words[:5]) if words else ""
