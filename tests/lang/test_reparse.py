"""Texts read again in the lines that changed: the tree and what is said are those of the whole text, read anew."""

import random
from pathlib import Path

import pytest

from cnndsl.lang.text import syntax
from cnndsl.lang.text.parser import read
from cnndsl.lang.text.reparse import reparsed
from cnndsl.limits import DEFAULT_LIMITS, Limits

PIECES = [
    *("\n", "relu", "->", "{", "}", "else", "conv 8 3x3", "# x", ";", " ", "  relu\n", "let q = 3\n", "repeat 2 {\n"),
    *("block Z(a) {\n relu\n}\n", "network Q {\n input 3\n}\n", "(", ")", "[", "as", "if a { relu }", "\n-> relu"),
    *("symbol H = 3\n", "\nassume H > 2\n", "\x00", "\n else {\n", "conv 8 ->", "train { }", '"', "\r\n"),
]


def tree(text: str) -> syntax.File:
    found, diagnostics = read(text)
    assert found and not diagnostics
    return found


def edited(text: str, chance: random.Random) -> str:
    for _ in range(chance.choice((1, 1, 1, 2))):
        place = chance.randrange(len(text) + 1)
        match chance.choice(("insert", "insert", "delete", "repeat", "lines")):
            case "insert":
                text = text[:place] + chance.choice(PIECES) + text[place:]
            case "delete":
                text = text[:place] + text[place + chance.choice((1, 1, 2, 5, 30, 200)) :]
            case "repeat":
                start = chance.randrange(len(text) + 1)
                text = text[:place] + text[start : start + chance.choice((5, 40, 200))] + text[place:]
            case "lines":
                lines = text.split("\n")
                lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
                text = "\n".join(lines)
    return text


def kinds(node: object) -> object:
    """The classes of the nodes, which tuples that are equal need not share."""
    return type(node), tuple(map(kinds, node)) if isinstance(node, tuple) else None


def test_random_edits(examples: Path) -> None:
    chance = random.Random(11)
    again = sound = 0
    for path in sorted(examples.rglob("*.cnn")):
        known = tree(path.read_text(encoding="utf-8"))
        for _ in range(12):
            text = edited(known.text, chance)
            fresh, diagnostics = read(text)
            assert read(text, known=known) == (fresh, diagnostics), text
            if fresh is None or diagnostics:
                continue
            found = reparsed(known, fresh.text, DEFAULT_LIMITS)
            assert found is None or kinds(found) == kinds(fresh)
            again += found is not None
            sound += 1
            known = fresh
    assert again > 0.8 * sound > 100


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("input 3@8x8\nconv 4 3x3\nrelu", "input 3@8x8\nconv 5 3x3 # five\nrelu"),
        (
            "network A {\n  input 3\n  relu\n}\nnetwork B {\n  input 3\n}",
            "network A {\n  input 3\n}\nnetwork B {\n  input 3\n}",
        ),
        ("input 3\nadd {\n  relu\n  tanh\n} as x\nrelu", "input 3\nadd {\n  relu\n  elu -> elu\n} as x\nrelu"),
        (
            "input 3\nif 1 < 2 {\n  relu\n} else {\n  tanh\n}",
            "input 3\nif 1 < 2 {\n  relu\n} else {\n\n  tanh\n  elu\n}",
        ),
        ("", "relu"),
    ],
)
def test_only_the_lines_are_read(before: str, after: str) -> None:
    known = tree(before)
    found = reparsed(known, after, DEFAULT_LIMITS)
    assert found is not None and kinds(found) == kinds(tree(after)) and found == tree(after)


def test_what_stands_above_is_the_same_object() -> None:
    known = tree("input 3@8x8\nconv 4 3x3\nrelu")
    found = reparsed(known, "input 3@8x8\nconv 4 3x3\nrelu6", DEFAULT_LIMITS)
    assert found and found.items[0] is known.items[0] and found.items[1] is known.items[1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("input 3\nrelu\ntanh", "input 3\nrelu {\ntanh"),
        ("input 3\nrelu\ntanh", "input 3\n-> relu\ntanh"),
        ("input 3\nrelu\n  -> tanh\nelu", "input 3\nrelu\n  -> tanh\n  -> tanh\nelu"),
        ("repeat 2 {\n  relu\n  tanh\n}", "repeat 2 {\n  let a = 1\n  network B { input 3 }\n}"),
        ("symbol H = 3\nrelu", "symbol H = 3\nassume H > 2"),
        ("repeat 2 {\n  relu\n  tanh\n}", "repeat 2 {\n  relu\n  }\n{ tanh\n}"),
    ],
)
def test_all_is_read_where_the_lines_do_not_say_it(before: str, after: str) -> None:
    assert reparsed(tree(before), after, DEFAULT_LIMITS) is None


def test_the_depth_of_the_bodies_around_counts() -> None:
    text = "repeat 2 {\n  repeat 2 {\n    relu\n  }\n}"
    deeper = text.replace("relu", "repeat 2 {\n relu\n}")
    for nesting in range(1, 5):
        limits = Limits(nesting=nesting)
        fresh = read(deeper, limits=limits)
        assert read(deeper, limits=limits, known=tree(text)) == fresh
        assert bool(fresh[1]) == (nesting < 3)
