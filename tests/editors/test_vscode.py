"""The VS Code extension in Node.js: its grammar in VS Code's engine, its client, the package that is built of it."""

import json
import random
import zipfile
from pathlib import Path

from cnndsl.highlight.kinds import KINDS
from cnndsl.highlight.scan import scan
from tests.editors.nodejs import EXTENSION, node, program
from tests.editors.parsed_kinds import pieces
from tests.editors.texts import texts

CUT = '{}[]()"#\n,;=->@ 3x.'


def marked(text: str) -> str:
    """A text in the notation of vscode-tmgrammar-test: below each line what the parser says of its tokens."""
    found = pieces(text)
    lines = ['# SYNTAX TEST "source.cnn"']
    start = 0
    for line in text.split("\n"):
        lines.append(line)
        for piece in found:
            if start <= piece.start < piece.end <= start + len(line):
                width = piece.end - piece.start
                lines.append(f"# <{'~' * (piece.start - start)}{'-' * width} {KINDS[piece.kind].scope}.cnn")
        start += len(line) + 1
    return "\n".join(lines)


def test_every_token_has_the_scope_that_the_parser_says(tmp_path: Path) -> None:
    asserted = 0
    for number, text in enumerate(texts().values()):
        test = marked(text)
        asserted += test.count("\n# <")
        (tmp_path / f"{number}.cnn").write_text(test, encoding="utf-8")
    assert asserted > 15_000
    node(
        program("vscode-tmgrammar-test"),
        "--compact",
        "--grammar",
        "syntaxes/cnn.tmLanguage.json",
        str(tmp_path / "*.cnn"),
    )


def damaged(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(text) + 1)
        text = text[:place] + chance.choice(CUT) * chance.randint(0, 2) + text[place + chance.randint(0, 8) :]
    return text


def test_broken_texts_have_the_same_colours_in_both_engines() -> None:
    """What VS Code's engine makes of a text is what :func:`scan` does, and so Pygments."""
    chance = random.Random(1)
    given = [*texts().values(), *(damaged(text, chance) for text in texts().values() for _ in range(3))]
    found = json.loads(node("tests/tokens.js", given=json.dumps(given)))
    for text, tokens in zip(given, found, strict=True):
        ours = [""] * len(text)
        for start, end, kind in scan(text):
            ours[start:end] = [f"{KINDS[kind].scope}.cnn"] * (end - start)
        theirs = [""] * len(text)
        for start, end, scope in tokens:
            theirs[start:end] = [scope] * (end - start)
        assert ours == theirs, text


def test_the_client_finds_a_python_and_starts_the_server() -> None:
    node("--test", "tests/interpreter.test.js", "tests/server.test.js")


def test_the_client_leaves_to_the_grammar_what_that_knows_better() -> None:
    node("--test", "tests/colours.test.js")


def test_the_package_holds_what_it_names_and_no_more(tmp_path: Path) -> None:
    named = {*json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))["files"], "package.json"}
    built = tmp_path / "cnndsl.vsix"
    relaxed = ("--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links")
    node(program("vsce"), "package", *relaxed, "--out", built)
    assert set(node(program("vsce"), "ls", "--no-dependencies").split()) == named
    with zipfile.ZipFile(built) as archive:
        held = {name.removeprefix("extension/") for name in archive.namelist() if name.startswith("extension/")}
        bundle = archive.read("extension/dist/extension.js").decode()
    renamed = {"LICENSE": "LICENSE.txt", "README.md": "readme.md", "CHANGELOG.md": "changelog.md"}
    assert held == {renamed.get(name, name) for name in named}
    assert "cnndsl.restart" in bundle and 'require("vscode")' in bundle
