"""What was written for layers: the syntax trees answer what the rules of :mod:`cnndsl.analysis.lint` ask."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

from cnndsl.analysis.lint.view import WrittenArgument
from cnndsl.errors import Source, Span
from cnndsl.lang.text import syntax

Written: TypeAlias = syntax.Apply | syntax.Merge


class Place(NamedTuple):
    """A stage that makes a layer, the text that it stands in, and the stage that reads it by standing behind it."""

    stage: Written
    source: Source
    after: syntax.Stage | None


class WrittenStages:
    """The stages of some files by their places; a file is gone through when something in it is first asked for."""

    def __init__(self, trees: Mapping[str, syntax.File]) -> None:
        self._trees = trees
        self._files: dict[str, dict[Span, Place]] = {}

    def argument(self, layer: Span, name: str) -> WrittenArgument | None:
        """``name=value`` as it was written for a layer, or None."""
        place = self._place(layer)
        for argument in place.stage.arguments if place else ():
            if place and argument.name == name:
                value = place.source.text[argument.value.start : argument.value.end]
                return WrittenArgument(place.source.span(argument.start, argument.end), value)
        return None

    def end(self, layer: Span) -> Span | None:
        """Where another argument of a layer could be written, without width."""
        place = self._place(layer)
        if place is None:
            return None
        end = place.stage.arguments[-1].end if place.stage.arguments else place.stage.name_end
        return place.source.span(end, end)

    def follows(self, layer: Span, other: Span) -> bool:
        """Whether ``other`` is the next stage behind ``layer`` in the text, so that it reads it wherever both stand."""
        place, behind = self._place(layer), self._place(other)
        return place is not None and behind is not None and place.after is behind.stage

    def _place(self, layer: Span) -> Place | None:
        if layer.file not in self._trees:
            return None
        known = self._files.get(layer.file)
        if known is None:
            tree = self._trees[layer.file]
            source = Source(layer.file, tree.text)
            pairs = _stages(tree.items)
            known = {source.span(stage.start, stage.end): Place(stage, source, after) for stage, after in pairs}
            self._files[layer.file] = known
        return known.get(layer)


def _stages(items: Sequence[syntax.Item]) -> Iterator[tuple[Written, syntax.Stage | None]]:
    """Every stage with arguments, however deep, and the stage behind it: after an arrow or at the next statement."""
    pending = [items]
    while pending:
        body = pending.pop()
        for item, following in zip_longest(body, body[1:]):
            if isinstance(item, syntax.Block | syntax.Network):
                pending.append(item.body.statements)
            if not isinstance(item, syntax.Pipeline):
                continue
            behind = following.stages[:1] if isinstance(following, syntax.Pipeline) else ()
            for stage, after in zip_longest(item.stages, (*item.stages[1:], *behind)):
                if isinstance(stage, Written):
                    yield stage, after
                pending += _bodies(stage)


def _bodies(stage: syntax.Stage) -> list[Sequence[syntax.Statement]]:
    """The statements in the braces of a stage."""
    if isinstance(stage, syntax.If):
        bodies = [body for _, body in stage.arms]
        return [body.statements for body in (*bodies, stage.otherwise) if body]
    return [] if isinstance(stage, syntax.Apply | syntax.From) else [stage.body.statements]
