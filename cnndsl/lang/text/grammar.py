"""The parser that Lark makes of ``grammar/cnn.lark``, made once a process.

Working out LALR tables takes longer than checking a file, so ``tools/make_tables.py`` keeps them in
``parser_tables.py``.
They belong to one version of Lark; under another one the tables are worked out anew from the grammar.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import lark

from cnndsl.lang.text import parser_tables
from cnndsl.lang.text.lexer import Vocabulary
from cnndsl.lang.text.tree_builder import TreeBuilder

_OPTIONS: dict[str, Any] = {
    "parser": "lalr",
    "lexer": "basic",
    "start": "file",
    "keep_all_tokens": True,
    "maybe_placeholders": False,
}


def lark_version() -> str:
    """Major and minor version of the installed Lark: ``"1.3"``."""
    return ".".join(lark.__version__.split(".")[:2])


def grammar_text() -> str:
    """The text of ``grammar/cnn.lark``: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parents[2]
    for folder in (package / "grammar", package.parent / "grammar"):
        if (folder / "cnn.lark").is_file():
            return (folder / "cnn.lark").read_text(encoding="utf-8")
    raise FileNotFoundError(f"cnn.lark is missing from {package / 'grammar'}")


def from_grammar(text: str) -> lark.Lark:
    """A parser worked out from the text of a grammar."""
    return lark.Lark(text, transformer=TreeBuilder, **_OPTIONS)


def from_tables() -> lark.Lark:
    """The parser whose tables are in ``parser_tables.py``."""
    memo: dict[int, dict[str, Any]] = {}
    for name, kind, value, priority in parser_tables.TERMINALS:
        pattern = {"__type__": kind, "value": value, "flags": [], "raw": None, "_width": [1, len(value)]}
        memo[len(memo)] = {"__type__": "TerminalDef", "name": name, "pattern": pattern, "priority": priority}
    terminals = [{"@": number} for number in memo]
    for origin, expansion, alias, expand_single in parser_tables.RULES:
        memo[len(memo)] = {
            "__type__": "Rule",
            "origin": {"__type__": "NonTerminal", "name": origin},
            "expansion": [_symbol(name) for name in expansion],
            "order": 0,
            "alias": alias or None,
            "options": {
                "__type__": "RuleOptions",
                "keep_all_tokens": True,
                "expand1": expand_single,
                "priority": None,
                "template_source": None,
                "empty_indices": (),
            },
        }
    rules = [{"@": number} for number in range(len(terminals), len(memo))]
    symbols: dict[str, int] = {}
    states = {
        number: {
            symbols.setdefault(symbol, len(symbols)): (0, action) if action >= 0 else (1, rules[~action])
            for symbol, action in actions.items()
        }
        for number, actions in enumerate(parser_tables.STATES)
    }
    start = _OPTIONS["start"]
    table = {
        "tokens": {number: symbol for symbol, number in symbols.items()},
        "states": states,
        "start_states": {start: 0},
        "end_states": {start: parser_tables.END_STATE},
    }
    lexer_conf = {"terminals": terminals, "ignore": parser_tables.IGNORED, "g_regex_flags": 0, "use_bytes": False}
    parser_conf = {"rules": rules, "start": [start], "parser_type": "lalr"}
    options = {**_OPTIONS, "start": [start]}
    data = {
        "parser": {
            "lexer_conf": {**lexer_conf, "lexer_type": "basic", "__type__": "LexerConf"},
            "parser_conf": {**parser_conf, "__type__": "ParserConf"},
            "parser": table,
            "__type__": "ParsingFrontend",
        },
        "rules": rules,
        "options": options,
        "__type__": "Lark",
    }
    load = cast(Callable[..., lark.Lark], lark.Lark._load_from_dict)
    return load(data, memo, transformer=TreeBuilder)


def _symbol(name: str) -> dict[str, Any]:
    if name.isupper():
        return {"__type__": "Terminal", "name": name, "filter_out": False}
    return {"__type__": "NonTerminal", "name": name}


@cache
def lark_parser() -> lark.Lark:
    """The parser of this process. It holds no state of a parse; threads share it."""
    if lark_version() == parser_tables.LARK_VERSION:
        return from_tables()
    return from_grammar(grammar_text())


@cache
def vocabulary() -> Vocabulary:
    """The terminals of :func:`lark_parser`, ready for the lexer."""
    parser = lark_parser()
    terminals = [(t.name, t.pattern.value, t.pattern.type == "re", t.priority) for t in parser.terminals]
    return Vocabulary.of(terminals, frozenset(parser.lexer_conf.ignore))
