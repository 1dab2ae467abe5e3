"""PDF and PNG by matplotlib: the scene's size, colours and text, and no trace of the time or the machine."""

import io
import re
import sys
import zlib

import matplotlib
import pytest
from matplotlib import font_manager
from PIL import Image

from cnndsl import draw
from cnndsl.api import load
from cnndsl.draw.canvas.matplotlib import pdf, png
from cnndsl.draw.canvas.scene import Box, Frame, Glyph, Polygon, Polyline, Scene, TextLabel
from cnndsl.draw.canvas.text_metrics import MissingCharacters
from cnndsl.draw.canvas.theme import DARK, LIGHT
from cnndsl.errors import CnnError

LABEL = "$x^2$ conv 64"
SCENE = Scene(
    "title",
    "",
    200,
    120,
    (
        Glyph("one", (), "", 20, 20, 40, 40, (Box(20, 20, 40, 40, "conv", 4), TextLabel(100, 100, LABEL, bold=True))),
        Glyph("two", (), "", 120, 20, 40, 40, (Polygon(((120, 20), (160, 20), (160, 60), (120, 60)), "pool-top"),)),
    ),
    (Polyline("one", "two", ((60, 40), (90, 40), (90, 50), (120, 50)), (TextLabel(90, 35, "4@8x8", 10),)),),
    (Frame("frame", 4, 4, 180, 70),),
)


def colours(theme):
    picture = Image.open(io.BytesIO(png(SCENE, theme))).convert("RGB")
    assert picture.size == (400, 240)
    return [
        "#{:02x}{:02x}{:02x}".format(*picture.getpixel(place)) for place in ((2, 2), (80, 80), (280, 60), (20, 100))
    ]


def test_places_and_colours():
    for theme, look in (("auto", LIGHT), ("light", LIGHT), ("dark", DARK)):
        expected = [look.background, look.look("conv").fill, look.look("pool-top").fill, look.frame.fill]
        assert colours(theme) == expected, theme


def streams(document):
    return [zlib.decompress(found) for found in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL)]


def test_text_in_pdf_can_be_selected():
    """Characters, not outlines: TrueType fonts with the map from their codes to Unicode, every letter in it."""
    document = pdf(SCENE)
    assert b"/Type3" not in document and b"/FontFile2" in document and b"/ToUnicode" in document
    maps = b"".join(stream for stream in streams(document) if b"beginbfchar" in stream or b"beginbfrange" in stream)
    assert maps
    content = b"".join(stream for stream in streams(document) if b" Tf" in stream)
    assert content.count(b"BT") == 3  # the label, the shape, the frame's title
    assert b"/MediaBox [ 0 0 150 90 ]" in document  # 200 x 120 pixels in points


@pytest.mark.parametrize("write", [pdf, png])
def test_the_same_bytes_every_time(write, examples, monkeypatch):
    scene = draw.scene(load(examples / "lenet5_1998.cnn"), "volumes")
    first = write(scene)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert write(scene) == first
    assert b"Date" not in first and b"atplotlib" not in first


def test_settings_of_the_caller_do_not_matter_and_stay():
    plainly = png(SCENE), pdf(SCENE)
    mine = {"font.size": 30, "font.family": "serif", "figure.dpi": 50, "savefig.bbox": "tight", "axes.facecolor": "red"}
    more = {
        "lines.linewidth": 9,
        "figure.constrained_layout.use": True,
        "savefig.transparent": True,
        "path.simplify": False,
    }
    with matplotlib.rc_context({**mine, **more, "figure.facecolor": "red", "patch.linewidth": 5}):
        assert (png(SCENE), pdf(SCENE)) == plainly
        assert matplotlib.rcParams["savefig.bbox"] == "tight"


@pytest.mark.filterwarnings("ignore::cnndsl.draw.canvas.text_metrics.MissingCharacters")
def test_strange_names(hostile):
    for style in draw.SCENES:
        scene = draw.scene(hostile, style)
        document = pdf(scene)
        assert not re.search(rb"/(JavaScript|JS|URI|Link|Launch|OpenAction)\b", document)
        assert document == pdf(scene) and png(scene) == png(scene)


def of_text(text):
    label = TextLabel(10, 40, text, 20, "start")
    return Scene("text", "", 200, 60, (Glyph("one", (), "", 0, 0, 200, 60, (label,)),))


@pytest.mark.parametrize("text", ["×−≥≤→←↑", "αβγΣΩµ", "½·∞√≈✓", "Ünï©ødé", "Ж", "ℝ⊕∂"])
def test_signs_of_figures_are_in_the_font(text):
    """A warning would be an error here; what is drawn differs from what stands for missing characters."""
    drawn = [png(of_text(character)) for character in text]
    assert len(set(drawn)) == len(text) and png(of_text("\ufffd")) not in drawn


def test_characters_that_no_font_has_are_told(monkeypatch):
    own = [entry for entry in font_manager.fontManager.ttflist if entry.fname.startswith(matplotlib.get_data_path())]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    with pytest.warns(MissingCharacters, match="no font of this machine has 日\U00012000: "):
        drawn = png(of_text("a\U00012000日"))
    assert drawn == png(of_text("a\ufffd\ufffd"))


def test_other_fonts_stand_in(monkeypatch, tmp_path):
    """A font of the system that has what DejaVu Sans lacks is taken for it, one that cannot be read is passed over."""
    more = map(chr, sorted(_charmap("STIXGeneral") - _charmap("DejaVu Sans")))
    character = next(one for one in more if one.isprintable())
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    file = str(tmp_path / "broken.ttf")
    broken = font_manager.FontEntry(file, "A broken one", "normal", "normal", 400, "normal", "scalable")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [broken, *font_manager.fontManager.ttflist])
    assert png(of_text(character)) != png(of_text("\ufffd"))
    assert pdf(of_text(character))


def _charmap(family):
    from matplotlib.font_manager import findfont, get_font

    return set(get_font(findfont(family)).get_charmap())


def test_large_pictures():
    with pytest.raises(CnnError) as caught:
        png(SCENE._replace(width=200_000))
    assert caught.value.diagnostics[0].code == "bad-setting"
    long = pdf(SCENE._replace(height=40_000))
    assert re.search(rb"/MediaBox \[ 0 0 72 14400 \]", long)  # 200 inches, the most that readers show


@pytest.mark.parametrize("to", ["pdf", "png"])
def test_without_matplotlib(to, examples, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(CnnError) as caught:
        draw.render(load(examples / "cifar10.cnn"), to)
    (found,) = caught.value.diagnostics
    assert found.code == "bad-setting" and found.message == "matplotlib is not installed"
    assert found.help == ('install it with: pip install "cnndsl[plot]"',)
