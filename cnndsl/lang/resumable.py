"""Objects that can be brought back to an earlier state."""

from copy import copy
from typing import Any, ClassVar

State = dict[str, Any]


class Resumable:
    """What can be brought back; containers stay the objects that they are, so that whoever holds them sees it too."""

    __slots__ = ()
    CHANGING: ClassVar[tuple[str, ...]] = ()
    """The attributes that make up the state; what is remembered only to save work is none."""

    def state(self) -> State:
        """A copy, which what happens next does not change."""
        return {name: copy(getattr(self, name)) for name in self.CHANGING}

    def go_back(self, state: State) -> None:
        """Brings back a state, of this object or of one like it."""
        for name, value in state.items():
            present = getattr(self, name)
            if isinstance(present, list):
                present[:] = value
            elif isinstance(present, dict | set):
                present.clear()
                present.update(value)
            else:
                setattr(self, name, value)
