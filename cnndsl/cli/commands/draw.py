"""``cnndsl draw``: a picture of a network."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnndsl import draw
from cnndsl.cli.options import add_file, add_out, add_shapes, add_source_arguments, natural, positive
from cnndsl.cli.outputs import require_free, require_suffix, wrote
from cnndsl.cli.terminal import complain, only_network, unwritable
from cnndsl.draw.canvas.text_metrics import MissingCharacters
from cnndsl.draw.canvas.theme import THEMES
from cnndsl.draw.page import ORIENTATIONS, Page, page_of
from cnndsl.errors import visible

EXAMPLE = "cnndsl draw examples/resnet50.cnn -o resnet50.svg --depth 1"
WORK = "drawing"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    add_out(command)
    to_help = "the format, if the suffix of OUT does not say"
    command.add_argument("--to", choices=draw.formats(), help=to_help)
    style_help = (
        "graph: operators as boxes with the shapes between them (default); volumes: every value as a volume whose size "
        "follows the data's; sheets: every value as its maps one behind the other, with the kernels that look at them"
    )
    command.add_argument("--style", choices=[*draw.SCENES], default="graph", help=style_help)
    depth_help = (
        "folds blocks nested deeper than N into one box (default: opens them until there are 8 boxes, at most 30)"
    )
    command.add_argument("--depth", type=natural, metavar="N", help=depth_help)
    theme_help = (
        "auto: an SVG without background that follows the reader's system, and PNG and PDF that are light (default)"
    )
    command.add_argument("--theme", choices=THEMES, default="auto", help=theme_help)
    width_help = (
        "the most that the picture is wide, as 16cm, 6.3in, 450pt or 600px: it has as many rows or columns as that "
        "takes"
    )
    command.add_argument("--width", metavar="LENGTH", help=width_help)
    runs = command.add_mutually_exclusive_group()
    runs.add_argument("--rows", type=positive, metavar="N", help="flows to the right, in N rows")
    runs.add_argument("--columns", type=positive, metavar="N", help="flows down, in N columns")
    orientation_help = "where it flows to (default: graphs down, volumes to the right)"
    command.add_argument("--orientation", choices=ORIENTATIONS, help=orientation_help)
    add_shapes(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    target = options.to or draw.format_of(options.out)
    require_suffix(options.out, target, asked=True)
    page = page_of(options.width, options.rows, options.columns, options.orientation)
    network = only_network(options.file, options, options.input)
    require_free(options.out, options, network)
    if target in draw.BY_MATPLOTLIB:
        from cnndsl.cli.plotting import quiet_matplotlib

        quiet_matplotlib()
    try:
        with _told_of_characters():
            _write(network, target, options, page)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0


def _write(network: Any, target: draw.Format, options: argparse.Namespace, page: Page) -> None:
    if options.out == "-":
        picture = draw.render(network, target, options.style, options.depth, options.theme, page)
        sys.stdout.flush()
        sys.stdout.buffer.write(picture)
    else:
        draw.write(network, options.out, options.style, options.depth, options.theme, target, page)


@contextmanager
def _told_of_characters() -> Iterator[None]:
    """Says in one line which characters no font has."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", MissingCharacters)
        yield
    for one in found:
        if issubclass(one.category, MissingCharacters):
            complain(visible(str(one.message)))
