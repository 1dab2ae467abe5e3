"""Networks and findings in notebooks: tables, diagrams and messages as HTML and as text."""

from collections.abc import Iterable, Mapping, Sequence

from cnndsl.analysis.measured import Measured
from cnndsl.draw import scene
from cnndsl.draw.canvas.svg import svg
from cnndsl.draw.canvas.theme import FAMILIES, notebook_css
from cnndsl.errors import CnnError, Diagnostic, render
from cnndsl.report.markup import text
from cnndsl.report.page.findings import diagnostics_html
from cnndsl.report.page.table import table_html
from cnndsl.report.table import table

LONG = 60
"""Layers beyond which the table folds every block into one line."""

STYLE = """\
.cnndsl-output{max-width:100%;font-size:13px}
.cnndsl-output .scrolled{overflow-x:auto;max-height:640px;overflow-y:auto;margin:.3em 0}
.cnndsl-output summary{cursor:pointer;padding:.2em 0}
.cnndsl-output svg{height:auto;max-width:none;display:block}
.cnndsl-output table.cnndsl-layers{border-collapse:collapse;margin:0;font-size:inherit}
.cnndsl-output table.cnndsl-layers caption{caption-side:top;text-align:left;font-weight:bold;padding:.2em .6em}
.cnndsl-output table.cnndsl-layers :is(th,td){padding:.15em .6em;text-align:left;white-space:nowrap;border:0}
.cnndsl-output table.cnndsl-layers .number{text-align:right;font-variant-numeric:tabular-nums}
.cnndsl-output table.cnndsl-layers tbody th{font-weight:normal}
.cnndsl-output table.cnndsl-layers :is(thead,tfoot) tr:first-child{border-block:1px solid #8888}
.cnndsl-output .cnndsl-findings article{border-left:4px solid #888;padding:.1em .8em;margin:.5em 0}
.cnndsl-output .cnndsl-findings article.error{border-color:#c62828}
.cnndsl-output .cnndsl-findings article.warning{border-color:#b26a00}
.cnndsl-output .cnndsl-findings p{margin:.3em 0}
.cnndsl-output .cnndsl-findings .help::before{content:"help: ";font-weight:bold}
.cnndsl-output .cnndsl-findings figure{margin:.3em 0}
.cnndsl-output .cnndsl-findings figcaption{opacity:.75}
.cnndsl-output .cnndsl-findings pre{margin:.2em 0;padding:.3em .6em;background:#8881;overflow-x:auto}
.cnndsl-output .cnndsl-findings mark{background:#f9a82566;color:inherit;border-bottom:2px solid #c62828}
.cnndsl-output .cnndsl-findings .line-number{opacity:.6;margin-right:1.5em;user-select:none}
"""
"""Every rule begins with the class of the output's own element, so that it changes nothing else in a notebook."""


def network_html(network: Measured) -> str:
    """The layer table and the diagram as a piece of HTML."""
    return _output(_network_parts(network))


def result_html(networks: Iterable[Measured], found: Sequence[Diagnostic], sources: Mapping[str, str]) -> str:
    """The diagnostics, and the table and diagram of every network, as a piece of HTML."""
    parts = [diagnostics_html(found, sources)] if found else []
    return _output([*parts, *(part for network in networks for part in _network_parts(network))])


def result_text(networks: Iterable[Measured], found: Sequence[Diagnostic], sources: Mapping[str, str]) -> str:
    """The same as text: the diagnostics with their excerpts, and the tables."""
    parts = [render(found, sources)] if found else []
    return "\n".join([*parts, *(table(network, _depth(network)) for network in networks)])


def _output(parts: Sequence[str]) -> str:
    return (
        f'<div class="cnndsl-output"><style>\n{STYLE}{notebook_css(FAMILIES)}\n</style>\n'
        + "\n".join(parts)
        + "\n</div>"
    )


def _network_parts(network: Measured) -> list[str]:
    return [
        f'<div class="scrolled">{table_html(network, _depth(network))}</div>',
        f"<details open><summary>Diagram of {text(network.name)}</summary>{_diagram(network)}</details>",
    ]


def _diagram(network: Measured) -> str:
    """The graph of operators in the notebook's own theme."""
    try:
        return f'<div class="scrolled">{svg(scene(network, "graph"), standalone=False)}</div>'
    except CnnError as error:  # the picture would be too large
        return "".join(f"<p>{text(diagnostic.message)}</p>" for diagnostic in error.diagnostics)


def _depth(network: Measured) -> int | None:
    return 0 if len(network.graph.layers) > LONG else None
