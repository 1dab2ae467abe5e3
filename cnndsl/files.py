"""Files are written whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path


def write_whole(path: str | os.PathLike[str], write: Callable[[str], object]) -> None:
    """Lets ``write`` fill a temporary file beside ``path``, then puts it in place at once.

    On any failure nothing is left and an older file stays as it was; its permissions are kept. Links are followed;
    pipes and devices cannot be replaced and are written to directly. Raises what ``write`` raises, and OSError.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        write(os.fspath(path))
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        write(str(temporary))
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes UTF-8 text with ``\\n`` line ends, whole or not at all."""
    write_whole(path, lambda temporary: Path(temporary).write_text(text, encoding="utf-8", newline="\n"))
