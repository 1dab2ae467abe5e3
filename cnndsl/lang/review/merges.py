"""Rules about the text of merges, whose statements are branches: one alone, and lines that were meant as one."""

from collections.abc import Iterator

from cnndsl import ops
from cnndsl.errors import Diagnostic, Fix, Label, Source
from cnndsl.lang.elaborate.branch_lines import ADVICE, broken
from cnndsl.lang.text import syntax


def merges(tree: syntax.File, source: Source) -> Iterator[Diagnostic]:
    """``one-branch`` and ``broken-branch`` for the merges of one file."""
    pending = list[object](tree.items)
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Merge) and node.name in ops.MERGES:
            yield from _one_branch(node, source)
            yield from (_broken_branch(node, *pair, source) for pair in broken(node))
        if isinstance(node, tuple) and type(node) not in syntax.WITHOUT_BODIES:
            pending.extend(node)


def _one_branch(stage: syntax.Merge, source: Source) -> Iterator[Diagnostic]:
    branches = [statement for statement in stage.body.statements if isinstance(statement, syntax.Pipeline)]
    if len(branches) != 1 or any(isinstance(part, syntax.Input) for part in stage.body.statements):
        return
    (branch,) = branches
    first = branch.stages[0]
    # Loops and conditions contribute the branches of their bodies.
    if len(branch.stages) == 1 and not first.alias and isinstance(first, syntax.Repeat | syntax.For | syntax.If):
        return
    end = source.span(branch.end, branch.end)
    yield Diagnostic(
        "one-branch",
        f"{stage.name} has one branch, so that there is nothing to join",
        source.span(stage.start, stage.name_end),
        "warning",
        help=(f"`identity` is a branch with the value that enters: `{stage.name} {{ ...; identity }}`",),
        fixes=(Fix("add the branch identity", end, "; identity"),),
    )


def _broken_branch(stage: syntax.Merge, above: syntax.Pipeline, branch: syntax.Pipeline, source: Source) -> Diagnostic:
    own_line = "\n" in source.text[above.end : branch.start]
    place = source.span(branch.start if own_line else above.end, branch.start)
    return Diagnostic(
        "broken-branch",
        f"this is a branch of {stage.name}, and does not go on from the line above",
        source.span(branch.start, branch.end),
        "warning",
        labels=(Label(source.span(above.start, above.end), "another branch"),),
        help=(ADVICE,),
        fixes=(Fix("put -> before it", place, "-> " if own_line else " -> "),),
    )
