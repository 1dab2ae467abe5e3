"""A process that is there for one command, as ``__main__`` starts it.

What makes it start and end sooner (benchmarks/start_up.py measures it) would be the business of any other program, so a
program that calls :func:`cnndsl.cli.main` is spared it.
"""

import gc
import importlib
import importlib.util
import os
import sys

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

    Imports allocate many objects that live to the end, and the collector would go over them again and again. Pydantic
    looks for plugins through importlib.metadata, which costs as much as parsing and checking LeNet; the command line
    uses no plugins, so that module stays unloaded until something asks for one of its attributes.
    """
    gc.set_threshold(200_000, 50, 1_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    name = "importlib.metadata"
    specification = importlib.util.find_spec(name)
    if name not in sys.modules and specification is not None and specification.loader is not None:
        loader = importlib.util.LazyLoader(specification.loader)
        specification.loader = loader
        sys.modules[name] = module = importlib.util.module_from_spec(specification)
        loader.exec_module(module)
        setattr(importlib, "metadata", module)  # noqa: B010  # what the import statement would do
