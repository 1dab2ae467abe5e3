"""Colours: legible in both themes, and different to every kind of eye."""

import math
from itertools import combinations

import pytest

from cnndsl.draw import Picture
from cnndsl.draw.canvas.theme import DARK, FACES, FAMILIES, LIGHT, css, notebook_css

# Machado, Oliveira, Fernandes 2009, table 1, severity 1.0; for linear RGB.
EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour):
    """Linear red, green and blue of #rrggbb (WCAG 2.1, relative luminance)."""
    values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def contrast(first, second):
    """(L1 + 0.05)/(L2 + 0.05), WCAG 2.1."""
    bright, dim = sorted(
        (sum(s * v for s, v in zip((0.2126, 0.7152, 0.0722), linear(c), strict=True)) for c in (first, second)),
        reverse=True,
    )
    return (bright + 0.05) / (dim + 0.05)


def lab(colour, eye):
    """CIE L*a*b* under D65 of what an eye sees."""
    seen = [sum(m * v for m, v in zip(row, linear(colour), strict=True)) for row in EYES[eye]]
    red, green, blue = (min(max(v, 0), 1) for v in seen)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def test_the_contrast_formula():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WCAG's own example of a near miss


@THEMES
def test_text_is_legible_on_everything_that_it_stands_on(theme):
    grounds = [theme.background, theme.frame.fill, *(theme.look(family).fill for family in FAMILIES)]
    for ground in grounds:
        for ink in (theme.ink("text"), theme.ink("faint")):
            assert contrast(ink, ground) >= 4.5, (ink, ground)


@THEMES
def test_borders_and_lines_stand_out(theme):
    for family in FAMILIES:
        assert contrast(theme.look(family).stroke, theme.background) >= 3, family
    assert contrast(theme.line, theme.background) >= 3
    assert contrast(theme.line, theme.frame.fill) >= 3


@THEMES
@pytest.mark.parametrize("eye", EYES)
def test_families_differ_to_every_eye(theme, eye):
    """By their fill at least, or clearly by their border; a difference of 2.3 is just noticeable."""
    for one, other in combinations(FAMILIES, 2):
        first, second = theme.look(one), theme.look(other)
        fill = math.dist(lab(first.fill, eye), lab(second.fill, eye))
        stroke = math.dist(lab(first.stroke, eye), lab(second.stroke, eye))
        assert fill >= 6 or stroke >= 12, (one, other, fill, stroke)


@THEMES
@pytest.mark.parametrize("family", FAMILIES)
def test_faces_are_lighter_and_darker_shades(theme, family):
    front, top, side = (sum(linear(theme.look(f"{family}-{face}").fill)) for face in FACES)
    assert top >= front > side or (front < 0.02 and top >= front >= side)


def test_auto_is_light_then_dark_where_the_reader_prefers_it():
    light, dark = css(".a", "light", ["conv"]), css(".a", "dark", ["conv"])
    assert css(".a", "auto", ["conv"]) == f"{light}@media (prefers-color-scheme:dark){{{dark}}}"
    assert LIGHT.look("conv").fill in light and DARK.look("conv").fill in dark


def test_pictures_in_notebooks_follow_what_the_notebook_says():
    """In an unknown notebook they are light, in a dark one dark, whatever the system prefers."""
    rules = notebook_css()
    first, *dark = rules.split(":is(")
    assert (
        first.startswith(".cnndsl-output .cnndsl-auto .background") and LIGHT.text in first and DARK.text not in first
    )
    assert DARK.text in "".join(dark) and "prefers-color-scheme" not in rules
    for said in ("data-jp-theme-light=false", "vscode-dark", "theme=dark"):
        assert said in dark[0]
    shown = Picture("<?xml?>\n<svg class='cnndsl-auto'></svg>")._repr_html_()
    assert shown.startswith('<div class="cnndsl-output"><style>') and "<?xml" not in shown
