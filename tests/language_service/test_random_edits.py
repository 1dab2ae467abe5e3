"""Random edits of the zoo's files, asked about as an editor does: no exception, steady memory, no memory of the past.

`CNNDSL_EDITS=10000` makes so many; the tests as they run everywhere make a few hundred.
"""

import gc
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnndsl.language_service import (
    actions,
    completion,
    formatting,
    hints,
    hover,
    navigation,
    semantic_tokens,
    signature,
    structure,
)
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.workspace import Workspace

EDITS = int(os.environ.get("CNNDSL_EDITS", "240"))
PER_FILE = 40
SCRAPS = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "=",
    " ",
    "\n",
    "->",
    " as ",
    '"',
    "#",
    "x",
    "3",
    "@",
    ".",
    ",",
    "in",
    "é",
    "🙂",
]


def edited(text: str, rng: random.Random) -> Iterator[str]:
    """The text after one edit and another: letters typed and taken away, stretches moved, and some of it undone."""
    past = [text]
    while True:
        kind = rng.choice(("type", "type", "scrap", "delete", "delete", "cut", "paste", "undo", "undo"))
        start = rng.randrange(len(text) + 1)
        if kind == "type":
            text = text[:start] + rng.choice("abcdefghijklmnopqrstuvwxyz0123456789 ") + text[start:]
        elif kind == "scrap":
            text = text[:start] + rng.choice(SCRAPS) + text[start:]
        elif kind == "delete":
            text = text[:start] + text[start + 1 :]
        elif kind == "cut":
            text = text[:start] + text[start + rng.randrange(1, 40) :]
        elif kind == "paste":
            source = rng.randrange(len(text) + 1)
            text = text[:start] + text[source : source + rng.randrange(1, 120)] + text[start:]
        elif len(past) > 1:
            past.pop()
            text = past[-1]
        if kind != "undo":
            past.append(text)
        yield text


def asked(workspace: Workspace, analysis: Analysis, offset: int) -> tuple[object, ...]:
    """The answers to everything that an editor asks about a place."""
    bindings = workspace.bindings(analysis)
    line = analysis.text.count("\n", 0, offset) + 1
    return (
        [hints.hints(analysis, detail) for detail in hints.DETAILS],
        hints.lenses(analysis),
        hover.hover(analysis, bindings, offset),
        completion.completions(analysis, offset),
        signature.signature(analysis, offset),
        navigation.definition(workspace, analysis, offset),
        navigation.references(workspace, analysis, offset),
        navigation.links(analysis),
        structure.symbols(analysis),
        structure.folds(analysis),
        structure.selections(analysis, offset),
        semantic_tokens.semantic_tokens(analysis, bindings),
        actions.actions(analysis, line, line + 5),
        formatting.typed(analysis, line, "\n"),
    )


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def session(files: list[Path], edits: int, rng: random.Random, workspace: Workspace) -> Iterator[Analysis]:
    """The analyses after so many edits, ``PER_FILE`` of a file at a time."""
    for number in range(edits):
        if number % PER_FILE == 0:
            path = str(rng.choice(files))
            texts = edited(Path(path).read_text(encoding="utf-8"), rng)
        workspace.open(path, next(texts))
        analysis = workspace.analysis(path)
        asked(workspace, analysis, rng.randrange(len(analysis.text) + 1))
        yield analysis
        if number % PER_FILE == PER_FILE - 1:
            workspace.close(path)


def test_random_edits(examples: Path) -> None:
    """Every answer comes, and those after the last edit of a file are those of a text that is seen the first time."""
    files = sorted((examples / "zoo").glob("*.cnn"))
    rng = random.Random(19)
    workspace = Workspace()
    for number, analysis in enumerate(session(files, EDITS, rng, workspace)):
        if number % PER_FILE == PER_FILE - 2:
            fresh_workspace = Workspace()
            fresh_workspace.open(analysis.file, analysis.text)
            fresh = fresh_workspace.analysis(analysis.file)
            assert analysis.diagnostics == fresh.diagnostics
            for offset in range(0, len(analysis.text), 97):
                assert asked(workspace, analysis, offset) == asked(fresh_workspace, fresh, offset)


@pytest.mark.skipif(
    sys.platform != "linux" or EDITS < 10_000, reason="memory is measured over 10,000 edits: CNNDSL_EDITS"
)
def test_memory_stays(examples: Path) -> None:
    files = sorted((examples / "zoo").glob("*.cnn"))
    workspace = Workspace()
    held = []
    for number, _ in enumerate(session(files, EDITS, random.Random(20), workspace)):
        if number % 1000 == 999:
            gc.collect()
            held.append(resident())
    # The first thousands fill the caches of what does not depend on the text.
    assert max(held[3:]) - min(held[3:]) < 20e6, held
