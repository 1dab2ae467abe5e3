"""The arithmetic behind a layer's numbers as text, JSON and HTML."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from cnndsl.analysis.arithmetic import Explanation, Section
from cnndsl.analysis.lines import FormulaLine
from cnndsl.errors import Span, visible
from cnndsl.ir import shape_to_json
from cnndsl.report.markup import sentence
from cnndsl.report.markup import text as markup

WIDTH = 100
TOPIC_WIDTH = 24
OPERATOR_WIDTH = 400


def text(explanation: Explanation) -> str:
    """For a terminal: a section for each question, a line for each number, at most about 100 columns wide."""
    lines = _heading(explanation)
    topics = [found.topic for section in explanation.sections for found in section.lines]
    indent = 2 + max((min(len(topic), TOPIC_WIDTH) for topic in topics), default=0) + 2
    for section in explanation.sections:
        lines += ["", section.title]
        lines += _rows(section.lines, indent)
        if section.words:
            lines += _wrapped(section.words, 2)
    if explanation.legend:
        width = max(len(symbol) for symbol, _ in explanation.legend)
        lines += ["", "where"]
        lines += [f"  {symbol:<{width}}  {meaning}" for symbol, meaning in explanation.legend]
    return visible("\n".join(lines)) + "\n"


def json_object(explanation: Explanation) -> dict[str, Any]:
    """The same with stable keys (docs/cli.md)."""
    formulas = [{"formula": text} if explanation.formulas else {} for text in explanation.shown]
    return {
        "version": 1,
        "network": explanation.network,
        "layer": explanation.name,
        "operator": explanation.operator or None,
        "words": explanation.words,
        "place": _place_to_json(explanation.place),
        "inputs": [
            {"name": name, "shape": shape_to_json(shape)} | formula
            for (name, shape), formula in zip(explanation.reads, formulas, strict=False)
        ],
        "shape": shape_to_json(explanation.shape),
        **formulas[-1],
        **({"numbers_for": explanation.numbers_for} if explanation.formulas else {}),
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "total": section.total,
                "words": section.words,
                "lines": [found._asdict() for found in section.lines],
            }
            for section in explanation.sections
        ],
        "legend": [{"symbol": symbol, "meaning": meaning} for symbol, meaning in explanation.legend],
    }


def html(explanation: Explanation, level: int = 2) -> str:
    """A ``<section>`` whose headings are of ``level`` and below; without scripts and styles.

    Classes: ``explained`` on the section, ``explained-rule``, ``explained-result`` and ``explained-words`` on the cells
    of the tables, ``explained-legend`` on the list of symbols.
    """
    heading = f"{markup(_operator(explanation)) or 'input'}, gives {markup(explanation.shown[-1])}"
    parts = [
        '<section class="explained">',
        f"<h{level}>{markup(explanation.name)}</h{level}>",
        f"<p><code>{heading}</code></p>",
        f"<p>{sentence(explanation.words)}</p>",
    ]
    if explanation.reads:
        reads = "".join(f"<li><code>{markup(name)}</code> {markup(shape)}</li>" for name, shape in _read(explanation))
        parts += ["<p>It reads:</p>", f"<ul>{reads}</ul>"]
    if explanation.formulas:
        parts.append(f"<p>The numbers are for {markup(explanation.numbers_for)}.</p>")
    for section in explanation.sections:
        parts.append(f"<h{level + 1}>{markup(section.title)}</h{level + 1}>")
        if section.lines:
            parts.append(_table(section))
        if section.words:
            parts.append(f"<p>{sentence(section.words)}</p>")
    if explanation.legend:
        pairs = "".join(f"<dt>{markup(symbol)}</dt><dd>{markup(words)}</dd>" for symbol, words in explanation.legend)
        parts += [f"<h{level + 1}>where</h{level + 1}>", f'<dl class="explained-legend">{pairs}</dl>']
    return "\n".join([*parts, "</section>"]) + "\n"


def page(title: str, *sections: str, style: str = "") -> str:
    """A small complete page around HTML fragments, with ``style`` for them; nothing is loaded from outside."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup(title)}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{markup(title)}</h1>\n" + "".join(sections) + "</main>\n</body>\n</html>\n"
    )


STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
.explained-rule { overflow-wrap: anywhere; }
code, .explained-rule, .explained-result, .explained-legend dt { font-family: ui-monospace, monospace; }
td.explained-result { text-align: right; white-space: nowrap; }
.explained-legend { display: grid; gap: 0 1rem; grid-template-columns: max-content 1fr; }
.explained-legend dd { margin: 0; }
"""


def _operator(explanation: Explanation) -> str:
    """The operator's line; literal weights may be as long as a file."""
    shown = explanation.operator
    return visible(shown if len(shown) <= OPERATOR_WIDTH else shown[: OPERATOR_WIDTH - 1] + "…")


def _heading(explanation: Explanation) -> list[str]:
    place = explanation.place
    where = f"   ({place.file}:{place.line})" if place else ""
    operator = f": {_operator(explanation)}" if explanation.operator else ""
    lines = [*_wrapped(f"{explanation.name}{operator}{where}", 0), *_wrapped(explanation.words, 2)]
    if explanation.reads:
        reads = ", ".join(f"{name} {shape}" for name, shape in _read(explanation))
        lines += _wrapped(f"reads {reads}, gives {explanation.shown[-1]}", 2)
    if explanation.formulas:
        shape = "" if explanation.reads else f"it is {explanation.shown[-1]}; "
        lines += _wrapped(f"{shape}the numbers are for {explanation.numbers_for}", 2)
    return lines


def _read(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """What it reads, with the shapes as text."""
    return ((name, shape) for (name, _), shape in zip(explanation.reads, explanation.shown, strict=False))


def _rows(lines: Sequence[FormulaLine], indent: int) -> Iterator[str]:
    """The lines of one section: rule, numbers and result in columns where they fit, else one below the other."""
    cells = [_parts(found) for found in lines]
    short = [parts for parts in cells if indent + sum(map(len, parts)) + 6 <= WIDTH]
    widths = [max((len(parts[column]) for parts in short), default=0) for column in range(3)]
    together = indent + sum(widths) + 6 <= WIDTH
    longest = max((len(found.words) for found in lines), default=0)
    beside = len(short) == len(cells) and indent + sum(widths) + 9 + longest <= WIDTH
    for found, parts in zip(lines, cells, strict=True):
        topic = f"  {found.topic}"
        topic = f"{topic:<{indent}}" if len(topic) < indent else f"{topic} "
        if not any(parts):
            yield topic + found.words
            continue
        rule, numbers, result = parts
        if parts not in short:
            rest = [f"= {part}" for part in (numbers, result) if part]
            rows = [*wrap(rule, WIDTH - indent)]
            for part in rest:
                rows += wrap(part, WIDTH - indent, subsequent_indent="  ")
            yield topic + rows[0]
            yield from (" " * indent + row for row in rows[1:])
        elif together:
            shown = f"{rule:<{widths[0]}}"
            if widths[1]:
                shown += f" {'=' if numbers else ' '} {numbers:<{widths[1]}}"
            if widths[2]:
                shown += f" {'=' if result else ' '} {result:<{widths[2]}}"
            yield (topic + shown + (f"   {found.words}" if beside else "")).rstrip()
        else:
            yield topic + " = ".join(part for part in parts if part)
        if found.words and not beside and any(parts):
            yield from _wrapped(found.words, indent + 2)


def _parts(found: FormulaLine) -> tuple[str, str, str]:
    """Rule, numbers and result; numbers that are the result alone, and no rule at all, are left out."""
    result = "" if found.result is None else f"{found.result:,}"
    if not found.rule:
        return result, "", ""
    return found.rule, "" if found.numbers == str(found.result) else found.numbers, result


def _wrapped(words: str, indent: int) -> list[str]:
    return wrap(words, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * max(indent, 2))


def _table(section: Section) -> str:
    rows = []
    noted = any(found.words for found in section.lines)
    for found in section.lines:
        rule, numbers, result = _parts(found)
        if not found.rule:
            rule, result = "", rule
        formula = " = ".join(markup(part) for part in (rule, numbers) if part)
        words = f'<td class="explained-words">{sentence(found.words)}</td>' if noted else ""
        rows.append(
            f'<tr><th scope="row">{markup(found.topic)}</th><td class="explained-rule">{formula}</td>'
            f'<td class="explained-result">{result}</td>{words}</tr>'
        )
    note = '<th scope="col">note</th>' if noted else ""
    head = '<tr><th scope="col">what</th><th scope="col">rule, with the numbers</th>'
    head += f'<th scope="col">result</th>{note}</tr>'
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"


def _place_to_json(place: Span | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}
