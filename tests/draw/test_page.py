"""Pictures that fit a page: rows, columns, widths, and what is no page."""

import re
from pathlib import Path

import pytest

from cnndsl import CnnError, draw, loads
from cnndsl.draw.canvas.scene import Scene
from cnndsl.draw.page import Page, page_of
from tests.example_networks import EXAMPLES, loaded

GOOGLENET = loaded(EXAMPLES / "zoo" / "googlenet.cnn", "GoogLeNet")
CHAIN = loads("input 4@8x8\n" + "conv 4 1; maxpool 1\n" * 12)


def rows(scene: Scene) -> list[list[str]]:
    """The glyphs in reading order: a new row begins where x goes back."""
    found: list[list[str]] = [[]]
    before = -1.0
    for glyph in scene.glyphs:
        if glyph.x < before:
            found.append([])
        found[-1].append(glyph.name)
        before = glyph.x
    return found


@pytest.mark.parametrize("style", draw.SCENES)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_rows_and_columns(style: draw.Style, count: int) -> None:
    in_rows = draw.scene(CHAIN, style, page=page_of(rows=count))
    assert len(rows(in_rows)) == count
    lengths = [len(row) for row in rows(in_rows)]
    assert max(lengths) - min(lengths) <= 2
    in_columns = draw.scene(CHAIN, style, page=page_of(columns=count))
    lefts = {round(glyph.x + glyph.width / 2) for glyph in in_columns.glyphs}
    assert len(lefts) == count


@pytest.mark.parametrize(("style", "orientation"), [("graph", "right"), ("volumes", "down"), ("volumes", "right")])
def test_the_orientation_is_that_of_every_line_in_a_row(style: draw.Style, orientation: str) -> None:
    one = Page(rows=1) if orientation == "right" else Page(columns=1)
    scene = draw.scene(GOOGLENET, style, page=one)
    for line in scene.lines:
        (x, y), (to_x, to_y) = line.points[0], line.points[-1]
        assert (to_x > x) if orientation == "right" else (to_y > y)


@pytest.mark.parametrize("style", draw.SCENES)
@pytest.mark.parametrize("width", ["16cm", "8.5in", "300px"])
@pytest.mark.parametrize("orientation", [None, "right", "down"])
def test_no_picture_is_wider_than_its_page(style: draw.Style, width: str, orientation: str | None) -> None:
    page = page_of(width, orientation=orientation)
    scene = draw.scene(GOOGLENET, style, page=page)
    assert page.width is not None and scene.width * scene.scale <= page.width + 0.01
    shown = re.search(r'<svg [^>]*width="([\d.]+)"', draw.render(GOOGLENET, "svg", style, page=page).decode())
    assert shown and float(shown[1]) <= page.width + 0.01
    if width == "16cm":
        assert scene.scale >= 0.6, "text of 10 pixels stays legible"


def test_what_fits_stays_as_it_is() -> None:
    small = loads("input 1@8x8\nconv 2 3x3 -> relu")
    for style in draw.SCENES:
        assert draw.scene(small, style) == draw.scene(small, style, page=page_of("20cm"))


def test_long_figures_are_parted_and_known_ones_are_not() -> None:
    volumes = draw.scene(GOOGLENET, "volumes")
    assert len(rows(volumes)) == 2 and volumes.width < 1_000
    for file, name in (("lenet", "LeNet5"), ("vgg", "VGG16"), ("alexnet", "AlexNet")):
        assert len(rows(draw.scene(loaded(EXAMPLES / "zoo" / f"{file}.cnn", name), "volumes"))) == 1
    graph = draw.scene(loaded(EXAMPLES / "zoo" / "resnet.cnn", "ResNet50"), "graph")
    assert graph.height < 1_000 and graph.width < 1_000


def test_a_block_that_goes_on_says_so() -> None:
    titles = [frame.title for frame in draw.scene(GOOGLENET, "volumes", page=page_of(rows=3)).frames]
    assert titles == ["Features", "… Features", "… Features"]


def test_a_cut_goes_where_one_line_crosses() -> None:
    """In an opened GoogLeNet no Inception module is parted."""
    scene = draw.scene(GOOGLENET, "volumes", 2, page_of(rows=4))
    assert not [frame.title for frame in scene.frames if frame.title.startswith("… Inception")]


@pytest.mark.parametrize(
    "settings",
    [
        {"width": "wide"},
        {"width": "0cm"},
        {"width": "-3cm"},
        {"width": "1e400"},
        {"width": float("nan")},
        {"rows": 0},
        {"rows": 2, "columns": 2},
        {"rows": 2, "orientation": "down"},
        {"columns": 2, "orientation": "right"},
        {"orientation": "up"},
    ],
    ids=str,
)
def test_what_is_no_page(settings: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(CnnError) as caught:
        CHAIN.draw(tmp_path / "x.svg", **settings)
    (found,) = caught.value.diagnostics
    assert found.code == "bad-setting" and not list(tmp_path.iterdir())


def test_lengths() -> None:
    assert page_of("1in") == page_of("96px") == page_of(96) == page_of("25.4 mm") == page_of("72pt") == Page(width=96)
