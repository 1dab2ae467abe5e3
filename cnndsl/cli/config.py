"""Which warnings are wanted: what the command line says changes what the project does."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnndsl.analysis.lint import RuleSelection, about_targets, enabled
from cnndsl.configuration import configuration


def chosen(options: argparse.Namespace) -> RuleSelection:
    """What the command line says about warnings. Raises CnnError (``bad-setting``)."""
    asked = about_targets(_words(options.targets))
    choice = RuleSelection((*_words(options.select), *asked), _words(options.ignore))
    enabled(choice)
    return choice


def _words(given: list[str]) -> tuple[str, ...]:
    return tuple(word.strip() for words in given for word in words.split(",") if word.strip())


def configured(file: str, settings: Mapping[str, Any], choice: RuleSelection) -> dict[str, Any]:
    """The keywords of ``api.check`` for one file: its project's configuration, changed by the command line.

    Raises CnnError (``bad-config``).
    """
    project = configuration(Path.cwd() if file == "-" else Path(file).absolute().parent)
    codes = tuple(sorted(enabled(project.choice, choice)))
    strict = bool(settings["strict"] or project.strict)
    return {**settings, "strict": strict, "select": codes, "ignore": ("all",)}
