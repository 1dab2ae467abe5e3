"""`cnndsl draw`: five formats, what is refused, and nothing half-written."""

import errno
import io
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

import cnndsl as package

BEGINNINGS = {
    "svg": b'<?xml version="1.0" encoding="UTF-8"?>\n<svg ',
    "png": b"\x89PNG\r\n",
    "pdf": b"%PDF-",
    "mmd": b'---\ntitle: "net"\n---\nflowchart TD\n',
    "dot": b'digraph "net" {\n',
}


def complaint(outcome, status, code):
    assert (outcome.status, outcome.out) == (status, ""), outcome
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", outcome.err, re.MULTILINE) == [("error", code)], outcome.err
    return outcome.err


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def words(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("to", BEGINNINGS)
def test_every_format_by_suffix_and_by_name(cnndsl, folder, to):
    assert cnndsl("draw", "net.cnn", "-o", f"out.{to.upper()}") == (0, "", f"cnndsl: wrote out.{to.upper()}\n")
    assert cnndsl("draw", "net.cnn", "-o", "other.bin", "--to", to) == (0, "", "cnndsl: wrote other.bin\n")
    written = Path(f"out.{to.upper()}").read_bytes()
    assert written.startswith(BEGINNINGS[to]) and written == Path("other.bin").read_bytes()


@pytest.mark.parametrize("to", ["svg", "mmd", "png"])
def test_standard_output(environment, folder, to):
    command = [sys.executable, "-m", "cnndsl", "draw", "net.cnn", "-o", "-", "--to", to]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=240)
    assert done.returncode == 0 and done.stderr == b""
    assert done.stdout.startswith(BEGINNINGS[to])
    assert names(folder) == ["net.cnn"]


def test_styles_depth_and_themes(cnndsl, folder):
    text = "block B { conv 4 3x3 pad=1 -> relu }\ninput 4@8x8\nrepeat 3 { B }\nmaxpool 2x2\n"
    Path("b.cnn").write_text(text, encoding="utf-8")
    assert cnndsl("draw", "b.cnn", "-o", "folded.svg", "--theme", "dark").status == 0
    assert cnndsl("draw", "b.cnn", "-o", "open.svg", "--depth", "1").status == 0
    assert cnndsl("draw", "b.cnn", "-o", "volumes.svg", "--style", "volumes").status == 0
    assert "B x 3" in words(Path("folded.svg").read_bytes())
    assert {"B x 3", "conv 4 3x3 pad=1", "relu"} <= set(words(Path("open.svg").read_bytes()))
    assert "<polygon" in Path("volumes.svg").read_text() and "<polygon" not in Path("folded.svg").read_text()
    assert "prefers-color-scheme" in Path("open.svg").read_text()
    assert "prefers-color-scheme" not in Path("folded.svg").read_text()


def test_shapes_and_settings_of_the_network(cnndsl, folder):
    assert cnndsl("draw", "net.cnn", "-o", "small.svg", "--input", "1@20x20").status == 0
    assert "1@20x20" in words(Path("small.svg").read_bytes())
    Path("two.cnn").write_text("network A { param n = 3\ninput n }\nnetwork B { input 7 }", encoding="utf-8")
    complaint(cnndsl("draw", "two.cnn", "-o", "two.svg"), 1, "several-networks")
    assert cnndsl("draw", "two.cnn", "-o", "two.mmd", "--network", "A", "--set", "n=5").status == 0
    assert 'title: "A"' in Path("two.mmd").read_text() and '|"5"|' in Path("two.mmd").read_text()


def test_a_picture_has_twice_the_pixels_of_the_scene(cnndsl, folder):
    cnndsl("draw", "net.cnn", "-o", "net.svg")
    cnndsl("draw", "net.cnn", "-o", "net.png")
    root = ElementTree.fromstring(Path("net.svg").read_bytes())
    width, height = Image.open(io.BytesIO(Path("net.png").read_bytes())).size
    assert width == pytest.approx(2 * float(root.get("width")), abs=1)
    assert height == pytest.approx(2 * float(root.get("height")), abs=1)


@pytest.mark.parametrize("arguments", [["-o", "net.gif"], ["-o", "net"], ["-o", "-"], ["-o", ".svg"]])
def test_a_format_that_is_none(cnndsl, folder, arguments):
    assert ".svg, .png, .pdf, .mmd or .dot" in complaint(cnndsl("draw", "net.cnn", *arguments), 2, "bad-setting")
    assert names(folder) == ["net.cnn"]


def test_what_is_refused(cnndsl, folder):
    complaint(cnndsl("draw", "net.cnn", "-o", "net.mmd", "--style", "volumes"), 2, "bad-setting")
    complaint(cnndsl("draw", "net.cnn", "-o", "net.mmd", "--rows", "2"), 2, "bad-setting")
    complaint(cnndsl("draw", "none.cnn", "-o", "net.svg"), 2, "file-unreadable")
    complaint(cnndsl("draw", "net.cnn", "-o", "missing/net.svg"), 2, "file-unwritable")
    Path("bad.cnn").write_text("input 1@4x4\nconv 2 5x5\n", encoding="utf-8")
    complaint(cnndsl("draw", "bad.cnn", "-o", "net.svg"), 1, "kernel-too-large")
    assert cnndsl("draw", "net.cnn").status == 2
    assert cnndsl("draw", "net.cnn", "-o", "net.svg", "--depth", "-1").status == 2
    assert names(folder) == ["bad.cnn", "net.cnn"]


def test_an_older_file_stays_when_writing_fails(cnndsl, folder, monkeypatch):
    Path("net.svg").write_text("old")

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    complaint(cnndsl("draw", "net.cnn", "-o", "net.svg"), 2, "file-unwritable")
    assert Path("net.svg").read_text() == "old" and names(folder) == ["net.cnn", "net.svg"]


def test_without_matplotlib(cnndsl, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cnndsl("draw", "net.cnn", "-o", "net.svg") == (0, "", "cnndsl: wrote net.svg\n")
    assert 'pip install "cnndsl[plot]"' in complaint(cnndsl("draw", "net.cnn", "-o", "net.png"), 2, "bad-setting")
    assert names(folder) == ["net.cnn", "net.svg"]


def test_svg_needs_no_heavy_library(environment, folder):
    command = [sys.executable, "-X", "importtime", "-m", "cnndsl", "draw", "net.cnn", "-o", "net.svg"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0 and "cnndsl" in loaded
    assert not loaded & {"numpy", "matplotlib", "onnx", "PIL", "lxml"}


def test_in_python(folder):
    network = package.load("net.cnn")
    text = network.draw()
    assert text == network.draw(theme="auto", depth=0, style="graph")
    assert network.draw("net.svg") is None and Path("net.svg").read_text(encoding="utf-8") == text
    assert network.draw("net.mmd", depth=1) is None and network.draw(Path("net.pdf"), style="volumes") is None
    for wrong in ({"style": "cubes"}, {"theme": "sepia"}, {"depth": -1}, {"path": "net.gif"}):
        with pytest.raises(package.CnnError) as caught:
            network.draw(**wrong)
        assert [found.code for found in caught.value.diagnostics] == ["bad-setting"]
