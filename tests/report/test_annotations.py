"""GitHub's workflow commands."""

from cnndsl.errors import Diagnostic, Span
from cnndsl.report.annotations import github

PLACE = Span("nets/a,b:c.cnn", 3, 5, 3, 9)


def test_levels_places_and_escapes():
    found = [
        Diagnostic("one", "100% wrong\nreally\r", PLACE, help=("mend it",)),
        Diagnostic("two", "odd", PLACE._replace(end_line=4), "warning"),
        Diagnostic("three", "by the way: a, b", None, "note"),
    ]
    assert github("main.cnn", found).splitlines() == [
        "::error file=nets/a%2Cb%3Ac.cnn,title=cnndsl one,line=3,endLine=3,col=5,endColumn=9"
        "::100%25 wrong%0Areally%0D%0Ahelp: mend it",
        "::warning file=nets/a%2Cb%3Ac.cnn,title=cnndsl two,line=3,endLine=4::odd",
        "::notice file=main.cnn,title=cnndsl three::by the way: a, b",
    ]


def test_nothing_to_say():
    assert github("main.cnn", []) == ""


def test_nothing_reaches_the_terminal_raw():
    name = "a\x1b[31m\u202e\x9b.cnn"
    line = github(name, [Diagnostic("syntax", f"of {name}", help=("100%\r\nsure",))])
    assert line.isascii() and line.rstrip("\n").isprintable()
    assert line.endswith("\\x1b[31m\\u202e\\x9b.cnn%0Ahelp: 100%25%0D%0Asure\n")
