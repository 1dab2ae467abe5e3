"""What the expansion of a network depends on, so that one that a change leaves as it was is not expanded again.

What only decides about errors is not among it (the words of statements that cannot be read, blocks with names alike):
of networks in which there is anything to report nothing is kept.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from cnndsl.errors import Span
from cnndsl.lang.modules import Module, ModuleLoader
from cnndsl.lang.text import syntax

_UNSEEN = re.compile(r'("(?:[^"\\\n]|\\[^\n])*+"?)|[ \t]*+#[^\n]*+|[ \t]++(?=\n)')
"""Comments and what stands at the ends of lines; a string is kept."""
_WORD = re.compile(r"[A-Za-z_]\w*")


class Passage(NamedTuple):
    """A part of a text without its comments, and its place."""

    span: Span
    text: str


class Dependencies(NamedTuple):
    """Equal ones give equal networks, if there was nothing to say against one."""

    network: Passage | None
    """None for the network without a name: its statements are among the constants."""
    constants: tuple[Passage, ...]
    """What stands outside of networks and blocks."""
    blocks: tuple[Passage, ...]
    """The blocks of the file that it may use."""
    imported: Mapping[str, str]
    """The texts of the other files."""
    unknown: frozenset[tuple[str, str]]
    """Names of this file and of others about which nothing is known, after an error in what was expanded before."""
    strict: bool


class Surroundings:
    """The file that was loaded, as its networks depend on it."""

    def __init__(self, module: Module, loader: ModuleLoader) -> None:
        self._module = module
        self._loader = loader
        self._items = loader.trees[module.source.file].items
        self._imported = {name: text for name, text in loader.sources.items() if name != module.source.file}
        self._blocks = {name: block for name, (block, owner) in module.blocks.items() if owner is module}
        self._known: dict[str, tuple[Passage, frozenset[str]]] = {}

    def of(self, network: syntax.Network | None) -> Dependencies:
        """The dependencies of a network; None: of the one without a name."""
        own = self._passage(network) if network else None
        words = self._constants[1].union(_words(own.text) if own else ())
        return self._dependencies(own, self._constants[0], words)

    def of_first(self, network: syntax.Network | None, statements: Sequence[syntax.Statement]) -> Dependencies:
        """What the first statements of a network depend on, besides the text up to their end."""
        constants, words = self._constants if network else ((), frozenset[str]())
        text = self._module.source.text[statements[0].start : statements[-1].end] if statements else ""
        return self._dependencies(None, constants, words | _words(text))

    def _dependencies(self, own: Passage | None, constants: tuple[Passage, ...], used: frozenset[str]) -> Dependencies:
        blocks: dict[str, Passage] = {}
        pending = [block for block in self._blocks if block in used]
        while pending:
            block = pending.pop()
            if block not in blocks:
                blocks[block], words = self._block(block)
                used |= words
                pending += [inside for inside in words if inside in self._blocks]
        return Dependencies(
            own,
            constants,
            tuple(blocks[block] for block in sorted(blocks)),
            self._imported,
            self._unknown(),
            self._loader.settings.strict,
        )

    @cached_property
    def _constants(self) -> tuple[tuple[Passage, ...], frozenset[str]]:
        """The passages outside of networks and blocks, and their words."""
        passages = []
        for defines, items in groupby(self._items, lambda item: isinstance(item, syntax.Block | syntax.Network)):
            if not defines:
                first, *others = items
                passages.append(self._passage(syntax.Body(first.start, (others or [first])[-1].end, ())))
        return tuple(passages), frozenset().union(*(_words(passage.text) for passage in passages))

    def _unknown(self) -> frozenset[tuple[str, str]]:
        modules = [self._module, *(imported for _, _, imported in self._loader.imports)]
        names = ((each.source.file, each.scope.names) for each in modules)
        return frozenset((file, name) for file, values in names for name, value in values.items() if value is None)

    def _block(self, name: str) -> tuple[Passage, frozenset[str]]:
        if name not in self._known:
            passage = self._passage(self._blocks[name])
            self._known[name] = passage, _words(passage.text)
        return self._known[name]

    def _passage(self, node: syntax.Spanned) -> Passage:
        source = self._module.source
        text = source.text[node.start : node.end]
        return Passage(source.span(node.start, node.end), _UNSEEN.sub(lambda found: found[1] or "", text))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
