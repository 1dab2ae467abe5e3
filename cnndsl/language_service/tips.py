"""What stands under every word of the texts of a network, in short and plain, for pages without an editor."""

import re
from collections.abc import Iterator, Mapping

from cnndsl.analysis.measured import Measured
from cnndsl.errors import Source
from cnndsl.language_service.hover import hover
from cnndsl.language_service.workspace import Workspace

MOST_WORDS = 4_000
"""In longer texts nothing is looked up."""
MOST_CHARACTERS = 280
_WORD = re.compile(r"[A-Za-z_]\w*")
_FENCED = re.compile(r"```.*?```", re.DOTALL)


def tips(network: Measured, sources: Mapping[str, str]) -> dict[tuple[str, int, int], str]:
    """By file, line and column, both from 1; nothing where the texts alone would make another network.

    A layer's arithmetic and the list of an operator's parameters are left out: these are for who asks for more.
    """
    if sum(map(len, map(_WORD.findall, sources.values()))) > MOST_WORDS:
        return {}
    workspace = Workspace()
    for file, text in sources.items():
        workspace.open(file, text)
    first = next(iter(sources), None)
    made = workspace.analysis(first).recording.networks if first else []
    same = (one.graph for one in made if one.graph and one.name == network.name)
    if not any(graph.layers == network.graph.layers and graph.inputs == network.graph.inputs for graph in same):
        return {}
    return {place: text for file in sources for place, text in _of_file(workspace, file)}


def _of_file(workspace: Workspace, file: str) -> Iterator[tuple[tuple[str, int, int], str]]:
    analysis = workspace.analysis(file)
    bindings, source = workspace.bindings(analysis), Source(file, analysis.text)
    for word in _WORD.finditer(analysis.text):
        found = hover(analysis, bindings, word.start())
        if found:
            span = source.span(*word.span())
            yield (file, span.line, span.column), _plain(found.text)


def _plain(markdown: str) -> str:
    lines = _FENCED.sub("", markdown).replace("**", "").replace("`", "").split("\n")
    kept = [line.strip() for line in lines if line.strip() and not line.startswith(("- ", "Source:"))]
    text = "; ".join(kept)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
