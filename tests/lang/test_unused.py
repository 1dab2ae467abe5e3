"""Definitions that nothing uses, and comments that ignore warnings."""

import pytest

import cnndsl

NET = "network Net {\n  input 3@32x32\n  conv 8 3x3 -> relu\n}\n"
PARTS = {
    "parts.cnn": "let width = 8\nblock Stem { conv width 3x3 -> relu }",
    "nets.cnn": NET,
}


def found(text: str, **options: object) -> list[tuple[str, int]]:
    """The codes and lines of the warnings of a text."""
    result = cnndsl.check(text, resolver=PARTS.__getitem__, **options)
    assert result.ok, result.diagnostics
    return [(diagnostic.code, diagnostic.span.line if diagnostic.span else 0) for diagnostic in result.diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"block A {{ relu }}\n{NET}", [("unused-block", 1)]),
        ("block A { relu }\ninput 3@32x32\nconv 8 3x3", [("unused-block", 1)]),
        ("block A { relu }\nblock B { A }\ninput 3@32x32\nB", []),
        ("block A { relu }\nblock B { A }\ninput 3@32x32\nrelu", [("unused-block", 2)]),
        ("block A { relu }\nblock B { A }", []),
        ("block _A { relu }\ninput 3@32x32\nrelu", []),
        ("block A(n, m=1) { conv n 3x3 }\ninput 3@32x32\nA 8", [("unused-parameter", 1)]),
        ("block A(n, m=n) { conv m 3x3 }\ninput 3@32x32\nA 8", []),
        ("block A(n) { relu }", [("unused-parameter", 1)]),
        ("param n = 1\ninput 3@32x32\nrelu", [("unused-parameter", 1)]),
        (f"param n = 1\nlet m = 2\n{NET}", [("unused-parameter", 1), ("unused-let", 2)]),
        ("param n = 1\nlet m = 2\nblock A { relu }", []),
        ("let a = 1\nlet b = a\ninput 3@32x32\nconv b 3x3", []),
        ("input 3@32x32\nrepeat 2 { let n = 8; tanh }", [("unused-let", 2)]),
        ("block A { let n = 8; let m = in.channels; conv m 3x3 }\ninput 3@32x32\nA", [("unused-let", 1)]),
        ("let table = [[0], [1]]\ninput 2@8x8\nconv 2 3x3 connect=table", []),
        ("let n = 2\ninput 3@32x32\nif n > 1 { relu }\nexpect 3@32x32", []),
        ("let n = 3\ninput n@32x32\nrelu", []),
    ],
)
def test_unused(text: str, expected: list[tuple[str, int]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("input 3@32x32\nStem", []),
        ("input 3@32x32\nconv width 3x3", []),
        ("input 3@32x32\nrelu", [("unused-import", 1)]),
        ("block B { Stem }", []),
        ("block B { relu }", []),
    ],
)
def test_unused_import(rest: str, expected: list[tuple[str, int]]) -> None:
    assert found(f'import "parts.cnn"\n{rest}') == expected


def test_an_import_of_networks_is_used_by_whoever_picks_one() -> None:
    assert found('import "nets.cnn"\ninput 3@32x32\nrelu') == []
    assert found('import "nets.cnn"\ninput 3@32x32\nrelu', network="Net") == []


UNEVEN = "conv_transpose 8 3x3 stride=2"


@pytest.mark.parametrize(
    "text",
    [
        f"input 8@8x8\n{UNEVEN} # cnn: ignore[checkerboard]",
        f"input 8@8x8\n{UNEVEN} # cnn:ignore[ linear-pair ,checkerboard] -> because",
        f"input 8@8x8\n# cnn: ignore[checkerboard]\n\n# more\n{UNEVEN}",
        f"# cnn: ignore[checkerboard]\nnetwork Net {{\n  input 8@8x8\n  repeat 2 {{ {UNEVEN} -> relu }}\n}}",
        f"input 8@8x8\nrelu\n  # cnn: ignore[checkerboard]\n  -> {UNEVEN}",
        f"block Up {{\n  {UNEVEN} # cnn: ignore[checkerboard]\n}}\ninput 8@8x8\nUp",
        "input 1@7x7\nconv 8 3x3 stride=3 # cnn: ignore[unread-pixels]",
    ],
)
def test_comments_ignore(text: str) -> None:
    assert [code for code, _ in found(text, ignore=["bad-suppression"])] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"input 8@8x8 # cnn: ignore[checkerboard]\n{UNEVEN}", [("checkerboard", 2), ("bad-suppression", 1)]),
        (f"input 8@8x8\n{UNEVEN} # cnn: ignore[checkerbord]", [("checkerboard", 2), ("bad-suppression", 2)]),
        (f"input 8@8x8\n{UNEVEN} # cnn: ignore", [("checkerboard", 2), ("bad-suppression", 2)]),
        (f"input 8@8x8\n# cnn: ignore[checkerboard]\nrelu\n{UNEVEN}", [("checkerboard", 4), ("bad-suppression", 2)]),
        ("input 8@8x8\nrelu # cnn: ignore[needs-vector]", [("bad-suppression", 2)]),
        ("input 8@8x8\nrelu # cnn: ignore[large-kernel]", []),
        ("input 8@8x8\nrelu # cnn: ignore[bad-suppression]", [("bad-suppression", 2)]),
        ('let word = "# cnn: ignore"\ninput 8@8x8\nrelu', [("unused-let", 1)]),
    ],
)
def test_comments_that_ignore_nothing(text: str, expected: list[tuple[str, int]]) -> None:
    assert found(text) == expected


def test_a_comment_is_judged_by_the_whole_file_only() -> None:
    text = f"param up = false\ninput 8@8x8\nif up {{ {UNEVEN} }} # cnn: ignore[checkerboard]"
    assert found(text) == [("bad-suppression", 3)]
    assert found(text, up=True) == []
    assert found(text, params={"up": False}) == []


def test_errors_cannot_be_ignored() -> None:
    result = cnndsl.check("input 8@8x8\nconv 8 9x9 # cnn: ignore[kernel-too-large]")
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["kernel-too-large"]


def test_comments_of_an_imported_file_count_there() -> None:
    parts = {"up.cnn": f"block Up {{ {UNEVEN} }} # cnn: ignore[checkerboard]"}
    assert cnndsl.check('import "up.cnn"\ninput 8@8x8\nUp', resolver=parts.__getitem__).diagnostics == ()
    assert cnndsl.check('import "up.cnn"\ninput 8@8x8\nUp -> relu', resolver=parts.__getitem__).diagnostics == ()
