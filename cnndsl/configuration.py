"""``[tool.cnndsl]`` in the nearest pyproject.toml: which warnings are wanted, and whether they count as errors."""

import re
from pathlib import Path
from typing import NamedTuple

from cnndsl.analysis.lint import RuleSelection, enabled
from cnndsl.errors import CnnError, quoted

NAME = "pyproject.toml"
KEYS = ("select", "ignore", "strict")
_MENTIONED = re.compile(rb"""\btool\b["'\s]*(?:\.["'\s]*cnndsl|\]|=)""")
"""Found in every text that can hold the table: without it, the text need not be read as TOML."""


class Configuration(NamedTuple):
    """What a file's project says."""

    choice: RuleSelection = RuleSelection()
    strict: bool = False


def configuration(folder: Path) -> Configuration:
    """The configuration for the files of a folder, from the nearest pyproject.toml in it or above it."""
    for parent in (folder, *folder.parents):
        path = parent / NAME
        try:
            data = path.read_bytes()
        except OSError:
            continue
        return _parsed(path, data) if _MENTIONED.search(data) else Configuration()
    return Configuration()


def _parsed(path: Path, data: bytes) -> Configuration:
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:  # of TOML and of UTF-8
        raise CnnError.of("bad-config", f"`{path}` is no TOML: {error}") from None
    tools = document.get("tool", {})
    table = tools.get("cnndsl", {}) if isinstance(tools, dict) else {}
    if not isinstance(table, dict):
        raise _wrong(path, "`tool.cnndsl` must be a table")
    for key in table:
        if key not in KEYS:
            raise _wrong(path, f"`[tool.cnndsl]` has no key {quoted(key)}", f"the keys are {', '.join(KEYS)}")
    for key in ("select", "ignore"):
        words = table.get(key, [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise _wrong(path, f"{key} must be a list of codes", f'as in {key} = ["unread-pixels"]')
    strict = table.get("strict", False)
    if not isinstance(strict, bool):
        raise _wrong(path, "strict must be true or false")
    choice = RuleSelection(tuple(table.get("select", ())), tuple(table.get("ignore", ())))
    try:
        enabled(choice)
    except CnnError as error:
        (reason,) = error.diagnostics
        raise _wrong(path, reason.message, *reason.help) from None
    return Configuration(choice, strict)


def _wrong(path: Path, message: str, *help: str) -> CnnError:
    return CnnError.of("bad-config", f"`{path}`: {message}", *help)
