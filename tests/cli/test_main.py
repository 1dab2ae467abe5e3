"""What every command shares: exit statuses, streams, colour, interruption, faults."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cnndsl as package
from cnndsl.cli import COMMANDS, parser
from cnndsl.cli.commands import check

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals, terminals and devices")
BAD = "input 3@8x8\ncnov 8 3x3\n"


def test_version(cnndsl):
    assert cnndsl("--version") == (0, f"cnndsl {package.__version__}\n", "")


def test_the_help_lists_every_command(cnndsl):
    status, out, err = cnndsl("--help")
    assert (status, err) == (0, "") and "example: cnndsl " in out
    assert all(re.search(rf"^    {name} ", out, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_parses(cnndsl, name):
    status, out, err = cnndsl(name, "--help")
    assert (status, err) == (0, "")
    (example,) = re.findall(r"^example: cnndsl (.*(?:\n\S.*)*)", out, re.MULTILINE)
    assert parser().parse_args(example.split()).command == name


@pytest.mark.parametrize(
    "line", ["", "chekc net.cnn", "check", "run net.cnn", "export net.cnn", "check net.cnn --nope"]
)
def test_usage_errors(cnndsl, folder, line):
    status, out, err = cnndsl(*line.split())
    assert (status, out) == (2, "")
    assert err.startswith("usage: cnndsl") and "Traceback" not in err


@pytest.mark.parametrize(
    "line",
    ["check net.cnn --batch 0", "check net.cnn --batch 1.5", "check net.cnn --depth -1", "check net.cnn --format xml",
     "check net.cnn --batch 1000000000", "run net.cnn --input zeros --batch 0", "run net.cnn --input zeros --top 0",
     "run net.cnn --input zeros --seed -1", "export net.cnn -o net.onnx --opset x"],
)  # fmt: skip
def test_bad_option_values(cnndsl, folder, line):
    status, out, err = cnndsl(*line.split())
    assert (status, out) == (2, "")
    assert f"argument --{line.split('--')[-1].split()[0]}" in err.splitlines()[-1]


def test_explain(cnndsl):
    status, out, err = cnndsl("explain", "kernel-too-large")
    assert (status, err) == (0, "")
    assert "kernel" in out and "conv" in out


def test_explain_suggests_a_code(cnndsl):
    status, out, err = cnndsl("explain", "kernel-to-large")
    assert (status, out) == (2, "")
    assert "did you mean `kernel-too-large`?" in err


def test_a_fault_is_one_line(cnndsl, folder, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(check, "execute", fail)
    status, out, err = cnndsl("check", "net.cnn")
    assert (status, out, err.count("\n")) == (3, "", 1)
    assert "RuntimeError: first line second line" in err and "report" in err and "--debug" in err


@pytest.mark.parametrize("line", ["--debug check net.cnn", "check net.cnn --debug"])
def test_debug_shows_where_a_fault_is(cnndsl, folder, monkeypatch, line):
    def fail(*arguments):
        raise RuntimeError("broken")

    monkeypatch.setattr(check, "execute", fail)
    status, out, err = cnndsl(*line.split())
    assert (status, out) == (3, "")
    assert "Traceback" in err and "in fail" in err


def test_debug_changes_nothing_for_the_users_errors(cnndsl, folder):
    assert cnndsl("--debug", "check", "missing.cnn") == cnndsl("check", "missing.cnn")


def test_too_little_memory_is_no_fault_of_cnndsl(cnndsl, folder, monkeypatch):
    def fail(*arguments):
        raise MemoryError("Unable to allocate 3. TiB")

    monkeypatch.setattr(check, "execute", fail)
    assert cnndsl("check", "net.cnn") == (1, "", "cnndsl: there is not enough memory: Unable to allocate 3. TiB\n")


def test_an_interrupt_is_quiet(cnndsl, folder, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "execute", interrupt)
    assert cnndsl("check", "net.cnn") == (130, "", "")


@needs_posix
def test_ctrl_c_ends_a_process_quietly(folder, environment):
    # The signal is ignored by what a shell runs in the background, and by all that starts there.
    heard = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    line = [sys.executable, "-c", heard + "from cnndsl.cli import main\nprint(flush=True)\nsys.exit(main())"]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with subprocess.Popen([*line, "check", "-"], env=environment, **pipes) as process:
        process.stdout.readline()
        time.sleep(0.5)  # by now it waits for standard input
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=240) == (b"", b"")
        assert process.returncode == 130


@needs_posix
@pytest.mark.parametrize("line", ["check long.cnn", "check net.cnn", "check --help", "check net.cnn --format json"])
def test_a_closed_pipe_is_no_error(folder, environment, line):
    (folder / "long.cnn").write_text("input 8\nrepeat 3000 { tanh }\n")
    reader, writer = os.pipe()
    os.close(reader)
    process = [sys.executable, "-m", "cnndsl", *line.split()]
    done = subprocess.run(process, stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=240)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["check net.cnn", "check net.cnn --format json", "export net.cnn --to cnn -o -"])
def test_a_full_standard_output(folder, environment, line):
    process = [sys.executable, "-m", "cnndsl", *line.split()]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(process, stdout=full, stderr=subprocess.PIPE, env=environment, timeout=240)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") - done.stderr.count(b"\n\n") == 1
    assert b"No space left on device" in done.stderr and b"itself failed" not in done.stderr


@needs_posix
def test_closed_standard_streams(folder, environment):
    def shell(line):
        script = f"{sys.executable} -m cnndsl {line}"
        return subprocess.run(["/bin/sh", "-c", script], capture_output=True, env=environment, timeout=240)

    assert shell("check net.cnn >&-").returncode == 0
    closed = shell("check - <&-")
    assert closed.returncode == 1 and b"no-network" in closed.stderr and b"itself" not in closed.stderr
    assert shell("check missing.cnn 2>&-").returncode == 2


def test_a_narrow_encoding_and_a_strange_file_name(folder, command):
    name = os.fsdecode(b"na\xffme.cnn") if sys.platform == "linux" else "ñame.cnn"
    (folder / name).write_text("input 8\nrelu\n")
    table = command("check", name, "net.cnn", PYTHONIOENCODING="ascii")
    assert table.status == 0 and table.out.count("1 layer,") + table.out.count("7 layers") >= 1
    report = command("check", name, "net.cnn", "--format", "json", PYTHONIOENCODING="ascii")
    assert (report.status, report.err) == (0, "") and report.out.isascii()


def in_a_terminal(line, environment, program=("-m", "cnndsl"), **variables):
    """What a process writes when both its output streams are a terminal."""
    import pty

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *program, *line],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**environment, "TERM": "xterm", **variables},
    )
    os.close(follower)
    written = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        written += part
    os.close(leader)
    return process.wait(timeout=240), written.decode()


@needs_posix
def test_colour_on_a_terminal_only(folder, environment, command):
    (folder / "bad.cnn").write_text(BAD)
    status, shown = in_a_terminal(["check", "bad.cnn"], environment)
    assert status == 1 and "\x1b[1;31merror[" in shown
    for value in ("1", "yes"):
        status, shown = in_a_terminal(["check", "bad.cnn"], environment, NO_COLOR=value)
        assert status == 1 and "error[unknown-operator]" in shown and "\x1b" not in shown
    piped = command("check", "bad.cnn")
    assert piped.status == 1 and "error[unknown-operator]" in piped.err and "\x1b" not in piped.err
    status, shown = in_a_terminal(["check", "bad.cnn", "--color", "never"], environment)
    assert status == 1 and "\x1b" not in shown


@pytest.mark.parametrize(
    ("line", "variables", "coloured"),
    [("check bad.cnn", {"FORCE_COLOR": "1"}, True), ("check bad.cnn", {"FORCE_COLOR": ""}, False),
     ("check bad.cnn", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ("check bad.cnn --color always", {}, True),
     ("--color always check bad.cnn", {"NO_COLOR": "1"}, True),
     ("check bad.cnn --color never", {"FORCE_COLOR": "1"}, False)],
)  # fmt: skip
def test_colour_that_is_asked_for(cnndsl, folder, monkeypatch, line, variables, coloured):
    (folder / "bad.cnn").write_text(BAD)
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[1;31merror[" in cnndsl(*line.split()).err) is coloured


def test_one_command_does_not_colour_the_next(cnndsl, folder):
    (folder / "bad.cnn").write_text(BAD)
    assert "\x1b" in cnndsl("check", "bad.cnn", "--color", "always").err
    assert "\x1b" not in cnndsl("check", "bad.cnn").err


AT_ONCE = (
    "import sys, cnndsl.cli.progress as p; p.DELAY = p.EVERY = 0.001; from cnndsl.cli import main; sys.exit(main())"
)


@needs_posix
def test_progress_on_a_terminal_only(folder, environment, command):
    images = Path("images")
    images.mkdir()
    from PIL import Image

    for index in range(40):
        Image.new("L", (28, 28), index).save(images / f"{index:02}.png")
    (images / "20.png").write_bytes(b"no image")
    line = ["run", "net.cnn", "--input", "images", "--batch", "1", "--format", "json"]
    status, shown = in_a_terminal(line, environment, program=["-c", AT_ONCE])
    assert status == 1
    steps = [int(step) for step in re.findall(r"\rrunning: (\d+) of 40 examples, \d+ s left", shown)]
    assert len(steps) > 2 and steps == sorted(steps)
    before, error, _ = shown.partition("error[input-file]")
    assert error and re.search(r"\r +\r(\x1b\[[0-9;]*m)*$", before)  # the line is wiped before anything else
    assert re.search(r"\r +\r[^r]*\{", shown.partition('"version"')[0])
    piped = command(*line)
    assert piped.status == 1 and "running" not in piped.err


@needs_posix
def test_nothing_is_shown_of_what_is_soon_done(folder, environment):
    hidden = "import cnndsl.cli.progress as p; p.DELAY = 600; import sys; from cnndsl.cli import main; sys.exit(main())"
    line = ["export", "net.cnn", "-o", "net.onnx"]
    status, shown = in_a_terminal(line, environment, program=["-c", hidden])
    assert status == 0 and [text for text in shown.splitlines() if not text.startswith("cnndsl: ")] == []
    status, shown = in_a_terminal(line, environment, program=["-c", AT_ONCE])
    assert status == 0 and re.search(r"\r(making initial weights|putting the model together|exporting|writing)", shown)
    assert "\rcnndsl: wrote net.onnx\r\n" in shown


@pytest.mark.parametrize(
    ("line", "command", "words"),
    [("chek net.cnn", "", "there is no command `chek`; did you mean `check`?"), ("xyz", "", "there are check, run,"),
     ("summary net.cnn", "", "there is no command `summary`; did you mean `check`?"),
     ("plot net.cnn", "", "did you mean `draw`?"), ("net.cnn", "", "did you mean `cnndsl check net.cnn`?"),
     ("help", "", "write `cnndsl --help`"), ("help check", "", "write `cnndsl check --help`"),
     ("version", "", "write `cnndsl --version`"), ("-v", "", "there is no option `-v`; did you mean `--version`?"),
     ("--colr never check net.cnn", "", "there is no command `never`"),
     ("check net.cnn -q", "check", "there is no option `-q`; did you mean `--quiet`?"),
     ("check net.cnn --format jsn", "check", "`jsn` is not one of text, concise, json,"),
     ("check net.cnn --color nevr", "check", "did you mean `never`?"),
     ("run net.cnn --input a.png --convert gray", "run", "`gray` is not one of grey, rgb; did you mean `grey`?"),
     ("run net.cnn --input zeros --seed -1", "run", "argument --seed: '-1' is not a whole number from 0 on"),
     ("check net.cnn --stirct", "check", "there is no option `--stirct`; did you mean `--strict`?"),
     ("check net.cnn --nope=3", "check", "there is no option `--nope`"),
     ("run net.cnn --inptu zeros", "run", "there is no option `--inptu`; did you mean `--input`?"),
     ("run net.cnn --input zeros more", "run", "`more` is one argument too many"),
     ("export net.cnn net.onnx", "export", "-o/--out; example: cnndsl export examples/lenet.cnn -o lenet.onnx"),
     ("run net.cnn", "run", "--input; example: cnndsl run digits.cnn"),
     ("fmt net.cnn -x", "fmt", "there is no option `-x`")],
)  # fmt: skip
def test_usage_errors_say_what_is_meant(cnndsl, folder, line, command, words):
    status, out, err = cnndsl(*line.split())
    assert (status, out) == (2, "")
    assert err.startswith(f"usage: cnndsl {command}".rstrip()) and words in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith(f"cnndsl {command}: error: " if command else "cnndsl: error: ")


def test_options_may_be_shortened_and_values_negative(cnndsl, folder):
    assert cnndsl("check", "net.cnn", "--stri").status == 0
    (folder / "two.cnn").write_text("input 1@1x2\nidentity\n")
    line = ["run", "two.cnn", "--input", "-1.5,2", "--out", "a.png", "--range", "-2,2"]
    assert cnndsl(*line).status == 0
    assert cnndsl("run", "two.cnn", "--input", "-.5 1e-3").status == 0
