"""A statement that cannot be read breaks only itself: everything else is checked, and nothing follows from it."""

import random
import re
from pathlib import Path

import pytest

import cnndsl
from cnndsl.errors import Diagnostic, Source
from cnndsl.lang.compile import compile_text
from cnndsl.lang.recording import Recording
from cnndsl.lang.text import syntax
from cnndsl.lang.text.broken import statements_of
from cnndsl.lang.text.parser import read

CODES = [
    # The issue's own example: both mistakes, and what does not depend on them has its shape.
    (
        "input 3@8x8 as x\nconv 8 3x3 stride=\nrelu\n\nconvv 8\n\nfrom x -> conv 4 3x3",
        ["2 syntax", "5 unknown-operator"],
    ),
    (
        "network A {\n  input 3@8x8\n  conv 8 3x3 pad=\n}\nnetwork B {\n  input 3@8x8\n  dense 3\n}",
        ["3 syntax", "7 needs-vector"],
    ),
    ("let k =\ninput 3@8x8\nconv 8 k\nconv 8 kk", ["1 syntax", "4 unknown-name"]),
    ("block B(a, {\n  conv a\n}\ninput 3@8x8\nB 3\nCC 3", ["1 syntax", "6 unknown-operator"]),
    (
        "input 3@8x8\nadd {\n  conv 3 1x1 -> ->\n  identity\n  rellu\n}\nexpect 3@8x8",
        ["3 syntax", "5 unknown-operator"],
    ),
    ("input 3@8x8\nrepeat {\n  conv 4 pad=no_such\n}", ["2 syntax", "3 bad-argument"]),
    ("input 3@8x8\nconv 8 3x3\nexpect 8@\nexpect 9@6x6", ["3 syntax", "4 expect-failed"]),
    ("network {\n  input 3@8x8\n  covn 8 3x3\n}", ["1 syntax", "3 unknown-operator"]),
    ("input 3@8x8\ntrain {\n  epochs =\n  batch 3.5\n}", ["3 syntax", "4 bad-argument"]),
    # What a broken statement may have defined is silent elsewhere.
    ("input 3@8x8\nconv 8 3x3 pad= as c\nfrom c -> relu", ["2 syntax"]),
    ("import blocks.cnn\ninput 3@8x8\nStem 3", ["1 syntax"]),
    ("symbol H = 8, W =\ninput 3@HxW\nconv 8 3x3", ["1 syntax"]),
    # Behind it a value is unknown, so nothing is said of it.
    ("input 3@8x8\nconv 8 3x3 stride=\ndense 10\nexpect 10", ["2 syntax"]),
    # Where braces are missing it is a guess which body a statement is in.
    (
        "network A {\n  input 3@8x8\n  repeat 3 {\n    conv 3 1x1\nnetwork B {\n  input 3@8x8\n  dense 3\n}",
        ["4 syntax"],
    ),
]


def found(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{item.span.line if item.span else 0} {item.code}" for item in diagnostics if item.severity == "error"]


@pytest.mark.parametrize(("text", "expected"), CODES)
def test_a_broken_statement_breaks_only_itself(text: str, expected: list[str]) -> None:
    assert found(compile_text(text).diagnostics) == expected


def test_what_does_not_depend_on_it_has_its_shape() -> None:
    text = CODES[0][0]
    recording = Recording()
    compile_text(text, recording=recording)
    offsets = Source("", text).offsets
    shapes = {text[slice(*offsets(span))]: str(result.first.shape) for span, result in recording.results.items()}
    assert shapes == {"input 3@8x8 as x": "3@8x8", "from x": "3@8x8", "conv 4 3x3": "4@6x6"}


def test_the_tree_holds_what_was_left_out() -> None:
    text = "input 3@8x8\nconv 8 (3 # half\nrelu\nrepeat {\n  conv 8\n}"
    tree, diagnostics = read(text)
    assert tree is not None and len(diagnostics) == 2
    whole = [type(item) for item in tree.items]
    assert whole == [syntax.Input, syntax.Broken, syntax.Pipeline, syntax.Broken]
    first, second = sorted(statements_of(tree))
    assert (first.words, second.words) == (["conv"], ["repeat"])
    assert [type(item) for item in second.bodies[0].statements] == [syntax.Pipeline]


def test_a_body_that_ends_with_the_text_is_read() -> None:
    """As it is while a network is typed: the brace is missing, but nothing is torn apart."""
    recording = Recording()
    text = "network A {\n  input 3@8x8\n  conv 8 3x3\n  repeat 2 {\n    conv 4 1x1\n    dens 3"
    result = compile_text(text, recording=recording)
    assert found(result.diagnostics) == ["4 syntax", "6 unknown-operator"]
    assert {str(shape) for result in recording.results.values() for shape in result.shapes} >= {"8@6x6", "4@6x6"}


def test_cut_anywhere_the_lines_above_keep_their_shapes(examples: Path) -> None:
    """A network that is typed key by key: the shapes of finished lines are those of the whole text."""
    text = (examples / "zoo" / "lenet.cnn").read_text(encoding="utf-8")

    def shapes(part: str) -> dict[int, str]:
        recording = Recording()
        compile_text(part, recording=recording)
        offsets = Source("", part).offsets
        return {offsets(span)[1]: str(result.first.shape) for span, result in recording.results.items()}

    whole = shapes(text)
    for end in range(0, len(text), 3):
        line = text.rfind("\n", 0, end) + 1
        before = {offset: shape for offset, shape in whole.items() if offset < line}
        kept = {offset: shape for offset, shape in shapes(text[:end]).items() if offset < line}
        opened = text.rfind("{", 0, end)
        assert opened < 0 or kept.items() <= before.items()
        assert kept == {offset: shape for offset, shape in before.items() if offset in kept}
        if "}" not in text[:end]:
            assert kept == before, text[:end]


def test_random_damage_never_raises(examples: Path) -> None:
    files = sorted((examples / "zoo").glob("*.cnn"))
    for seed in range(60):
        rng = random.Random(seed)
        path = rng.choice(files)
        text = path.read_text(encoding="utf-8")
        for _ in range(rng.randint(1, 6)):
            start = rng.randrange(len(text))
            end = min(start + rng.choice([0, 1, 1, 2, 8]), len(text))
            text = (
                text[:start] + rng.choice(["", "", "{", "}", "(", ")", "=", "->", "\n", " as ", '"', "3"]) + text[end:]
            )
        result = cnndsl.check(text, file=path.name)
        tree, diagnostics = read(text)
        assert bool(diagnostics) >= bool(tree is None)
        if diagnostics:
            assert not result.ok
        if tree:
            for broken in statements_of(tree):
                assert text[broken.start : broken.start + len(broken.text)] == broken.text
                assert re.sub(r"[^{}]", "", broken.text).count("{") <= broken.text.count("{")
