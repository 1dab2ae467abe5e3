"""One output value worked out, as text, JSON and HTML.

``view`` chooses what is shown of it: channels, rows and digits, the same for text and HTML. ``words``: numbers, ranges
of places and formulas in words. The value itself comes from :mod:`cnndsl.runtime.trace`.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from cnndsl.errors import visible
from cnndsl.ir import shape_to_json
from cnndsl.report.trace.view import Channel, Matrix, Table, view
from cnndsl.runtime.trace import Trace
from cnndsl.runtime.trace.parts import Patch

WIDTH = 110
"""Matrices stand side by side up to so many characters."""
FIGURE_SPACE = "\u2007"
STYLE = """\
.worked-matrices { align-items: center; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
.worked-matrix, .worked-table { border-collapse: collapse; display: block; max-width: 100%; overflow-x: auto; }
.worked caption { font-size: .875em; text-align: left; }
.worked td, .worked th { border: 0; font-family: ui-monospace, monospace; padding: .1rem .4rem; text-align: right; }
.worked td, .worked thead th { white-space: pre; }
.worked th { font-weight: normal; }
.worked-table tbody th { text-align: left; }
.worked-matrix tbody td { border: 1px solid #8886; }
.worked-matrix tbody .worked-padding, .worked-matrix tbody .worked-ignored { border-style: dashed; }
.worked-winner { font-weight: bold; }
.worked-sums { overflow-x: auto; }
"""


def text(trace: Trace) -> str:
    """The working for a terminal: matrices beside each other, sums, formulas, and what a run gives."""
    shown = view(trace)
    parts = [[shown.title, *shown.facts]]
    parts += [[channel.heading, *_channel_lines(channel)] for channel in shown.channels]
    parts.append(list(shown.legend))
    parts += [[*([table.caption] if table.caption else []), *_table_lines(table)] for table in shown.tables]
    parts.append([*shown.steps, *shown.closing])
    return "\n\n".join("\n".join(map(_one_line, part)) for part in parts if part) + "\n"


def _one_line(line: str) -> str:
    """A line with whatever a name in it would do to a terminal escaped."""
    return visible(line).replace("\n", "\\n").rstrip()


def _channel_lines(channel: Channel) -> Iterator[str]:
    for part in channel.slices:
        if part.place is not None:
            yield f"  slice {part.place}"
        blocks = [[matrix.heading, *_grid(matrix)] for matrix in part.matrices]
        yield from (f"  {line}" for line in _beside(blocks, channel.multiplied))
    if channel.sums:
        yield f"  {channel.sums_heading}"
        yield from (f"    {line}" for line in channel.sums)


def _grid(matrix: Matrix) -> list[str]:
    """The rows of a matrix."""
    gap = "  " if any("." in cell.text for row in matrix.cells for cell in row) else " "
    return [gap.join(cell.text for cell in row) for row in matrix.cells]


def _beside(blocks: Sequence[Sequence[str]], multiplied: bool) -> Iterator[str]:
    """Matrices beside each other, as an equation if weights are multiplied; below each other where that is too wide."""
    widths = [max(map(len, block)) for block in blocks]
    if sum(widths) + 5 * (len(blocks) - 1) > WIDTH:
        for block in blocks:
            yield from block
        return
    middle = len(blocks[0]) // 2
    for index, cells in enumerate(zip(*blocks, strict=True)):
        signs = ("  *  ", "  =  ") if multiplied and index == middle else ("     ",) * 2
        parts = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        yield "".join(part + sign for part, sign in zip(parts, (*signs, ""), strict=False))


def _table_lines(table: Table) -> Iterator[str]:
    rows = [table.headings, *table.rows] if table.headings else list(table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield f"  {'  '.join([name.ljust(widths[0]), *numbers])}"


def json_object(trace: Trace) -> dict[str, Any]:
    """Everything, unrounded: every channel, every cell. Infinities, NaN and cells that do not count are null."""
    working, node = trace.working, trace.node
    found: dict[str, Any] = {
        "network": trace.network,
        "layer": node.name,
        "operator": node.op.operator,
        "arguments": node.arguments(),
        "shape": shape_to_json(node.shape),
        "position": list(trace.position),
        "value": _finite(trace.value),
        "total": _finite(trace.total),
        "reads": [
            {
                "input": read.input,
                "shape": shape_to_json(read.shape),
                "channels": list(read.channels),
                "places": [list(places) for places in read.places],
            }
            for read in working.reads
        ],
        "channels": [_patch_object(patch, working.product) for patch in working.patches],
    }
    if working.terms:
        columns = {name: list(map(_finite, column)) for name, column in working.terms.columns.items()}
        terms = working.terms
        found["terms"] = {"of": terms.of, "rows": list(terms.rows), "columns": columns, "marked": terms.marked}
    found["steps"] = [
        {
            "name": step.name,
            "formula": step.formula,
            "numbers": {name: _finite(number) for name, number in step.numbers.items()},
            "value": _finite(step.value),
        }
        for step in working.steps
    ]
    found["notes"] = list(working.notes)
    return found


def _patch_object(patch: Patch, product: str) -> dict[str, Any]:
    found: dict[str, Any] = {"channel": patch.channel, "total": _finite(patch.total)}
    if patch.weights is not None:
        found["weight"] = _nested(patch.weights.tolist())
    found["input"] = _nested(patch.inputs.tolist(), patch.counted.tolist())
    found["padding"] = patch.padding.tolist()
    if patch.products is not None:
        found[product] = _nested(patch.products.tolist())
    if patch.winner is not None:
        found["winner"] = list(patch.winner)
    return found


def _nested(values: Any, counted: Any = True) -> Any:
    """Nested lists with null for what is not finite or does not count."""
    if isinstance(values, list):
        flags = counted if isinstance(counted, list) else [counted] * len(values)
        return [_nested(value, flag) for value, flag in zip(values, flags, strict=True)]
    return _finite(values) if counted else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def html(trace: Trace, level: int = 2) -> str:
    """The working as a fragment: a ``section`` with tables, no scripts and styles; ``level`` is that of its heading.

    Class names, which :data:`STYLE` gives a look: ``worked`` is the section; ``worked-matrices`` a row of
    ``worked-matrix`` tables, with ``worked-sign`` between them; their cells may be ``worked-padding``,
    ``worked-ignored`` (padding that does not count) or ``worked-winner``; ``worked-sums`` are sums written out;
    ``worked-table`` is a table of named rows; ``worked-steps`` is the list of formulas. Figure spaces behind numbers
    bring their decimal points below each other when they are flushed right in figures of one width.
    """
    shown = view(trace)
    lines = [
        '<section class="worked">',
        f"<h{level}>{_safe(shown.title)}</h{level}>",
        *(f"<p>{_safe(fact)}</p>" for fact in shown.facts),
    ]
    for channel in shown.channels:
        lines += [f"<h{level + 1}>{_safe(channel.heading)}</h{level + 1}>", *_channel_html(channel)]
    lines += [f"<p>{_safe(line)}</p>" for line in shown.legend]
    for table in shown.tables:
        lines += _table_html(table)
    lines += ['<ol class="worked-steps">', *(f"<li>{_safe(step)}</li>" for step in shown.steps), "</ol>"]
    lines += [*(f"<p>{_safe(line)}</p>" for line in shown.closing), "</section>"]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    return escape(_one_line(text))


def _figures(text: str) -> str:
    """A number whose spaces behind it stay."""
    number = text.lstrip()
    return escape(number.rstrip()) + FIGURE_SPACE * (len(number) - len(number.rstrip()))


def _channel_html(channel: Channel) -> Iterator[str]:
    for part in channel.slices:
        if part.place is not None:
            yield f"<p>slice {part.place}</p>"
        yield '<div class="worked-matrices">'
        for index, matrix in enumerate(part.matrices):
            if index and channel.multiplied:
                yield f'<span class="worked-sign">{"*" if index == 1 else "="}</span>'
            yield from _matrix_html(matrix)
        yield "</div>"
    if channel.sums:
        yield f"<p>{_safe(channel.sums_heading)}</p>"
        yield f'<pre class="worked-sums" tabindex="0">{_safe(channel.sums[0])}'
        yield from map(_safe, channel.sums[1:])
        yield "</pre>"


def _matrix_html(matrix: Matrix) -> Iterator[str]:
    """A table; that of the input has the rows' and columns' numbers at its sides."""
    numbered = matrix.heading == "input"
    yield f'<table class="worked-matrix"><caption>{_safe(matrix.heading)}</caption>'
    if numbered:
        corner = "<td></td>" if matrix.rows != (None,) else ""
        yield f"<thead><tr>{corner}{''.join(map(_axis_html, matrix.columns))}</tr></thead>"
    yield "<tbody>"
    for place, row in zip(matrix.rows, matrix.cells, strict=True):
        side = f'<th scope="row">{"…" if place is None else place}</th>' if numbered and matrix.rows != (None,) else ""
        cells = (
            f'<td class="worked-{cell.mark}">{_figures(cell.text)}</td>'
            if cell.mark
            else f"<td>{_figures(cell.text)}</td>"
            for cell in row
        )
        yield f"<tr>{side}{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _axis_html(place: int | None) -> str:
    return f'<th scope="col">{"…" if place is None else place}</th>'


def _table_html(table: Table) -> Iterator[str]:
    yield '<table class="worked-table">'
    if table.caption:
        yield f"<caption>{_safe(table.caption)}</caption>"
    if table.headings:
        cells = "".join(f'<th scope="col">{_safe(heading)}</th>' for heading in table.headings[1:])
        yield f"<thead><tr><td></td>{cells}</tr></thead>"
    yield "<tbody>"
    for name, *numbers in table.rows:
        cells = "".join(f"<td>{_figures(number)}</td>" for number in numbers)
        yield f'<tr><th scope="row">{_safe(name)}</th>{cells}</tr>'
    yield "</tbody></table>"
