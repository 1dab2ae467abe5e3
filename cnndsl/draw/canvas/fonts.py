"""Fonts for pictures by matplotlib: DejaVu Sans, and for what it lacks whichever font of the machine has it."""

import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cnndsl.draw.canvas.text_metrics import MissingCharacters

if TYPE_CHECKING:
    pass

FAMILY = "DejaVu Sans"
BOXES = "Last Resort"
"""A font that has a box for every character, which matplotlib ships."""

REPLACEMENT = "\ufffd"
SHOWN = 20
"""Characters that a warning names."""


class Fonts:
    """The regular and the bold font of a picture, with others behind them, and the characters that they have."""

    def __init__(self, texts: Iterable[tuple[str, bool]]) -> None:
        """``texts`` are all that are drawn, and whether each is bold. Warns of characters that no font has."""
        from matplotlib.font_manager import FontProperties, findfont, get_font

        needed: dict[bool, set[str]] = {False: set(), True: set()}
        for text, bold in texts:
            needed[bold].update(text)
        families = {}
        self.known: dict[bool, frozenset[int]] = {}
        for bold, characters in needed.items():
            own = FontProperties(family=FAMILY, weight="bold" if bold else "normal")
            known = set(get_font(findfont(own)).get_charmap())
            others = dict(_fonts_with({ord(one) for one in characters} - known))
            families[bold] = [FAMILY, *others]
            self.known[bold] = frozenset(known.union(*others.values()))
        self.fonts: dict[bool, FontProperties] = {
            bold: FontProperties(family=names, style="normal", stretch="normal", weight="bold" if bold else "normal")
            for bold, names in families.items()
        }
        missing = {one for bold, found in needed.items() for one in found if ord(one) not in self.known[bold]}
        if missing - {REPLACEMENT}:
            shown = "".join(sorted(missing - {REPLACEMENT})[:SHOWN])
            message = f"no font of this machine has {shown}: drawn as {REPLACEMENT}; .svg keeps every character"
            warnings.warn(message, MissingCharacters, stacklevel=2)

    def writable(self, text: str, bold: bool) -> str:
        """The text with a replacement for what no font has."""
        return "".join(one if ord(one) in self.known[bold] else REPLACEMENT for one in text)


def _fonts_with(missing: set[int]) -> Iterator[tuple[str, set[int]]]:
    """Fonts by name that have characters which those before lack, each with what it has of them."""
    from matplotlib.font_manager import fontManager, get_font

    entries = {entry.name: entry.fname for entry in reversed(fontManager.ttflist) if entry.style == "normal"}
    for name, path in sorted(entries.items()):
        if name.startswith(BOXES):
            continue
        if not missing:
            return
        try:
            font = get_font(path)
            found = missing.intersection(font.get_charmap()) if font.scalable else set()
        except (OSError, RuntimeError):  # a broken or unusual file among those of the system
            continue
        if found:
            missing = missing - found
            yield name, found
