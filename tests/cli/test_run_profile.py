"""`cnndsl run --threads` and `--profile`, and memory that does not grow with the number of images."""

import json
import tracemalloc

import numpy as np
import pytest
from PIL import Image

NET = "input 1@40x40\nconv 8 3x3 pad=1 as c -> relu as r\nmaxpool 2x2 as p\nflatten\ndense 4 as d\n"


@pytest.fixture
def net(folder):
    (folder / "small.cnn").write_text(NET)
    return folder


def test_the_profile_shows_every_step(cnndsl, net):
    outcome = cnndsl("run", "small.cnn", "--input", "random", "--profile")
    assert outcome.status == 0 and outcome.err == ""
    header, *rows, total = outcome.out[outcome.out.index("       ms") :].splitlines()
    assert header.split() == ["ms", "share", "GFLOP/s", "algorithm", "layers"]
    assert [row.split("  ")[-1].strip() for row in rows] == ["c", "p + r", "flatten1", "d"]
    assert sum(float(row.split()[1].rstrip("%")) for row in rows) == pytest.approx(100, abs=0.5)
    assert "BLAS: " in total


def test_the_profile_as_json(cnndsl, net):
    outcome = cnndsl("run", "small.cnn", "--input", "random", "--batch", 3, "--profile", "--format", "json")
    rows = json.loads(outcome.out)["profile"]
    assert [row["layers"] for row in rows] == ["c", "p + r", "flatten1", "d"]
    assert rows[0]["flops"] == 2 * 3 * 8 * 9 * 40 * 40 and rows[3]["flops"] == 2 * 3 * 4 * 8 * 20 * 20
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_threads_change_nothing_but_time(cnndsl, net):
    outputs = [cnndsl("run", "small.cnn", "--input", "random", "--threads", count) for count in (1, 2, 3)]
    assert outputs[0].status == 0 and len({outcome.out for outcome in outputs}) == 1


@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_number_of_threads_that_is_none(cnndsl, net, count):
    assert cnndsl("run", "small.cnn", "--input", "random", "--threads", count).status == 2


def test_memory_does_not_grow_with_the_images(cnndsl, net):
    (net / "images").mkdir()

    def peak(count):
        for index in range(count):
            Image.fromarray(np.full((40, 40), index % 200, np.uint8)).save(net / "images" / f"{index:03}.png")
        tracemalloc.start()
        try:
            outcome = cnndsl("run", "small.cnn", "--input", "images", "--batch", 4, "--layers", "c", "--out", "all.npz")
            return outcome, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(40)[1], peak(80)
    assert many[0].status == 0
    with np.load("all.npz") as archive:
        assert archive["c"].shape == (80, 8, 40, 40)
        kept = archive["c"].nbytes
    assert many[1] - few < 0.1 * kept
