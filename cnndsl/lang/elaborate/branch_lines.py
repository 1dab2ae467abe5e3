"""Lines of a merge that were meant to go on from the line above: each of them is a branch of its own."""

from collections.abc import Iterator

from cnndsl import ops
from cnndsl.lang.text import syntax

ADVICE = "each line is a branch of its own: join them with `->`"
_NORMS = frozenset({"batchnorm", "layernorm", "groupnorm", "instancenorm", "lrn"})
_DROPOUT = frozenset({"dropout", "spatial_dropout"})


def broken(stage: syntax.Merge, pools: bool = False) -> Iterator[tuple[syntax.Pipeline, syntax.Pipeline]]:
    """The branches that seem to go on below, each with the one that seems to go on from it.

    What goes on is an activation, a normalisation or dropout; a pool too where ``pools`` says so, which sound networks
    have as a branch.
    """
    above: syntax.Statement | None = None
    for statement in stage.body.statements:
        if isinstance(above, syntax.Pipeline) and isinstance(statement, syntax.Pipeline):
            last = above.stages[-1]
            if isinstance(last, syntax.Apply) and _goes_on(last.name, statement, pools):
                yield above, statement
        above = statement


def _goes_on(last: str, branch: syntax.Pipeline, pools: bool) -> bool:
    words = [stage.name for stage in branch.stages if isinstance(stage, syntax.Apply) and not stage.alias]
    if len(words) < len(branch.stages) or not all(_minor(word, pools) for word in words):
        return False
    family = ops.family(last) if last in ops.NAMES else ""
    # A parameter is a branch of its own; a norm below a norm is RepVGG's third branch.
    makes = family in ("conv", "dense") and not ops.operator(last).independent
    return makes or (last in _NORMS and words[0] not in _NORMS)


def _minor(word: str, pools: bool) -> bool:
    if word not in ops.NAMES:
        return False
    family = ops.family(word)
    return word in _NORMS or word in _DROPOUT or family == "activation" or (pools and family == "pool")
