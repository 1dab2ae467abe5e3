"""Files are written whole or not at all, and keep what they had beside their content."""

import errno
import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnndsl.errors import CnnError
from cnndsl.files import require_output, require_regular, write_text, write_together, write_whole

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
LEFTOVER = ".cnndsl-0123abcd.part"


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def filler(content: bytes):
    return lambda path: Path(path).write_bytes(content)


def has_attribute(path: Path) -> bool:
    """Gives a file an extended attribute, where the file system has such."""
    try:
        os.setxattr(path, "user.colour", b"red")
    except (AttributeError, OSError):
        return False
    return True


def broken(path: str) -> None:
    Path(path).write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o700])
def test_permissions_and_attributes_stay(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(mode)
    modes = []
    coloured = has_attribute(target)

    def write(path: str) -> None:
        modes.append(os.stat(path).st_mode & 0o777)
        Path(path).write_text("new")

    write_whole(target, write)
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", mode)
    assert modes[0] & 0o077 & ~mode == 0, "nobody may read on the way what nobody may read in the end"
    if coloured:
        assert os.getxattr(target, "user.colour") == b"red"


def test_new_files_honour_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="needs the right to give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    os.chown(target, 65534, 65534)
    write_text(target, "new")
    assert (target.stat().st_uid, target.stat().st_gid) == (65534, 65534)


def test_other_names_of_a_file_keep_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    os.link(tmp_path / "file", tmp_path / "hard")
    (tmp_path / "soft").symlink_to("file")
    write_text(tmp_path / "soft", "new")
    assert [(tmp_path / name).read_text() for name in ("file", "soft", "hard")] == ["new", "new", "old"]
    assert (tmp_path / "soft").is_symlink()


@pytest.mark.parametrize("length", [1, 250, 255])
def test_every_legal_name(tmp_path: Path, length: int) -> None:
    write_text(tmp_path / ("n" * length), "text")
    assert names(tmp_path) == ["n" * length]


def test_what_the_dead_left_is_cleared_away_and_what_the_living_write_is_not(tmp_path: Path) -> None:
    (tmp_path / LEFTOVER).write_text("half")
    (tmp_path / ".cnndsl-notes.part").write_text("somebody's")
    with (tmp_path / ".cnndsl-89ef4567.part").open("w") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        write_text(tmp_path / "file", "text")
        assert names(tmp_path) == [".cnndsl-89ef4567.part", ".cnndsl-notes.part", "file"]


def test_a_link_called_like_a_leftover_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / LEFTOVER).symlink_to("precious")
    write_text(tmp_path / "file", "text")
    assert (tmp_path / "precious").read_text() == "precious"


def test_of_files_that_belong_together_all_or_none(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with pytest.raises(OSError, match="No space left"):
        write_together([(one, filler(b"1")), (two, broken)])
    assert names(tmp_path) == []
    two.mkdir()
    with pytest.raises(IsADirectoryError):
        write_together([(one, filler(b"1")), (two, filler(b"2"))])
    assert names(tmp_path) == ["two"]
    two.rmdir()
    write_together([(one, filler(b"1")), (two, filler(b"2"))])
    assert (one.read_bytes(), two.read_bytes()) == (b"1", b"2")


def test_a_rename_that_fails_takes_the_new_ones_before_it_back(tmp_path: Path, monkeypatch) -> None:
    replace = os.replace

    def fail(source, target):
        if target.name == "two":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_together([(tmp_path / "one", filler(b"1")), (tmp_path / "two", filler(b"2"))])
    assert names(tmp_path) == []


def test_what_is_superseded_goes_when_the_last_is_in_place(tmp_path: Path) -> None:
    for name in ("data.1", "data.2", "database"):
        (tmp_path / name).write_bytes(b"")
    pattern = re.compile(r"data\.[0-9]")
    with pytest.raises(OSError, match="No space left"):
        write_together([(tmp_path / "data.3", filler(b"3")), (tmp_path / "model", broken)], pattern)
    assert names(tmp_path) == ["data.1", "data.2", "database"]
    write_together([(tmp_path / "data.3", filler(b"3")), (tmp_path / "model", filler(b"3"))], pattern)
    assert names(tmp_path) == ["data.3", "database", "model"]


def test_data_are_on_the_disk_before_they_have_their_name(tmp_path: Path, monkeypatch) -> None:
    events = []
    fsync, replace = os.fsync, os.replace

    def synced(stream: int) -> None:
        events.append("folder" if os.path.isdir(f"/proc/self/fd/{stream}") else "file")
        fsync(stream)

    def renamed(source, target) -> None:
        events.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write_together([(tmp_path / "one", filler(b"1")), (tmp_path / "two", filler(b"2"))])
    expected = ["file", "file", "rename", "folder", "rename", "folder"]
    assert events == (expected if os.path.isdir("/proc/self/fd") else [e.replace("folder", "file") for e in expected])


@pytest.mark.parametrize("redirection", [">", ">>"])
@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_by_its_name_is_written_where_it_stands(tmp_path: Path, root, redirection, path) -> None:
    script = f"from cnndsl.files import write_text; write_text({path!r}, 'text')"
    line = f'{sys.executable} -c "$0" {redirection} log'
    (tmp_path / "log").write_text("before ")
    subprocess.run(["sh", "-c", line, script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, check=True)
    assert (tmp_path / "log").read_text() == ("before text" if redirection == ">>" else "text")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CnnError, match=r"there is no folder `.*/missing`") as error:
        write_text(tmp_path / "missing" / "file", "text")
    assert error.value.diagnostics[0].code == "file-unwritable"


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        write_text(tmp_path / "a", "text")
    with pytest.raises(OSError, match="symbolic links"):
        require_regular(tmp_path / "a")
    assert names(tmp_path) == ["a", "b"]


def test_only_files_are_read_to_their_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="no regular file"):
            require_regular(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        require_regular(tmp_path)
    require_regular(tmp_path / "link")


def test_a_file_is_the_same_by_every_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "soft").symlink_to("file")
    os.link(tmp_path / "file", tmp_path / "hard")
    for name in ("file", "soft", "hard", f"../{tmp_path.name}/file"):
        with pytest.raises(CnnError, match="would destroy it"):
            require_output(tmp_path / name, ["<text>", None, str(tmp_path / "file")])
    require_output(tmp_path / "new", [tmp_path / "file"])
    require_output(tmp_path / "file", ["<text>", "a\0b", tmp_path / "missing", tmp_path])
