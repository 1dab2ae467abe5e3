"""How layers and block instances get their names."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cnndsl.errors import Label, Source
from cnndsl.lang.text import syntax

KEYWORDS = frozenset(
    [
        "network",
        "block",
        "input",
        "output",
        "param",
        "let",
        "symbol",
        "repeat",
        "for",
        "in",
        "if",
        "else",
        "as",
        "from",
        "import",
        "expect",
        "true",
        "false",
        "and",
        "or",
        "not",
        "train",
        "while",
    ]
)
"""Words that name nothing: the keywords of the grammar and the reserved ones."""


class Body(NamedTuple):
    """The statements of a network, or of a block that is being expanded, and the text that they stand in."""

    statements: Sequence[syntax.Statement]
    source: Source
    block: str | None = None
    """The name of the block."""
    call: Label | None = None
    """Where the block is used."""


class FirstNamed(NamedTuple):
    """The first ``as`` that gives a name in a body: its offset, and whether it stands in inner braces."""

    start: int
    in_braces: bool


@lru_cache(1024)
def snake_case(name: str) -> str:
    """``DenseBlock`` as ``dense_block``; ``SE`` as ``se``."""
    return "".join(
        f"_{c.lower()}" if c.isupper() and i and (name[i - 1].islower() or name[i + 1 : i + 2].islower()) else c.lower()
        for i, c in enumerate(name)
    ).replace("__", "_")


def instance_name(block: str) -> str:
    """The name of a block's instances without their number, which a digit at the end is kept apart from."""
    name = snake_case(block)
    return f"{name}_" if name[-1].isdigit() else name


def aliases(statements: Sequence[syntax.Statement]) -> frozenset[str]:
    """Every name that ``as`` gives directly in these statements, so that automatic names keep away from them."""
    found = set()
    pending: list[object] = list(statements)
    while pending:
        node = pending.pop()
        if isinstance(node, syntax.Alias):
            found.add(node.name)
        elif isinstance(node, syntax.Pipeline):
            pending.extend(node.stages)
        elif isinstance(node, syntax.If):
            pending.extend(body for _, body in node.arms)
            pending.extend((node.otherwise, node.alias))
        elif isinstance(node, syntax.Body):
            pending.extend(node.statements)
        elif isinstance(node, syntax.Group | syntax.Repeat | syntax.For | syntax.Merge):
            pending.extend((node.body, node.alias))
        elif isinstance(node, syntax.Apply | syntax.From | syntax.Input):
            pending.append(node.alias)
    return frozenset(found)
