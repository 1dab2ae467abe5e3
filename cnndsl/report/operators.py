"""An operator as text: parameters, defaults, rule, weights and an example; and what its example gives, for the docs."""

from collections.abc import Iterator
from textwrap import fill, indent

from cnndsl.analysis.costs import layer_costs
from cnndsl.lang.compile import compile_text
from cnndsl.lang.elaborate.bind import takes_share
from cnndsl.ops.base import Operator
from cnndsl.ops.fields import written

UNSET = {
    "stride": "the kernel",
    "weight": "initial weights",
    "connect": "every channel",
    "min": "no bound",
    "max": "no bound",
}
"""What a parameter without a value means, by its name."""

SYMBOLS = "C: input channels, W: input size along an axis, K: kernel, S: stride, P: padding of both sides"


class ExampleLayer:
    """The first layer of an operator's example that uses the operator: its weights and results."""

    def __init__(self, cls: type[Operator]) -> None:
        (network,) = compile_text(cls.example, f"{cls.operator}.cnn").networks
        costs = zip(network.layers, layer_costs(network), strict=True)
        node, cost = next((node, cost) for node, cost in costs if node.op.operator == cls.operator)
        counts = {
            "parameters": cost.params,
            "buffer elements": cost.buffers,
            "MACs": cost.macs,
            "connections": cost.connections,
        }
        self.name, self.shape = node.name, node.shape
        self.counts = [f"{count:,} {what}" for what, count in counts.items() if count]
        self.weights = {
            name: ("buffer " if weight.buffer else "", ", ".join(map(str, weight.shape)))
            for name, weight in network.weights(node).items()
        }


def default_of(cls: type[Operator], name: str) -> str | None:
    """What a parameter is where it is not given, as it is written or in words; None where it must be given."""
    field = cls.model_fields[name]
    if field.is_required():
        return None
    return UNSET[name] if field.default is None else written(field.default)


def operator_text(cls: type[Operator], width: int = 100) -> str:
    """All about an operator, for a terminal."""
    example = ExampleLayer(cls)
    parts = [f"{cls.operator}\n{fill(_plain(cls.summary), width, initial_indent='  ', subsequent_indent='  ')}"]
    if cls.parameters():
        parts.append("parameters\n" + "\n".join(_parameters(cls, width)))
    rule = "\n".join(
        fill(part.strip(), width, initial_indent="  ", subsequent_indent="    ") for part in cls.rule.split(";")
    )
    symbols = f"\n  ({SYMBOLS})" if "W" in cls.rule or "K" in cls.rule else ""
    parts.append(f"output and counts\n{rule}{symbols}")
    if example.weights:
        share = "\n  share=NAME uses those of another layer" if takes_share(cls) else ""
        lines = [f"  {buffer}{name} ({shape})" for name, (buffer, shape) in example.weights.items()]
        parts.append("weights of the example\n" + "\n".join(lines) + share)
    parts.append(f"example\n{indent(cls.example, '    ')}\n  {', '.join(_result(example))}")
    parts.append(f"source\n{fill(_plain(cls.source), width, initial_indent='  ', subsequent_indent='  ')}")
    return "\n\n".join(parts) + "\n"


def _parameters(cls: type[Operator], width: int) -> Iterator[str]:
    """A line for each: its name, its default, and what it takes; those that may go by position first."""
    rows = []
    for name in cls.parameters():
        default = default_of(cls, name)
        place = "by position" if name in cls.positional else ""
        rows.append((name, place, "must be given" if default is None else f"default {default}", cls.expects(name)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(most) for cell, most in zip(row[:3], widths, strict=True) if most]
        before = "  ".join(["", *cells, ""])
        yield fill(row[3], width, initial_indent=before, subsequent_indent=" " * len(before))


def _result(example: ExampleLayer) -> Iterator[str]:
    yield f"{example.name} gives {example.shape}"
    yield from example.counts


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "").replace("`", "").split())
