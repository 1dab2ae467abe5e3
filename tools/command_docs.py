"""The tables of docs/cli.md: what the parsers of the commands and the table of warnings say, as Markdown.

The prose around them is written by hand; comments mark the place of each table. A command, an option or a group of
warnings without a place is an error, so that none can be forgotten.
"""

import argparse
import re
from collections.abc import Iterable

from cnndsl.analysis.lint import GROUPS, RULES
from cnndsl.cli import COMMANDS, parser
from cnndsl.cli.options import READING, SOURCE, subparsers
from cnndsl.runtime.data.made import MADE

BEGIN = "<!-- begin {}: python -m tools.make_docs writes this part -->"
END = "<!-- end {} -->"
SHARED = {"network": SOURCE, "reading": READING}
"""Groups that several commands have, by their places."""

MARK = re.compile(r"^<!-- begin ([^:>]+):.*-->$", re.MULTILINE)
CODE = re.compile(rf"(?<![\w`-])(?:--[a-z]+|\.[a-z]+\b|-(?= for )|(?:{'|'.join(MADE)})\b(?=,|;|$| *\())")
"""Options, suffixes, the name of a standard stream and made-up inputs in the words of the help."""


def page(written: str) -> str:
    """docs/cli.md with the tables as they are now. Raises ValueError where one has no place, or a place no table."""
    tables = blocks()
    places = MARK.findall(written)
    if sorted(places) != sorted(tables):
        raise ValueError(f"docs/cli.md has places for {', '.join(places)}; there are {', '.join(tables)}")
    for name, table in tables.items():
        before, begin, rest = written.partition(BEGIN.format(name))
        _, end, after = rest.partition(END.format(name))
        if not begin or not end:
            raise ValueError(f"docs/cli.md: the comments around {name} are damaged")
        written = f"{before}{begin}\n\n{table}\n{end}{after}"
    return written


def blocks() -> dict[str, str]:
    """Every table by the name of its place: of each command, and of a group of its options ``command: title``."""
    commands = subparsers(parser())
    found = {"commands": table("command", ((f"[`{name}`](#{name})", words) for name, words in COMMANDS.items()))}
    for place, title in SHARED.items():
        found[place] = shared(commands, title)
    for name, command in commands.items():
        for title, actions in groups(command).items():
            if title not in SHARED.values():
                place = f"{name} {title}".strip()
                found[place] = table("argument", ((usage(action), meaning(action)) for action in actions))
    found["warnings"] = table("group", ((f"`{group}`", warnings(group)) for group in GROUPS), "warnings")
    return found


def groups(command: argparse.ArgumentParser) -> dict[str, list[argparse.Action]]:
    """What is said of a command's arguments by the title of their group; those without a title of their own first."""
    found: dict[str, list[argparse.Action]] = {"": []}
    for group in command._action_groups:
        own = group not in (command._positionals, command._optionals)
        shown = [
            action for action in group._group_actions if action.help != argparse.SUPPRESS and action.dest != "help"
        ]
        if shown:
            found.setdefault((group.title or "") if own else "", []).extend(shown)
    return found


def shared(commands: dict[str, argparse.ArgumentParser], title: str) -> str:
    """The options of a group, the same in all the commands that have it."""
    having = [name for name, command in commands.items() if title in groups(command)]
    others = [name for name in commands if name not in having]
    named = others if len(others) < len(having) else having
    which = f"{'every command but ' if named is others else ''}{listed([f'`{name}`' for name in named])}"
    found = {tuple((usage(action), meaning(action)) for action in groups(commands[name])[title]) for name in having}
    (rows,) = found
    return f"In {which} these say {title}:\n\n{table('option', rows)}"


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def warnings(group: str) -> str:
    """The codes of a group, or what is said of it."""
    codes = ", ".join(f"`{code}`" for code, (own, _) in RULES.items() if own == group)
    return ": ".join(filter(None, (GROUPS[group], codes)))


def usage(action: argparse.Action) -> str:
    """How an argument is written: ``-o``, ``--out OUT``; ``FILE...``; ``[LAYER]``."""
    value = "|".join(action.choices) if action.choices else str(action.metavar or "")
    if not action.option_strings:
        return f"`{value}...`" if action.nargs == "+" else f"`[{value}]`" if action.nargs == "?" else f"`{value}`"
    *short, last = action.option_strings
    value = f"[{value}]" if action.nargs == "?" else value
    return ", ".join(f"`{option}`" for option in (*short, f"{last} {value}".strip()))


def meaning(action: argparse.Action) -> str:
    """The help of an argument, with options, suffixes, its own value and its choices as code. It must have one."""
    if not action.help:
        raise ValueError(f"{usage(action)} has no help")
    words = CODE.sub(lambda found: f"`{found[0]}`", action.help.replace("%%", "%"))
    for name in re.findall(r"[A-Z]+", str(action.metavar or "")):
        words = re.sub(rf"(?<![\w`]){name}(?![\w`])", f"`{name}`", words)
    for choice in action.choices or ():
        words = re.sub(rf"(?<![\w`]){choice}(?=:)", f"`{choice}`", words)
    return words


def table(first: str, rows: Iterable[tuple[str, str]], second: str = "meaning") -> str:
    """A Markdown table of two columns."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows]
    return f"| {first} | {second} |\n|---|---|\n{''.join(lines)}"
