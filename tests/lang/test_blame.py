"""A wrong value is shown where it was written, not where it was used."""

import pytest

import cnndsl

CASES = {
    "an argument of a block": ("block B(w) { conv w 1x1 }\ninput 3@8x8\nB 1.5", (3, 3), "1.5"),
    "an argument by name": ("block B(w) { conv w 1x1 }\ninput 3@8x8\nB w=0", (3, 5), "0"),
    "through two blocks": (
        "block A(w) { conv w 1x1 }\nblock B(v) { A v }\ninput 3@8x8\nB 0",
        (4, 3),
        "0",
    ),
    "a row of a table": ("input 3@8x8\nfor [a, b] in [[8, 1], [0, 2]] { conv a 3x3 stride=b }", (2, 25), "0"),
    "a row of a constant": ("let t = [4, 2.5]\ninput 3@8x8\nfor n in t { repeat n { relu } }", (1, 13), "2.5"),
    "the innermost of several": (
        "block B(w) { for f in [2, -1] { conv (w*f) 1x1 } }\ninput 3@8x8\nB 8",
        (1, 27),
        "-1",
    ),
    "a table of links": ("let t = [[0], [5]]\ninput 3@8x8\nconv 2 3x3 connect=t", (1, 9), "[[0], [5]]"),
    "a constant's use may be what is wrong": ("let n = 2.5\ninput 3@8x8\nconv n 3x3", (3, 6), "n"),
    "an attribute is no argument of the same name": (
        "block B(channels) { conv channels 1x1; conv (in.channels/3) 1x1 }\ninput 3@8x8\nB 8",
        (1, 45),
        "(in.channels/3)",
    ),
    "over several lines": ("block B(w) {\nconv 2 3x3 connect=[[0],\n[w]] }\ninput 3@8x8\nB 7", (5, 3), "7"),
    "what stands in place": ("input 3@8x8\nconv 0 3x3", (2, 6), "0"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_value_is_blamed(name: str) -> None:
    text, (line, column), value = CASES[name]
    (diagnostic,) = cnndsl.check(text).diagnostics
    span = diagnostic.span
    assert span is not None and (span.line, span.column) == (line, column), diagnostic
    shown = text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]
    assert shown == value
