"""What the parameters of operators take, found in their annotations."""

from typing import Any

from cnndsl import ops
from cnndsl.ops.fields import leaves


def accepted(operator: str, field: str) -> frozenset[Any]:
    """The types and the words that a parameter takes."""
    return leaves(ops.operator(operator), field)


def words(operator: str, field: str) -> list[str]:
    """The words that a parameter takes."""
    return sorted(item for item in accepted(operator, field) if isinstance(item, str))
