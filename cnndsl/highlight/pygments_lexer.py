"""The language for Pygments, and so for Sphinx, MkDocs, nbconvert and all else that colours with it.

Pygments finds this by the entry point in pyproject.toml; nothing here imports it otherwise.
"""

from collections.abc import Iterator
from typing import Any

from pygments.lexer import Lexer
from pygments.token import Whitespace, string_to_tokentype

from cnndsl.highlight.kinds import KINDS
from cnndsl.highlight.scan import scan


class CnnLexer(Lexer):
    """For ``.cnn`` files and for blocks of code that say ``cnn``."""

    name = "cnn"
    aliases = ("cnn",)
    filenames = ("*.cnn",)
    mimetypes = ("text/x-cnn",)
    url = "https://pypi.org/project/cnndsl/"
    version_added = ""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """The tokens with their offsets, space between them included."""
        position = 0
        for start, end, kind in scan(text):
            if position < start:
                yield position, Whitespace, text[position:start]
            yield start, string_to_tokentype(KINDS[kind].token), text[start:end]
            position = end
        if position < len(text):
            yield position, Whitespace, text[position:]
