"""The page as a whole: what stands where, and what the script needs to know."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files

from cnndsl.analysis.measured import Measured
from cnndsl.errors import Diagnostic
from cnndsl.report.markup import text
from cnndsl.report.page.charts import charts_html, series
from cnndsl.report.page.explanations import explanations
from cnndsl.report.page.findings import diagnostics_html
from cnndsl.report.page.maps import Picture, maps_html
from cnndsl.report.page.overview import shares_html, tiles_html
from cnndsl.report.page.pictures import Diagram, diagram
from cnndsl.report.page.predictions import Prediction, predictions_html
from cnndsl.report.page.source import Tips, source_html, with_source
from cnndsl.report.page.table import folding_table_html, in_symbols
from cnndsl.report.table import field_text

SECTIONS = {
    "diagram": "Overview",
    "predictions": "Prediction",
    "source": "Source",
    "layers": "Layers",
    "charts": "Charts",
    "maps": "Feature maps",
}


def document(
    network: Measured,
    sources: Mapping[str, str],
    diagnostics: Sequence[Diagnostic],
    batch: int,
    images: Sequence[Picture],
    predictions: Sequence[Prediction],
    tips: Tips | None,
) -> str:
    """The text of the page, as :func:`cnndsl.report.page.page` says."""
    found = diagnostics_html(diagnostics, sources)
    network, sources = with_source(network, sources)
    positions = {name: index for index, name in enumerate(network.layers)}
    picture = diagram(network)
    parts = {
        "diagram": _overview(picture, shares_html(network, positions)),
        "predictions": predictions_html(predictions),
        "source": source_html(network, sources, positions, tips(network, sources) if tips else {}),
        "layers": _table(network, positions, batch),
        "charts": charts_html(network, batch),
        "maps": maps_html(images, positions),
    }
    shown = {key: part for key, part in parts.items() if part}
    links = "".join(f'<li><a href="#{key}">{SECTIONS[key]}</a></li>' for key in shown)
    sections = "\n".join(_section(key, SECTIONS[key], part) for key, part in shown.items())
    inputs = ", ".join(f"{text(name)} {network.shown(name)}" for name in network.inputs)
    outputs = ", ".join(f"{text(name)} {network.shown(name)}" for name in network.outputs)
    symbols = "".join(f'<p class="flow">{line}</p>' for line in [*in_symbols(network)][-1:])
    script, style = _resource("page.js"), _resource("page.css") + picture.css
    allowed = f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
    policy = (
        f"default-src 'none'; {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="cnndsl">
<title>{text(network.name)} – network report</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<div class="bar"><p class="brand">cnndsl report</p>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<button type="button" id="theme" aria-pressed="false" hidden>Dark theme</button></div>
</header>
<div class="columns">
<main id="main" tabindex="-1">
<div class="title"><h1>{text(network.name)}</h1>
<p class="flow">{inputs} <span aria-hidden="true">→</span><span class="hidden">to</span> {outputs}</p>{symbols}</div>
{tiles_html(network, batch)}
{_section("findings", "Warnings", found) if found else ""}
{sections}
<footer><p>Counts are for one example; a multiply-accumulate is one multiplication with its addition.
Receptive fields are in cells of the input; those of neighbours stand as many cells apart as the number after
the slash says. Written by cnndsl.</p></footer>
</main>
<aside id="panel" aria-labelledby="panel-title">
<div class="panel-head"><h2 id="panel-title" tabindex="-1">Layer</h2>
<div class="panel-buttons" hidden><button type="button" id="previous" aria-label="Previous layer">←</button>
<button type="button" id="next" aria-label="Next layer">→</button>
<button type="button" id="close" aria-label="Close">×</button></div></div>
<div id="panel-content"><p class="hint" id="unscripted">The arithmetic of a layer is shown here where JavaScript is on;
<code>cnndsl explain FILE LAYER</code> prints the same.</p>
</div>
</aside>
</div>
<script type="application/json" id="data">{_data(network, batch)}</script>
<script>{script}</script>
</body>
</html>
"""


HINT = """<p class="hint" id="hint" hidden>Choose a layer in the picture, the source, the table or a chart to see its
arithmetic. <span class="keys"><kbd>Tab</kbd> goes from part to part, arrows move inside, <kbd>Enter</kbd> chooses and
<kbd>Esc</kbd> closes.</span></p>"""


def _overview(picture: Diagram, shares: str) -> str:
    """The picture, and beside or below it where the parameters and the computation are."""
    beside = "beside" if picture.narrow and shares else "below"
    held = f'<div class="region" role="region" tabindex="0" aria-label="Shares of layers">{shares}</div>'
    return f'<div class="overview {beside}"><div>{picture.html}\n{HINT}</div>{held if shares else ""}</div>'


def _section(key: str, title: str, part: str) -> str:
    return f'<section id="{key}" aria-labelledby="{key}-title"><h2 id="{key}-title">{title}</h2>\n{part}\n</section>'


def _table(network: Measured, positions: Mapping[str, int], batch: int) -> str:
    return (
        '<div class="tools" id="table-tools" hidden><label>Filter <input type="search" id="filter" '
        'placeholder="name or operator" autocomplete="off" spellcheck="false"></label>'
        '<button type="button" id="fold">Fold blocks</button><button type="button" id="unfold">Open blocks</button>'
        '<p id="count" role="status"></p></div>'
        '<div class="region" role="region" tabindex="0" aria-label="Layer table">'
        f"{folding_table_html(network, positions, batch)}</div>"
    )


def _data(network: Measured, batch: int) -> str:
    """What the script reads, as JSON that cannot end the element it stands in."""
    bytes_of = series(network, batch)
    data = {
        "names": list(network.layers),
        "params": [layer.params for layer in network.layers.values()],
        "macs": [layer.macs for layer in network.layers.values()],
        "bytes": bytes_of.output_bytes,
        "live": bytes_of.live_bytes,
        "fields": [field_text(layer) for layer in network.layers.values()],
        "explanations": explanations(network)._asdict(),
    }
    packed = json.dumps(data, separators=(",", ":"))
    return packed.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _resource(name: str) -> str:
    return files("cnndsl.report.page").joinpath(name).read_text(encoding="utf-8")
