"""The gallery: every zoo network has its figure there, and it is the one that is drawn now."""

import re

import pytest

from tests.example_networks import networks
from tools import make_gallery as tool


@pytest.fixture(scope="module")
def made():
    return tool.made()


def test_the_page_and_its_pictures_are_those_of_now(made):
    assert tool.stale(*made) == [], "run `make gallery`"


def test_every_network_of_the_zoo_is_shown_once(made):
    text, files = made
    shown = re.findall(r"!\[[^]]+\]\(gallery/([^)]+)\)", text)
    assert sorted(shown) == sorted(files) and len(set(shown)) == len(shown)
    zoo = {name for path, name in networks() if path.parent == tool.ZOO}
    assert {f"{name}.svg" for name in zoo} <= set(files)


def test_pictures_stay_small(made):
    sizes = {name: len(picture) for name, picture in made[1].items()}
    assert max(sizes.values()) < 150_000 and sum(sizes.values()) < 1_500_000, sizes


def test_what_is_stale_is_told(made):
    text, files = made
    some = next(iter(files))
    assert tool.stale(text, {**files, some: b"other", "new.svg": b""}) == [some, "new.svg"]
    assert tool.stale(text + "x", files) == ["gallery.md"]
