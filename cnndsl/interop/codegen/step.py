"""A step of a module: what makes its parts, and the values that it reads and gives."""

from typing import NamedTuple

from cnndsl.interop.codegen.calls import Call
from cnndsl.interop.codegen.hierarchy import Leaf, Module
from cnndsl.interop.codegen.site import Expression


class Step(NamedTuple):
    """A part of a module with the values that it reads and gives, identities left out.

    ``calls`` make its modules; ``names`` are theirs, with ``{n}`` for a number that the class works out. A part without
    calls is ``expression``, or another module again, ``twin``. Where ``condition`` is false the part is left out: the
    first value that it reads stands for the one that it gives.
    """

    part: Leaf | Module
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    names: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    expression: Expression | None = None
    twin: str | None = None
    condition: str | None = None
    switch: str | None = None
    """What the module calls the condition of an expression, to know it later."""

    @property
    def is_counted(self) -> bool:
        """Whether its names have a number that the class works out."""
        return any("{" in name for name in self.names)
