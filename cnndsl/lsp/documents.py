"""The open texts of one client: their versions, their settings, and one request at a time on them."""

from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from cnndsl.analysis.lint import enabled
from cnndsl.configuration import configuration
from cnndsl.errors import CnnError, Diagnostic
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.hints import DETAILS, Detail
from cnndsl.language_service.workspace import Workspace
from cnndsl.lsp.translation import Places, code_points, to_path


class Settings(NamedTuple):
    """What the editor's settings say."""

    detail: Detail = "shape"
    lenses: bool = True


class Documents:
    """Requests take the lock: what is known of a text is worked out once, by the first that asks."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.encoding = "utf-16"
        self.settings = Settings()
        self.workspace = Workspace()
        self._versions: dict[str, int] = {}
        self._pending: dict[str, tuple[int, str | None]] = {}
        self._settled: dict[str, int] = {}
        self._changes = 0

    def configure(self, given: Any) -> None:
        """Takes over the settings that are known of a mapping, and leaves the others as they are."""
        if not isinstance(given, dict):
            return
        detail, lenses = given.get("inlayHints"), given.get("codeLens")
        if detail in DETAILS:
            self.settings = self.settings._replace(detail=detail)
        if isinstance(lenses, bool):
            self.settings = self.settings._replace(lenses=lenses)

    def open(self, uri: str, text: str) -> None:
        """Opens a text, or gives it new content. Quick: nothing waits for a check."""
        self._changes += 1
        self._pending[uri] = self._changes, text
        self._versions[uri] = self._changes

    def close(self, uri: str) -> None:
        self._versions.pop(uri, None)
        self._pending[uri] = 0, None

    def settle(self, uri: str) -> int:
        """Takes over what has come since the last request, and gives the version that the text has now. In the lock."""
        for changed in list(self._pending):
            version, text = self._pending.pop(changed)
            self._settled[changed] = version
            if text is None:
                self.workspace.close(to_path(changed))
            else:
                self.workspace.open(to_path(changed), text)
        return self._settled.get(uri, 0)

    def version(self, uri: str) -> int:
        """A number that changes with the text; 0 if it is not open."""
        return self._versions.get(uri, 0)

    def uris(self) -> list[str]:
        return list(self._versions)

    def analysis(self, uri: str) -> tuple[Analysis, Diagnostic | None]:
        """What is known of an open text, and what is wrong with its project's settings."""
        path = to_path(uri)
        try:
            project = configuration(Path(path).absolute().parent)
        except CnnError as error:
            return self.workspace.analysis(path), error.diagnostics[0]
        return self.workspace.analysis(path, enabled(project.choice), project.strict), None

    def places(self, *around: Analysis) -> Places:
        texts: dict[str, str] = {}
        for analysis in around:
            texts |= dict(analysis.sources)
            texts[analysis.file] = analysis.text
        return Places(self.encoding, texts)

    def all_places(self, analysis: Analysis) -> Places:
        """For spans in any of the open files, and in those that they import."""
        return self.places(*self.workspace.analyses(), analysis)

    def offset(self, analysis: Analysis, line: int, character: int) -> int:
        """The offset of a position of the protocol."""
        start = analysis.offset(line, 0)
        end = analysis.text.find("\n", start)
        text = analysis.text[start : end if end >= 0 else len(analysis.text)]
        return start + code_points(text, character, self.encoding)
