"""Which layers must not add much more to the error than a plain product does.

F(4,3) errs four times as much, F(2,3) two times. In a deep network that drowns in what all other layers add; shortly
before an output of a shallow one it would be most of the error (benchmarks/accuracy.py: ESPCN, UNet).
"""

from collections.abc import Collection, Sequence

from cnndsl.runtime.plan.fusion import FusedLayer

LAST = 6
"""So many layers with weights before an output are judged."""
DEEP = 24
"""Layers with weights on the way to an output, among whose errors that of one of them does not matter."""


def mark(layers: Sequence[FusedLayer], outputs: Collection[str]) -> None:
    """Sets ``precise``. ``outputs`` are the values that hold the network's outputs."""
    depth: dict[str, int] = {}
    for layer in layers:
        before = max((depth.get(name, 0) for name in layer.reads), default=0)
        depth[layer.name] = before + (layer.node.op.linear)
    shortest = {name: (0, depth.get(name, 0)) for name in outputs}  # layers to an output, and how deep that is
    for layer in reversed(layers):
        after, deep = shortest.get(layer.name, (LAST, DEEP))
        layer.precise = after < LAST and deep < DEEP
        for name in layer.reads:
            nearer = (after + (layer.node.op.linear), deep)
            shortest[name] = min(shortest.get(name, nearer), nearer)
