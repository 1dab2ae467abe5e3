"""Planning: a graph and its weights become a list of steps, once; execution only follows it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnndsl.analysis.memory import last_readers
from cnndsl.ir import Network
from cnndsl.runtime.initial import Float32
from cnndsl.runtime.steps import Compute, Site, compute


class Step(NamedTuple):
    """One layer: its name, the values it reads, how they become its value, and the values nobody reads after it."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    compute: Compute
    dead: tuple[str, ...]


class Plan(NamedTuple):
    """Steps in order. Values in ``kept`` live to the end."""

    steps: tuple[Step, ...]
    kept: tuple[str, ...]


def make_plan(network: Network, weights: Mapping[str, Float32], keep: Sequence[str] = ()) -> Plan:
    """The steps for the network's outputs and the values to keep. ``weights`` holds every tensor by key."""
    kept = tuple(dict.fromkeys((*network.outputs, *keep)))
    last = last_readers(network.layers, kept)
    tensors: dict[str, dict[str, Float32]] = {}
    for key, node, _ in network.all_weights():
        tensors.setdefault(node.name, {})[key.removeprefix(f"{node.name}.")] = weights[key]
    steps = []
    for index, node in enumerate(network.layers):
        if node.name not in last:
            last[node.name] = index
        site = Site(network.input_shapes(node), node.shape, tensors.get(node.share or node.name, {}))
        read = dict.fromkeys((*node.inputs, node.name))
        dead = tuple(name for name in read if last[name] == index)
        steps.append(Step(node.name, node.op.operator, node.inputs, compute(node.op, site), dead))
    return Plan(tuple(steps), kept)
