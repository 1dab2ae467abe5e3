"""The source with the output shape beside every line."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from cnndsl.analysis.measured import Layer, Measured
from cnndsl.errors import plural
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.printer import print_network
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.report.markup import text
from cnndsl.report.page.findings import code
from cnndsl.report.page.places import Place, places

TOKEN = re.compile(
    r'(?P<comment>\#.*)|(?P<string>"(?:[^"\\]|\\.)*"?)|(?P<number>\b\d[\w.]*)|(?P<word>[A-Za-z_]\w*)|(?P<arrow>->)'
)
Words: TypeAlias = Mapping[tuple[str, int, int], str]
"""What is said of words, by file, line and column from 1."""
Tips: TypeAlias = Callable[[Measured, Mapping[str, str]], Words]
"""Makes that of a network and the texts that it was made of."""

PRINTED = "as printed by cnndsl"
"""Stands for a file name where the text is not the author's."""

MOST_SHAPES = 24
"""Shapes of one line that its hint lists."""


def with_source(network: Measured, sources: Mapping[str, str]) -> tuple[Measured, Mapping[str, str]]:
    """The network with the text that it was made of; where that is not known, with the text that it is printed as.

    A network from a model or from JSON has places in no text, or in one that is not here.
    """
    spans = [value.span for value in network.graph.inputs] + [node.span for node in network.graph.layers]
    if any(span and span.file in sources for span in spans):
        return network, sources
    text = print_network(network.graph)
    compiled = compile_text(text, PRINTED, warnings=frozenset())
    if len(compiled.networks) != 1 or not _alike(compiled.networks[0], network.graph):
        return network, {}
    pairs = zip(network.graph.layers, compiled.networks[0].layers, strict=True)
    layers = tuple(node.model_copy(update={"span": printed.span}) for node, printed in pairs)
    given = zip(network.graph.inputs, compiled.networks[0].inputs, strict=True)
    inputs = tuple(value.model_copy(update={"span": printed.span}) for value, printed in given)
    return Measured(network.graph.model_copy(update={"layers": layers, "inputs": inputs})), {PRINTED: text}


def _alike(printed: Graph, graph: Graph) -> bool:
    """Whether the layers follow in the same order."""
    same = len(printed.inputs) == len(graph.inputs) and len(printed.layers) == len(graph.layers)
    return same and all(one.op == other.op for one, other in zip(printed.layers, graph.layers, strict=True))


def source_html(network: Measured, sources: Mapping[str, str], positions: Mapping[str, int], said: Words) -> str:
    """A table a file, the file of the network first; files that make no layer of it are left out. Empty without any."""
    layers = list(network.layers.values())
    spans = [*(value.span for value in network.graph.inputs), *(layer.span for layer in layers)]
    files = dict.fromkeys(span.file for span in spans if span and span.file in sources)
    tables = [_listing(file, sources[file], network, layers, positions, said) for file in files]
    if len(tables) < 2:
        return "".join(tables)
    others = "\n".join(
        f"<details><summary>{text(file)}</summary>{table}</details>"
        for file, table in list(zip(files, tables, strict=True))[1:]
    )
    return f"{tables[0]}\n{others}"


def _listing(
    file: str, content: str, network: Measured, layers: Sequence[Layer], positions: Mapping[str, int], said: Words
) -> str:
    by_line: dict[int, list[Place]] = {}
    for place in places(file, layers, network.graph.instances):
        by_line.setdefault(place.line, []).append(place)
    inputs: dict[int, list[str]] = {}
    for value in network.graph.inputs:
        if value.span and value.span.file == file:
            inputs.setdefault(value.span.line, []).append(network.shown(value.name))
    lines = content.replace("\r\n", "\n").removeprefix("\ufeff").rstrip("\n").split("\n")
    rows = "\n".join(
        _row(number, _coloured(line, file, number, said), by_line.get(number, []), inputs.get(number, []), positions)
        for number, line in enumerate(lines, 1)
    )
    return (
        f'<div class="region" role="region" tabindex="0" aria-label="Source of {text(file)}">'
        f'<table class="source"><caption class="hidden">{text(file)}, with the output shape of every line</caption>'
        '<thead class="hidden"><tr><th scope="col">Line</th><th scope="col">Source</th><th scope="col">Output</th></tr>'
        f"</thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(
    number: int, line: Iterable[str], made: Sequence[Place], inputs: Sequence[str], positions: Mapping[str, int]
) -> str:
    start = f'<td class="line-number">{number}</td><td><code>{"".join(line)}</code></td>'
    if not made:
        return f"<tr>{start}<td>{', '.join(inputs)}</td></tr>"
    last = {place.body: place.column for place in made}
    columns = set(last.values())
    shapes = list(dict.fromkeys(place.layers[-1].shown for place in made if place.column in columns))
    layers = sorted({positions[layer.name] for place in made for layer in place.layers})
    indices = " ".join(map(str, layers))
    said = f"Line {number}: {plural(len(layers), 'layer')}, {_summary(shapes)}"
    hint = ", ".join(shapes[:MOST_SHAPES]) + (", …" if len(shapes) > MOST_SHAPES else "")
    titled = f' title="{hint}"' if len(shapes) > 1 else ""
    button = f'<button type="button" class="shapes" aria-label="{said}"{titled}>{_summary(shapes)}</button>'
    return f'<tr data-layers="{indices}">{start}<td>{button}</td></tr>'


def _summary(shapes: Sequence[str]) -> str:
    """One shape, or the first and the last."""
    return shapes[0] if len(shapes) == 1 else f"{shapes[0]} … {shapes[-1]}"


def _coloured(line: str, file: str, number: int, said: Words) -> Iterator[str]:
    """The line with its keywords, numbers, strings and comments as spans, and what is said of its words."""
    end = 0
    for found in TOKEN.finditer(line):
        kind = found.lastgroup or ""
        yield code(line[end : found.start()])
        end = found.end()
        if kind == "word":
            kind = "keyword" if found[0] in KEYWORDS else ""
        tip = said.get((file, number, found.start() + 1), "")
        marks = (f' class="{kind}"' if kind else "") + (f' title="{text(tip)}"' if tip else "")
        yield f"<span{marks}>{code(found[0])}</span>" if marks else code(found[0])
    yield code(line[end:])
