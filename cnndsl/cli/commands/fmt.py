"""``cnndsl fmt``: files in the one style of the language."""

import argparse
import sys
from pathlib import Path

from cnndsl.cli.terminal import FINE, WRONG, exit_status, say, source_files, unwritable
from cnndsl.errors import CnnError, visible

EXAMPLE = "cnndsl fmt examples/lenet.cnn"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    files_help = "a .cnn file, a folder for all .cnn files below it, or - for standard input to standard output"
    command.add_argument("files", nargs="+", metavar="FILE", help=files_help)
    check_help = "writes nothing; prints the names of the files that would change; exit status 1 if there are any"
    command.add_argument("--check", action="store_true", help=check_help)
    diff_help = "like --check, but prints the changes as a unified diff"
    command.add_argument("--diff", action="store_true", help=diff_help)


def execute(options: argparse.Namespace) -> int:
    """0 if all is fine; 1 with syntax errors or with changes that are not made; 2 if a file cannot be read or written.

    The names of files that change go to standard output.
    """
    status = FINE
    for file in source_files(options.files):
        try:
            changes = _format(file, options)
        except CnnError as error:
            say(error.diagnostics, error.sources)
            status = max(status, exit_status(error))
        else:
            status = max(status, WRONG if changes and (options.check or options.diff) else FINE)
    return status


def _format(file: str, options: argparse.Namespace) -> bool:
    """Formats a file or standard input as the options say; whether there is anything to change. Raises CnnError."""
    from cnndsl import api
    from cnndsl.lang.text.parser import decode
    from cnndsl.limits import DEFAULT_LIMITS

    is_stream = file == "-"
    name = "<stdin>" if is_stream else file
    if is_stream:
        text = decode(sys.stdin.buffer.read(DEFAULT_LIMITS.source_bytes + 1), name)
    else:
        text = api.read_text(Path(file))
    formatted = api.format(text, file=name)
    changes = formatted != text
    if options.diff:
        _write(_difference(name, text, formatted))
    elif is_stream and not options.check:
        _write(formatted)
    elif changes:
        if not options.check:
            _replace(Path(file), formatted)
        print(visible(name))
    return changes


def _write(text: str) -> None:
    """UTF-8 on standard output whatever the locale, like the files."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def _replace(path: Path, text: str) -> None:
    from cnndsl.files import write_text

    if not path.is_file():
        raise CnnError.of("file-unwritable", f"cannot write `{path}`: it is no regular file")
    try:
        write_text(path, text)
    except OSError as error:
        raise unwritable(path, error) from None


def _difference(name: str, before: str, after: str) -> str:
    """A unified diff for `patch`."""
    from difflib import unified_diff
    from io import StringIO

    old, new = (StringIO(text, newline="\n").readlines() for text in (before, after))
    lines = unified_diff(old, new, name, f"{name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
