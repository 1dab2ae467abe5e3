"""Colours: the rules against the lexer and the parser of the language, on every network there is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import ops
from cnndsl.highlight.kinds import KINDS
from cnndsl.highlight.rules import KEYWORDS, OPERATORS, groups
from cnndsl.highlight.scan import scan
from cnndsl.lang.accepted import words
from cnndsl.lang.expressions.functions import FUNCTIONS
from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.parser_tables import TERMINALS
from cnndsl.training_settings import Training
from tests.editors.parsed_kinds import ONE_KIND, Piece, pieces
from tests.editors.texts import texts


def joined(found: list[Piece]) -> list[Piece]:
    """Strings in one piece up to their escapes, as the judge has them."""
    result: list[Piece] = []
    for piece in found:
        if result and piece.kind == result[-1].kind == "string" and piece.start == result[-1].end:
            result[-1] = result[-1]._replace(end=piece.end)
        else:
            result.append(piece)
    return result


def kinds_in(text: str) -> list[tuple[str, str]]:
    return [(text[start:end], kind) for start, end, kind in scan(text)]


def test_there_is_much_to_colour() -> None:
    assert len(texts()) > 100
    seen = {piece.kind for text in texts().values() for piece in pieces(text)}
    assert seen == KINDS.keys() - {"reserved", "wrong"}


@pytest.mark.parametrize("name", texts())
def test_every_token_is_what_the_parser_says(name: str) -> None:
    text = texts()[name]
    assert joined([Piece(*stretch) for stretch in scan(text)]) == [one for one in pieces(text) if one.start < one.end]


def test_every_word_and_operator_of_the_language_is_known() -> None:
    """Beside the rules, the judge of the tests knows them too."""
    assert KEYWORDS.keys() == vocabulary().keywords.keys()
    literals = {text for name, text, is_pattern, _ in TERMINALS if not (is_pattern or text.isidentifier())}
    assert OPERATORS.keys() == literals | {"[", ";", "==", "!=", "<=", ">=", "<", ">"}
    assert {*KEYWORDS.values(), *OPERATORS.values()} <= KINDS.keys()
    own = {"_SEP", "STRING", "COMMENT", "SPACE"}
    assert ONE_KIND.keys() >= {name for name, *_ in TERMINALS} - own


def test_every_name_of_the_tables_has_its_kind() -> None:
    for operator in ops.NAMES:
        assert kinds_in(operator) == [(operator, "layer")]
        for parameter in ops.operator(operator).parameters():
            for word in words(operator, parameter):
                stage = kinds_in(f"{operator} {parameter}={word}")
                assert stage[1:] == [(parameter, "parameter"), ("=", "assignment"), (word, "word")]
    for function in FUNCTIONS:
        assert kinds_in(f"conv ({function}(2))")[2] == (function, "function")
    for setting in Training.words():
        assert (setting, "setting") in kinds_in(f"train {{\n  {setting} 1\n}}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv 12px", [("conv", "layer"), ("12px", "wrong")]),
        ("while", [("while", "reserved")]),
        ("relu é", [("relu", "layer"), ("é", "wrong")]),
        (r'"a\q"', [('"', "string"), ("a", "string"), (r"\q", "wrong"), ('"', "string")]),
        ('data "open\nrelu', [("data", "block"), ('"', "string"), ("open", "string"), ("relu", "layer")]),
        ("conv (4*w {\nrelu", [*kinds_in("conv (4*w"), ("{", "bracket"), ("relu", "layer")]),
        ("let conv = relu", [("let", "declaration"), ("conv", "definition"), ("=", "assignment"), ("relu", "name")]),
        ("convv 8", [("convv", "block"), ("8", "number")]),
    ],
)
def test_unfinished_and_wrong_texts(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds_in(text) == expected


PARTS = [*'{}[]()"#\n\\;,.=->@3x é_', "expect ", "for ", "train ", "block f(", "symbol a"]


@given(st.lists(st.sampled_from(PARTS)).map("".join))
def test_any_text_is_read_to_its_end(text: str) -> None:
    """Stretches follow each other, and all that is not space is in one."""
    position = 0
    for start, end, kind in scan(text):
        assert position <= start < end
        assert kind in KINDS and not text[position:start].strip(" \t\n")
        position = end
    assert not text[position:].strip(" \t\n")


def test_patterns_are_those_that_both_engines_read() -> None:
    """No line ends but in classes that exclude them, no names of groups, no look-behind of several lengths."""
    patterns = [part for rules in groups().values() for rule in rules for part in rule[:1] + rule[2:3]]
    assert len(patterns) > 40
    for pattern in filter(lambda part: isinstance(part, str), patterns):
        re.compile(pattern, re.MULTILINE)
        assert "(?P" not in pattern and r"\n" not in pattern.replace(r"[^\n]", "").replace(r"[^ \t\n]", "").replace(
            r'"\\nt]', ""
        ), pattern
