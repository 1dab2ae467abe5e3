"""`cnndsl fmt`: what is written where, and with which exit status."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

UGLY, NEAT = "input  1@8x8\r\nconv 8 3x3->relu # ü\n", "input 1@8x8\nconv 8 3x3 -> relu  # ü\n"
BAD = "conv 8 ->\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with an ugly, a neat and a bad file."""
    for name, text in {"ugly.cnn": UGLY, "neat.cnn": NEAT, "bad.cnn": BAD}.items():
        (tmp_path / name).write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(name: str) -> str:
    return Path(name).read_bytes().decode()


def test_formats_in_place_and_names_what_changed(cnndsl, files):
    before = Path("neat.cnn").stat()
    assert cnndsl("fmt", "ugly.cnn", "neat.cnn") == (0, "ugly.cnn\n", "")
    assert content("ugly.cnn") == NEAT
    after = Path("neat.cnn").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (before.st_ino, before.st_mtime_ns, before.st_mode)
    assert cnndsl("fmt", "ugly.cnn", "neat.cnn") == (0, "", "")
    assert sorted(os.listdir()) == ["bad.cnn", "neat.cnn", "ugly.cnn"]


def test_check_writes_nothing(cnndsl, files):
    assert cnndsl("fmt", "--check", "ugly.cnn", "neat.cnn") == (1, "ugly.cnn\n", "")
    assert content("ugly.cnn") == UGLY
    assert cnndsl("fmt", "--check", "neat.cnn") == (0, "", "")


def test_diff_shows_the_changes_and_writes_nothing(cnndsl, files):
    status, out, err = cnndsl("fmt", "--diff", "ugly.cnn", "neat.cnn")
    assert (status, err) == (1, "")
    assert out.split("\n") == [
        "--- ugly.cnn", "+++ ugly.cnn (formatted)", "@@ -1,2 +1,2 @@",
        "-input  1@8x8\r", "-conv 8 3x3->relu # ü", "+input 1@8x8", "+conv 8 3x3 -> relu  # ü", "",
    ]  # fmt: skip
    assert content("ugly.cnn") == UGLY
    assert cnndsl("fmt", "--diff", "neat.cnn") == (0, "", "")


@pytest.mark.parametrize("text", ["relu;tanh", UGLY, "a\n  -> b\u2028c\n".replace("\u2028", "  # \u2028x\n -> ")])
def test_patch_understands_the_diff(cnndsl, files, text):
    Path("ugly.cnn").write_bytes(text.encode())
    patch = cnndsl("fmt", "--diff", "ugly.cnn").out
    try:
        subprocess.run(["patch", "--binary", "ugly.cnn"], input=patch.encode(), check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no patch")
    assert cnndsl("fmt", "ugly.cnn") == (0, "", "")


def test_standard_input_goes_to_standard_output(command, files):
    assert command("fmt", "-", stdin=UGLY.encode()) == (0, NEAT, "")
    assert command("fmt", "-", stdin=UGLY.encode(), LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii").out == NEAT
    assert command("fmt", "--check", "-", stdin=UGLY.encode()) == (1, "<stdin>\n", "")
    assert command("fmt", "--check", "-", stdin=NEAT.encode()) == (0, "", "")
    assert command("fmt", "-", stdin=b"") == (0, "", "")


def test_a_syntax_error_is_said_and_the_file_left_alone(cnndsl, files):
    status, out, err = cnndsl("fmt", "bad.cnn", "ugly.cnn")
    assert (status, out) == (1, "ugly.cnn\n")
    assert err.startswith("error[syntax]") and "bad.cnn:1" in err
    assert content("bad.cnn") == BAD and content("ugly.cnn") == NEAT


def test_what_cannot_be_read_is_said_and_the_rest_done(cnndsl, files):
    Path("latin.cnn").write_bytes("relu # ü".encode("latin-1"))
    status, out, err = cnndsl("fmt", "missing.cnn", "latin.cnn", "bad.cnn", "ugly.cnn")
    assert (status, out) == (2, "ugly.cnn\n")
    assert err.count("error[file-unreadable]") == 1 and err.count("error[not-utf8]") == 1
    assert content("ugly.cnn") == NEAT


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions and links")
class TestPosix:
    def test_permissions_are_kept(self, cnndsl, files):
        Path("ugly.cnn").chmod(0o751)
        assert cnndsl("fmt", "ugly.cnn").status == 0
        assert content("ugly.cnn") == NEAT
        assert stat.S_IMODE(Path("ugly.cnn").stat().st_mode) == 0o751

    def test_a_link_stays_a_link(self, cnndsl, files):
        Path("folder").mkdir()
        Path("folder/link.cnn").symlink_to("../ugly.cnn")
        assert cnndsl("fmt", "folder/link.cnn") == (0, "folder/link.cnn\n", "")
        assert Path("folder/link.cnn").is_symlink()
        assert content("ugly.cnn") == NEAT
        assert os.listdir("folder") == ["link.cnn"]

    def test_a_read_only_file_is_left_alone(self, cnndsl, files, monkeypatch):
        Path("ugly.cnn").chmod(0o444)
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # whoever runs this may be root
        status, out, err = cnndsl("fmt", "ugly.cnn", "neat.cnn")
        assert (status, out) == (2, "")
        assert "error[file-unwritable]: cannot write `ugly.cnn`: it is read-only" in err
        assert content("ugly.cnn") == UGLY
        assert cnndsl("fmt", "--check", "ugly.cnn") == (1, "ugly.cnn\n", "")

    def test_a_device_is_not_written_to(self, command, files):
        read, write = os.pipe()
        os.write(write, UGLY.encode())
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            path = Path("pipe.cnn")
            path.symlink_to(f"/proc/{os.getpid()}/fd/{stream.fileno()}")
            if not path.exists():
                pytest.skip("needs /proc")
            status, out, err = command("fmt", "pipe.cnn")
        assert (status, out) == (2, "")
        assert "error[file-unwritable]: cannot write `pipe.cnn`: it is no regular file" in err
