"""Imports from a folder."""

import os
from pathlib import Path

from cnndsl.files import require_regular
from cnndsl.lang.modules import Resolver
from cnndsl.lang.text.parser import decode
from cnndsl.limits import DEFAULT_LIMITS, Limits


def folder_resolver(folder: Path, limits: Limits = DEFAULT_LIMITS) -> Resolver:
    """Reads imported files inside a folder; links that lead out of it are refused."""

    def resolve(path: str) -> str:
        root = Path(os.path.realpath(folder))
        target = Path(os.path.realpath(root / path))
        if not target.is_relative_to(root):
            raise PermissionError
        require_regular(target)
        with target.open("rb") as stream:
            return decode(stream.read(limits.source_bytes + 1), path)

    return resolve
