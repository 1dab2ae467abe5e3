"""Work in calls of functions: the same on a slow machine and a fast one, which seconds are not."""

import cProfile
from collections.abc import Callable


def calls(work: Callable[[], object], builtins: bool = True) -> int:
    """How many calls of functions a piece of work makes, Python's and, with ``builtins``, C's."""
    profile = cProfile.Profile(builtins=builtins)
    profile.enable()
    try:
        work()
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())
