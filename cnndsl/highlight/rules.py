"""How to tell what is what, as patterns: what a TextMate grammar can say, and Python's ``re`` too.

Words and operators are those of the tables of the language, so that the rules know all of them. They read a text from
left to right without understanding it: what is a layer, a block or a name is told by where it stands.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias, get_args

from cnndsl import ops
from cnndsl.ir import Dtype
from cnndsl.lang.accepted import words
from cnndsl.lang.expressions.functions import FUNCTIONS
from cnndsl.lang.expressions.scope import MEASURES
from cnndsl.lang.text.parser_tables import TERMINALS
from cnndsl.ops.fields import leaves
from cnndsl.training_settings import Options, Training


class Match(NamedTuple):
    """A stretch of one line: ``kinds`` are those of the groups of the pattern, or without groups of all of it."""

    pattern: str
    kinds: tuple[str, ...]


class Region(NamedTuple):
    """All from one pattern to another, over lines too. What is inside is read by the named groups of rules, in order.

    ``kind`` is that of what no rule inside knows; without one there is nothing to colour. Where the end matches, it
    comes before the rules inside.
    """

    begin: str
    begin_kinds: tuple[str, ...]
    end: str
    end_kinds: tuple[str, ...]
    inside: tuple[str, ...]
    kind: str | None = None


Rule: TypeAlias = Match | Region

KEYWORDS = {
    **dict.fromkeys(("if", "else", "for", "in", "repeat"), "control"),
    **dict.fromkeys(("as", "from", "expect", "output"), "statement"),
    **dict.fromkeys(("block", "network", "input", "param", "let", "symbol", "train"), "declaration"),
    **dict.fromkeys(("and", "or", "not"), "logical"),
    **dict.fromkeys(("true", "false"), "truth"),
    "import": "import",
    "while": "reserved",
}

OPERATORS = {
    "->": "arrow",
    **dict.fromkeys(("==", "!=", "<=", ">=", "<", ">"), "comparison"),
    **dict.fromkeys(("**", "//", "+", "-", "*", "/", "%"), "arithmetic"),
    "=": "assignment",
    "@": "at",
    **dict.fromkeys(("(", ")", "[", "]", "{", "}"), "bracket"),
    **dict.fromkeys((",", ";", "."), "punctuation"),
}

_TERMINALS = {name: text for name, text, _, _ in TERMINALS}
_NAME = f"(?<![A-Za-z0-9_]){_TERMINALS['NAME']}"
_LINE_ENDS = r"(?=$|[;{}#])"
_EXPRESSION = ("expression",)


@cache
def groups() -> Mapping[str, tuple[Rule, ...]]:
    """The rules by the name of their group; a text begins in ``file``. The first rule that matches counts."""
    return {
        "file": (*_statements(), *_expression()),
        "expression": _expression(),
        "targets": (Match(_NAME, ("definition",)),),
        "parameters": (Match(rf"(?:^|(?<=[(,]))[ \t]*({_NAME})", ("parameter",)),),
        "symbols": (Match(rf"(?<=,)[ \t]*({_NAME})", ("definition",)),),
        "expectation": (
            *_brackets(("expectation", *_EXPRESSION)),
            Match(rf"(?<!\.){_any_of(MEASURES)}(?![ \t]*\.)", ("count",)),
        ),
        "settings": _settings(),
        "escapes": (Match(r'\\(?:["\\nt]|u[0-9A-Fa-f]{4})', ("escape",)), Match(r"\\[^\n]", ("wrong",))),
    }


def _statements() -> tuple[Rule, ...]:
    stage = r"(?:^|(?<=[{;])|(?<=->))[ \t]*"
    no_keyword = f"(?!{_any_of(KEYWORDS)})"
    declaration = ("declaration", "block", "bracket")
    return (
        Region(
            rf"\b(block)[ \t]+({_NAME})(\()", declaration, r"(\))|(?=[{}])", ("bracket",), ("parameters", *_EXPRESSION)
        ),
        Match(rf"\b(block|network)[ \t]+({_NAME})", ("declaration", "block")),
        Match(rf"\b(let|param)[ \t]+({_NAME})", ("declaration", "definition")),
        Region(
            rf"\b(symbol)[ \t]+({_NAME})",
            ("declaration", "definition"),
            _LINE_ENDS,
            (),
            ("symbols", *_EXPRESSION),
        ),
        Match(rf"\b(for)[ \t]+({_NAME})", ("control", "definition")),
        Region(
            r"\b(for)[ \t]*(\[)",
            ("control", "bracket"),
            r"(\])|(?=[{}])",
            ("bracket",),
            ("targets", *_EXPRESSION),
        ),
        Region(r"\b(train)[ \t]*(\{)", ("declaration", "bracket"), r"(\})", ("bracket",), ("settings", *_EXPRESSION)),
        Region(r"\b(expect)\b", ("statement",), _LINE_ENDS, (), ("expectation", *_EXPRESSION)),
        Match(rf"{stage}(assume)(?![A-Za-z0-9_])", ("statement",)),
        Match(rf"{stage}({_any_of(ops.NAMES)})(?![ \t]*=)", ("layer",)),
        Match(rf"{stage}{no_keyword}({_NAME})(?![A-Za-z0-9_]|[ \t]*=)", ("block",)),
    )


def _settings() -> tuple[Rule, ...]:
    """The lines of ``train { }``: a setting, its kind, and parts that are true where they stand alone."""
    options = [option for field in Training.words().values() if (option := Training.options(field))]
    kinds = {kind for option in options if "kind" in option.model_fields for kind in _words(option, "kind")}
    flags = {field for option in options for field in option.model_fields if leaves(option, field) == {bool}}
    alone = r"(?![ \t]*[=.(\[])"
    return (
        Match(rf"(?:^|(?<=[{{;]))[ \t]*({_any_of(Training.words())})", ("setting",)),
        Match(rf"(?<=[ \t]){_any_of(kinds)}{alone}", ("word",)),
        Match(rf"(?<=[ \t]){_any_of(flags)}{alone}", ("parameter",)),
    )


def _expression() -> tuple[Rule, ...]:
    keywords = [Match(_any_of(words), (kind,)) for kind, words in _by_kind(KEYWORDS).items()]
    operators = [Match(_alternatives(texts), (kind,)) for kind, texts in _by_kind(OPERATORS).items()]
    argument_words = [
        Match(rf"({_any_of(names)})[ \t]*(=)[ \t]*({_any_of(choices)})", ("parameter", "assignment", "word"))
        for choices, names in _argument_words().items()
    ]
    return (
        Match(_TERMINALS["COMMENT"], ("comment",)),
        Region(r'(")', ("string",), r'(")|(?=$)', ("string",), ("escapes",), "string"),
        *_brackets(_EXPRESSION),
        *argument_words,
        Match(rf"(?!{_any_of(KEYWORDS)})({_NAME})[ \t]*(=)(?!=)", ("parameter", "assignment")),
        Match(rf"\b(as)[ \t]+({_NAME})", ("statement", "definition")),
        Match(r"\b(in)(?=[ \t]*\.)", ("this",)),
        Match(rf"(\.)[ \t]*({_NAME})", ("punctuation", "attribute")),
        *keywords,
        Match(rf"{_any_of(FUNCTIONS)}(?=\()", ("function",)),
        Match(_TERMINALS["SIZE"], ("size",)),
        Match(_TERMINALS["NUMBER"], ("number",)),
        Match(r"[0-9][A-Za-z0-9_.]*", ("wrong",)),
        *operators,
        Match(_NAME, ("name",)),
        Match(r"[^ \t\n]", ("wrong",)),
    )


def _brackets(inside: tuple[str, ...]) -> tuple[Region, Region]:
    """Line ends in brackets begin no statement. A brace does not stand in one: there something was left open."""
    return (
        Region(r"(\()", ("bracket",), r"(\))|(?=[{}])", ("bracket",), inside),
        Region(r"(\[)", ("bracket",), r"(\])|(?=[{}])", ("bracket",), inside),
    )


def _argument_words() -> dict[tuple[str, ...], list[str]]:
    """The names of parameters by the words that they take, of operators, of ``input`` and of ``train { }``."""
    found: dict[str, set[str]] = {"dtype": {*get_args(Dtype)}}
    for operator in ops.NAMES:
        for name in ops.operator(operator).parameters():
            found.setdefault(name, set()).update(words(operator, name))
    for field in Training.words().values():
        for name in getattr(Training.options(field), "model_fields", {}).keys() - {"kind"}:
            found.setdefault(name, set()).update(_words(Training.options(field), name))
    by_words: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(name for name, choices in found.items() if choices):
        by_words.setdefault(tuple(sorted(found[name])), []).append(name)
    return by_words


def _words(options: type[Options] | None, field: str) -> set[str]:
    return {item for item in leaves(options, field) if isinstance(item, str)} if options else set()


def _by_kind(table: Mapping[str, str]) -> dict[str, list[str]]:
    """The texts of each kind; kinds in the order in which their longest text has to be tried."""
    found: dict[str, list[str]] = {}
    for text, kind in sorted(table.items(), key=lambda item: -len(item[0])):
        found.setdefault(kind, []).append(text)
    return found


def _alternatives(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


def _any_of(names: Iterable[str]) -> str:
    """Any of some names, as whole words."""
    return rf"(?<![A-Za-z0-9_])(?:{_alternatives(names)})(?![A-Za-z0-9_])"
