"""``cnndsl check --fix``: safe fixes are written back, or shown with ``--diff``."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnndsl.cli.terminal import unwritable
from cnndsl.errors import Diagnostic


def fix_file(file: str, settings: Mapping[str, Any], diff: bool) -> int:
    """Mends a file, or shows how it would be mended; gives the number of lines that change. Raises CnnError."""
    from cnndsl import api
    from cnndsl.lang.review.fixes import mended
    from cnndsl.limits import DEFAULT_LIMITS

    path = Path(file)
    original = api.read_text(path)
    resolver = api.folder_resolver(path.parent)

    # All mistakes at once: a hundred a round would take as many rounds as the text is long.
    limits = DEFAULT_LIMITS._replace(diagnostics=DEFAULT_LIMITS.source_bytes)

    def check(text: str) -> Sequence[Diagnostic]:
        return api.check(text, file=file, resolver=resolver, limits=limits, **settings).diagnostics

    mark = "\ufeff" if original.startswith("\ufeff") else ""
    before = re.sub("\r(?!\n)", "\n", original.removeprefix(mark))
    after = mended(before, file, check)
    changed = _changed(before.split("\n"), after.split("\n"))
    if not changed:
        return 0
    if diff:
        sys.stdout.writelines(difference(file, before, after))
        return changed
    from cnndsl.files import write_text

    try:
        write_text(path, mark + after)
    except OSError as error:
        raise unwritable(file, error) from None
    return changed


def _changed(before: Sequence[str], after: Sequence[str]) -> int:
    """How many lines of a text change."""
    if len(before) == len(after):
        return sum(a != b for a, b in zip(before, after, strict=True))
    from difflib import SequenceMatcher

    edits = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(max(end - start, last - first) for kind, start, end, first, last in edits if kind != "equal")


def difference(file: str, before: str, after: str) -> list[str]:
    """A unified diff of two texts."""
    from difflib import unified_diff

    old, new = (text.replace("\r\n", "\n").splitlines(keepends=True) for text in (before, after))
    return [line if line.endswith("\n") else line + "\n" for line in unified_diff(old, new, file, f"{file} (fixed)")]
