"""Styles, formats and themes are one vocabulary: what is added to a table is known everywhere, what is not nowhere."""

from typing import get_args

import pytest

from cnndsl import draw
from cnndsl.api import loads
from cnndsl.cli import main, parser
from cnndsl.draw.canvas.scene import Scene
from cnndsl.draw.canvas.theme import PALETTES, THEMES, ThemeName
from cnndsl.errors import CnnError


@pytest.fixture
def network():
    return loads("input 1@8x8\nconv 2 3x3 -> relu")


def known(option: str) -> list[str]:
    """The choices of an option of ``cnndsl draw``."""
    (commands,) = (action for action in parser("draw")._actions if action.dest == "command")
    return [*next(action.choices for action in commands.choices["draw"]._actions if action.dest == option)]


def test_types_and_tables_have_the_same_words():
    assert (*draw.SCENES,) == get_args(draw.Style)
    assert draw.formats() == get_args(draw.Format) and not draw.PICTURES.keys() & draw.TEXTS.keys()
    assert get_args(ThemeName) == THEMES
    assert draw.PICTURES.keys() > draw.BY_MATPLOTLIB


def test_every_style_makes_a_picture_of_its_own(network):
    assert len({draw.render(network, "svg", style) for style in draw.SCENES}) == len(draw.SCENES)
    assert len({draw.render(network, "svg", theme=theme) for theme in THEMES}) == len(THEMES) == len(PALETTES) + 1


def test_a_style_that_is_added_is_known_everywhere(network, monkeypatch):
    asked = []

    def dots(measured, depth, page):
        asked.append((depth, page.rows))
        return Scene("dots", "three of them", 10.0, 10.0, ())

    before = [*draw.SCENES]
    monkeypatch.setitem(draw.SCENES, "dots", dots)
    assert known("style") == [*before, "dots"]
    assert "three of them" in network.draw(style="dots", depth=3, rows=2) and asked == [(3, 2)]
    with pytest.raises(CnnError, match="no dots"):
        draw.render(network, "dot", "dots")
    with pytest.raises(CnnError) as caught:
        network.draw(style="stripes")
    assert caught.value.diagnostics[0].help == (f"it is one of {', '.join(before)}, dots",)


def test_a_style_that_is_left_out_is_known_nowhere(network, monkeypatch):
    monkeypatch.delitem(draw.SCENES, "sheets")
    assert known("style") == [*draw.SCENES] and "sheets" not in known("style")
    with pytest.raises(CnnError, match="style `sheets` is unknown"):
        draw.scene(network, "sheets")


def test_a_format_that_is_added_is_known_everywhere(network, monkeypatch, tmp_path, capsys):
    before = [*draw.formats()]
    suffixes = ", ".join(f".{suffix}" for suffix in before)
    monkeypatch.setitem(draw.TEXTS, "txt", lambda found, name: f"{name}: {len(found.units)}\n")
    assert known("to") == [*before, "txt"]
    network.draw(tmp_path / "net.txt")
    assert (tmp_path / "net.txt").read_text() == "text: 3\n"
    (tmp_path / "net.cnn").write_text("input 8\ndense 2\n")
    assert main(["draw", str(tmp_path / "net.cnn"), "-o", str(tmp_path / "net")]) == 2
    assert f"end the name in {suffixes} or .txt, or give --to" in capsys.readouterr().err


@pytest.mark.parametrize(("setting", "value"), [("style", "third"), ("theme", "dim"), ("to", "gif")])
def test_other_words_are_refused(network, setting, value):
    with pytest.raises(CnnError, match=f"`{value}` is unknown"):
        draw.render(network, **{"to": "svg", setting: value})


def test_a_backend_that_nobody_knows_is_refused(network):
    with pytest.raises(CnnError, match="the backend `tensorflow` is unknown"):
        network.runner(backend="tensorflow")
