"""Pictures as SVG: valid, harmless, the same every time, and with text that fits its box."""

import json
import re
import shutil
from html import unescape
from xml.etree import ElementTree

import pytest

from cnndsl.api import load
from cnndsl.draw import SCENES, scene
from cnndsl.draw.canvas.scene import Box, Frame, Glyph, Polygon, Polyline, Scene, TextLabel
from cnndsl.draw.canvas.svg import number, svg
from cnndsl.draw.canvas.text_metrics import plain
from cnndsl.draw.canvas.theme import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "desc", "style", "rect", "path", "polygon", "text", "g"}
ATTRIBUTES = {
    *("class", "width", "height", "viewBox", "role", "aria-labelledby", "font-family", "id", "d", "x", "y", "rx"),
    *("points", "stroke-linejoin", "font-size", "text-anchor", "font-weight", "data-layers", "tabindex", "aria-label"),
}


@pytest.fixture(scope="module")
def networks(examples, hostile):
    return {
        "hostile": hostile,
        "lenet": load(examples / "lenet5_1998.cnn"),
        "resnet50": load(examples / "resnet50.cnn"),
        "unet": load(examples / "zoo" / "unet.cnn"),
    }


def texts(root):
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["hostile", "lenet", "resnet50", "unet"])
@pytest.mark.parametrize("style", SCENES)
@pytest.mark.parametrize("interactive", [False, True])
def test_only_harmless_elements(networks, name, style, interactive):
    picture = svg(scene(networks[name], style, 1), interactive=interactive)
    root = ElementTree.fromstring(picture.encode())
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES, element.attrib
    rules = "".join(element.text for element in root.iter(f"{SVG}style"))
    assert "url(" not in rules and "@import" not in rules and "\\" not in rules
    assert re.findall(r"https?://[^\"]*", picture.split("<title", 1)[0]) == ["http://www.w3.org/2000/svg"]
    assert picture == svg(scene(networks[name], style, 1), interactive=interactive)


@pytest.mark.parametrize("style", SCENES)
def test_strange_names_stay_text(hostile, style):
    root = ElementTree.fromstring(svg(scene(hostile, style), interactive=True).encode())
    assert root.find(f"{SVG}title").text == plain(hostile.name)
    shown = "\n".join(element.text or "" for element in root.iter())
    assert "<script>alert(1)</script>" in shown
    assert "\x1b" not in shown and "\u202e" not in shown
    layers = [name for group in root.iter(f"{SVG}g") for name in json.loads(group.get("data-layers", "[]"))]
    assert set(layers) == {name for name, layer in hostile.layers.items() if layer.operator != "identity"}


def test_text_stays_text_and_ids_belong_to_the_picture(networks):
    pictures = [scene(networks[name], style) for name in ("lenet", "unet") for style in SCENES]
    ids = set()
    for picture in pictures:
        root = ElementTree.fromstring(svg(picture).encode())
        labels = [shape.text for glyph in picture.glyphs for shape in glyph.shapes if isinstance(shape, TextLabel)]
        labels += [label.text for line in picture.lines for label in line.labels]
        assert sorted(texts(root)) == sorted(map(plain, labels))
        title, description = root.get("aria-labelledby").split()
        assert root.find(f"{SVG}title[@id='{title}']").text == plain(picture.title)
        assert root.find(f"{SVG}desc[@id='{description}']").text == picture.description
        ids |= {title, description}
    assert len(ids) == 2 * len(pictures)


SMALL = Scene(
    "a & b",
    "two boxes",
    100.123456,
    80,
    (
        Glyph("one", ("a.b", 'c"d'), "first", 10, 10, 30, 20, (Box(10, 10, 30, 20, "conv", 4), TextLabel(25, 22, "1"))),
        Glyph("two", (), "second", 60, 10, 30, 20, (Polygon(((60, 10), (90, 10), (90, 30)), "pool-top"),)),
    ),
    (
        Polyline(
            "one", "two", ((40, 20), (50, 20), (50, 25), (60, 25)), (TextLabel(50, 40, "4@2x2", 10, "start", "faint"),)
        ),
    ),
    (Frame("frame", 5, 5, 40, 40),),
)


def test_glyphs_of_an_interactive_picture_are_buttons():
    root = ElementTree.fromstring(svg(SMALL, interactive=True).encode())
    one, two = root.iter(f"{SVG}g")
    assert (one.get("role"), one.get("tabindex"), one.get("aria-label")) == ("button", "0", "first")
    assert json.loads(one.get("data-layers")) == ["a.b", 'c"d']
    assert one.find(f"{SVG}title").text == "first"
    assert two.attrib == {"class": "glyph"}  # it stands for no layer
    assert root.get("role") == "group"
    still = ElementTree.fromstring(svg(SMALL).encode())
    assert still.get("role") == "img" and {tuple(group.attrib) for group in still.iter(f"{SVG}g")} == {("class",)}


def test_frames_lie_behind_lines_and_lines_behind_glyphs():
    root = ElementTree.fromstring(svg(SMALL, "light").encode())
    kinds = [
        element.get("class") for element in root if element.tag not in (f"{SVG}title", f"{SVG}desc", f"{SVG}style")
    ]
    assert kinds == ["background", "frame", "faint", "line", "arrow", "faint", "glyph", "glyph"]
    assert [label.text for label in root.findall(f"{SVG}text")] == ["frame", "4@2x2"]


def test_a_line_bends_round_and_ends_in_its_head():
    root = ElementTree.fromstring(svg(SMALL).encode())
    path = root.find(f"{SVG}path[@class='line']").get("d")
    assert path == "M40,20L47.5,20Q50,20 50,22.5L50,23Q50,25 52,25L54,25"
    assert root.find(f"{SVG}path[@class='arrow']").get("d") == "M60,25L53,28L53,22Z"
    bare = SMALL._replace(lines=(SMALL.lines[0]._replace(arrow=False),))
    root = ElementTree.fromstring(svg(bare).encode())
    assert root.find(f"{SVG}path[@class='arrow']") is None
    assert root.find(f"{SVG}path[@class='line']").get("d").endswith("L60,25")


def test_themes():
    def rules(picture):
        return ElementTree.fromstring(picture.encode()).find(f"{SVG}style").text

    auto, light, dark = (svg(SMALL, theme) for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme" in rules(auto) and "background" not in auto.split("</style>")[1]
    for picture, theme, other in ((light, LIGHT, DARK), (dark, DARK, LIGHT)):
        assert 'class="background"' in picture and "prefers-color-scheme" not in picture
        assert theme.background in rules(picture) and other.look("conv").fill not in rules(picture)
    selectors = re.findall(r"[{}]?([^{}@]+)\{", rules(light))
    assert all(selector.startswith(".cnndsl-light ") for selector in selectors), selectors


def test_a_piece_of_a_page_has_no_declaration():
    assert svg(SMALL).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg ')
    piece = svg(SMALL, standalone=False)
    assert piece.startswith("<svg ") and ":root" not in piece


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (0.126, "0.13"), (-0.001, "0"), (10.5, "10.5"), (100, "100")])
def test_numbers_have_two_decimals_at_most(value, text):
    assert number(value) == text


def test_coordinates_are_short(networks):
    for style in SCENES:
        body = svg(scene(networks["resnet50"], style)).split("</style>")[1]
        places = re.findall(r'(?:x|y|d|points|width|height)="([^"]*)"', body)
        assert places and not [place for place in places if re.search(r"\.\d{3}", place)]


CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_text_fits_its_box_in_a_browser(networks):
    """Every text inside its glyph's rectangle, as a browser measures it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    measure = """() => [...document.querySelectorAll('g.glyph text')].map(text => {
      const box = text.getBBox();
      return [text.textContent, box.x, box.y, box.width, box.height];
    })"""
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page()
        for name in ("lenet", "resnet50", "hostile"):
            for style in SCENES:
                picture = scene(networks[name], style, 1)
                page.set_content(svg(picture, standalone=False))
                found = page.evaluate(measure)
                owners = [(glyph, s) for glyph in picture.glyphs for s in glyph.shapes if isinstance(s, TextLabel)]
                assert len(found) == len(owners) > 0
                for (glyph, label), (text, x, y, wide, high) in zip(owners, found, strict=True):
                    assert text == plain(label.text)
                    assert glyph.x <= x and x + wide <= glyph.x + glyph.width, (name, style, text)
                    assert glyph.y - 1 <= y and y + high <= glyph.y + glyph.height + 1, (name, style, text)
        browser.close()


def test_unescaping_gives_the_text_back(hostile):
    picture = svg(scene(hostile))
    assert plain(hostile.name) in unescape(picture)
    assert "<script" not in picture and "&quot;" in picture


def test_what_two_lines_share_is_drawn_once():
    shared = ((40, 20), (80, 20), (80, 25), (90, 25))
    other = ((40, 20), (80, 20), (80, 40), (90, 40))
    pairs = (("one", shared), ("one", other), ("x", other))
    picture = SMALL._replace(lines=tuple(Polyline(source, "two", points) for source, points in pairs))
    root = ElementTree.fromstring(svg(picture).encode())
    starts = [path.get("d").partition("L")[0] for path in root.iter(f"{SVG}path") if path.get("class") == "line"]
    assert starts == ["M40,20", "M70,20", "M40,20"], "the second begins with the corner where it parts"
