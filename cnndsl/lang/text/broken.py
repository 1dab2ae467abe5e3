"""What could not be read of a text."""

from collections.abc import Iterator

from cnndsl.lang.text import syntax


def words_of(tree: syntax.File) -> frozenset[str]:
    """The words of all statements that cannot be read: names that are unknown elsewhere may be defined there."""
    return frozenset(word for broken in statements_of(tree) for word in broken.words)


def statements_of(tree: syntax.File) -> Iterator[syntax.Broken]:
    """All statements that cannot be read, in no order."""
    pending: list[object] = [tree.items]
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Broken):
            yield node
        if isinstance(node, tuple) and type(node) not in syntax.WITHOUT_BODIES:
            pending.extend(node)
