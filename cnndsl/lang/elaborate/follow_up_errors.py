"""One cause, one error: what an error makes doubtful is unknown from there on, and silent."""

from collections.abc import Callable, Iterator

from cnndsl.errors import Span
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.text import syntax


def poison(
    scope: Scope, stage: syntax.Stage, blamed: Span | None, span: Callable[[syntax.Spanned], Span], in_block: bool
) -> None:
    """After an error at ``blamed`` in a stage: the name that stands there, and what may have been definitions.

    In a block, all names of an argument that is wrong are in doubt: what is wrong is what the block was given. What
    may have been definitions are names that nobody defined: ``c`` in the misspelt ``et c = 8`` and ``conv 8 ass c``.
    """
    if blamed is None or not isinstance(stage, syntax.Apply | syntax.Merge):
        return
    for argument in stage.arguments:
        place = span(argument)
        follows = (blamed.line, blamed.column) <= (place.line, place.column)
        for word in _words(argument.value):
            if span(word) == blamed or (in_block and span(argument.value) == blamed):
                _owner(scope, word.name).names[word.name] = None
            elif follows and not argument.name:
                _owner(scope, word.name).names.setdefault(word.name, None)
        if argument.name:
            _owner(scope, argument.name).names.setdefault(argument.name, None)


def _owner(scope: Scope, name: str) -> Scope:
    """The scope that defines a name, else the given one."""
    around: Scope | None = scope
    while around is not None:
        if name in around.names:
            return around
        around = around.outer
    return scope


def _words(expression: syntax.Expression) -> Iterator[syntax.Name]:
    pending: list[object] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Name):
            yield node
        elif isinstance(node, tuple):
            pending.extend(node)
