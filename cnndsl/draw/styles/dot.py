"""An outline in the DOT language, for Graphviz."""

from cnndsl.draw.canvas.text_metrics import plain
from cnndsl.draw.canvas.theme import LIGHT, Look
from cnndsl.draw.outline import Outline
from cnndsl.draw.styles.captions import caption, cut, family, repeated, results, steps

FONT = 'fontname="DejaVu Sans,Verdana,Arial,sans-serif"'


def dot(outline: Outline, title: str = "network") -> str:
    """A directed graph from top to bottom: shapes on the edges, open blocks as clusters."""
    lines = [
        f"digraph {quoted(plain(title))} {{",
        f"  graph [rankdir=TB {FONT} fontsize=12]",
        f'  node [shape=box style="rounded,filled" {FONT} fontsize=11 fontcolor="{LIGHT.text}" margin="0.15,0.06"]',
        f'  edge [{FONT} fontsize=10 fontcolor="{LIGHT.faint}" color="{LIGHT.line}" arrowsize=0.7]',
    ]
    indent = "  "
    for step in steps(outline):
        if step.kind == "open":
            frame = outline.frames[step.place]
            lines.append(f"{indent}subgraph cluster_{step.place} {{")
            indent += "  "
            label = quoted(plain(repeated(frame.title, frame.repeat)))
            lines.append(
                f'{indent}graph [label={label} labeljust=l style="rounded,dashed" color="{LIGHT.frame.stroke}"]'
            )
        elif step.kind == "close":
            indent = indent[:-2]
            lines.append(f"{indent}}}")
        else:
            unit = outline.units[step.place]
            label = quoted("\n".join(map(plain, caption(unit))))
            lines.append(f"{indent}n{step.place} [label={label} {_colours(LIGHT.look(family(unit)))}]")
    ends = list(results(outline))
    for index, (_, name, _) in enumerate(ends):
        lines.append(f"  o{index} [label={quoted(plain(cut(name)))} {_colours(LIGHT.look('output'))}]")
    lines += [f"  n{edge.source} -> n{edge.target} [label={quoted(edge.shape)}]" for edge in outline.edges]
    lines += [f"  n{source} -> o{index} [label={quoted(shape)}]" for index, (source, _, shape) in enumerate(ends)]
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """Any text as a string; line feeds part the lines of a label."""
    lines = (plain(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'


def _colours(look: Look) -> str:
    return f'fillcolor="{look.fill}" color="{look.stroke}"'
