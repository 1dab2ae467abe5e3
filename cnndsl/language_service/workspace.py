"""The texts that are open in an editor, and what is known of them."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from cnndsl.errors import CnnError
from cnndsl.lang.folders import folder_resolver
from cnndsl.lang.modules import Resolver
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.bindings import Bindings, Definition
from cnndsl.limits import DEFAULT_LIMITS, Limits

MOST_KEPT = 32
"""Of so many texts the analysis is kept."""


class _Known(NamedTuple):
    analysis: Analysis
    text: str
    imports: Mapping[str, str | None]
    """What the imports read, by path from the folder of the file; None where that failed."""
    settings: tuple[frozenset[str] | None, bool]


class Workspace:
    """Open texts by path. An import reads the open text of a file before the one on disk.

    A text is checked again only when it, a file that it imports, or its settings have changed.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.texts: dict[str, str] = {}
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._bindings: dict[str, tuple[Analysis, Bindings]] = {}

    def open(self, path: str, text: str) -> None:
        """Opens a text, or gives an open one new content."""
        self.texts[path] = text

    def close(self, path: str) -> None:
        """Forgets a text; files that import it read it from the disk again."""
        self.texts.pop(path, None)
        self._known.pop(path, None)
        self._bindings.pop(path, None)

    def analysis(self, path: str, warnings: frozenset[str] | None = None, strict: bool = False) -> Analysis:
        """What is known of an open text. ``warnings`` are the codes that are wanted, None: the default ones."""
        known, text, resolve = self._known.get(path), self.texts[path], self.resolver(path)
        same = known and known.text == text and known.settings == (warnings, strict)
        if known and same and all(_read(resolve, name) == content for name, content in known.imports.items()):
            return known.analysis
        imports: dict[str, str | None] = {}

        def recorded(name: str) -> str:
            imports[name] = None
            imports[name] = content = resolve(name)
            return content

        before = known.analysis if known else None
        analysis = Analysis(text, path, recorded, warnings, strict, self.limits, before)
        self._known[path] = _Known(analysis, text, imports, (warnings, strict))
        self._known.move_to_end(path)
        while len(self._known) > MOST_KEPT:
            self._bindings.pop(self._known.popitem(last=False)[0], None)
        return analysis

    def latest(self, path: str) -> Analysis:
        """What is known of an open text, with the settings of the last time."""
        known = self._known.get(path)
        return self.analysis(path, *known.settings) if known else self.analysis(path)

    def analyses(self) -> Iterator[Analysis]:
        """Of every open text."""
        for path in list(self.texts):
            yield self.latest(path)

    def bindings(self, analysis: Analysis, file: str | None = None) -> Bindings:
        """Which word of a file means what: of the analysed text, or of one that it imports."""
        if file not in (None, analysis.file):
            return Bindings(analysis.trees[file], file, self._imported(analysis, file))
        known = self._bindings.get(analysis.file)
        if known is None or known[0] is not analysis:
            found = Bindings(analysis.tree, analysis.file, self._imported(analysis, analysis.file))
            known = self._bindings[analysis.file] = (analysis, found)
        return known[1]

    def _imported(self, analysis: Analysis, file: str) -> Mapping[str, Definition]:
        """What the imports of a file bring in, by name."""
        imports = analysis.recording.loader.imports if analysis.recording.loader else []
        found: dict[str, Definition] = {}
        seen, pending = {file}, [file]
        while pending:
            importer = pending.pop()
            for name, _, module in imports:
                imported = module.source.file
                if name == importer and imported not in seen:
                    seen.add(imported)
                    pending.append(imported)
                    for definition in Bindings(analysis.trees[imported], imported).exported():
                        found.setdefault(definition.name, definition)
        return found

    def resolver(self, path: str) -> Resolver:
        """What reads the imports of a text: open ones before those on disk."""
        folder = Path(path).parent
        on_disk = folder_resolver(folder, self.limits)

        def resolve(name: str) -> str:
            text = self.texts.get(str(folder / name))
            return on_disk(name) if text is None else text

        return resolve


def _read(resolve: Resolver, name: str) -> str | None:
    try:
        return resolve(name)
    except (OSError, LookupError, ValueError, CnnError):
        return None
