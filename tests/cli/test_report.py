"""`cnndsl report`: what is written, and when nothing is."""

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest

import cnndsl as package


def complaint(outcome, status, code):
    assert (outcome.status, outcome.out) == (status, ""), outcome
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", outcome.err, re.MULTILINE) == [("error", code)], outcome.err
    return outcome.err


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_page(cnndsl, folder):
    assert cnndsl("report", "net.cnn", "-o", "net.html") == (0, "", "cnndsl: wrote net.html\n")
    text = Path("net.html").read_text(encoding="utf-8")
    network = package.load("net.cnn")
    assert text.startswith("<!DOCTYPE html>") and f"{network.params:,}".replace(",", ",<wbr>") in text
    assert '<span class="number">6</span>' in text  # the source, coloured
    assert names(folder) == ["net.cnn", "net.html"]
    assert cnndsl("report", "net.cnn", "-o", "-") == (0, text, "")


def test_settings(cnndsl, folder):
    Path("two.cnn").write_text(
        "param n = 4\nnetwork A { input 1@8x8\nconv n 3x3\n}\nnetwork B { input 1@8x8\nconv 2 3x3\n}\n",
        encoding="utf-8",
    )
    complaint(cnndsl("report", "two.cnn", "-o", "two.html"), 1, "several-networks")
    assert cnndsl("report", "two.cnn", "-o", "two.html", "--network", "A", "--set", "n=7").status == 0
    assert ">7@6x6<" in Path("two.html").read_text(encoding="utf-8")
    one, many = (cnndsl("report", "net.cnn", "-o", "-", *batch).out for batch in ((), ("--batch", "4")))
    assert "batch of 4" in many and "batch of" not in one


def test_feature_maps(cnndsl, folder):
    np.save("x.npy", np.random.default_rng(0).random((2, 1, 28, 28), np.float32))
    assert cnndsl("report", "net.cnn", "-o", "all.html", "--input", "x.npy").status == 0
    text = Path("all.html").read_text(encoding="utf-8")
    assert re.findall(r'alt="(\w+):', text) == ["input", "conv1", "avgpool1", "conv2", "avgpool2"]
    assert (
        cnndsl("report", "net.cnn", "-o", "two.html", "--input", "x.npy", "--layers", "input, tanh1, conv2").status == 0
    )
    assert re.findall(r'alt="(\w+):', Path("two.html").read_text(encoding="utf-8")) == ["input", "tanh1", "conv2"]
    first = [cnndsl("report", "net.cnn", "-o", "-", "--input", "random", "--seed", seed).out for seed in (1, 1, 2)]
    assert first[0] == first[1] != first[2]


def test_weights(cnndsl, folder, examples):
    digits = examples / "digits"
    image = sorted((digits / "held_out").glob("*.png"))[0]
    given = ["report", digits / "digits.cnn", "-o", "-", "--input", image]
    trained = cnndsl(*given, "--weights", digits / "digits.safetensors")
    untrained = cnndsl(*given)
    assert trained.status == 0 and trained.out != untrained.out
    assert 'id="predictions"' in trained.out and 'id="predictions"' not in untrained.out
    labels = (digits / "labels.txt").read_text(encoding="utf-8").split()
    named = cnndsl(*given, "--weights", digits / "digits.safetensors", "--labels", digits / "labels.txt")
    assert f'<th scope="row">{image.name.split("_")[0]}</th>' in named.out
    assert image.name.split("_")[0] in labels
    Path("few.txt").write_text("a\nb\n", encoding="utf-8")
    given[1] = "net.cnn"
    given[-1] = "zeros"
    complaint(cnndsl(*given, "--labels", "few.txt"), 1, "labels-mismatch")


def test_a_model(cnndsl, folder):
    assert cnndsl("export", "net.cnn", "-o", "net.onnx").status == 0
    assert cnndsl("report", "net.onnx", "-o", "net.html") == (0, "", "cnndsl: wrote net.html\n")
    assert "as printed by cnndsl" in Path("net.html").read_text(encoding="utf-8")


def test_warnings_are_said_and_shown(cnndsl, folder):
    Path("odd.cnn").write_text("input 1@8x8\nconv 4 3x3 stride=2\n", encoding="utf-8")
    outcome = cnndsl("report", "odd.cnn", "-o", "odd.html")
    assert outcome.status == 0 and "warning[unread-pixels]" in outcome.err
    assert 'id="findings"' in Path("odd.html").read_text(encoding="utf-8")


def test_errors_leave_no_page(cnndsl, folder):
    Path("bad.cnn").write_text("input 1@8x8\nconv 4 9x9\n", encoding="utf-8")
    complaint(cnndsl("report", "bad.cnn", "-o", "bad.html"), 1, "kernel-too-large")
    complaint(cnndsl("report", "none.cnn", "-o", "bad.html"), 2, "file-unreadable")
    complaint(cnndsl("report", "net.cnn", "-o", "bad.html", "--input", "none.png"), 2, "input-file")
    complaint(cnndsl("report", "net.cnn", "-o", "bad.html", "--input", "zeros", "--layers", "cnv1"), 1, "unknown-layer")
    complaint(cnndsl("report", "net.cnn", "-o", "bad.html", "--input", "."), 2, "bad-setting")
    complaint(cnndsl("report", "net.cnn", "-o", "none/bad.html"), 2, "file-unwritable")
    assert names(folder) == ["bad.cnn", "net.cnn"]


@pytest.mark.parametrize(
    "option", [("--layers", "conv1"), ("--weights", "w.npz"), ("--seed", "1"), ("--labels", "l.txt")]
)
def test_maps_need_an_input(cnndsl, folder, option):
    assert "--input" in complaint(cnndsl("report", "net.cnn", "-o", "net.html", *option), 2, "bad-setting")
    assert names(folder) == ["net.cnn"]


def test_an_empty_input_is_no_missing_one(cnndsl, folder):
    complaint(cnndsl("report", "net.cnn", "-o", "net.html", "--input", ""), 2, "bad-setting")
    assert names(folder) == ["net.cnn"]


def test_a_full_disk_leaves_the_old_page(cnndsl, folder, monkeypatch):
    Path("net.html").write_text("old", encoding="utf-8")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full)
    complaint(cnndsl("report", "net.cnn", "-o", "net.html"), 2, "file-unwritable")
    assert Path("net.html").read_text(encoding="utf-8") == "old"
    assert names(folder) == ["net.cnn", "net.html"]
