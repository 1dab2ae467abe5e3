"""The sizes that a network takes, as text and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from cnndsl.analysis.network_sizes import NetworkSizes, SymbolSizes, beside_defaults, grouped
from cnndsl.extents.periodic import PeriodicSet
from cnndsl.extents.words import condition, described
from cnndsl.ir import Input


def sizes_text(found: NetworkSizes, title: bool = False) -> str:
    """What the network takes, which layers decide it, what comes out, and for which sizes no pixel is lost."""
    graph = found.graph
    lines = [f"network {graph.name}"] if title else []
    for value in graph.inputs:
        shown = f"input {_written(value)}" + (f" as {value.name}" if len(graph.inputs) > 1 else "")
        own = [one for one in found.symbols if any(one.name in text for text in value.extents)]
        lines.append(f"{shown}: {grouped(own)}" if own else shown)
    lines += [f"  {tie}" for tie in found.ties]
    lines += [f"  {beside_defaults(found).removeprefix(', ')}"] if found.meeting else []
    lines += _needs(found)
    several = len(graph.outputs) > 1
    lines += [f"output {shape}" + (f" of {name}" if several else "") for name, shape in found.outputs.items()]
    if found.symbols:
        lines.append(f"every pixel is read (no remainder in any division): {_exact(found.symbols)}")
    return "\n".join(lines) + "\n"


def _written(value: Input) -> str:
    """The shape in symbols, as the text has it."""
    if not value.extents:
        return str(value.shape)
    return f"{value.extents[0]}@{'x'.join(f'({text})' if ' ' in text else text for text in value.extents[1:])}"


def _exact(symbols: Sequence[SymbolSizes]) -> str:
    if all(one.exact == one.taken for one in symbols):
        return "all of these"
    if not any(one.exact for one in symbols):
        return "none of these"
    groups = groupby(symbols, lambda one: "all of these" if one.exact == one.taken else described(one.exact))
    return "; ".join(f"{' and '.join(one.name for one in group)}: {words}" for words, group in groups)


def _needs(found: NetworkSizes) -> Iterator[str]:
    asked: dict[str, list[str]] = {}
    for one in found.symbols:
        for need in one.needs:
            asked.setdefault(need.layer, []).append(condition(need.asked, one.name))
    nodes = {node.name: node for node in found.graph.layers}
    texts = [f"  {nodes[name].op.operator} `{name}` needs {_joined(texts)}" for name, texts in asked.items()]
    width = max(map(len, texts), default=0)
    for name, text in zip(asked, texts, strict=True):
        span = nodes[name].span
        yield f"{text.ljust(width)}  {span.file}:{span.line}" if span else text


def _joined(texts: Sequence[str]) -> str:
    return "; ".join(texts) if any("," in text for text in texts) else " and ".join(texts)


def sizes_json(found: NetworkSizes, listed: Mapping[str, Sequence[int]] | None = None) -> dict[str, Any]:
    """The same for programs."""
    nodes = {node.name: node for node in found.graph.layers}
    symbols = []
    for one in found.symbols:
        conditions = []
        for need in one.needs:
            span = nodes[need.layer].span
            place = {"file": span.file, "line": span.line} if span else {"file": None, "line": None}
            conditions.append({"layer": need.layer, "text": condition(need.asked, one.name), **place})
        symbols.append({"name": one.name, "default": one.default, **_set(one.taken), "conditions": conditions})
    outputs = [{"name": name, "shape": shape} for name, shape in found.outputs.items()]
    about = {"name": found.graph.name, "symbols": symbols, "ties": list(found.ties), "outputs": outputs}
    return about | ({} if listed is None else {"listed": {name: list(sizes) for name, sizes in listed.items()}})


def _set(sizes: PeriodicSet) -> dict[str, Any]:
    """``minimum`` is the least size of the repeating part, ``also`` are those below it."""
    repeats = not sizes.is_finite
    return {
        "minimum": next(sizes.members(sizes.start)) if repeats else None,
        "period": sizes.period if repeats else None,
        "residues": [size for size in range(sizes.period) if sizes.residues >> size & 1],
        "also": list(sizes.members(end=sizes.start)),
    }
