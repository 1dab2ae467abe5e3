"""Going on in the middle of a network, from the state before the statement that changed."""

from collections.abc import Sequence
from itertools import takewhile

from cnndsl.lang.elaborate.expansion import Context
from cnndsl.lang.elaborate.lower import NetworkLowering
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Flow
from cnndsl.lang.recording import Beginning, Checkpoint, Expanded, Recording
from cnndsl.lang.reuse import Surroundings
from cnndsl.lang.text import syntax
from cnndsl.lang.text.reparse import common_length

Statements = Sequence[syntax.Statement]


class Course:
    """The expansion of a network: it begins at the last checkpoint, and leaves one before what changed in the text."""

    def __init__(
        self, recording: Recording, surroundings: Surroundings, name: str, network: syntax.Network | None
    ) -> None:
        """``network`` is None for the one without a name."""
        self._recording = recording
        self._surroundings = surroundings
        self._name = name
        self._network = network

    def run(self, lowering: NetworkLowering, statements: Statements, place: Context) -> Flow | None:
        """The value at the end of the network, as :meth:`Expander.run` gives it."""
        text = lowering.module.source.text
        changed = common_length(self._recording.text_before, text)
        # What `train` says depends on what stands behind it.
        above = takewhile(lambda one: one.end < changed and not isinstance(one, syntax.Train), statements)
        pause = sum(1 for _ in above)

        def beginning(count: int) -> Beginning:
            first = statements[:count]
            until = first[-1].end if first else 0
            return Beginning(first, text[:until], place.reserved, self._surroundings.of_first(self._network, first))

        checkpoints, expanded = self._recording.checkpoints, lowering.recording
        known = checkpoints.get(self._name)
        done = len(known.beginning.statements) if known else 0
        flow = None
        assert expanded
        if known and done <= pause and known.beginning == beginning(done):
            flow = _resumed(known, lowering, expanded, place.scope)
        else:
            done = 0
        if done < pause:
            left, heard = lowering.budget.left, lowering.collector.heard
            work = known.work if known and done else 0
            flow = lowering.run(statements[done:pause], place, flow)
            if lowering.sound and lowering.known and lowering.collector.heard == heard:
                work += left - lowering.budget.left
                checkpoints[self._name] = Checkpoint(
                    beginning(pause),
                    lowering.state(),
                    place.scope,
                    place.scope.state(),
                    expanded.state(),
                    flow,
                    work,
                    frozenset(lowering.used),
                )
        return lowering.run(statements[pause:], place, flow)


def _resumed(known: Checkpoint, lowering: NetworkLowering, expanded: Expanded, scope: Scope) -> Flow | None:
    """Takes over the state of a checkpoint; gives the value there."""
    lowering.budget.spend(known.work)
    lowering.used.update(known.used)
    lowering.go_back(known.lowering)
    expanded.go_back(known.expanded)
    # What was expanded inside of the statements refers to the scope that there was.
    known.scope.go_back(known.names)
    scope.share(known.scope)
    return known.flow
