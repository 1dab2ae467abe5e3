"""How roles look: colours for light and dark backgrounds.

Families of operators differ in lightness as well as in hue, so that they stay apart for colour-blind readers; no
meaning rests on colour alone, every shape says what it is.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

ThemeName: TypeAlias = Literal["auto", "light", "dark"]

FAMILIES = ("conv", "pool", "dense", "norm", "activation", "merge", "shape", "input", "output", "block")
FACES = ("front", "top", "side")
"""The visible faces of a cuboid; ``conv-top`` is the role of a convolution's upper face."""


class Look(NamedTuple):
    """The colours of a filled shape."""

    fill: str
    stroke: str


class Theme(NamedTuple):
    """All colours of a picture, as ``#rrggbb``."""

    background: str
    text: str
    faint: str
    line: str
    frame: Look
    families: dict[str, Look]

    def look(self, role: str) -> Look:
        """The colours of a role: a family, a face of its cuboid, an ``arrow`` or the outline of a ``kernel``."""
        if role == "arrow":
            return Look(self.line, "none")
        if role == "kernel":
            return Look("none", self.text)
        family, _, face = role.partition("-")
        fill, stroke = self.families.get(family, self.families["shape"])
        if face == "top":
            fill = mixed(fill, "#ffffff", 0.5 if self is LIGHT else 0.18)
        elif face == "side" and self is LIGHT:
            fill = mixed(fill, stroke, 0.15 if family in ("input", "output") else 0.3)
        elif face == "side":
            fill = mixed(fill, "#000000", 0.3)
        return Look(fill, stroke)

    def ink(self, role: str) -> str:
        """The colour of text."""
        return self.faint if role == "faint" else self.text


def mixed(first: str, second: str, share: float) -> str:
    """A colour between two, ``share`` of the way from the first to the second."""
    pairs = ((int(first[at : at + 2], 16), int(second[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in pairs)


LIGHT = Theme(
    background="#ffffff",
    text="#1f2328",
    faint="#454c54",
    line="#59636e",
    frame=Look("#f6f8fa", "#9aa4af"),
    families={
        "conv": Look("#cbe5ff", "#2468a8"),
        "pool": Look("#ffc9a3", "#b4501a"),
        "dense": Look("#f2bcd6", "#a3326f"),
        "norm": Look("#dfe3e8", "#6e7781"),
        "activation": Look("#fdf3b0", "#8f7a00"),
        "merge": Look("#a8e6cf", "#0b7355"),
        "shape": Look("#f5f6f8", "#8b949e"),
        "input": Look("#ffffff", "#1f2328"),
        "output": Look("#c9ced6", "#1f2328"),
        "block": Look("#bfc0f2", "#4340b0"),
    },
)

DARK = Theme(
    background="#0d1117",
    text="#f0f4f8",
    faint="#c9d1d9",
    line="#9aa4af",
    frame=Look("#161b22", "#6e7781"),
    families={
        "conv": Look("#173f66", "#7db8f0"),
        "pool": Look("#6b3413", "#f0a070"),
        "dense": Look("#8a2f5f", "#f09cc8"),
        "norm": Look("#343b44", "#9aa4af"),
        "activation": Look("#554a08", "#e0c94a"),
        "merge": Look("#0c5a45", "#5fd4ae"),
        "shape": Look("#1e2329", "#7b8591"),
        "input": Look("#0d1117", "#e6edf3"),
        "output": Look("#4b545f", "#e6edf3"),
        "block": Look("#34388a", "#a5abf5"),
    },
)


PALETTES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}
THEMES: tuple[ThemeName, ...] = ("auto", *PALETTES)
"""Every theme; ``auto`` is what the reader's system prefers where a format can follow it, and light elsewhere."""


def css(selector: str, theme: ThemeName, roles: Iterable[str]) -> str:
    """Rules for the parts of a picture below ``selector``: ``auto`` follows what the reader's system prefers.

    A page with a switch of its own adds rules with a longer selector.
    """
    used = sorted(set(roles))
    if theme != "auto":
        return _rules(selector, PALETTES[theme], used)
    dark = _rules(selector, DARK, used)
    return f"{_rules(selector, LIGHT, used)}@media (prefers-color-scheme:dark){{{dark}}}"


NOTEBOOK = ".cnndsl-output"
DARK_NOTEBOOKS = ("[data-jp-theme-light=false]", "[data-vscode-theme-kind$=dark]", ".vscode-dark", "html[theme=dark]")
"""What says that a notebook is dark: Jupyter, VS Code, Colab. Elsewhere a notebook is light, whatever the system."""

ROLES = (*FAMILIES, *(f"{family}-{face}" for family in FAMILIES for face in FACES), "kernel")
"""All roles of shapes but ``arrow``, which every picture has."""


def notebook_css(roles: Sequence[str] = ROLES) -> str:
    """Rules that make a picture ``auto`` inside :data:`NOTEBOOK` follow the notebook's theme."""
    inside = f"{NOTEBOOK} .cnndsl-auto"
    dark = ",".join(f"{page} {inside}" for page in DARK_NOTEBOOKS)
    rules = [_rules(inside, LIGHT, [*roles]), f"{inside}{{background:{LIGHT.background}}}"]
    rules += [_rules(f":is({','.join(DARK_NOTEBOOKS)}) {inside}", DARK, [*roles]), f"{dark}{{background:none}}"]
    return "".join(rules)


def _rules(selector: str, theme: Theme, roles: list[str]) -> str:
    rules = [
        f"{selector} .background{{fill:{theme.background}}}",
        f"{selector} text{{fill:{theme.text}}}",
        f"{selector} .faint{{fill:{theme.faint}}}",
        f"{selector} .line{{fill:none;stroke:{theme.line};stroke-width:1.25}}",
        f"{selector} .frame{{fill:{theme.frame.fill};stroke:{theme.frame.stroke};stroke-dasharray:4 3}}",
    ]
    for role in dict.fromkeys(("arrow", *roles)):
        fill, stroke = theme.look(role)
        rules.append(f"{selector} .{role}{{fill:{fill};stroke:{stroke}}}")
    return "".join(rules)
