"""What the tests of the language service share: texts with a marked place, and edits as an editor applies them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from cnndsl.errors import Fix, Source, Span
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.workspace import Workspace

MARK = "¦"


def marked(text: str, file: str = "net.cnn", others: Mapping[str, str] = {}) -> tuple[Workspace, Analysis, int]:
    """A workspace in which a text is open, without its mark, and the offset of that; ``others`` are open too."""
    workspace = Workspace()
    for path, other in others.items():
        workspace.open(path, other)
    offset = max(text.find(MARK), 0)
    workspace.open(file, text.replace(MARK, ""))
    return workspace, workspace.analysis(file), offset


def words(text: str, spans: Iterable[Span]) -> list[str]:
    """What stands where, as ``line: word``."""
    lines = text.split("\n")
    return [f"{span.line}:{lines[span.line - 1][span.column - 1 : span.end_column - 1]}" for span in sorted(spans)]


def applied(text: str, fixes: Iterable[Fix]) -> str:
    """A text with edits of it; they must not overlap."""
    source = Source("", text)
    places = sorted((*source.offsets(fix.span), fix.replacement) for fix in fixes)
    pieces, end = [], 0
    for start, stop, replacement in places:
        assert end <= start <= stop <= len(text)
        pieces += [text[end:start], replacement]
        end = stop
    return "".join([*pieces, text[end:]])


def everywhere(texts: Mapping[str, str], fixes: Iterable[Fix]) -> dict[str, str]:
    """Texts by file, with the edits of each."""
    found = list(fixes)
    return {file: applied(text, [fix for fix in found if fix.span.file == file]) for file, text in texts.items()}


def zoo(examples: Path) -> list[Path]:
    return sorted((examples / "zoo").glob("*.cnn"))
