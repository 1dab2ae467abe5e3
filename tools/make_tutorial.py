"""Runs the tutorial: makes the inputs and pictures of ``docs/tutorial`` and writes what the commands print.

    python -m tools.make_tutorial [--check]

A ``console`` block holds commands, each behind ``$ ``, and below each what it prints. The commands of a page run in
order, in a copy of the folder, so that only pages, inputs and pictures change. A line ``...`` stands for lines left
out: where the rest still holds, the block stays as it is; elsewhere all that the command printed takes its place.
``--check`` writes nothing and exits with 1 where a page is stale. Needs the extra ``plot``.
"""

import doctest
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TUTORIAL = ROOT / "docs" / "tutorial"
PICTURES = "pictures"
SECONDS = 120

INPUTS = {
    "bump": [[0, 0, 0, 1, 1, 0, 0, 0]],
    "vertical_line": [[[0, 0, 0, 1, 1, 0, 0, 0]] * 8],
    "patches": [[[1, 0, 2, 3], [4, 6, 6, 8], [3, 1, 1, 0], [1, 2, 2, 4]]],
}
"""One example each: (channels, spatial...), as ``inputs/NAME.npy`` with a batch axis before."""


class Session(NamedTuple):
    """One command of a page and what the page says that it prints."""

    command: str
    """As typed; a backslash ends each line but the last."""
    printed: str

    def __str__(self) -> str:
        return f"$ {self.command}\n{self.printed}"

    def arguments(self) -> list[str]:
        program, *arguments = shlex.split(self.command.replace("\\\n", " "))
        if program != "cnndsl":
            raise ValueError(f"the tutorial runs cnndsl alone, not {program}")
        return arguments


class Block(NamedTuple):
    """A fenced block: where its text stands in the page, what its fence says, and the text."""

    start: int
    end: int
    info: tuple[str, ...]
    text: str


def pages(folder: Path = TUTORIAL) -> list[Path]:
    """The pages in the order of reading; the index comes last."""
    return [*sorted(folder.glob("[0-9]*.md")), folder / "README.md"]


def blocks(page: str) -> Iterator[Block]:
    for match in re.finditer(r"^( *)```(.*)\n((?:.*\n)*?)\1```$", page, re.MULTILINE):
        yield Block(match.start(3), match.end(3), tuple(match[2].split()), match[3])


def sessions(text: str) -> list[Session]:
    """The commands of a console block."""
    found: list[Session] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        count = 1 + next(index for index, line in enumerate(lines) if not line.endswith("\\\n"))
        found.append(Session("".join(lines[:count]).rstrip("\n"), "".join(lines[count:])))
    return found


def run(session: Session, folder: Path) -> str:
    """What a command prints on both streams. Raises RuntimeError where cnndsl itself fails."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "cnndsl", *session.arguments()],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"exit status {done.returncode}: {session.command}\n{done.stdout}")
    return done.stdout


DECIMAL = re.compile(r"-?\d+\.\d+(?:e[-+]\d+)?")


def same_line(written: str, printed: str) -> bool:
    """Whether two lines agree; decimal fractions may differ by rounding, which depends on the processor."""
    mine, theirs = DECIMAL.findall(written), DECIMAL.findall(printed)
    if len(mine) != len(theirs) or DECIMAL.sub("#", written).split() != DECIMAL.sub("#", printed).split():
        return False
    return all(
        abs(float(one) - float(other)) <= 1e-4 * abs(float(other)) + 1e-6
        for one, other in zip(mine, theirs, strict=True)
    )


def agrees(written: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether lines of a page are those of a command; ``...`` stands for any number of them."""
    if written and written[0].strip() == "...":
        return any(agrees(written[1:], printed[start:]) for start in range(len(printed) + 1))
    for index, (one, other) in enumerate(zip_longest(written, printed)):
        if one is not None and one.strip() == "...":
            return agrees(written[index:], printed[index:])
        if one is None or other is None or not same_line(one, other):
            return False
    return True


class Played(NamedTuple):
    """A page with what its commands print now, and what its Python examples, which are doctests, give amiss."""

    page: str
    faults: str


def play(page: str, folder: Path) -> Played:
    """Runs the commands and the Python of a page in order."""
    parts, end = [], 0
    names: dict[str, object] = {}
    faults = io.StringIO()
    for block in blocks(page):
        parts.append(page[end : block.start])
        end = block.end
        if block.info[:1] == ("console",):
            parts += [str(renewed(session, folder)) for session in sessions(block.text)]
            continue
        parts.append(block.text)
        if block.info[:1] == ("python",):
            test = doctest.DocTestParser().get_doctest(block.text, names, "page", None, None)
            test.globs = names  # the parser makes a copy; later blocks go on with what this one defines
            with chdir(folder):
                doctest.DocTestRunner(verbose=False).run(test, out=faults.write, clear_globs=False)
    return Played("".join(parts) + page[end:], faults.getvalue())


def renewed(session: Session, folder: Path) -> Session:
    """A command with what it prints now, or as it is where that agrees."""
    printed = run(session, folder)
    if agrees(session.printed.splitlines(), printed.splitlines()):
        return session
    return session._replace(printed=printed if printed.endswith("\n") or not printed else printed + "\n")


def make_inputs(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, values in INPUTS.items():
        np.save(folder / f"{name}.npy", np.array([values], np.float32))


def make_workshop(folder: Path) -> Path:
    """A copy of the tutorial without its pictures, beside the examples; gives the tutorial's folder in it."""
    copy = folder / "docs" / "tutorial"
    shutil.copytree(TUTORIAL, copy, ignore=shutil.ignore_patterns(PICTURES))
    shutil.copytree(ROOT / "examples", folder / "examples")
    (copy / PICTURES).mkdir()
    make_inputs(copy / "inputs")
    return copy


def main(arguments: Sequence[str] | None = None) -> int:
    checking = "--check" in (sys.argv[1:] if arguments is None else arguments)
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        workshop = make_workshop(Path(temporary))
        for path in pages():
            page = path.read_text(encoding="utf-8")
            new, faults = play(page, workshop)
            if faults or (checking and new != page):
                failed.append(path.name)
                print(f"{path.name}: {faults or 'stale'}", file=sys.stderr)
            if new != page and not checking:
                print(f"{path.name}: renewed", file=sys.stderr)
                path.write_text(new, encoding="utf-8")
        if not checking:
            make_inputs(TUTORIAL / "inputs")
            shutil.rmtree(TUTORIAL / PICTURES, ignore_errors=True)
            shutil.copytree(workshop / PICTURES, TUTORIAL / PICTURES)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
