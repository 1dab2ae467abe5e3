"""`cnndsl completion`: bash completes commands, options, their values and files; zsh and fish get their own texts."""

import shutil
import subprocess
import sys

import pytest

from cnndsl.cli import COMMANDS

TRY = r"""
source complete.bash
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
function=$(complete -p cnndsl | sed 's/.*-F \([^ ]*\).*/\1/')
$function cnndsl "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def test_without_shtab_the_extra_is_named(cnndsl, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    status, out, err = cnndsl("completion", "bash")
    assert (status, out) == (2, "") and 'pip install "cnndsl[completion]"' in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_in_it(cnndsl, shell):
    pytest.importorskip("shtab")
    status, out, err = cnndsl("completion", shell)
    assert (status, err) == (0, "")
    assert [name for name in (*COMMANDS, "--weights", "torchinfo") if name.removeprefix("--") not in out] == []
    assert cnndsl("completion", shell).out == out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [("ch", {"check"}), ("check --st", {"--strict"}), ("check --format ke", {"keras"}), ("check ne", {"net.cnn"}),
     ("run net.cnn --weights ne", {"net.cnn"}), ("explain --f", {"--format"})],
)  # fmt: skip
def test_bash_completes(cnndsl, folder, words, found):
    pytest.importorskip("shtab")
    (folder / "complete.bash").write_text(cnndsl("completion", "bash").out)
    line = ["bash", "-c", TRY, "bash", "cnndsl", *words.split()]
    done = subprocess.run(line, capture_output=True, text=True, timeout=240)
    assert set(done.stdout.split()) == found, done.stderr


def test_a_shell_that_is_not_known(cnndsl):
    status, _, err = cnndsl("completion", "tcsh")
    assert status == 2 and "`tcsh` is not one of bash, zsh, fish" in err
