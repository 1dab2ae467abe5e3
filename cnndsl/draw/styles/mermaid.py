"""An outline as Mermaid text, which README pages and wikis draw."""

import json

from cnndsl.draw.canvas.text_metrics import plain
from cnndsl.draw.canvas.theme import LIGHT
from cnndsl.draw.outline import Outline, Unit
from cnndsl.draw.styles.captions import caption, cut, family, repeated, results, steps

SHAPES = {"input": ("([", "])"), "layer": ("[", "]"), "block": ("[[", "]]")}
PLAIN = frozenset(" _.,=@/+-()")
"""What may stand in a quoted label as it is, beside letters and digits."""


def mermaid(outline: Outline, title: str = "") -> str:
    """A flowchart from top to bottom: shapes on the edges, open blocks as subgraphs."""
    lines = [f"---\ntitle: {json.dumps(plain(title))}\n---"] if title else []
    lines.append("flowchart TD")
    indent = "  "
    for step in steps(outline):
        if step.kind == "open":
            frame = outline.frames[step.place]
            lines.append(f"{indent}subgraph f{step.place}[{quoted(repeated(frame.title, frame.repeat))}]")
            indent += "  "
        elif step.kind == "close":
            indent = indent[:-2]
            lines.append(f"{indent}end")
        else:
            lines.append(indent + _node(step.place, outline.units[step.place]))
    ends = list(results(outline))
    lines += [f"  o{index}([{quoted(cut(name))}]):::output" for index, (_, name, _) in enumerate(ends)]
    lines += [f"  n{edge.source} -->|{quoted(edge.shape)}| n{edge.target}" for edge in outline.edges]
    lines += [f"  n{source} -->|{quoted(shape)}| o{index}" for index, (source, _, shape) in enumerate(ends)]
    used = sorted({*map(family, outline.units), *(["output"] if ends else [])})
    for role in used:
        fill, stroke = LIGHT.look(role)
        lines.append(f"  classDef {role} fill:{fill},stroke:{stroke},color:{LIGHT.text}")
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Any text as a quoted label; whatever could mean something is an entity code."""
    return '"' + "".join(c if c.isalnum() or c in PLAIN else f"#{ord(c)};" for c in plain(text)) + '"'


def _node(index: int, unit: Unit) -> str:
    begin, end = SHAPES[unit.kind]
    label = "<br/>".join(quoted(line)[1:-1] for line in caption(unit))
    return f'n{index}{begin}"{label}"{end}:::{family(unit)}'
