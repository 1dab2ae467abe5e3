"""``cnndsl draw``: a picture of a network."""

import argparse
import sys

from cnndsl.cli.numbers import natural
from cnndsl.cli.outputs import require_free, require_suffix, wrote
from cnndsl.cli.terminal import add_source_arguments, only_network, unwritable

EXAMPLE = "cnndsl draw examples/resnet50.cnn -o resnet50.svg --depth 1"


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a .cnn or .onnx file, or - for standard input")
    command.add_argument("-o", "--out", required=True, metavar="OUT", help="the file to write; - for standard output")
    formats_help = "the format, if the suffix of OUT does not say"
    command.add_argument("--to", choices=("svg", "png", "pdf", "mmd", "dot"), help=formats_help)
    style_help = "operators as boxes, or values as volumes (default: graph)"
    command.add_argument("--style", choices=("graph", "volumes"), default="graph", help=style_help)
    depth_help = "fold blocks nested deeper than N into one box (default: 0; of volumes what gives at least six)"
    command.add_argument("--depth", type=natural, metavar="N", help=depth_help)
    theme_help = "colours; auto follows the reader's system where the format can (default)"
    command.add_argument("--theme", choices=("auto", "light", "dark"), default="auto", help=theme_help)
    add_source_arguments(command)
    shape_help = "replace the (named) input's shape"
    command.add_argument("--input", action="append", default=[], metavar="[NAME=]SHAPE", help=shape_help)


def execute(options: argparse.Namespace) -> int:
    from cnndsl import draw

    target = options.to or draw.format_of(options.out)
    require_suffix(options.out, target, asked=True)
    network = only_network(options.file, options, options.input)
    require_free(options.out, options, network)
    if target in ("png", "pdf"):
        from cnndsl.cli.plotting import quiet_matplotlib

        quiet_matplotlib()
    try:
        if options.out == "-":
            picture = draw.render(network, target, options.style, options.depth, options.theme)
            sys.stdout.flush()
            sys.stdout.buffer.write(picture)
        else:
            draw.write(network, options.out, options.style, options.depth, options.theme, target)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(options.out, error) from None
    wrote(options.out)
    return 0
