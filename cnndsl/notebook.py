"""Networks in notebooks: tables, diagrams and messages as HTML, and the cell magic ``%%cnn``.

``%load_ext cnndsl`` calls :func:`load_ipython_extension`. IPython is no dependency: all that is needed of it hangs on
the shell that it gives.
"""

import argparse
import shlex
from collections.abc import Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any, NoReturn

from cnndsl.api import CheckResult, Network, check, folder_resolver, only
from cnndsl.errors import CnnError, quoted

LONG = 60
"""Layers beyond which the table folds every block into one line."""

STYLE = """\
.cnndsl-output{max-width:100%;font-size:13px}
.cnndsl-output .scrolled{overflow-x:auto;max-height:640px;overflow-y:auto;margin:.3em 0}
.cnndsl-output summary{cursor:pointer;padding:.2em 0}
.cnndsl-output svg{height:auto;max-width:none;display:block}
.cnndsl-output table.cnndsl-layers{border-collapse:collapse;margin:0;font-size:inherit}
.cnndsl-output table.cnndsl-layers caption{caption-side:top;text-align:left;font-weight:bold;padding:.2em .6em}
.cnndsl-output table.cnndsl-layers :is(th,td){padding:.15em .6em;text-align:left;white-space:nowrap;border:0}
.cnndsl-output table.cnndsl-layers .number{text-align:right;font-variant-numeric:tabular-nums}
.cnndsl-output table.cnndsl-layers tbody th{font-weight:normal}
.cnndsl-output table.cnndsl-layers :is(thead,tfoot) tr:first-child{border-block:1px solid #8888}
.cnndsl-output .cnndsl-findings article{border-left:4px solid #888;padding:.1em .8em;margin:.5em 0}
.cnndsl-output .cnndsl-findings article.error{border-color:#c62828}
.cnndsl-output .cnndsl-findings article.warning{border-color:#b26a00}
.cnndsl-output .cnndsl-findings p{margin:.3em 0}
.cnndsl-output .cnndsl-findings .help::before{content:"help: ";font-weight:bold}
.cnndsl-output .cnndsl-findings figure{margin:.3em 0}
.cnndsl-output .cnndsl-findings figcaption{opacity:.75}
.cnndsl-output .cnndsl-findings pre{margin:.2em 0;padding:.3em .6em;background:#8881;overflow-x:auto}
.cnndsl-output .cnndsl-findings mark{background:#f9a82566;color:inherit;border-bottom:2px solid #c62828}
.cnndsl-output .cnndsl-findings .line-number{opacity:.6;margin-right:1.5em;user-select:none}
"""
"""Every rule begins with the class of the output's own element, so that it changes nothing else in a notebook."""


def network_html(network: Network) -> str:
    """The layer table and the diagram as a piece of HTML."""
    return _output(_network_parts(network))


def result_html(result: CheckResult) -> str:
    """The diagnostics, and the table and diagram of every network, as a piece of HTML."""
    return _output(_result_parts(result))


def result_text(result: CheckResult) -> str:
    """The same as text: the diagnostics with their excerpts, and the tables."""
    from cnndsl.report.diagnostics import render

    found = [render(result.diagnostics, result.sources)] if result.diagnostics else []
    return "\n".join([*found, *(network.summary(_depth(network)) for network in result.networks)])


def load_ipython_extension(shell: Any) -> None:
    """Adds the cell magic ``%%cnn`` to an IPython shell."""

    def cnn(line: str, cell: str) -> None:
        """Checks the cell's text, shows its table and diagram, and binds the network: %%cnn NAME --set KEY=VALUE"""
        result = _run_cell(line, cell, shell.user_ns)
        shell.display_pub.publish({"text/html": result_html(result), "text/plain": result_text(result)})

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


def _output(parts: list[str]) -> str:
    return f'<div class="cnndsl-output"><style>\n{STYLE}</style>\n' + "\n".join(parts) + "\n</div>"


def _result_parts(result: CheckResult) -> list[str]:
    from cnndsl.report.page.findings import diagnostics_html

    found = [diagnostics_html(result.diagnostics, result.sources)] if result.diagnostics else []
    return [*found, *(part for network in result.networks for part in _network_parts(network))]


def _network_parts(network: Network) -> list[str]:
    from cnndsl.report.markup import text
    from cnndsl.report.page.table import table_html

    return [
        f'<div class="scrolled">{table_html(network, _depth(network))}</div>',
        f"<details open><summary>Diagram of {text(network.name)}</summary>{_diagram(network)}</details>",
    ]


def _diagram(network: Network) -> str:
    """The graph of operators in the light theme: a notebook's own theme is not the system's, which ``auto`` follows."""
    from cnndsl.draw import scene
    from cnndsl.draw.canvas.svg import svg
    from cnndsl.report.markup import text

    try:
        return f'<div class="scrolled">{svg(scene(network, "graph", 0), theme="light", standalone=False)}</div>'
    except CnnError as error:  # the picture would be too large
        return "".join(f"<p>{text(diagnostic.message)}</p>" for diagnostic in error.diagnostics)


def _depth(network: Network) -> int | None:
    return 0 if len(network.graph.layers) > LONG else None
