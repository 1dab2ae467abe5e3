"""The tutorial: every command prints what its page says, every picture is made by one, every link leads somewhere."""

import re
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tools import make_tutorial as tool

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "tutorial"
PAGES = sorted(TUTORIAL.glob("[0-9]_*.md"))
ALL = [*PAGES, TUTORIAL / "README.md", TUTORIAL / "photographs" / "README.md"]


def name(path: Path) -> str:
    return path.parent.name + "/" + path.name if path.name == "README.md" else path.name


def size(path: Path) -> tuple[float, float]:
    """Width and height of a picture."""
    if path.suffix == ".svg":
        element = xml.fromstring(path.read_bytes())
        return float(element.attrib["width"]), float(element.attrib["height"])
    with Image.open(path) as image:
        image.load()
        return image.size


def pictures(text: str) -> list[str]:
    return re.findall(r"!\[[^]]+\]\((pictures/[^)]+)\)", text)


def test_pages_are_numbered() -> None:
    assert len(PAGES) >= 7 and [int(path.name[0]) for path in PAGES] == list(range(1, len(PAGES) + 1))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_commands_print_what_the_page_says(path: Path, tmp_path: Path) -> None:
    workshop = tool.make_workshop(tmp_path)
    page = path.read_text(encoding="utf-8")
    if "cnndsl train" in page:
        pytest.importorskip("torch")
    played = tool.play(page, workshop)
    assert not played.faults, played.faults
    assert played.page == page, "run `make tutorial`"
    shown = pictures(page)
    made = {found.relative_to(workshop).as_posix() for found in (workshop / tool.PICTURES).iterdir()}
    assert made == set(shown) and len(shown) == len(made), "a picture is made and shown once"
    for picture in shown:
        stored, again = size(TUTORIAL / picture), size(workshop / picture)
        assert again == pytest.approx(stored, rel=0.02), picture  # fonts differ by a pixel between versions


def test_the_readme_shows_what_commands_print() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    consoles = [block for block in tool.blocks(page) if block.info[:1] == ("console",)]
    assert len(consoles) >= 2
    for block in consoles:
        for session in tool.sessions(block.text):
            assert tool.agrees(session.printed.splitlines(), tool.run(session, ROOT).splitlines()), session


def test_every_picture_belongs_to_a_page() -> None:
    stored = {f"pictures/{path.name}" for path in (TUTORIAL / "pictures").iterdir()}
    assert stored == {picture for path in PAGES for picture in pictures(path.read_text(encoding="utf-8"))}


def test_every_raster_picture_fits_a_readme() -> None:
    widths = {path.name: size(path)[0] for path in (TUTORIAL / "pictures").iterdir() if path.suffix == ".png"}
    assert widths and all(600 <= width <= 1700 for width in widths.values()), widths


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_networks_on_a_page_are_those_of_the_files(path: Path) -> None:
    for block in tool.blocks(path.read_text(encoding="utf-8")):
        assert block.info[0] in {"cnn", "console", "python"}, block
        if block.info[0] == "cnn":
            file = path.parent / block.info[1].removeprefix("file=")
            assert block.text in file.read_text(encoding="utf-8"), block.text


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_page_is_short_and_ends_with_questions(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert len(prose.split()) < 800
    questions, answers = text.split("\n## Questions\n")[1].split("<details><summary>Answers</summary>\n")
    assert 2 <= len(re.findall(r"^\d\. ", questions, re.MULTILINE)) == len(re.findall(r"^\d\. ", answers, re.MULTILINE))
    assert answers.count("</details>") == 1


@pytest.mark.parametrize("path", ALL, ids=name)
def test_links_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert links == [link for link in links if (path.parent / link).exists()]


def test_the_index_lists_every_page_and_the_readme_the_index() -> None:
    index = (TUTORIAL / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\d\. \[.*?\]\((.*?)\)", index, re.MULTILINE) == [path.name for path in PAGES]
    assert "](docs/tutorial" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_photographs_are_small_and_name_their_authors() -> None:
    photographs = [path for path in (TUTORIAL / "photographs").iterdir() if path.suffix == ".png"]
    assert sum(path.stat().st_size for path in photographs) < 150_000
    credits = (TUTORIAL / "photographs" / "README.md").read_text(encoding="utf-8")
    for path in photographs:
        (line,) = [line for line in credits.splitlines() if line.startswith(f"| `{path.name}`")]
        assert "flickr.com" in line and "by [" in line
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            assert (f"photographs/{path.name}" in text) <= ("CC BY 2.0" in text)


def test_inputs_are_those_of_the_tool(tmp_path: Path) -> None:
    tool.make_inputs(tmp_path)
    stored = {path.name: path.read_bytes() for path in (TUTORIAL / "inputs").iterdir()}
    assert stored == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert all(f"inputs/{file}" in pages for file in stored)
    assert np.load(TUTORIAL / "inputs" / "bump.npy").tolist() == [[[0, 0, 0, 1, 1, 0, 0, 0]]]


@pytest.mark.parametrize(
    ("written", "printed", "expected"),
    [
        ("a\nb", "a\nb", True),
        ("a\nb", "a\nc", False),
        ("a", "a\nb", False),
        ("a\nb", "a", False),
        ("", "a", False),
        ("...", "a\nb", True),
        ("a\n...\nc", "a\nb\nb\nc", True),
        ("a\n...\nc", "a\nc", True),
        ("a\n...\nc", "a\nb", False),
        ("...\nb\n...", "a\nb\nc", True),
        ("...\nb\n...\na", "a\nb\nc", False),
        ("mean 0.123456", "mean 0.123457", True),
        ("mean 0.123456", "mean 0.124456", False),
        ("mean -0.5", "mean 0.5", False),
        ("6,192 MACs", "6,193 MACs", False),
        ("28", "29", False),
        ("a 1.5 b", "a 1.5", False),
    ],
)
def test_outputs_are_compared(written: str, printed: str, expected: bool) -> None:
    assert tool.agrees(written.splitlines(), printed.splitlines()) is expected


def test_sessions_are_read() -> None:
    (one, two) = tool.sessions("$ cnndsl a \\\n    b 'c d'\nout\n$ cnndsl e\n")
    assert (one.arguments(), one.printed) == (["a", "b", "c d"], "out\n")
    assert (two.arguments(), two.printed) == (["e"], "")
    assert str(one) + str(two) == "$ cnndsl a \\\n    b 'c d'\nout\n$ cnndsl e\n"
    with pytest.raises(ValueError, match="cnndsl alone"):
        tool.sessions("$ rm -r a\n")[0].arguments()


def test_stale_output_is_renewed_and_current_output_kept(tmp_path: Path) -> None:
    stale = "x\n\n```console\n$ cnndsl --version\ncnndsl 0.0\n```\ny\n"
    fresh = tool.play(stale, tmp_path)
    assert re.fullmatch(r"x\n\n```console\n\$ cnndsl --version\ncnndsl \d.*\n```\ny\n", fresh.page)
    short = stale.replace("cnndsl 0.0", "...")
    assert tool.play(short, tmp_path).page == short


def test_faults_of_commands_and_examples_are_found(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit status 2"):
        tool.play("```console\n$ cnndsl check no.cnn\n```\n", tmp_path)
    good = "```python\n>>> a = 1 + 1\n```\n\n1. b\n\n   ```python\n   >>> a\n   2\n   ```\n"
    assert tool.play(good, tmp_path) == (good, "")
    assert "Expected" in tool.play(good.replace("   2\n", "   3\n"), tmp_path).faults


def test_checking_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "README.md"
    page.write_text("```console\n$ cnndsl --version\n```\n", encoding="utf-8")
    listing: Any = lambda: [page]  # noqa: E731
    monkeypatch.setattr(tool, "pages", listing)
    assert tool.main(["--check"]) == 1
    assert capsys.readouterr().err == "README.md: stale\n"
    assert page.read_text(encoding="utf-8").count("\n") == 3
