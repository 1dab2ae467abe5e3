"""What is seen of a training while it goes on: in a notebook curves that grow, on a terminal a line for each epoch."""

import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cnndsl.report.curves import svg
from cnndsl.report.markup import text

if TYPE_CHECKING:
    from cnndsl.training.loop import Progress, Report


def live(name: str) -> "Report | None":
    """What shows the training of a network of that name here; None where nobody would see it."""
    ipython = sys.modules.get("IPython")  # whoever runs in its shell has loaded it
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        return Curves(name, shell)
    return _line if sys.stderr is not None and sys.stderr.isatty() else None


def _line(row: "Progress") -> None:
    print(row.line, file=sys.stderr, flush=True)


class Curves:
    """One output of a notebook's cell, drawn again after every epoch."""

    def __init__(self, name: str, shell: Any) -> None:
        self.name, self.shell = name, shell
        self.transient = {"display_id": uuid4().hex}
        self.shown = False

    def __call__(self, row: "Progress") -> None:
        said = f"<div>{text(self.name)}: {text(row.line)}</div>"
        data = {"text/html": f"<div>{said}{svg(row.history, row.epochs)}</div>", "text/plain": row.line}
        self.shell.display_pub.publish(data, transient=self.transient, update=self.shown)
        self.shown = True
