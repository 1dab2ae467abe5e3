"""Files are written whole or not at all, alone or several together, and what was written outlives a power cut."""

import errno
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cnndsl.errors import CnnError, quoted

if sys.platform != "win32":
    import fcntl

Location = str | os.PathLike[str]
Write = Callable[[str], object]
"""Fills the file of that name, which is there and empty."""

TEMPORARY = re.compile(r"\.cnndsl-[0-9a-f]{8}\.part")
"""What files are called until they are whole: short, so that every name that a file can have can be written."""

DESCRIPTOR = re.compile(r"/dev/(stdout|stderr)|/(?:dev|proc/self)/fd/([0-9]+)")


class Part(NamedTuple):
    """A file that is whole, but not yet in its place."""

    temporary: Path
    target: Path


def write_whole(path: Location, write: Write) -> None:
    """Lets ``write`` fill a temporary file beside ``path``, then puts it in place at once.

    On any failure nothing is left and an older file stays as it was; its permissions, owner and extended attributes are
    kept. Symbolic links are followed, other names of the same file (hard links) keep the old content; pipes and devices
    cannot be replaced and are written to directly. Raises CnnError where the folder is missing, what ``write`` raises,
    and OSError.
    """
    if not is_stream(path):
        write_together([(path, write)])
    elif descriptor := DESCRIPTOR.fullmatch(os.fspath(path)):
        name, number = descriptor.groups()
        copy = os.dup(int(number) if number else {"stdout": 1, "stderr": 2}[name])
        with TemporaryDirectory() as folder, os.fdopen(copy, "wb") as stream:
            whole = Path(folder, "whole")
            write(str(whole))
            with whole.open("rb") as content:  # what a shell opened for appending is not cut off
                shutil.copyfileobj(content, stream)
    else:
        write(os.fspath(path))


def write_text(path: Location, text: str) -> None:
    """Writes UTF-8 text with ``\\n`` line ends, whole or not at all."""
    write_whole(path, text_writer(text))


def text_writer(text: str) -> Write:
    return lambda temporary: Path(temporary).write_text(text, encoding="utf-8", newline="\n")


def write_together(files: Sequence[tuple[Location, Write]], superseded: re.Pattern[str] | None = None) -> None:
    """Writes files that belong together: all are whole before the first is put in place, and the last one commits.

    Of several writers of the same files one comes after the other. ``superseded`` matches the names of files in the
    last one's folder that are nothing to anybody any more once it is in place. Raises as :func:`write_whole` does.
    """
    with ExitStack() as stack:
        parts = []
        for path, write in files:
            part = stack.enter_context(_temporary(path))
            write(str(part.temporary))
            _settle(part)
            parts.append(part)
        folder = parts[-1].target.parent
        alone = len(parts) > 1 and stack.enter_context(_locked(folder))
        _place(parts)
        if superseded is not None and alone:
            placed = {part.target.name for part in parts}
            for name in os.listdir(folder):
                if superseded.fullmatch(name) and name not in placed:
                    (folder / name).unlink(missing_ok=True)


def _place(parts: Iterable[Part]) -> None:
    """Renames in order; where one fails, those before it that are new are taken back."""
    new: list[Path] = []
    try:
        for part in parts:
            is_new = not part.target.exists()
            os.replace(part.temporary, part.target)
            new += [part.target] if is_new else []
            _sync_folder(part.target.parent)
    except BaseException:
        for target in new:
            target.unlink(missing_ok=True)
        raise


@contextmanager
def _temporary(path: Location) -> Iterator[Part]:
    """An empty file where ``path`` leads; while it is locked, nobody takes it for one that was left behind."""
    target = Path(os.path.realpath(path))
    folder = target.parent
    if not folder.is_dir():
        missing = folder if os.path.isdir(os.path.dirname(path) or ".") else os.path.dirname(path)
        raise CnnError.of("file-unwritable", f"cannot write `{path}`: there is no folder `{missing}`")
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    if target.exists() and not os.access(target, os.W_OK):  # which a rename would not ask
        raise PermissionError(errno.EACCES, "it is read-only", os.fspath(path))
    _remove_leftovers(folder)
    readable = stat.S_IMODE(target.stat().st_mode) & 0o777 | 0o600 if target.exists() else 0o666
    try:
        while True:
            temporary = folder / f".cnndsl-{secrets.token_hex(4)}.part"
            stream = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, readable)
            if _lock(stream) and temporary.exists():
                break
            os.close(stream)  # it was taken for a leftover before it was locked
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        if sys.platform == "win32":  # where an open file cannot be renamed
            os.close(stream)
        yield Part(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(stream)


def _settle(part: Part) -> None:
    """Gives a file what the one in its place has beside its content, and sees to it that it is on the disk."""
    with part.temporary.open("rb+") as stream:
        if part.target.exists():
            _keep_owner_and_attributes(part)
            shutil.copymode(part.target, part.temporary)  # last: another owner takes bits away
        from cnndsl import progress  # nothing that is read needs it

        progress.begin("waiting for the disk")
        os.fsync(stream.fileno())


def _keep_owner_and_attributes(part: Part) -> None:
    before = part.target.stat()
    if sys.platform != "win32":
        with suppress(PermissionError):
            os.chown(part.temporary, before.st_uid, before.st_gid)
    if sys.platform == "linux":
        with suppress(OSError):  # not every file system has them
            for name in os.listxattr(part.target):
                os.setxattr(part.temporary, name, os.getxattr(part.target, name))


def _sync_folder(folder: Path) -> None:
    """Sees to it that the folder's names are on the disk, where the system can do that."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network file systems refuse it; the file is in place whatever they say
        stream = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(stream)
        finally:
            os.close(stream)


def _lock(stream: int) -> bool:
    """Locks a file without waiting; False where another has it. Where nothing can be locked, nobody else can either."""
    if sys.platform != "win32":
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _remove_leftovers(folder: Path) -> None:
    """Removes what processes that were killed while they wrote have left in a folder."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # a folder that may be written to, but not listed
        for name in filter(TEMPORARY.fullmatch, os.listdir(folder)):
            with suppress(OSError):
                stream = os.open(folder / name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(folder / name)
                finally:
                    os.close(stream)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Waits for others that put files together into this folder; False where the system cannot say."""
    if sys.platform == "win32":
        yield False
        return
    with ExitStack() as stack:
        locked = False
        with suppress(OSError):
            stream = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, stream)
            fcntl.flock(stream, fcntl.LOCK_EX)
            locked = True
        yield locked


def is_stream(path: Location) -> bool:
    """Whether what is written goes through: into a pipe, a device, or what the process has open already."""
    if DESCRIPTOR.fullmatch(os.fspath(path)):
        return True
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def require_regular(path: Location) -> None:
    """Raises OSError for pipes and devices, which may never end, for folders, and for what is not there."""
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))


def require_output(path: Location, inputs: Iterable[object]) -> None:
    """Raises CnnError ``output-is-input`` where a file to write is, by whatever name, one that is read."""
    if not os.path.isfile(path):
        return
    for name in inputs:
        if isinstance(name, str | os.PathLike) and _is_same(path, name):
            raise CnnError.of(
                "output-is-input",
                f"{quoted(os.fspath(path))} is read by the same command, and writing it would destroy it",
                "give the output another name",
            )


def _is_same(path: Location, other: Location) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # a name of no file, such as <text>
        return False


def is_onnx(path: object) -> bool:
    """Whether a file is an ONNX model, by its name."""
    return Path(str(path)).suffix.lower() == ".onnx"
