"""``grammar/cnn.lark`` as the parser needs it: actions, productions and terminals.

Lark works out the LALR tables; ``tools/make_tables.py`` keeps them in ``parser_tables.py``, so that checking a file
loads no parser generator.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from cnndsl.lang.text import parser_tables
from cnndsl.lang.text.lexer import Vocabulary
from cnndsl.lang.text.tree_builder import TreeBuilder

Build: TypeAlias = Callable[[list[Any]], Any]

START = 0
"""The state in which every parse begins."""


class Production(NamedTuple):
    """A production: the symbol that it makes, of how many others, and what becomes of their values."""

    origin: str
    size: int
    build: Build | None
    """None: the value of its only part is its own."""


def grammar_text() -> str:
    """The text of ``grammar/cnn.lark``: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parents[2]
    for folder in (package / "grammar", package.parent / "grammar"):
        if (folder / "cnn.lark").is_file():
            return (folder / "cnn.lark").read_text(encoding="utf-8")
    raise FileNotFoundError(f"cnn.lark is missing from {package / 'grammar'}")


@cache
def productions() -> list[Production]:
    """The productions, numbered as in :data:`parser_tables.STATES`. They hold no state of a parse."""
    return [
        Production(origin, len(expansion), _builder(origin, expansion, alias, is_transparent))
        for origin, expansion, alias, is_transparent in parser_tables.RULES
    ]


def _builder(origin: str, expansion: tuple[str, ...], alias: str, is_transparent: bool) -> Build | None:
    """What Lark's tree builder does with a production: ``_rules`` give their parts to what they stand in.

    A transparent rule (``?rule``) of one part is that part.
    """
    if _is_inlined(origin):
        build: Build = _all
    elif is_transparent and not alias and len(expansion) == 1:
        return None
    else:
        build = getattr(TreeBuilder, alias or origin)
    return _inlining(build, expansion) if any(map(_is_inlined, expansion)) else build


def _is_inlined(symbol: str) -> bool:
    return symbol.startswith("_") and not symbol.isupper()


def _all(parts: list[Any]) -> Any:
    return parts


def _inlining(build: Build, expansion: tuple[str, ...]) -> Build:
    inlined = [_is_inlined(symbol) for symbol in expansion]

    def built(parts: list[Any]) -> Any:
        flat: list[Any] = []
        for is_list, part in zip(inlined, parts, strict=True):
            if not is_list:
                flat.append(part)
            elif flat:
                flat += part
            else:
                flat = part  # nothing else holds it: a list that grows part by part is not copied each time
        return build(flat)

    return built


@cache
def vocabulary() -> Vocabulary:
    """The terminals of the grammar, ready for the lexer."""
    return Vocabulary.of(parser_tables.TERMINALS, frozenset(parser_tables.IGNORED))
