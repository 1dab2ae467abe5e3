"""What the page begins with: five numbers, and where the parameters and the computation are."""

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.analysis.measured import Measured
from cnndsl.errors import plural
from cnndsl.report.markup import text
from cnndsl.report.table import Row, bytes_text, field_text, folded

MOST_ROWS = 8
"""Layers and blocks that are listed; the others are one row."""


def tiles_html(network: Measured, batch: int) -> str:
    """Parameters, MACs, layers, peak memory and receptive field."""
    return f'<dl class="tiles">{"".join(_tiles(network, batch))}</dl>'


def _tiles(network: Measured, batch: int) -> Iterator[str]:
    memory = network.memory(batch)
    examples = f" for a batch of {batch:,}" if batch > 1 else ""
    weights = sum(1 for _ in network.graph.all_weights())
    buffers = f", {network.buffers:,} buffer elements" if network.buffers else ""
    yield _tile("Parameters", f"{network.params:,}", f"{bytes_text(memory.weight)} of weights{buffers}")
    connections = f"{network.connections:,} connections (LeCun)"
    yield _tile("MACs", f"{network.macs:,}", f"{2 * network.macs:,} FLOPs, {connections}")
    yield _tile("Layers", f"{len(network.layers):,}", plural(weights, "weight tensor"))
    yield _tile("Peak memory", bytes_text(memory.peak), f"of {bytes_text(memory.activation)} of outputs{examples}")
    for name in network.outputs:
        layer = network.layers.get(name)
        if layer is not None:
            whole = network.shown(next(iter(network.inputs))).partition("@")[2] or "the whole vector"
            many = f" of {text(name)}" if len(network.outputs) > 1 else ""
            yield _tile(f"Receptive field{many}", field_text(layer), f"input: {whole}")
            break


def _tile(name: str, value: str, more: str) -> str:
    return f'<div><dt>{name}</dt><dd class="value">{value.replace(",", ",<wbr>")}</dd><dd>{more}</dd></div>'


def shares_html(network: Measured, positions: Mapping[str, int]) -> str:
    """The layers and outermost blocks with the largest shares of the parameters and MACs, in the network's order.

    A row has ``data-layers``, the indices by which the page knows its layers.
    """
    rows = list(folded(list(network.layers.values()), 0))
    sums = (network.params, network.macs)
    if not any(sums):
        return ""
    counts = [(sum(layer.params for layer in row.layers), sum(layer.macs for layer in row.layers)) for row in rows]
    shares = [[count / whole if whole else 0.0 for count, whole in zip(pair, sums, strict=True)] for pair in counts]
    order = sorted((index for index in range(len(rows)) if any(counts[index])), key=lambda index: -max(shares[index]))
    few = order if len(order) <= MOST_ROWS else order[: MOST_ROWS - 1]
    lines = [_row(rows[index], counts[index], shares[index], positions) for index in sorted(few)]
    if rest := order[len(few) :]:
        left = [sum(shares[index][column] for index in rest) for column in (0, 1)]
        name = f'<th scope="row">{len(rest):,} others</th>'
        both = zip([sum(counts[index][column] for index in rest) for column in (0, 1)], left, strict=True)
        lines.append(f"<tr>{name}{''.join(_share(*pair) for pair in both)}</tr>")
    return (
        '<table class="shares"><caption>Where the parameters and the computation are</caption>'
        '<thead><tr><th scope="col">Layer</th><th scope="col">Parameters</th>'
        f'<th scope="col">MACs</th></tr></thead><tbody>{"".join(lines)}</tbody></table>'
    )


def _row(row: Row, counts: Sequence[int], shares: Sequence[float], positions: Mapping[str, int]) -> str:
    indices = " ".join(str(positions[layer.name]) for layer in row.layers)
    cells = "".join(_share(*pair) for pair in zip(counts, shares, strict=True))
    return f'<tr data-layers="{indices}"><th scope="row">{text(row.name)}</th>{cells}</tr>'


def _share(count: int, share: float) -> str:
    """A number as a bar, a percentage, and as it is."""
    if not count:
        return "<td>–</td>"
    percent = f"{share:.0%}" if share >= 0.095 or share == 0 else f"{share:.1%}"
    bar = f'<span class="share" style="--share:{share:.4f}" aria-hidden="true"></span>'
    whole = f"{count:,}".replace(",", ",<wbr>")
    return f"<td>{bar}<strong>{percent}</strong> {whole}</td>"
