"""The command line: arguments in, exit status out.

The commands are in ``commands``, one module each; only the one that is used is loaded. What they share:

- ``terminal``: reading sources, speaking to people, progress, the meaning of exit statuses.
- ``options``: options of several commands. ``config``: ``[tool.cnndsl]`` of pyproject.toml.
- ``inputs``: what ``--input`` names. ``initial``: what is said where weights are initial ones.
- ``labels``: the names of the classes.
- ``results``: what ``run`` shows. ``saved``: what its ``--out`` writes.
- ``progress``: how far long work is. ``outputs``: which files may be written.
- ``variants``: a network with other values of its params. ``fix``: ``check --fix``. ``plotting``: ``run --plot``.
- ``process``: the entry of a process that is there for one command, which starts and ends sooner.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from cnndsl.cli import terminal
from cnndsl.cli.options import subparsers
from cnndsl.cli.terminal import (
    COLOURS,
    FAULT,
    FINE,
    INTERRUPTED,
    USAGE,
    WRONG,
    complain,
    exit_status,
    kept_log_level,
    pipe_is_closed,
    say,
    usable_streams,
)
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.suggest import nearest
from cnndsl.version import VERSION

COMMANDS = {
    "check": "check files and show every layer's shape and numbers",
    "run": "run a network on an image, a folder of images, an array, or made-up input",
    "train": "learn the weights of a network from images or arrays, by PyTorch",
    "evaluate": "judge trained weights by examples: loss, accuracy, and which class is taken for which",
    "export": "write a network as .onnx, .py (PyTorch), .json (the graph) or .cnn (expanded)",
    "import": "write an ONNX model or a PyTorch module as .cnn text, with its weights as .safetensors beside it",
    "verify": "compare the interpreter with ONNX Runtime on random inputs",
    "sizes": "work out which input sizes a network takes, and what comes out for each",
    "draw": "draw a network as .svg, .png or .pdf, or write it as .mmd (Mermaid) or .dot",
    "report": "write everything about a network as one HTML page",
    "filters": "draw a layer's weights as .png, .svg or .pdf",
    "fmt": "format files in place, all in one style",
    "lsp": "serve editors: shapes, errors and completion while you type, by the Language Server Protocol",
    "explain": "explain an operator, a diagnostic code or a topic, or how the numbers of a layer come about",
    "completion": "print what makes bash, zsh or fish complete commands, options and names of files",
}
"""Every command and what it does; a command's module is loaded when the command is used."""

NEGATIVE = re.compile(r"-\.?[0-9][0-9.,e+-]*")
"""Values that begin like an option: a negative number, or several."""

ELSEWHERE = {
    "check": "lint validate show summary info print table shapes params",
    "run": "predict infer execute forward",
    "train": "fit learn tune",
    "evaluate": "eval score accuracy judge",
    "export": "convert compile build save onnx",
    "import": "load decompile",
    "verify": "test compare",
    "sizes": "size resolution resolutions dimensions",
    "draw": "plot render diagram graph visualize view",
    "report": "html page",
    "filters": "kernels weights",
    "fmt": "format",
    "lsp": "server language-server editor serve",
    "explain": "man doc docs describe",
}
"""What other tools call the commands."""

MODULES = {"import": "import_"}
"""The modules of commands whose names are words of Python."""


class Parser(argparse.ArgumentParser):
    """Says what was probably meant by a wrong word, and gives an example where something is missing."""

    def error(self, message: str) -> NoReturn:
        missing = message.startswith("the following arguments are required") and self.epilog
        super().error(f"{message}; {self.epilog}" if missing else message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = None if action.choices is None else [str(choice) for choice in action.choices]
        if choices is not None and value not in choices:
            words = f"{quoted(str(value))} is not one of {listed(choices, 20)}"
            raise argparse.ArgumentError(action, f"{words}{_meant(str(value), choices)}")


def parser(used: str | None = None) -> argparse.ArgumentParser:
    """The arguments of all commands, or of the one that is used beside the names of the others."""
    top = Parser(
        prog="cnndsl",
        description="A small language for convolutional networks: check, run and export .cnn files.",
        epilog="example: cnndsl check examples/lenet.cnn",
    )
    top.add_argument("--version", action="version", version=f"cnndsl {VERSION}")
    top.add_argument("--debug", action="store_true", help="show a traceback if cnndsl itself fails")
    color_help = "whether messages have colour: on a terminal (auto, default), always or never"
    top.add_argument("--color", choices=COLOURS, default=COLOURS[0], help=color_help)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if used not in (None, name):
            continue
        module = import_module(f"cnndsl.cli.commands.{MODULES.get(name, name)}")
        command.epilog = f"example: {module.EXAMPLE}"
        module.arguments(command)
        command._negative_number_matcher = NEGATIVE  # argparse knows no other way to take -1,1 for a value
        command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        command.add_argument("--color", choices=COLOURS, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        command.set_defaults(execute=module.execute, work=getattr(module, "WORK", None), parser=parser)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; gives the exit status of docs/cli.md, and leaves the process as it was."""
    with usable_streams(), kept_log_level("matplotlib"):
        try:
            try:
                words = sys.argv[1:] if arguments is None else list(arguments)
                return _execute(_parsed(words))
            finally:
                terminal.colour = COLOURS[0]
                sys.stdout.flush()
        except KeyboardInterrupt:
            return INTERRUPTED
        except OSError as error:  # named files have messages of their own; this is a standard stream
            if pipe_is_closed(error):
                return FINE
            complain(str(error))
            return USAGE


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """The arguments; what is wrong with them is said with the usage of the command. Raises SystemExit."""
    used = next((word for word in words if word in COMMANDS), None)
    top = parser(used)
    behind = zip(("", *words), words, strict=False)
    first = next((word for before, word in behind if word[:1] != "-" and before != "--color"), None)
    if first is not None and first not in COMMANDS:
        top.error(f"there is no command {quoted(first)}; {_command_meant(first, used)}")
    command = top if used is None else subparsers(top)[used]
    known = [option for each in {top, command} for action in each._actions for option in action.option_strings]
    for word in words[: words.index("--") if "--" in words else None]:
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        if name[:1] != "-" or name == "-" or NEGATIVE.match(word):
            continue
        if not any(option.startswith(name) for option in known):
            command.error(f"there is no option {quoted(name)}{_option_meant(name, known)}")
    options, rest = top.parse_known_args(words)
    if rest:
        subparsers(top)[options.command].error(f"{quoted(rest[0])} is one argument too many")
    return options


def _command_meant(word: str, used: str | None) -> str:
    """What is probably meant by a first word that is no command."""
    if word == "help":
        return f"write {quoted(f'cnndsl {used} --help' if used else 'cnndsl --help')}"
    if word == "version":
        return "write `cnndsl --version`"
    if word.endswith((".cnn", ".onnx")):
        return f"did you mean {quoted(f'cnndsl check {word}')}?"
    found = next((here for here, elsewhere in ELSEWHERE.items() if word.lower() in elsewhere.split()), None)
    found = found or nearest(word, COMMANDS)
    return f"did you mean {quoted(found)}?" if found else f"there are {listed([*COMMANDS], 20)}"


def _option_meant(name: str, known: Sequence[str]) -> str:
    """What is probably meant by an unknown option; by a letter, the long option that begins with it."""
    if name.startswith("--"):
        return _meant(name, known)
    found = next((option for option in known if option.startswith(f"-{name.lower()}")), None)
    return f"; did you mean {quoted(found)}?" if found else ""


def _meant(word: str, known: Iterable[str]) -> str:
    suggestion = nearest(word, known)
    return f"; did you mean {quoted(suggestion)}?" if suggestion else ""


def _execute(options: argparse.Namespace) -> int:
    terminal.colour = options.color
    try:
        if options.work is None:
            return int(options.execute(options))
        from cnndsl.cli.progress import shown_progress

        with shown_progress(options.work):
            return int(options.execute(options))
    except CnnError as error:
        say(error.diagnostics, error.sources)
        return exit_status(error)
    except OSError:
        raise
    except MemoryError as error:
        complain(": ".join(["there is not enough memory", *filter(None, [str(error)])]))
        return WRONG
    except Exception as error:  # the last line of defence: whatever gets here is a bug in cnndsl
        if _was_interrupt(error):
            raise KeyboardInterrupt from None
        if options.debug:
            import traceback

            traceback.print_exc()
        complain(
            f"sorry, cnndsl itself failed ({type(error).__name__}: {error}). Please report it with the file and the "
            "command; --debug shows where."
        )
        return FAULT


def _was_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt was made another exception on its way."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
