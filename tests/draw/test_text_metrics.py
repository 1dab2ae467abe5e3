"""Widths of text against the font itself, which matplotlib ships."""

from pathlib import Path

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from cnndsl.draw.canvas.text_metrics import plain, shortened, width

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FILES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}
CHARACTERS = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0xAD), *range(0xAE, 0x100)))) + "–…→"  # no soft hyphen


@pytest.mark.parametrize("bold", [False, True])
def test_every_character_is_as_wide_as_in_the_font(bold):
    font = ImageFont.truetype(str(FONTS / FILES[bold]), 1000)
    for character in CHARACTERS:
        assert 0 <= width(character, 1000, bold) - font.getlength(character) <= 1.5, character


@given(st.text(st.characters(codec="utf-8", categories=["L", "M", "N", "P", "S", "Zs"]), max_size=30), st.booleans())
def test_a_width_is_an_upper_bound(text, bold):
    font = ImageFont.truetype(str(FONTS / FILES[bold]), 100)
    known = [c for c in text if ord(c) < 0x600]  # scripts that the font has
    assert width("".join(known), 100, bold) >= sum(font.getlength(c) for c in known) - 0.5 * len(known)


def test_widths_scale_and_add_up():
    assert width("", 12) == 0
    assert width("conv 64 7x7", 20) == pytest.approx(2 * width("conv 64 7x7", 10))
    assert width("ab", 10) == pytest.approx(width("a", 10) + width("b", 10))
    assert width("conv", 10, bold=True) > width("conv", 10)
    assert width("日", 10) > width("a", 10) > width("́", 10) == 0


@given(st.text(max_size=60), st.floats(10, 200), st.booleans())
def test_shortened_text_fits_and_is_a_beginning(text, room, bold):
    short = shortened(text, 10, room, bold)
    if short != text:
        assert short.endswith("…") and text.startswith(short[:-1])
        assert width(text, 10, bold) > room >= width(short, 10, bold)


@given(st.text(max_size=40))
def test_plain_text_is_one_printable_line(text):
    assert len(plain(text)) == len(text)
    assert all(character.isprintable() for character in plain(text))
    assert [new for old, new in zip(text, plain(text), strict=True) if old.isprintable() and old != new] == []
