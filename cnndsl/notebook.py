"""The cell magic ``%%cnn``. What its cells complete and explain is :mod:`cnndsl.language_service`.

What cells and networks show in notebooks is :mod:`cnndsl.report.notebook`. ``%load_ext cnndsl`` calls
:func:`load_ipython_extension`. IPython is no dependency: all that is needed of it hangs on the shell that it gives.
"""

import argparse
import shlex
from collections.abc import Callable, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cnndsl.api import CheckResult, check, folder_resolver, only
from cnndsl.errors import CnnError, quoted

if TYPE_CHECKING:
    from cnndsl.language_service.analysis import Analysis

_MATCHER = "cnndsl.cells"


def load_ipython_extension(shell: Any) -> None:
    """Adds the cell magic ``%%cnn`` to an IPython shell."""

    def cnn(line: str, cell: str) -> None:
        """Checks the cell's text, shows its table and diagram, and binds the network: %%cnn NAME --set KEY=VALUE"""
        from cnndsl.report.notebook import result_text

        result = _run_cell(line, cell, shell.user_ns)
        shell.display_pub.publish({"text/html": result._repr_html_(), "text/plain": result_text(*result)})

    shell.register_magic_function(cnn, magic_kind="cell", magic_name="cnn")
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(_matcher())
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        kernel.do_inspect = _inspector(kernel.do_inspect)


def unload_ipython_extension(shell: Any) -> None:
    """Takes all that away again."""
    shell.magics_manager.magics["cell"].pop("cnn", None)
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != _MATCHER]
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        vars(kernel).pop("do_inspect", None)


# --- while a cell is written ---
class _Offered(NamedTuple):
    """A completion, with the attributes of IPython's."""

    text: str
    type: str


def _matcher() -> Any:
    """What IPython asks for completions: in ``%%cnn`` cells those of the language and no others."""

    def matcher(context: Any) -> Any:
        lines = context.full_text.split("\n")
        before = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
        cell = _cell(context.full_text, before)
        if cell is None:
            return {"completions": []}
        from cnndsl.language_service.completion import completions

        analysis, offset = cell
        word = analysis.word(offset)
        typed = analysis.text[word[0] : offset] if word else ""
        found = [
            _Offered(item.label, item.kind)
            for item in completions(analysis, offset, _files)
            if item.label.startswith(typed)
        ]
        return {"completions": found, "matched_fragment": typed, "suppress": True}

    vars(matcher).update(matcher_identifier=_MATCHER, matcher_api_version=2, matcher_priority=200)
    return matcher


def _inspector(otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """What a kernel is asked for at Shift+Tab: in ``%%cnn`` cells the hover of the language."""

    def do_inspect(code: str, cursor_pos: int, *arguments: Any, **options: Any) -> Any:
        cell = _cell(code, cursor_pos)
        if cell is None:
            return otherwise(code, cursor_pos, *arguments, **options)
        from cnndsl.language_service.bindings import Bindings
        from cnndsl.language_service.hover import hover

        analysis, offset = cell
        found = hover(analysis, Bindings(analysis.tree, analysis.file), offset)
        said = {"text/markdown": found.text, "text/plain": found.text} if found else {}
        return {"status": "ok", "found": found is not None, "data": said, "metadata": {}}

    return do_inspect


def _cell(code: str, position: int) -> "tuple[Analysis, int] | None":
    """A cell's text and an offset in it; None outside of a ``%%cnn`` cell, and on its first line."""
    line, separator, text = code.partition("\n")
    if not separator or line.split()[:1] != ["%%cnn"] or position <= len(line):
        return None
    from cnndsl.language_service.analysis import Analysis

    return Analysis(text, "<cell>", folder_resolver(Path())), position - len(line) - 1


def _files(folder: str) -> list[str]:
    try:
        return sorted(f"{path.name}/" if path.is_dir() else path.name for path in Path(folder).iterdir())
    except OSError:
        return []


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
