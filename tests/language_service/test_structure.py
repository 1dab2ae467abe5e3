"""Symbols, folds, selections, semantic tokens, formatting and fixes."""

import random
from itertools import pairwise

import pytest

from cnndsl.analysis.lint import RuleSelection, enabled
from cnndsl.codes import CODES
from cnndsl.lang.style.format import format_text
from cnndsl.language_service import actions, formatting, semantic_tokens, structure
from cnndsl.language_service.analysis import Analysis
from cnndsl.limits import Limits
from tests.editors.parsed_kinds import pieces
from tests.editors.texts import texts
from tests.language_service.service import applied, marked

TEXT = """\
# one
# two
import "a.cnn"
import "b.cnn"
let k = 3
block B(n) {
  add {
    conv n 1x1
    identity
  }
}
network Net {
  input 3@8x8 as image
  repeat 2 {
    B 3 as b
  }
  flatten -> dense 10
}
"""


# --- structure ---
def outline(symbols: tuple[structure.Symbol, ...] | list[structure.Symbol]) -> list[object]:
    return [[one.name, one.kind, one.detail, *outline(one.children)] for one in symbols]


def test_symbols() -> None:
    _, analysis, _ = marked(TEXT, others={"a.cnn": "", "b.cnn": ""})
    branches = [["conv", "layer", "3@8x8"], ["identity", "layer", "3@8x8"]]
    assert outline(structure.symbols(analysis)) == [
        ["k", "constant", "= 3"],
        ["B", "block", "(n)", ["add", "stage", "3@8x8", *branches]],
        [
            "Net",
            "network",
            "",
            ["image", "input", "3@8x8"],
            ["repeat", "stage", "3@8x8", ["B b", "layer", "3@8x8"]],
            ["flatten", "layer", "192"],
            ["dense", "layer", "10"],
        ],
    ]


def nested(symbols: tuple[structure.Symbol, ...] | list[structure.Symbol], around: structure.Symbol | None) -> None:
    end = (0, 0)
    for one in symbols:
        start, stop = (one.span.line, one.span.column), (one.span.end_line, one.span.end_column)
        assert end <= start < stop, one
        if around:
            assert (around.span.line, around.span.column) <= start
            assert stop <= (around.span.end_line, around.span.end_column)
        assert start <= (one.name_span.line, one.name_span.column)
        assert (one.name_span.end_line, one.name_span.end_column) <= stop
        nested(one.children, one)
        end = stop


@pytest.mark.parametrize("name", texts())
def test_symbols_and_selections_are_nested(name: str) -> None:
    analysis = Analysis(texts()[name])
    nested(structure.symbols(analysis), None)
    for offset in range(0, len(analysis.text), 29):
        places = [analysis.source.offsets(span) for span in structure.selections(analysis, offset)]
        assert all(start <= offset <= end for start, end in places)
        assert all(outer[0] <= inner[0] and inner[1] <= outer[1] for inner, outer in pairwise(places))
        assert places[-1] == (0, len(analysis.text)) or analysis.tree.end < len(analysis.text)


def test_selection_grows_from_the_word_to_the_text() -> None:
    _, analysis, offset = marked("input 3@8x8\nadd { conv 3 1x1 pad=(1 - 1¦) }")
    found = structure.selections(analysis, offset)
    call = "conv 3 1x1 pad=(1 - 1)"
    assert [analysis.text[slice(*analysis.source.offsets(span))] for span in found] == [
        "1",
        "(1 - 1)",
        "pad=(1 - 1)",
        call,
        f"{{ {call} }}",
        f"add {{ {call} }}",
        analysis.text,
    ]


def test_folds() -> None:
    _, analysis, _ = marked(TEXT)
    assert structure.folds(analysis) == [
        (1, 2, "comment"),
        (3, 4, "imports"),
        (6, 10, "region"),
        (7, 9, "region"),
        (12, 17, "region"),
        (14, 15, "region"),
    ]


# --- semantic tokens ---
# What the highlighting calls what the service calls so; it knows less of names.
ALIKE = {
    "operator": {"layer"},
    "block": {"block"},
    "keyword": {"control", "import", "statement", "declaration", "logical", "this", "setting", "truth"},
    "parameter": {"parameter", "name", "definition"},
    "variable": {"definition", "name"},
    "constant": {"definition", "name"},
    "word": {"word", "name", "parameter"},
    "number": {"number", "size"},
    "string": {"string", "escape"},
    "function": {"function", "count", "name"},
}


@pytest.mark.parametrize("name", texts())
def test_semantic_tokens(name: str) -> None:
    """Each once, in order, and of the kind that the highlighting has, whose judge is the parser too but other code."""
    workspace, analysis, _ = marked(texts()[name])
    found = semantic_tokens.semantic_tokens(analysis, workspace.bindings(analysis))
    kinds = {place: piece.kind for piece in pieces(analysis.text) for place in range(piece.start, piece.end)}
    end = 0
    for token in found:
        assert end <= token.start < token.end
        end = token.end
        assert kinds[token.start] in ALIKE[token.kind], (analysis.text[token.start : token.end], token)
    coloured = {place for token in found for place in range(token.start, token.end)}
    plain = {"punctuation", "bracket", "arrow", "at", "assignment", "comparison", "arithmetic", "comment", "attribute"}
    missing = {piece for piece in pieces(analysis.text) if piece.kind not in plain and piece.start not in coloured}
    assert not {analysis.text[one.start : one.end] for one in missing}


def test_semantic_tokens_of_a_broken_text() -> None:
    workspace, analysis, _ = marked('let k = 3\ninput 3@8x8\nconv k pad=\nconv (k 3 "')
    found = semantic_tokens.semantic_tokens(analysis, workspace.bindings(analysis))
    kinds = [(analysis.text[token.start : token.end], token.kind) for token in found]
    assert kinds[:5] == [("let", "keyword"), ("k", "constant"), ("3", "number"), ("input", "keyword"), ("3", "number")]
    assert ("conv", "operator") in kinds[5:]


# --- formatting ---
def messy(text: str, rng: random.Random) -> str:
    """The same text, badly laid out."""
    lines = []
    for line in text.split("\n"):
        lines += [" " * rng.randrange(5) + line.strip() if line.strip() else ""] + [""] * (rng.random() < 0.1)
    return "\n".join(lines)


@pytest.mark.parametrize("name", [name for name in texts() if name.startswith("examples/zoo")])
def test_the_edits_give_the_formatted_text(name: str) -> None:
    rng = random.Random(name)
    for text in (texts()[name], messy(texts()[name], rng), messy(texts()[name], rng).rstrip("\n")):
        analysis = Analysis(text)
        edits = formatting.formatted(analysis)
        assert applied(analysis.text, edits) == format_text(text, "<text>")
        # Nothing but lines that differ is touched.
        assert (edits == []) == (format_text(text, "<text>") == text)


def test_longer_texts_are_formatted_in_one_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "MOST_LINES", 1)
    for text in (
        "input 3@8x8\nrelu\n  relu\nrelu\n   relu\n",
        "input 3@8x8\nrelu\nrelu\n  relu",
        "\n\n\n\ninput 3\nrelu",
    ):
        analysis = Analysis(text)
        edits = formatting.formatted(analysis)
        assert applied(text, edits) == format_text(text, "<text>") and len(edits) == 1


def test_only_some_lines() -> None:
    text = "input 3@8x8\n  relu\nrelu\n   relu\n"
    assert applied(text, formatting.formatted(Analysis(text), 2, 3)) == "input 3@8x8\nrelu\nrelu\n   relu\n"


def test_what_cannot_be_read_is_left() -> None:
    assert formatting.formatted(Analysis("  input 3@8x8\nconv (")) == []


@pytest.mark.parametrize(
    ("text", "line", "character", "expected"),
    [
        ("add {\n", 2, "\n", "add {\n  "),
        ("add {\n  relu\n", 3, "\n", "add {\n  relu\n  "),
        ("add {\n  relu\n  }", 3, "}", "add {\n  relu\n}"),
        ("add {\n  relu }", 2, "}", "add {\n  relu }"),
        ("let a = [\n", 2, "\n", "let a = [\n  "),
        ('data "{" # {\n', 2, "\n", 'data "{" # {\n'),
        ("relu\n", 7, "\n", "relu\n"),
    ],
)
def test_while_typing(text: str, line: int, character: str, expected: str) -> None:
    assert applied(text, formatting.typed(Analysis(text), line, character)) == expected


# --- fixes ---
BAD = [code for code in CODES.values() if code.language == "cnn"]


def analysed(code: object, text: str) -> Analysis:
    files = code.files  # type: ignore[attr-defined]
    warnings = enabled(RuleSelection([code.select] if code.select else []))  # type: ignore[attr-defined]
    limits = Limits(**code.limits)  # type: ignore[attr-defined]
    return Analysis(text, "net.cnn", files.__getitem__ if files else None, warnings, limits=limits)


@pytest.mark.parametrize("code", BAD, ids=lambda code: code.code)
def test_every_fix_makes_its_finding_vanish(code: object) -> None:
    analysis = analysed(code, code.bad)  # type: ignore[attr-defined]
    lines = analysis.text.count("\n") + 1
    offered = actions.actions(analysis, 1, lines)
    wanted = [fix for one in analysis.diagnostics for fix in one.fixes if fix.span.file == "net.cnn"]
    assert [fix for action in offered for fix in action.edits if fix in wanted] == wanted
    for action in offered:
        assert action.diagnostic is not None
        after = analysed(code, applied(analysis.text, action.edits))
        left = [one.message for one in after.diagnostics if one.code == action.diagnostic.code]
        before = [one.message for one in analysis.diagnostics if one.code == action.diagnostic.code]
        assert len(left) < len(before), (action.title, after.text)


def test_all_safe_fixes_at_once() -> None:
    text = "input 3@8x8\ncnov 8 3x3\nreul\nflaten"
    analysis = Analysis(text)
    assert [action.preferred for action in actions.actions(analysis, 2, 2)] == [True]
    fixed = actions.fix_all(analysis, None)
    assert fixed == "input 3@8x8\nconv 8 3x3\nrelu\nflatten"
    assert applied(text, formatting.edits(analysis, fixed)) == fixed


def test_warnings_can_be_silenced() -> None:
    text = "input 3@10x10\nconv 8 3x3 # first\nconv 4 2x2 pad=same # cnn: ignore[large-pool] so\n"
    silences = [one for one in actions.actions(Analysis(text), 1, 3) if one.title.startswith("ignore")]
    assert [one.title for one in silences if "even-kernel" in one.title]
    while silences:
        text = applied(text, silences[0].edits)
        silences = [one for one in actions.actions(Analysis(text), 1, 3) if one.title.startswith("ignore")]
    assert {one.code for one in Analysis(text).diagnostics} <= {"bad-suppression"}
    assert text.count("cnn: ignore[") == 1 and "# cnn: ignore[large-pool, " in text and text.endswith("] so\n")
