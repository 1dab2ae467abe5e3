"""``cnndsl explain``: what a diagnostic code means."""

import argparse

from cnndsl.errors import CnnError, quoted
from cnndsl.suggest import nearest

EXAMPLE = "cnndsl explain kernel-too-large"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("code", metavar="CODE", help="a code such as kernel-too-large")


def execute(options: argparse.Namespace) -> int:
    from cnndsl.codes import CODES, explain

    if options.code not in CODES:
        suggestion = nearest(options.code, CODES)
        advice = f"did you mean {quoted(suggestion)}?" if suggestion else f"the codes are {', '.join(sorted(CODES))}"
        raise CnnError.of("bad-setting", f"there is no code {quoted(options.code)}", advice)
    print(explain(options.code))
    return 0
