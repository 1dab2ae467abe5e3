"""Diagnostics as text: excerpts, underlines, strange characters, colour."""

import re
from itertools import pairwise

import pytest

import cnndsl
from cnndsl.errors import MAX_WIDTH, Diagnostic, Label, Span, laid_out, render, visible


def rendered(text, *, color=False, file="net.cnn"):
    result = cnndsl.check(text, file=file)
    return render(result.diagnostics, result.sources, color)


def underlined(text):
    """Pairs of an excerpt line and the part of it that stands over the underline."""
    lines = text.splitlines()
    for above, below in pairwise(lines):
        match = re.match(r" *\| ( *)(\^+|-+)", below)
        if match and re.match(r" *\d+ \| ", above):
            start = above.index("| ") + 2 + len(match[1])
            yield above[start : start + len(match[2])]


def test_an_exception_is_what_the_command_line_prints(tmp_path, capsys):
    file = tmp_path / "net.cnn"
    file.write_text("input 3@8x8\ncnov 8 3x3\nflatten -> dense 10 relu\n")
    assert cnndsl.main(["check", str(file)]) == 1
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.load(file)
    assert len(caught.value.diagnostics) == 2
    assert str(caught.value) in capsys.readouterr().err
    assert "2 | cnov 8 3x3" in str(caught.value) and "= help: " in str(caught.value)
    assert str(cnndsl.CnnError.of("bad-setting", "no", "yes")) == "error[bad-setting]: no\n  = help: yes"


def test_exactly():
    shown = rendered("input 3@8x8\ncnov 8 3x3\n").splitlines()
    assert shown[1:5] == [" --> net.cnn:2:1", "  |", "2 | cnov 8 3x3", "  | ^^^^"]
    assert shown[0].startswith("error[unknown-operator]: ") and shown[5].startswith("  = help: ")


def test_the_gutter_fits_the_largest_line():
    shown = rendered("#\n" * 99 + "input 8\nrelo\n").splitlines()
    assert shown[1:5] == ["   --> net.cnn:101:1", "    |", "101 | relo", "    | ^^^^"]


def test_tabs_and_wide_characters_keep_the_underline_in_place():
    assert list(underlined(rendered("input 8\n\t\trelo"))) == ["relo"]
    assert laid_out("a\tb")[1] == "a   b"
    cells, shown = laid_out("日本e\u0301x")
    assert cells == [0, 2, 4, 5, 5, 6] and shown == "日本e\u0301x"


def test_control_characters_are_never_sent_to_a_terminal():
    shown = rendered('input 8\nimport "\x1b[2J"; relu "\x07"', file="\x1b]0;x.cnn")
    assert not any(not character.isprintable() for character in shown.replace("\n", ""))
    assert visible("a\x1b[31m\u202e\nb") == "a\\x1b[31m\\u202e\nb"


def test_long_lines_are_cut_off():
    text = "input 8\nrelu # " + "x" * 10_000
    shown = render([Diagnostic("c", "m", Span("f", 2, 1, 2, 5))], {"f": text})
    assert max(map(len, shown.splitlines())) <= MAX_WIDTH + 10 and "…" in shown
    far = render([Diagnostic("c", "m", Span("f", 2, 9_000, 2, 9_005))], {"f": text})
    assert max(map(len, far.splitlines())) <= MAX_WIDTH + 10


def test_a_long_line_is_laid_out_as_far_as_it_is_shown() -> None:
    cells, shown = laid_out("x" * 1_000_000)
    assert len(cells) <= MAX_WIDTH + 3
    assert shown == "x" * MAX_WIDTH + "…"


def test_labels_in_the_same_and_in_other_files():
    sources = {"a": "one\ntwo\nthree\nfour", "b": "other"}
    labels = (
        Label(Span("a", 1, 1, 1, 4), "first"),
        Label(Span("b", 1, 1, 1, 6), "there"),
        Label(Span("?", 9, 1, 9, 2), "lost"),
    )
    shown = render([Diagnostic("c", "message", Span("a", 4, 2, 4, 4), labels=labels, help=("mend it",))], sources)
    assert shown.splitlines() == [
        "error[c]: message",
        " --> a:4:2",
        "  |",
        "1 | one",
        "  | --- first",
        "...",
        "4 | four",
        "  |  ^^",
        " ::: b:1:1",
        "  |",
        "1 | other",
        "  | ----- there",
        " ::: ?:9:1",
        "  = lost",
        "  = help: mend it",
    ]


@pytest.mark.parametrize("span", [Span("f", 1, 50, 1, 60), Span("f", 7, 1, 8, 1), Span("f", 1, 2, 3, 1)])
def test_places_beyond_the_text(span):
    assert render([Diagnostic("c", "m", span)], {"f": "ab\nc\n"}).startswith("error[c]: m\n")


def test_without_a_place():
    assert render([Diagnostic("c", "m", severity="warning")], {}) == "warning[c]: m\n"
    assert render([], {}) == ""


def test_colour_adds_nothing_but_colour():
    text = "input 3@8x8\nconv 8 9x9\nrelo\n"
    painted = rendered(text, color=True)
    assert "\x1b[1;31merror[kernel-too-large]\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == rendered(text)
