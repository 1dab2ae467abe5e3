"""The least work that a body asks for, known from its text alone: blocks that multiply are refused before the first."""

from collections.abc import Sequence
from typing import NamedTuple

from cnndsl.lang.modules import Module
from cnndsl.lang.text import syntax
from cnndsl.limits import Limits


class _Visit(NamedTuple):
    """A body on the way: the blocks that it may use, and how deep it stands."""

    module: Module
    depth: int

    def inside(self) -> "_Visit":
        return self._replace(depth=self.depth + 1)


class WorkBound:
    """Counts steps: one a statement, the shorter arm of a condition, and no more than two turns of a loop."""

    def __init__(self, limits: Limits) -> None:
        self._nesting = limits.nesting
        self._of_blocks: dict[int, int] = {}

    def steps(self, body: syntax.Body, module: Module) -> int:
        """No expansion of the body takes fewer. What is nested too deep, or uses itself, counts as nothing."""
        return self._statements(body.statements, _Visit(module, 1))

    def _statements(self, statements: Sequence[syntax.Statement], visit: _Visit) -> int:
        if visit.depth > self._nesting:
            return 0
        steps = len(statements)
        for statement in statements:
            if isinstance(statement, syntax.Pipeline):
                for stage in statement.stages:
                    steps += self._stage(stage, visit)
        return steps

    def _stage(self, stage: syntax.Stage, visit: _Visit) -> int:
        if isinstance(stage, syntax.Apply):
            return self._block(stage.name, visit)
        if isinstance(stage, syntax.Group | syntax.Merge):
            return self._statements(stage.body.statements, visit.inside())
        if isinstance(stage, syntax.If):
            bodies = [body for _, body in stage.arms] + ([stage.otherwise] if stage.otherwise else [])
            least = min(self._statements(body.statements, visit.inside()) for body in bodies)
            return least if stage.otherwise else 0
        if isinstance(stage, syntax.Repeat) and isinstance(stage.count, syntax.Number):
            return min(int(stage.count.value), 2) * self._statements(stage.body.statements, visit.inside())
        if isinstance(stage, syntax.For) and isinstance(stage.rows, syntax.ListLiteral):
            return min(len(stage.rows.items), 2) * self._statements(stage.body.statements, visit.inside())
        return 0

    def _block(self, name: str, visit: _Visit) -> int:
        if name not in visit.module.blocks:
            return 0
        block, module = visit.module.blocks[name]
        if id(block) not in self._of_blocks:
            self._of_blocks[id(block)] = 0
            steps = self._statements(block.body.statements, _Visit(module, visit.depth + 1))
            self._of_blocks[id(block)] = steps
        return self._of_blocks[id(block)]
