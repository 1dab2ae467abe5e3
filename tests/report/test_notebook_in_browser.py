"""What notebooks show, in headless Chromium: figures in light and dark themes."""

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cnndsl
from cnndsl.report import plots

SOUND = "input 1@28x28\nconv 6 5x5 pad=2 as features -> tanh\navgpool 2x2"


THEMES = pytest.mark.parametrize(
    ("html", "body", "dark"),
    [
        ("", 'data-jp-theme-light="false"', True),
        ("", 'data-jp-theme-light="true"', False),
        ("", 'class="vscode-dark" data-vscode-theme-kind="vscode-dark"', True),
        ("", 'data-vscode-theme-kind="vscode-light"', False),
        ('theme="dark"', "", True),
        ("", "", False),
    ],
)


@THEMES
def test_figures_of_values_follow_it(browser: Any, tmp_path: Path, html: str, body: str, dark: bool) -> None:
    network = cnndsl.loads(SOUND)
    figure = plots.filters(network, "features", network.weights())
    page = tmp_path / "notebook.html"
    shown = figure._repr_html_()
    assert shown == figure._repr_html_()
    page.write_text(f'<!DOCTYPE html><html {html}><meta charset="utf-8"><body {body}>{shown}</body></html>')
    opened = browser.new_page()
    opened.goto(page.as_uri())
    assert opened.eval_on_selector_all(
        "img", "all => all.filter((one) => one.getClientRects().length).map((one) => one.className)"
    ) == ["dark" if dark else "light"]
    opened.close()


def test_dark_figures_have_light_words_and_the_same_cells() -> None:
    network = cnndsl.loads(SOUND)
    figure = plots.filters(network, "features", network.weights())
    found = [Image.open(BytesIO(b64decode(data))) for data in re.findall(r"base64,([^\"]+)", figure._repr_html_())]
    light, dark = (np.asarray(image.convert("RGBA")).astype(int) for image in found)
    assert light.shape == dark.shape and (light[..., 3] == 255).all() and (dark[0, :, 3] == 0).all()
    words = dark[:100][dark[:100, :, 3] == 255]
    assert words[:, :3].min() > 150  # the title
    cells = [image.get_extent() for image in figure.axes[0].images if image.get_label() != "colour bar"]
    for left, right, bottom, top in cells:
        box = np.s_[int(top * 200) + 3 : int(bottom * 200) - 3, int(left * 200) + 3 : int(right * 200) - 3]
        np.testing.assert_array_equal(light[box], dark[box])
