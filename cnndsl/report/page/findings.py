"""Diagnostics as HTML: the message, the lines that it is about with the stretch marked, labels and help."""

from collections.abc import Iterable, Iterator, Mapping

from cnndsl.errors import Diagnostic, Span
from cnndsl.report.markup import sentence, text


def diagnostics_html(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """A ``<div class="cnndsl-findings">`` with an ``<article>`` for every diagnostic; empty text for none.

    An article has its severity as a class (``error``, ``warning``, ``note``) and holds the message, for every place a
    ``<figure>`` with the line and the stretch in a ``<mark>``, and the help. ``sources`` maps file names to texts.
    """
    lines = {name: content.split("\n") for name, content in sources.items()}
    articles = "\n".join(_article(diagnostic, lines) for diagnostic in diagnostics)
    return f'<div class="cnndsl-findings">\n{articles}\n</div>' if articles else ""


def _article(diagnostic: Diagnostic, lines: Mapping[str, list[str]]) -> str:
    parts = [
        f'<p class="message"><strong>{diagnostic.severity}</strong> <code>{text(diagnostic.code)}</code> '
        f"{sentence(diagnostic.message)}</p>"
    ]
    if diagnostic.span:
        parts.append(_excerpt(diagnostic.span, "", lines))
    parts += [_excerpt(label.span, label.message, lines) for label in diagnostic.labels]
    parts += [f'<p class="help">{sentence(advice)}</p>' for advice in diagnostic.help]
    return f'<article class="{diagnostic.severity}">{"".join(parts)}</article>'


def _excerpt(span: Span, message: str, lines: Mapping[str, list[str]]) -> str:
    said = f' <span class="label">{sentence(message)}</span>' if message else ""
    place = f"<figcaption>{text(span.file)}:{span.line}:{span.column}{said}</figcaption>"
    known = lines.get(span.file, [])
    if not 0 < span.line <= len(known):
        return f"<figure>{place}</figure>"
    return f"<figure>{place}<pre><code>{''.join(_marked(span, known[span.line - 1]))}</code></pre></figure>"


def _marked(span: Span, line: str) -> Iterator[str]:
    """The line with its stretch marked; a stretch of several lines is marked to the end of its first."""
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    yield f'<span class="line-number">{span.line}</span>{code(line[:start])}'
    yield f"<mark>{code(line[start:end]) or ' '}</mark>{code(line[max(start, end) :])}"


def code(line: str) -> str:
    """A piece of a source line: tabs stay, everything else that cannot be seen is escaped."""
    return "\t".join(map(text, line.split("\t")))
