"""The diagram at several depths of folding, and its colours where the page's own switch decides."""

from collections.abc import Iterator

from cnndsl.analysis.measured import Measured
from cnndsl.draw import scene
from cnndsl.draw.canvas.svg import svg
from cnndsl.draw.canvas.theme import FAMILIES, PALETTES, css
from cnndsl.errors import CnnError
from cnndsl.report.markup import text

MOST_CHARACTERS = 400_000
"""The size of all pictures of a page; deeper ones are left out beyond it."""

EVERYTHING = 1_000_000


def pictures_html(network: Measured) -> str:
    """The folded picture and, where they differ and there is room, those with blocks opened."""
    try:
        pictures = list(_pictures(network))
    except CnnError as error:
        return _missing(error.diagnostics[0].message)
    if not pictures:
        return _missing("it is too large for this page; <code>cnndsl draw</code> makes it")
    buttons = "".join(
        f'<button type="button" data-depth="{index}" aria-pressed="{"true" if index == 0 else "false"}">{name}</button>'
        for index, (name, _) in enumerate(pictures)
    )
    tools = f'<div class="tools" id="depths" role="group" aria-label="Blocks" hidden>{buttons}</div>'
    drawn = "\n".join(
        f'<div class="picture" data-depth="{index}"{" hidden" if index else ""}>{picture}</div>'
        for index, (_, picture) in enumerate(pictures)
    )
    region = (
        f'<div class="region" role="region" tabindex="0" aria-label="Diagram of {text(network.name)}">{drawn}</div>'
    )
    return (tools if len(pictures) > 1 else "") + region


def _pictures(network: Measured) -> Iterator[tuple[str, str]]:
    deepest = max((len(layer.node.path) for layer in network.layers.values()), default=0)
    depths = {"Folded": 0, "One level": 1, "Every layer": EVERYTHING}
    if deepest < 2:
        del depths["One level"]
    if deepest < 1:
        del depths["Every layer"]
    room = MOST_CHARACTERS
    for name, depth in depths.items():
        try:
            picture = svg(scene(network, "graph", depth), theme="auto", interactive=True, standalone=False)
        except CnnError:  # too many boxes to read; the table has them all
            if depth:
                return
            raise
        room -= len(picture)
        if room < 0:
            return
        yield name, picture


def _missing(reason: str) -> str:
    return f'<p class="hint">There is no picture: {reason}.</p>'


def theme_css() -> str:
    """The pictures' colours where the page's switch says otherwise than the system, and on paper."""
    switched = [css(f":root[data-theme={theme}] .cnndsl-auto", theme, FAMILIES) for theme in PALETTES]
    return "\n".join([*switched, f"@media print{{{css(':root:root:root .cnndsl-auto', 'light', FAMILIES)}}}\n"])
