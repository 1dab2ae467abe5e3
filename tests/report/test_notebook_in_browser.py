"""What notebooks show, in headless Chromium: the diagram in light and dark themes."""

import re
from pathlib import Path
from typing import Any

import pytest

import cnndsl

SOUND = "input 1@28x28\nconv 6 5x5 pad=2 as features -> tanh\navgpool 2x2"


@pytest.mark.parametrize(
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
def test_the_diagram_follows_the_notebooks_theme(
    browser: Any, tmp_path: Path, html: str, body: str, dark: bool
) -> None:
    page = tmp_path / "notebook.html"
    shown = cnndsl.loads(SOUND)._repr_html_()
    page.write_text(f'<!DOCTYPE html><html {html}><meta charset="utf-8"><body {body}>{shown}</body></html>')
    for system in ("light", "dark"):
        context = browser.new_context(color_scheme=system)
        opened = context.new_page()
        opened.goto(page.as_uri())
        for part, is_light in (("svg .background", not dark), ("svg text:not(.faint)", dark)):
            fill = opened.eval_on_selector(part, "part => getComputedStyle(part).fill")
            assert (min(map(int, re.findall(r"\d+", fill))) > 128) == is_light, (part, fill)
        context.close()
