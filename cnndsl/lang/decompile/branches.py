"""From a graph to stages: chains, and merges with the branches that lead to them.

A branch reaches back from its merge as long as nobody else reads what it makes. Where it ends there is a value that
several layers read: the one that flows into the merge, or one that must have a name.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from cnndsl import ops
from cnndsl.ir import Graph, Node
from cnndsl.lang.decompile.names import ValueNames
from cnndsl.lang.decompile.stages import From, LayerStage, Sequence_, Stage, Value, arguments_of, size

LONGEST_BRANCH = 32
"""Layers in a branch; of a longer one only the end is written inside the merge."""

WINDING = 14
"""Layers of a branch with a merge like the one it leads to; a longer one is written before the merge, as U-Net is."""

DEEPEST = 8
"""Merges inside merges."""


class Branch(NamedTuple):
    """The stages of a branch, and the value that it starts from; None where it names what it reads."""

    stages: Sequence_
    anchor: str | None
    consumed: int = 1
    """The readers of the anchor that are in the branch."""


class Stages:
    """Works out the stages of one network: with ``given_order`` in the order of its layers, otherwise by chains."""

    def __init__(self, network: Graph, given_order: bool = False) -> None:
        self.network = network
        self.given_order = given_order
        self.nodes: Mapping[str, Node] = {node.name: node for node in network.layers}
        self.uses = Counter(name for node in network.layers for name in node.inputs)
        self.uses.update(network.outputs)
        self.shared = {node.share for node in network.layers if node.share}
        self.uses.update(self.shared)  # the layer must be at the top, where its name is seen
        self.names = ValueNames(network)
        self.named: set[str] = set()
        self._branches: dict[str, list[Branch]] = {}
        self._absorbed: set[str] = set()
        self.listed = self._stages()
        """The network's layers as stages, inputs and outputs left out."""

    def _stages(self) -> list[Stage]:
        for node in reversed(self.network.layers):
            if node.name not in self._absorbed and node.op.operator in ops.MERGES:
                reached = [self._reach(name, 1) for name in node.inputs]
                self._branches[node.name] = [
                    Branch((), name) if _winding(node.op.operator, branch.stages) else branch
                    for name, branch in zip(node.inputs, reached, strict=True)
                ]
                for branch in self._branches[node.name]:
                    self._absorb(branch.stages)
        found: list[Stage] = []
        current = self.network.inputs[-1].name
        for name in self._order():
            node = self.nodes[name]
            found += self._placed(node, current)
            current = name
        outputs = self.network.outputs
        if outputs != (current,):
            self.named.update(outputs)
        self.named.update(self.shared)
        return [self._aliased(stage) for stage in found]

    def _aliased(self, stage: Stage) -> Stage:
        if isinstance(stage, LayerStage) and stage.source in self.named:
            return stage._replace(alias=self.names[stage.source], owner=stage.source in self.shared)
        return stage

    def _layer(self, node: Node, branches: tuple[Sequence_, ...] | None = None) -> LayerStage:
        share = self.names[node.share] if node.share else ""
        return LayerStage(node.name, node.op.operator, arguments_of(node), branches, share=share)

    # --- branches ---
    def _reach(self, value: str, depth: int) -> Branch:
        """The branch that ends with ``value``, read by a merge."""
        stages: list[Stage] = []
        count = 0
        consumed = 1
        current = value
        while self.uses[current] == consumed and current in self.nodes:
            node = self.nodes[current]
            if node.op.operator not in ops.MERGES:
                step = [self._layer(node)]
                before, taken = node.inputs[0], 1
                weight = 1
            else:
                if depth >= DEEPEST:
                    break
                inner = [self._reach(name, depth + 1) for name in node.inputs]
                anchors = {branch.anchor for branch in inner}
                weight = 1 + sum(len(branch.stages) for branch in inner)
                if len(anchors) > 1 or None in anchors:
                    break
                step = [self._layer(node, tuple(branch.stages for branch in inner))]
                (anchor,) = anchors
                before, taken = anchor or "", sum(branch.consumed for branch in inner)
            if count + weight > LONGEST_BRANCH:
                break
            count += weight
            stages = [*step, *stages]
            current, consumed = before, taken
        return Branch(tuple(stages), current, consumed)

    def _absorb(self, stages: Sequence_) -> None:
        for stage in stages:
            if isinstance(stage, LayerStage):
                self._absorbed.add(stage.source)
                for branch in stage.branches or ():
                    self._absorb(branch)

    # --- the top ---
    def _needs(self, node: Node) -> list[str]:
        """The values at the top that a layer at the top reads."""
        if node.name not in self._branches:
            return [*node.inputs, *([node.share] if node.share else [])]
        return [branch.anchor for branch in self._branches[node.name] if branch.anchor]

    def _order(self) -> list[str]:
        """The layers at the top, chains unbroken: what a layer reads last stands right before it."""
        if self.given_order:
            return [node.name for node in self.network.layers if node.name not in self._absorbed]
        order: list[str] = []
        done: set[str] = set()
        for output in self._ends():
            pending = [(output, False)]
            while pending:
                name, ready = pending.pop()
                if name in done or name not in self.nodes:
                    continue
                if ready:
                    done.add(name)
                    order.append(name)
                else:
                    pending.append((name, True))
                    pending.extend((need, False) for need in reversed(self._needs(self.nodes[name])))
        return order

    def _ends(self) -> list[str]:
        """The outputs, and layers that nobody reads."""
        unread = [node.name for node in self.network.layers if not self.uses[node.name]]
        return [*unread, *self.network.outputs]

    def _placed(self, node: Node, current: str) -> list[Stage]:
        """A layer behind the value ``current``, with what it reads by name where that is another."""
        if node.name not in self._branches:
            return [*self._begun(node.inputs[0], current), self._layer(node)]
        branches = self._branches[node.name]
        anchors = {branch.anchor for branch in branches}
        if len(anchors) == 1 and None not in anchors:
            (anchor,) = anchors
            lead = self._begun(anchor or "", current)
            return [*lead, self._layer(node, tuple(branch.stages for branch in branches))]
        return [self._layer(node, tuple((*self._begun(b.anchor or "", current), *b.stages) for b in branches))]

    def _begun(self, value: str, current: str) -> list[Stage]:
        if not value or value == current:
            return []
        self.named.add(value)
        return [From(Value(self.names[value]))]


def _winding(operator: str, stages: Sequence_) -> bool:
    """Whether a branch is better read as a part of the network's own path."""
    alike = any(isinstance(stage, LayerStage) and stage.branches and stage.operator == operator for stage in stages)
    return alike and sum(map(size, stages)) > WINDING
