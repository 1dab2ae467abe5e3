"""The Pygments lexer: found by its name, nothing lost, the tokens of the rules."""

import pkgutil
import tomllib
from pathlib import Path

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.token import STANDARD_TYPES, Error, Whitespace, string_to_tokentype

from cnndsl.highlight.kinds import KINDS
from cnndsl.highlight.pygments_lexer import CnnLexer
from tests.editors.parsed_kinds import pieces
from tests.editors.texts import texts


def test_the_entry_point_is_the_lexer(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (place,) = project["entry-points"]["pygments.lexers"].values()
    assert pkgutil.resolve_name(place) is CnnLexer
    assert (CnnLexer.aliases, CnnLexer.filenames) == (("cnn",), ("*.cnn",))


@pytest.mark.parametrize("name", texts())
def test_tokens_are_those_of_the_parser(name: str) -> None:
    text = texts()[name]
    found = list(CnnLexer().get_tokens_unprocessed(text))
    assert "".join(value for _, _, value in found) == text
    expected = {place: piece.kind for piece in pieces(text) for place in range(piece.start, piece.end)}
    for start, token, value in found:
        for place in range(start, start + len(value)):
            assert token is (string_to_tokentype(KINDS[expected[place]].token) if place in expected else Whitespace)
    assert Error not in {token for _, token, _ in found}


def test_every_token_is_one_that_styles_know() -> None:
    assert {string_to_tokentype(kind.token) for kind in KINDS.values()} <= STANDARD_TYPES.keys()


def test_html() -> None:
    page = highlight("conv 6 5x5 pad=same  # <first>\n", CnnLexer(), HtmlFormatter(nowrap=True))
    assert '<span class="nf">conv</span>' in page and '<span class="no">same</span>' in page
    assert '<span class="c1"># &lt;first&gt;</span>' in page
