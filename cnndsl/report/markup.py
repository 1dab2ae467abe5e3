"""What everything that writes HTML needs: a stranger's text becomes text, whatever it holds."""

import re
from html import escape

from cnndsl.errors import visible

DARK_NOTEBOOKS = ("[data-jp-theme-light=false]", "[data-vscode-theme-kind*=dark]", "html[theme=dark]")
"""What stands around a notebook's outputs in dark themes of Jupyter, VS Code and Colab."""


def text(words: object) -> str:
    """Words as HTML text or attribute value: markup is escaped, and so are control characters, on one line."""
    return escape(visible(str(words)).replace("\n", "\\n"))


def sentence(message: str) -> str:
    """A diagnostic's words as HTML: what they quote between backquotes becomes code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(message))


def number(count: int) -> str:
    """``1,516``; a dash for nothing, as in the table on a terminal."""
    return f"{count:,}" if count else "–"
