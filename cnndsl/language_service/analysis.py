"""One text, checked once, whatever is wrong with it."""

import re
from collections.abc import Iterator
from functools import cached_property

from cnndsl import ops
from cnndsl.analysis.lint import enabled
from cnndsl.errors import Diagnostic, Source, Span
from cnndsl.lang.compile import compile_text
from cnndsl.lang.modules import Module, Resolver, Settings
from cnndsl.lang.recording import Expanded, Recording, Result
from cnndsl.lang.text import syntax
from cnndsl.lang.text.parser import normalized
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.ops.base import Operator

_WORD = re.compile(r"[A-Za-z_]\w*")


class Analysis:
    """A text and everything that its check found; what is asked for seldom is worked out when it is."""

    def __init__(
        self,
        text: str,
        file: str = "<text>",
        resolver: Resolver | None = None,
        warnings: frozenset[str] | None = None,
        strict: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        before: "Analysis | None" = None,
    ) -> None:
        """``before`` is the analysis of the text before a change: what that left as it was is not worked out again."""
        self.text = normalized(text)
        self.file = file
        self.limits = limits
        self.recording: Recording = Recording(before.recording if before else None)
        settings = Settings(strict=strict)
        self.warnings = enabled() if warnings is None else warnings
        compiled = compile_text(text, file, resolver, settings, limits, None, self.warnings, self.recording)
        self.diagnostics: tuple[Diagnostic, ...] = compiled.diagnostics
        self.sources = compiled.sources
        """The texts that spans refer to, by file name."""

    @cached_property
    def source(self) -> Source:
        return Source(self.file, self.text)

    @property
    def module(self) -> Module | None:
        """What the file defines; None where too much is wrong with it."""
        return self.recording.module

    @property
    def trees(self) -> dict[str, syntax.File]:
        """The syntax trees by file, this one's and those that it imports."""
        return self.recording.loader.trees if self.recording.loader else {}

    @cached_property
    def tree(self) -> syntax.File:
        return self.trees.get(self.file) or syntax.File(0, len(self.text), (), self.text)

    # --- places ---
    def offset(self, line: int, column: int) -> int:
        """The offset of a line and a column, both from 0; what lies outside of the text is its nearest end."""
        starts = self.line_starts
        if line >= len(starts):
            return len(self.text)
        if line < 0:
            return 0
        end = starts[line + 1] - 1 if line + 1 < len(starts) else len(self.text)
        return min(starts[line] + max(column, 0), end)

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def span(self, node: syntax.Spanned) -> Span:
        return self.source.span(node.start, node.end)

    def word(self, offset: int) -> tuple[int, int] | None:
        """The offsets of the word that an offset touches."""
        start = self.text.rfind("\n", 0, offset) + 1
        for match in _WORD.finditer(self.text, start):
            if match.start() > offset:
                return None
            if match.end() >= offset:
                return match.span()
        return None

    def path(self, offset: int) -> list[syntax.Spanned]:
        """The nodes of the tree around an offset, from the outermost; one that ends there counts too."""
        found: list[syntax.Spanned] = []
        node: object = self.tree
        while node is not None:
            found.append(node)  # type: ignore[arg-type]  # all nodes that `children` gives have places
            inside = [child for child in children(node) if child.start <= offset <= child.end]
            # Where one ends at which the next begins, the next is meant.
            node = inside[-1] if inside else None
        return found

    # --- what the expansion met ---
    def result(self, node: syntax.Spanned, file: str | None = None) -> Result | None:
        """What a stage or an input gave."""
        file = file or self.file
        source = self.source if file == self.file else Source(file, self.trees[file].text)
        return self.recording.results.get(source.span(node.start, node.end))

    def operator(self, stage: syntax.Apply | syntax.Merge) -> type[Operator] | None:
        blocks = self.module.blocks if self.module else {}
        known = stage.name in ops.NAMES and stage.name not in blocks
        return ops.operator(stage.name) if known else None

    def block(self, name: str) -> syntax.Block | None:
        blocks = self.module.blocks if self.module else {}
        return blocks[name][0] if name in blocks else None

    @property
    def networks(self) -> list[Expanded]:
        """The networks of this file."""
        return self.recording.networks


def children(node: object) -> Iterator[syntax.Spanned]:
    """The nodes right below a node, in the order of their fields."""
    for part in node if isinstance(node, tuple) else ():
        if isinstance(part, tuple) and hasattr(part, "start") and hasattr(part, "end"):
            yield part
        elif isinstance(part, tuple):
            yield from children(part)
