"""CONTRIBUTING.md: every path that it names is there, and so is every name in the file that it is said to be in."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
PATH = re.compile(r"`((?:[\w.]+/)+(?:\w+(?:\.\w+)+)?|\w+\.md)`")
NAME = re.compile(r"`(_?[A-Z][A-Za-z_]+)`")


def items(page: str) -> Iterator[str]:
    """The steps of the recipes and the paragraphs between them, a line each."""
    for item in re.split(r"\n\n|\n(?=\d\. )", page):
        yield " ".join(item.split())


def places(item: str) -> Iterator[tuple[str, str]]:
    """Every table, class or type in such a line, and its file: the one behind ``of``, or the last one before it."""
    path = ""
    for match in re.finditer(rf"{NAME.pattern}(?: of {PATH.pattern})?|{PATH.pattern}", item):
        name, owner, alone = match.groups()
        path = alone or path
        if name:
            yield name, owner or path


def text_of(path: str) -> str:
    found = ROOT / path
    files = found.rglob("*.py") if found.is_dir() else [found]
    return "".join(file.read_text(encoding="utf-8") for file in files)


def test_every_path_is_there() -> None:
    paths = PATH.findall(PAGE.read_text(encoding="utf-8"))
    assert len(set(paths)) > 35
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_name_is_in_the_file_that_it_is_said_to_be_in() -> None:
    found = [place for item in items(PAGE.read_text(encoding="utf-8")) for place in places(item)]
    assert len(found) > 25
    assert [place for place in found if not re.search(rf"\b{place[0]}\b", text_of(place[1]))] == []


def test_a_name_belongs_to_the_path_before_it_or_the_one_it_is_of() -> None:
    item = "`a/b.py`: a row in `ROWS`, or in `OTHER` of `c/d.py`; `e/`: a `Thing`."
    assert [*places(item)] == [("ROWS", "a/b.py"), ("OTHER", "c/d.py"), ("Thing", "e/")]


def test_every_target_of_make_is_there() -> None:
    targets = re.findall(r"(?:^|`)make ([\w-]+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert len(targets) > 5
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
