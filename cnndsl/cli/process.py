"""A process that is there for one command, as ``__main__`` starts it.

What makes it start and end sooner (benchmarks/start_up.py measures it) would be the business of any other program, so a
program that calls :func:`cnndsl.cli.main` is spared it.
"""

import gc
import importlib
import os
import sys
from types import ModuleType

from cnndsl.cli import main
from cnndsl.cli.terminal import silence


def run() -> int:
    """Runs the command of ``sys.argv``; gives the exit status of the process, which is to end after that."""
    _prepare()
    try:
        return main()
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:  # ``main`` has dealt with it
            silence(sys.stdout)
        gc.freeze()  # what is alive dies with the process and needs no collecting


def _prepare() -> None:
    """Called before the heavy imports.

    Imports allocate many objects that live to the end, and the collector would go over them again and again.
    """
    gc.set_threshold(200_000, 50, 1_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _spare_plugins()


def _spare_plugins() -> None:
    """A module that knows of no plugins in the place of the one with which Pydantic looks for them.

    That one imports importlib.metadata, email and twenty more, which takes as long as parsing and checking LeNet. Asked
    for anything else, the stand-in loads it.
    """
    name = "pydantic.plugin._loader"
    stand_in = ModuleType(name)

    def load(attribute: str) -> object:
        if attribute.startswith("__"):  # the import statement's own questions
            raise AttributeError(attribute)
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(importlib.import_module("pydantic.plugin._loader"), attribute)

    vars(stand_in).update(get_plugins=tuple, __getattr__=load)
    sys.modules.setdefault(name, stand_in)
