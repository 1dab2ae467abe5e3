"""The rules as a TextMate grammar, which VS Code, Sublime Text and other editors read."""

import re
from typing import Any

from cnndsl.highlight.kinds import KINDS
from cnndsl.highlight.rules import Region, Rule, groups

SCOPE = "source.cnn"


def grammar() -> dict[str, Any]:
    """The grammar as plain data, ready for JSON."""
    repository = {name: {"patterns": [_rule(rule) for rule in rules]} for name, rules in groups().items()}
    return {
        "name": "cnn",
        "scopeName": SCOPE,
        "fileTypes": ["cnn"],
        "patterns": [{"include": "#file"}],
        "repository": repository,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    if isinstance(rule, Region):
        return {
            **({"name": _scope(rule.kind)} if rule.kind else {}),
            "begin": rule.begin,
            "beginCaptures": _captures(rule.begin_kinds, rule.kind),
            "end": rule.end,
            "endCaptures": _captures(rule.end_kinds, rule.kind),
            "patterns": [{"include": f"#{name}"} for name in rule.inside],
        }
    if re.compile(rule.pattern).groups:
        return {"match": rule.pattern, "captures": _captures(rule.kinds)}
    (kind,) = rule.kinds
    return {"match": rule.pattern, "name": _scope(kind)}


def _captures(kinds: tuple[str, ...], around: str | None = None) -> dict[str, dict[str, str]]:
    """The scopes of the groups, but for those that the region around has already."""
    return {str(number): {"name": _scope(kind)} for number, kind in enumerate(kinds, start=1) if kind != around}


def _scope(kind: str) -> str:
    return f"{KINDS[kind].scope}.cnn"
