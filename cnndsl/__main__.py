"""``python -m cnndsl`` and the console script, which hear interrupts before anything else is loaded."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def run() -> int:
    """Runs the command of ``sys.argv``; gives the exit status of the process, which is to end after that."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # and not ignored, as behind nohup
    if heard:
        signal.signal(signal.SIGINT, _interrupt)
        sys.unraisablehook = _unraisable
    from cnndsl.cli import process

    status = process.run()
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is done; what ends the process cannot be interrupted
    return status


def _interrupt(number: int, frame: FrameType | None) -> None:
    """A command is interrupted by an exception and clears away; what only loads or ends is left where it is.

    While modules load, others would swallow the exception or make one of their own of it.
    """
    works = False
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(INTERRUPTED)
        works = works or frame.f_globals.get("__name__", "").startswith("cnndsl.cli.commands.")
        frame = frame.f_back
    if not works:
        os._exit(INTERRUPTED)
    raise KeyboardInterrupt


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    """An interrupt where nothing can catch it, as in a finaliser."""
    if found.exc_type is KeyboardInterrupt:
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(found)


if __name__ == "__main__":
    sys.exit(run())
