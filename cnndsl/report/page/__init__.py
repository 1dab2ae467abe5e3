"""The report: one self-contained HTML page about a network. It opens offline and asks for nothing from outside.

- ``document``: what stands where on the page, and what its script needs to know; the script is page.js.
- ``table``: the layer table. ``source``: the text with shapes beside its lines; ``places``: which layers a line makes.
- ``overview``: the first numbers, and where they come from. ``pictures``: the diagram. ``maps``: feature maps.
- ``charts``: every layer's numbers; ``axis``: the words along them. ``predictions``: what comes out of the example.
- ``findings``: diagnostics. ``explanations``: the arithmetic of all layers, packed.
"""

from collections.abc import Mapping, Sequence

from cnndsl.analysis.measured import Measured
from cnndsl.errors import Diagnostic
from cnndsl.report.page.findings import diagnostics_html
from cnndsl.report.page.maps import Picture
from cnndsl.report.page.predictions import Prediction
from cnndsl.report.page.source import Tips
from cnndsl.report.page.table import table_html

__all__ = ["Picture", "Prediction", "diagnostics_html", "page", "table_html"]


def page(
    network: Measured,
    sources: Mapping[str, str] | None = None,
    diagnostics: Sequence[Diagnostic] = (),
    batch: int = 1,
    images: Sequence[Picture] = (),
    predictions: Sequence[Prediction] = (),
    tips: Tips | None = None,
) -> str:
    """The whole page as text; the same arguments give the same text.

    ``sources`` are the texts that the network was made of by file name, and ``diagnostics`` its warnings, both as a
    CheckResult holds them; ``batch`` are the examples that the memory is for; ``images`` show values of a run, and
    ``predictions`` what came out. ``tips`` tells what stands under the words of the texts.
    """
    from cnndsl.report.page.document import document

    return document(network, sources or {}, diagnostics, batch, images, predictions, tips)
