"""The fuzzer: a short run finds nothing, what it found before stays mended, and it does find what is wrong."""

import json
import math
import time
from pathlib import Path

import pytest

import cnndsl
from tools import fuzz

pytest.importorskip("resource", reason="the system does not tell how much memory a process takes")

SEED = 1
INPUTS = 250


def test_a_short_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "SECONDS", math.inf)  # growth is tested by counts of calls: clocks here are shared
    fuzzer = fuzz.run(SEED, tmp_path, range(INPUTS), minutes=2)
    assert fuzzer.tried.total() == INPUTS
    assert len(fuzzer.tried) == len(fuzz.targets()), "some targets were never tried"
    findings = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*.trace")]
    assert not findings, "\n".join(findings)


def test_inputs_follow_from_seed_and_number(tmp_path: Path) -> None:
    one, other, third = (fuzz.Fuzzer(seed, tmp_path) for seed in (1, 1, 2))
    made = [one.made(number) for number in range(40)]
    assert made == [other.made(number) for number in reversed(range(40))][::-1]
    assert made != [third.made(number) for number in range(40)]


def test_texts_reach_every_stage(tmp_path: Path) -> None:
    """Some texts do not parse, some parse and do not check, some are networks."""
    fuzzer = fuzz.Fuzzer(SEED, tmp_path, ["text"])
    results = [cnndsl.check(fuzzer.made(number)[1]) for number in range(120)]
    unparsed = sum(any(one.code == "syntax" for one in result.diagnostics) for result in results)
    sound = sum(result.ok and bool(result.networks) for result in results)
    assert unparsed > 5 and sound > 5 and unparsed + sound < 115


@pytest.mark.parametrize(
    ("text", "kind"),
    [("raise", "ZeroDivisionError"), ("slow", "too long"), ("tree", "changes the tree"), ("again", "again changes")],
)
def test_what_is_wrong_is_found(text: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A formatter that goes wrong on texts with a dense layer, and the text that shows it, made shorter."""
    sound = cnndsl.format

    def broken(source: str) -> str:
        if "dense" not in source:
            return sound(source)
        if text == "raise":
            return str(1 / 0)
        if text == "slow":
            end = time.process_time() + 0.06
            while time.process_time() < end:
                pass
        return source + " " if text == "again" else source.replace("dense", "conv")

    monkeypatch.setattr(cnndsl, "format", broken)
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    monkeypatch.setattr(fuzz, "_slowness", lambda: 1.0)
    target = fuzz.targets()["text"]
    source = "input 4\nrelu\ndense 10\ntanh\n"
    found = fuzz.attempt(target, source)
    assert found and kind in found.kind
    if text == "raise":
        assert fuzz.shortened(target, source, found.kind) == "dense"
    assert fuzz.attempt(target, "input 4\nrelu") is None


def test_memory_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter((0, 400 << 20, 400 << 20))
    monkeypatch.setattr(fuzz, "peak_bytes", lambda: next(peaks))
    found = fuzz.attempt(fuzz.targets()["text"], "input 4")
    assert found and found.kind == "memory" and "400 MB" in found.trace


def spoilt(**layer: object) -> str:
    """The JSON of a network with a layer changed."""
    tree = json.loads(cnndsl.loads("input 4; relu").to_json())
    tree["layers"][0].update(layer)
    return json.dumps(tree)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("text", "\r`"),
        ("text", "relu\r]"),
        ("text", "0" * 20_000 + "eat 3 { conv"),
        ("text", "1x" * 10_000 + "( {"),
        ("json", spoilt(share="")),
        ("json", spoilt(name="", share="")),
    ],
)
def test_what_was_found_before(name: str, made: str) -> None:
    found = fuzz.attempt(fuzz.targets()[name], made)
    assert found is None, found.trace


def test_a_damaged_image_gives_no_warning() -> None:
    """A TIFF with a tag that is larger than the file: Pillow reads on, and warns."""
    whole = next(image for image in fuzz.corpus.images(".tif"))
    damaged = [whole[:at] + b"\xff\xff\xff\x7f" + whole[at + 4 :] for at in range(8, len(whole) - 4)]
    target = fuzz.targets()["image.tif"]
    assert not [found.trace for made in damaged if (found := fuzz.attempt(target, made))]
