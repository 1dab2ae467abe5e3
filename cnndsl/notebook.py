"""The cell magic ``%%cnn``. What cells and networks show in notebooks is :mod:`cnndsl.report.notebook`.

``%load_ext cnndsl`` calls :func:`load_ipython_extension`. IPython is no dependency: all that is needed of it hangs on
the shell that it gives.
"""

import argparse
import shlex
from collections.abc import Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any, NoReturn

from cnndsl.api import CheckResult, check, folder_resolver, only
from cnndsl.errors import CnnError, quoted


def load_ipython_extension(shell: Any) -> None:
    """Adds the cell magic ``%%cnn`` to an IPython shell."""

    def cnn(line: str, cell: str) -> None:
        """Checks the cell's text, shows its table and diagram, and binds the network: %%cnn NAME --set KEY=VALUE"""
        from cnndsl.report.notebook import result_text

        result = _run_cell(line, cell, shell.user_ns)
        shell.display_pub.publish({"text/html": result._repr_html_(), "text/plain": result_text(*result)})

    shell.register_magic_function(cnn, magic_kind="cell", magic_name="cnn")


def unload_ipython_extension(shell: Any) -> None:
    """Takes the magic away again."""
    shell.magics_manager.magics["cell"].pop("cnn", None)


def _run_cell(line: str, cell: str, names: dict[str, Any]) -> CheckResult:
    """Checks a cell and binds its network in ``names``, several as a dict by name; nothing where there are errors."""
    try:
        options = _options(line)
        result = _checked(options, cell)
        if result.ok and not result.networks:
            only(result)  # says so
    except CnnError as error:
        return CheckResult((), tuple(error.diagnostics), error.sources)
    if options.name and result.ok:
        found = {network.name: network for network in result.networks}
        names[options.name] = result.networks[0] if len(found) == 1 else found
    return result


def _checked(options: argparse.Namespace, cell: str) -> CheckResult:
    from cnndsl.lang.settings import parse_input, parse_setting

    inputs: Mapping[Any, Any] = dict(map(parse_input, options.input))
    return check(
        cell,
        file=options.name or "<cell>",
        network=options.network,
        resolver=folder_resolver(Path()),
        inputs=inputs,
        strict=options.strict,
        params=dict(map(parse_setting, options.set)),
    )


class _Parser(argparse.ArgumentParser):
    """Options of a magic: what is wrong with them is shown as any other finding."""

    def error(self, message: str) -> NoReturn:
        raise CnnError.of("bad-setting", f"%%cnn: {message}", f"write {' '.join(self.format_usage().split()[1:])}")


def _options(line: str) -> argparse.Namespace:
    """The words behind ``%%cnn``. Raises CnnError."""
    parser = _Parser(prog="%%cnn", add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--input", action="append", default=[], metavar="SHAPE")
    parser.add_argument("--network", metavar="NAME")
    parser.add_argument("--strict", action="store_true")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise CnnError.of("bad-setting", f"%%cnn: {error} in {quoted(line)}") from None
    options = parser.parse_args(words)
    if options.name is not None and (not options.name.isidentifier() or iskeyword(options.name)):
        raise CnnError.of("bad-setting", f"%%cnn: {quoted(options.name)} cannot be the name of a variable")
    return options
