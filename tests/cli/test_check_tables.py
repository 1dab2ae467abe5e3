"""`cnndsl check --format csv|keras|torchinfo`: the layer table in other looks, with the same numbers."""

import csv
import json
import re

import pytest

BLOCKS = """block Inner(width) { conv width 3x3 pad=1 bias=false -> batchnorm }
block Outer(width) { Inner width; add { Inner width; identity }; relu }
input 3@8x8
conv 4 1x1 as first -> relu
Outer 4
Outer 4
flatten -> dense 2
"""


@pytest.fixture(autouse=True)
def blocks(folder):
    (folder / "blocks.cnn").write_text(BLOCKS)


@pytest.fixture
def network(cnndsl):
    return json.loads(cnndsl("check", "blocks.cnn", "--format", "json").out)["files"][0]["networks"][0]


def test_csv_has_every_layer_of_all_files(cnndsl, network):
    status, out, err = cnndsl("check", "blocks.cnn", "net.cnn", "--format", "csv")
    assert (status, err) == (0, "")
    rows = [*csv.DictReader(out.splitlines())]
    assert [row["file"] for row in rows] == ["blocks.cnn"] * len(network["layers"]) + ["net.cnn"] * 9
    for row, layer in zip(rows, network["layers"], strict=False):
        assert row["layer"] == layer["name"] and row["operator"] == layer["op"]
        for name in ("params", "buffers", "macs", "connections", "line"):
            assert int(row[name]) == layer[name]
        assert row["inputs"].split() == layer["inputs"]
        assert row["receptive_field"] == "x".join(map(str, layer["receptive_field"]))
    assert rows[-9]["arguments"] == "6 5x5 pad=2" and rows[-9]["output"] == "6@28x28"


def test_the_look_of_keras(cnndsl, network):
    status, out, err = cnndsl("check", "blocks.cnn", "--format", "keras")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == 'Model: "blocks"' and len({len(line) for line in lines[1:-3]}) == 1
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert len(rows) == len(network["layers"])
    for row, layer in zip(rows, network["layers"], strict=True):
        assert row[0] == f"{layer['name']} ({layer['op']})"
        assert row[2] == f"{layer['params'] + layer['buffers']:,}" and row[3] == ", ".join(layer["inputs"])
    assert rows[0][1] == "(None, 8, 8, 4)" and rows[-1][1] == "(None, 2)"
    totals = network["totals"]
    assert f" Total params: {totals['params'] + totals['buffers']:,} " in out
    assert (
        f" Trainable params: {totals['params']:,} " in out and f" Non-trainable params: {totals['buffers']:,} " in out
    )
    assert "Connected to" not in cnndsl("check", "net.cnn", "--format", "keras").out  # one layer behind the other


def test_the_look_of_torchinfo(cnndsl, network):
    status, out, err = cnndsl("check", "blocks.cnn", "--format", "torchinfo", "--batch", "5")
    assert (status, err) == (0, "")
    rows = [re.split(r"  +", line) for line in out.splitlines() if re.match(r"[│├└]", line)]
    titles = [re.sub(r"^[│ ]*[├└]─", "", " ".join(row[:-2])).strip() for row in rows]
    assert [title for title in titles if title.startswith("block")] == [
        "block (outer1): 1-3", "block (inner1): 2-1", "block (inner2): 2-2",
        "block (outer2): 1-4", "block (inner1): 2-6", "block (inner2): 2-7"]  # fmt: skip
    assert len(rows) == len(network["layers"]) + 6
    counts = [int(row[-1].replace(",", "")) for row in rows if row[-1] != "--"]
    assert sum(counts) == network["totals"]["params"]
    assert rows[0][-2] == "[5, 4, 8, 8]" and rows[-1][0].startswith("└─dense")
    assert f"Total params: {network['totals']['params']:,}\n" in out
    assert f"Total mult-adds: {5 * network['totals']['macs']:,}\n" in out


@pytest.mark.parametrize("depth", [0, 1])
def test_torchinfo_folds_blocks(cnndsl, network, depth):
    out = cnndsl("check", "blocks.cnn", "--format", "torchinfo", "--depth", str(depth)).out
    rows = [line.split() for line in out.splitlines() if re.match(r"[│├└]", line)]
    assert len(rows) == (6 if depth == 0 else 6 + 2 * 5)
    assert sum(int(row[-1].replace(",", "")) for row in rows if row[-1] != "--") == network["totals"]["params"]


@pytest.mark.parametrize("format", ["csv", "keras", "torchinfo"])
def test_diagnostics_go_to_standard_error(cnndsl, folder, format):
    (folder / "bad.cnn").write_text("input 3@8x8\ncnov 8 3x3\n")
    status, out, err = cnndsl("check", "bad.cnn", "net.cnn", "--format", format)
    assert status == 1 and err.startswith("error[unknown-operator]") and "net" in out and "error" not in out
    assert cnndsl("check", "net.cnn", "--format", format, "--quiet") == (0, "", "")
