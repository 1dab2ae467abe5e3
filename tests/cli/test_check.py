"""`cnndsl check`: the table, the options, the JSON and GitHub formats, several files."""

import io
import json
import os
import re
import sys
from pathlib import Path

import jsonschema
import pytest

INTEGER = {"type": "integer", "minimum": 0}
POSITION = ("line", "column", "end_line", "end_column")
PLACE = {"file": {"type": ["string", "null"]}, **{key: {"type": ["integer", "null"], "minimum": 1} for key in POSITION}}
SHAPE = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"channels": INTEGER, "spatial": {"type": "array", "items": INTEGER, "minItems": 1}},
            "required": ["channels", "spatial"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"features": INTEGER},
            "required": ["features"],
            "additionalProperties": False,
        },
    ]
}
NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 1}


def closed(properties, more=()):
    """An object with exactly these keys, and perhaps some more."""
    allowed = {**properties, **dict.fromkeys(more, True)}
    return {"type": "object", "properties": allowed, "required": list(properties), "additionalProperties": False}


def array(items):
    return {"type": "array", "items": items}


DIAGNOSTIC = closed(
    {
        "code": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "severity": {"enum": ["error", "warning", "note"]},
        "message": {"type": "string", "minLength": 1},
        **PLACE,
        "labels": array(closed({"message": {"type": "string"}, **PLACE})),
        "help": array({"type": "string"}),
        "fixes": array(
            closed(
                {"title": {"type": "string"}, "replacement": {"type": "string"}, "safe": {"type": "boolean"}, **PLACE}
            )
        ),
    }
)
LAYER = closed(
    {
        "name": {"type": "string"},
        "op": {"type": "string"},
        "attributes": {"type": "object"},
        "inputs": array({"type": "string"}),
        "shape": SHAPE,
        "params": INTEGER,
        "buffers": INTEGER,
        "macs": INTEGER,
        "connections": INTEGER,
        "receptive_field": {"type": "array", "items": INTEGER, "minItems": 1},
        "rf_stride": NUMBERS,
        "line": {"type": ["integer", "null"]},
    },
    more=["rf_start"],
)
TOTALS = closed(
    dict.fromkeys(
        ("layers", "params", "buffers", "macs", "connections", "activation_bytes", "peak_bytes", "weight_bytes"),
        INTEGER,
    )
)
NETWORK = closed(
    {
        "name": {"type": "string"},
        "inputs": array(closed({"name": {"type": "string"}, "shape": SHAPE, "dtype": {"enum": ["float32", "int64"]}})),
        "outputs": array({"type": "string"}),
        "layers": array(LAYER),
        "totals": TOTALS,
    }
)
REPORT = closed(
    {
        "version": {"const": 1},
        "files": array(
            closed(
                {
                    "file": {"type": "string"},
                    "ok": {"type": "boolean"},
                    "diagnostics": array(DIAGNOSTIC),
                    "networks": array(NETWORK),
                }
            )
        ),
    }
)
BAD = "input 3@8x8\ncnov 8 3x3\n"
WARNED = "input 1@8x8\nmaxpool 3x3 stride=3\n"


@pytest.fixture(autouse=True)
def files(folder):
    (folder / "bad.cnn").write_text(BAD)
    (folder / "warned.cnn").write_text(WARNED)


def test_the_table(cnndsl):
    status, out, err = cnndsl("check", "net.cnn")
    assert (status, err) == (0, "")
    rows = {line.split()[0]: re.split(r"  +", line) for line in out.splitlines() if "  " in line}
    # LeCun 1998's C1 and C3 (with all links): 6*(25+1), 16*(6*25+1); positions times links; 5 and 14 pixels seen.
    assert rows["conv1"] == ["conv1", "conv 6 5x5 pad=2", "6@28x28", "156", "117,600", "122,304", "5x5 /1"]
    assert rows["conv2"] == ["conv2", "conv 16 5x5", "16@10x10", "2,416", "240,000", "241,600", "14x14 /2"]
    assert rows["dense1"] == ["dense1", "dense 10", "10", "4,010", "4,000", "4,010", "32x32"]
    params, macs = 156 + 2_416 + 4_010, 117_600 + 240_000 + 4_000
    connections = 122_304 + 6 * 14 * 14 * 4 + 241_600 + 16 * 5 * 5 * 4 + 4_010
    assert rows["total"] == ["total", "9 layers", f"{params:,}", f"{macs:,}", f"{connections:,}"]
    assert f"(FLOPs {2 * macs:,})" in out


@pytest.mark.parametrize(
    ("line", "status"),
    [("net.cnn", 0), ("bad.cnn", 1), ("warned.cnn", 0), ("warned.cnn --strict", 1), ("net.cnn --strict", 0),
     ("missing.cnn", 2), (".", 1), ("net.cnn bad.cnn", 1), ("net.cnn missing.cnn", 2), ("missing.cnn bad.cnn", 2),
     ("net.cnn warned.cnn", 0), ("net.cnn warned.cnn --strict", 1)],
)  # fmt: skip
@pytest.mark.parametrize("format", ["text", "json", "github"])
def test_exit_status(cnndsl, line, status, format):
    assert cnndsl("check", *line.split(), "--format", format).status == status


@pytest.mark.parametrize(
    ("content", "code"),
    [(bytes(range(256)), "not-utf8"), (b"input 1@8x8\nrelu # gr\xfcn", "not-utf8"), (b"\xff\xfeinput", "not-utf8")],
)
def test_files_that_are_no_text(cnndsl, folder, content, code):
    (folder / "odd.cnn").write_bytes(content)
    status, out, err = cnndsl("check", "odd.cnn")
    assert (status, out) == (2, "")
    assert re.findall(r"\[([a-z0-9-]+)\]", err) == [code]


def test_a_file_over_the_limit_is_an_error_of_the_network(cnndsl, folder):
    (folder / "huge.cnn").write_text("#" * (1 << 20) + "\ninput 8\nrelu\n")
    for line in (["check"], ["run", "--input", "zeros"], ["export", "-o", "x.json"]):
        status, _, err = cnndsl(line[0], "huge.cnn", *line[1:])
        assert status == 1 and "error[source-too-large]" in err


def test_problems_go_to_standard_error(cnndsl):
    status, out, err = cnndsl("check", "bad.cnn")
    assert (status, out) == (1, "")
    assert err.startswith("error[unknown-operator]: ") and "bad.cnn:2:1" in err and "did you mean `conv`?" in err


def test_several_files_one_line_each(cnndsl):
    status, out, err = cnndsl("check", "net.cnn", "bad.cnn", "missing.cnn", "warned.cnn")
    assert status == 2
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["net.cnn", "bad.cnn", "missing.cnn", "warned.cnn"]
    assert lines[0] == "net.cnn: net: 9 layers, 6,582 parameters, 361,600 MACs, 374,218 connections".replace(
        "374,218", f"{122_304 + 4_704 + 241_600 + 1_600 + 4_010:,}"
    )
    assert lines[1:3] == ["bad.cnn: 1 error", "missing.cnn: 1 error"]
    assert err.count("error[") == 2 and err.count("warning[") == 1


def test_quiet(cnndsl):
    assert cnndsl("check", "net.cnn", "--quiet") == (0, "", "")
    status, out, err = cnndsl("check", "net.cnn", "bad.cnn", "--quiet")
    assert (status, out) == (1, "") and "unknown-operator" in err


def test_standard_input(cnndsl, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"input 1@8x8\r\nconv 2 3x3")))
    status, out, err = cnndsl("check", "-")
    assert (status, err) == (0, "")
    assert out.startswith("stdin: input 1@8x8\n") and "2@6x6" in out


def test_standard_input_as_a_process(command):
    assert command("check", "-", stdin=b"input 8\nrelu").status == 0
    status, out, err = command("check", "-", stdin=b"input 8\nrelo\n")
    assert (status, out) == (1, "") and "<stdin>:2:1" in err


def test_set(cnndsl, folder):
    (folder / "wide.cnn").write_text("param width = 4\nparam mode = zeros\ninput 1@8x8\nconv width 3x3 pad_mode=mode\n")
    status, out, _ = cnndsl("check", "wide.cnn", "--set", "width=2 * 8", "--set", "mode=edge", "--format", "json")
    (layer,) = json.loads(out)["files"][0]["networks"][0]["layers"]
    assert status == 0 and layer["params"] == 160 and layer["attributes"]["pad_mode"] == "edge"


@pytest.mark.parametrize("written", ["[[4, 5], [7]]", "[[2 * 2, 5, 6], [7, 7]]"])
def test_set_to_a_list(cnndsl, folder, written):
    (folder / "wide.cnn").write_text("param f = [[1, 5], [1]]\ninput 1@8x8\nconv f[0][0] 1x1 -> conv f[1][0] 1x1\n")
    status, out, _ = cnndsl("check", "wide.cnn", "--set", f"f={written}", "--format", "json")
    layers = json.loads(out)["files"][0]["networks"][0]["layers"]
    assert status == 0 and [layer["attributes"]["filters"] for layer in layers] == [4, 7]


def test_set_to_a_size(cnndsl, folder):
    (folder / "net.cnn").write_text("param kernel = 3\ninput 1@8x8\nconv 4 kernel\n")
    status, out, _ = cnndsl("check", "net.cnn", "--set", "kernel=5x3", "--format", "json")
    (layer,) = json.loads(out)["files"][0]["networks"][0]["layers"]
    assert status == 0 and layer["attributes"]["kernel"] == [5, 3] and layer["params"] == 64


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [("--set classes", 2, "bad-setting"), ("--set 3=4", 2, "bad-setting"), ("--set a=(", 2, "bad-setting"),
     ("--set classes=3", 1, "unknown-setting"), ("--input 8x8", 2, "bad-setting"), ("--input 0", 2, "bad-setting"),
     ("--input x=1@8x8", 1, "unknown-setting"), ("--network Other", 1, "unknown-network")],
)  # fmt: skip
def test_settings_that_do_not_fit(cnndsl, line, status, code):
    first, second = line.split()
    outcome = cnndsl("check", "net.cnn", first, second)
    assert outcome.status == status
    assert re.findall(r"\[([a-z0-9-]+)\]", outcome.err) == [code]


def test_a_bad_setting_is_said_once_for_many_files(cnndsl):
    status, out, err = cnndsl("check", "net.cnn", "warned.cnn", "--set", "classes")
    assert (status, out, err.count("error[")) == (2, "", 1)


def test_input(cnndsl):
    _, out, _ = cnndsl("check", "net.cnn", "--input", "3@32x32")
    assert out.startswith("net: input 3@32x32\n") and " 6@32x32 " in out
    assert cnndsl("check", "net.cnn", "--input", "input=3@32x32").out == out
    assert cnndsl("check", "net.cnn", "--input", "1@4x4").status == 1


def test_network(cnndsl, folder):
    (folder / "two.cnn").write_text("network A { input 8; relu }\nnetwork B { input 9; tanh }\n")
    both = cnndsl("check", "two.cnn").out
    assert both.index("A: input 8") < both.index("B: input 9")
    assert cnndsl("check", "two.cnn", "--network", "B").out.startswith("B: input 9\n")


def test_batch_multiplies_activations_only(cnndsl):
    def totals(*more):
        return json.loads(cnndsl("check", "net.cnn", "--format", "json", *more).out)["files"][0]["networks"][0][
            "totals"
        ]

    one, eight = totals(), totals("--batch", "8")
    for name, value in one.items():
        assert eight[name] == (value * 8 if name in ("activation_bytes", "peak_bytes") else value)
    values = 6 * 28 * 28 * 2 + 6 * 14 * 14 + 16 * 10 * 10 * 2 + 16 * 5 * 5 * 2 + 10 * 2
    assert one["activation_bytes"] == 4 * values
    assert "(batch of 8)" in cnndsl("check", "net.cnn", "--batch", "8").out


def test_depth(cnndsl, folder):
    (folder / "blocks.cnn").write_text(
        "block Inner { conv 2 1x1 -> relu }\nblock Outer { Inner; Inner; tanh }\n"
        "input 2@4x4\nOuter; Outer as last\nconv 3 1x1\n"
    )

    def names(*more):
        out = cnndsl("check", "blocks.cnn", *more).out
        return [line.split()[0] for line in out.split("-\n")[1].splitlines()[:-1]]

    assert names("--depth", "0") == ["outer1", "last", "conv1"]
    inner = [f"{outer}.{name}" for outer in ("outer1", "last") for name in ("inner1", "inner2", "tanh1")]
    assert names("--depth", "1") == [*inner, "conv1"]
    assert names("--depth", "2") == names() and len(names()) == 11
    folded = cnndsl("check", "blocks.cnn", "--depth", "0").out
    assert re.search(r"outer1 +block of 5 +2@4x4 +12 +128 +192 ", folded)  # two times 2*(2+1), 32 and 48 positions


def test_json(cnndsl):
    names = ["net.cnn", "bad.cnn", "missing.cnn", "warned.cnn"]
    status, out, err = cnndsl("check", *names, "--format", "json")
    assert (status, err) == (2, "")
    report = json.loads(out)
    jsonschema.validate(report, REPORT)
    files = report["files"]
    assert [file["file"] for file in files] == names
    assert [file["ok"] for file in files] == [True, False, False, True]
    assert [[diagnostic["code"] for diagnostic in file["diagnostics"]] for file in files] == [
        [],
        ["unknown-operator"],
        ["file-unreadable"],
        ["unread-pixels"],
    ]
    (bad,) = files[1]["diagnostics"]
    assert [bad[name] for name in PLACE] == ["bad.cnn", 2, 1, 2, 5]
    assert bad["fixes"][0]["replacement"] == "conv"
    (missing,) = files[2]["diagnostics"]
    assert [missing[name] for name in PLACE] == [None] * 5
    (network,) = files[0]["networks"]
    first = network["layers"][0]
    expected = dict(name="conv1", op="conv", inputs=["input"], shape={"channels": 6, "spatial": [28, 28]}, params=156)
    expected |= dict(buffers=0, macs=117_600, connections=122_304, receptive_field=[5, 5], rf_stride=[1, 1], line=2)
    assert {name: first[name] for name in expected} == expected
    assert first["attributes"]["pad"] == 2 and network["outputs"] == ["softmax1"]
    assert network["inputs"] == [{"name": "input", "shape": {"channels": 1, "spatial": [28, 28]}, "dtype": "float32"}]
    assert network["layers"][-1]["shape"] == {"features": 10}


def test_the_json_says_in_which_file_a_problem_is(cnndsl, folder):
    (folder / "blocks.cnn").write_text("block Unit {\n  cnov 8 3x3\n}\n")
    (folder / "user.cnn").write_text('import "blocks.cnn"\ninput 3@8x8\nUnit\n')
    (file,) = json.loads(cnndsl("check", "user.cnn", "--format", "json").out)["files"]
    jsonschema.validate(file["diagnostics"], array(DIAGNOSTIC))
    (problem,) = file["diagnostics"]
    assert (problem["file"], problem["line"]) == ("blocks.cnn", 2)
    assert problem["fixes"][0]["file"] == "blocks.cnn"


def test_github(cnndsl):
    status, out, err = cnndsl("check", "net.cnn", "bad.cnn", "warned.cnn", "--format", "github")
    assert (status, err) == (1, "")
    first, second = out.splitlines()
    assert re.match(
        r"::error file=bad.cnn,title=cnndsl unknown-operator,line=2,endLine=2,col=1,endColumn=5::.*%0Ahelp: ", first
    )
    assert second.startswith("::warning file=warned.cnn,title=cnndsl unread-pixels,line=2,")


def test_the_same_file_gives_the_same_bytes(command):
    for format in ("text", "json"):
        first, second = (command("check", "net.cnn", "--format", format, PYTHONHASHSEED=seed) for seed in "12")
        assert first == second


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX pipes and links")
@pytest.mark.parametrize("name", ["pipe.cnn", "zero.cnn", "loop.cnn", "round.cnn"])
def test_imports_are_files(cnndsl, folder, name):
    os.mkfifo("pipe.cnn")
    Path("zero.cnn").symlink_to("/dev/zero")
    Path("loop.cnn").symlink_to("loop.cnn")
    Path("round.cnn").symlink_to("about.cnn")
    Path("about.cnn").symlink_to("round.cnn")
    Path("odd.cnn").write_text(f'import "{name}"\ninput 3\nrelu\n')
    status, _, err = cnndsl("check", "odd.cnn")
    assert status == 1 and err.startswith("error[import-")
    assert cnndsl("check", "loop.cnn").status == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX pipes and links")
def test_models_are_files(cnndsl, folder):
    os.mkfifo("pipe.onnx")
    Path("zero.onnx").symlink_to("/dev/zero")
    Path("loop.onnx").symlink_to("loop.onnx")
    for name in ("pipe", "zero", "loop"):
        status, _, err = cnndsl("check", f"{name}.onnx")
        assert status == 2 and err.startswith("error[onnx-file]"), err


def test_folders_are_walked(cnndsl, folder):
    (folder / "deep" / "er").mkdir(parents=True)
    for name in ("deep/b.cnn", "deep/er/A.CNN"):
        (folder / name).write_text("input 4\nrelu\n")
    (folder / "deep" / "notes.txt").write_text("no network")
    status, out, err = cnndsl("check", "deep", "net.cnn")
    assert (status, err) == (0, "")
    names = [Path(line.split(":")[0]).as_posix() for line in out.splitlines()]
    assert names == ["deep/b.cnn", "deep/er/A.CNN", "net.cnn"]
    assert cnndsl("check", ".").status == 1  # bad.cnn
    assert cnndsl("check", "deep/er").out.startswith("A: input 4\n")  # one file: its table
    (folder / "empty").mkdir()
    status, out, err = cnndsl("check", "empty")
    assert (status, out) == (2, "") and "there are no .cnn files in `empty`" in err


def test_fmt_walks_folders_too(cnndsl, folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "a.cnn").write_text("input   4\nrelu\n")
    status, out, _ = cnndsl("fmt", "--check", "deep")
    assert status == 1 and Path(out.strip()).as_posix() == "deep/a.cnn"


@pytest.mark.parametrize("line", ["--set classes=3", "--network Other", "--input x=1@8x8"])
def test_a_setting_that_is_none_shows_no_table_below_it(cnndsl, line):
    first, second = line.split()
    status, out, _ = cnndsl("check", "net.cnn", first, second)
    assert (status, out) == (1, "")
    status, out, _ = cnndsl("check", "net.cnn", "warned.cnn", first, second)
    assert (status, out.splitlines()) == (1, ["net.cnn: 1 error", "warned.cnn: 1 error"])


def test_a_sound_network_beside_a_broken_one_is_shown(cnndsl, folder):
    (folder / "two.cnn").write_text("network A { input 8; relu }\nnetwork B { input 9; relo }\n")
    status, out, _ = cnndsl("check", "two.cnn")
    assert status == 1 and out.startswith("A: input 8\n")
