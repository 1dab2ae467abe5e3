"""`cnndsl run`: inputs, weights, labels, kept layers, what it prints, and every way in which files can be wrong."""

import io
import json
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

import cnndsl as package
from cnndsl.runtime.data.weights import save_weights

GREY = "input 1@6x6\nconv 2 3x3 -> relu\nflatten\ndense 4 -> softmax\n"


@pytest.fixture
def net(folder):
    """grey.cnn, its weights in grey.safetensors and grey.npz, and an image that it takes."""
    (folder / "grey.cnn").write_text(GREY)
    network = package.load("grey.cnn")
    save_weights(network.weights(seed=5), "grey.safetensors")
    save_weights(network.weights(seed=5), "grey.npz")
    pixels = np.arange(36, dtype=np.uint8).reshape(6, 6) * 7
    Image.fromarray(pixels).save("digit.png")
    return network


@pytest.fixture
def pixels(net):
    return (np.arange(36, dtype=np.float32) * 7 / 255).reshape(1, 1, 6, 6)


def report(outcome):
    assert re.sub(r"cnndsl: wrote .*out\.npz\n", "", outcome.err) == "" and outcome.status == 0
    return json.loads(outcome.out)


def complaint(outcome, status, code):
    """The message of a failure: one diagnostic, nothing on standard output, no traceback."""
    assert (outcome.status, outcome.out) == (status, ""), outcome
    assert re.findall(r"^(\w+)\[([a-z0-9-]+)\]", outcome.err, re.MULTILINE) == [("error", code)], outcome.err
    assert "Traceback" not in outcome.err
    return outcome.err


def test_an_image(cnndsl, net, pixels):
    y = net.run(pixels, weights="grey.npz")[0]
    shown = report(cnndsl("run", "grey.cnn", "--weights", "grey.npz", "--input", "digit.png", "--format", "json"))
    assert (shown["version"], shown["network"]) == (1, "grey")
    (result,) = shown["results"]
    assert result["input"] == "digit.png"
    output = result["outputs"]["softmax1"]
    assert output["shape"] == [4]
    ranked = sorted(enumerate(y.tolist()), key=lambda pair: -pair[1])
    assert [(row["index"], row["value"]) for row in output["top"]] == ranked
    assert [output[name] for name in ("min", "max")] == [y.min(), y.max()]
    assert output["mean"] == pytest.approx(0.25)


def test_text(cnndsl, net, folder):
    (folder / "labels.txt").write_text("nought\none\n\ntwo\nthree \n")
    line = ["run", "grey.cnn", "--input", "digit.png", "--weights", "grey.safetensors"]
    status, out, err = cnndsl(*line, "--top", 2, "--labels", "labels.txt")
    assert (status, err) == (0, "")
    names = ("nought", "one", "two", "three")
    best = report(cnndsl(*line, "--top", 2, "--format", "json"))["results"][0]["outputs"]["softmax1"]["top"]
    first, second, *rows = out.splitlines()
    assert (first, second) == ("digit.png", "  softmax1 (4)")
    assert [row.split() for row in rows] == [[f"{row['value']:.6g}", names[row["index"]]] for row in best]


def test_both_kinds_of_weights_and_the_seed(cnndsl, net):
    line = ["run", "grey.cnn", "--input", "digit.png", "--format", "json"]
    one = cnndsl(*line, "--weights", "grey.npz")
    assert one == cnndsl(*line, "--weights", "grey.safetensors")
    assert report(one)["results"] == report(cnndsl(*line, "--seed", "5"))["results"]
    assert report(one)["results"] != report(cnndsl(*line))["results"]


@pytest.mark.parametrize("kind", ["random", "zeros", "ones"])
def test_made_input(cnndsl, net, kind):
    line = ["run", "grey.cnn", "--input", kind, "--batch", "3", "--format", "json"]
    results = report(cnndsl(*line))["results"]
    assert [result["input"] for result in results] == [f"{kind} {index}" for index in range(3)]
    values = [result["outputs"]["softmax1"]["max"] for result in results]
    assert len(set(values)) == (3 if kind == "random" else 1)
    assert cnndsl(*line) == cnndsl(*line)
    again = [result["outputs"]["softmax1"]["max"] for result in report(cnndsl(*line, "--seed", "1"))["results"]]
    assert (again == values) == (kind == "zeros")  # biases start at 0


def test_a_folder_of_images_in_order(cnndsl, net, folder, pixels):
    images = folder / "images"
    images.mkdir()
    values = {"b.png": 40, "a.PNG": 80, "c.bmp": 120}
    for name, value in values.items():
        Image.new("L", (6, 6), value).save(images / name)
    (images / "notes.txt").write_text("no image")
    line = ["run", "grey.cnn", "--input", "images", "--format", "json"]
    results = report(cnndsl(*line))["results"]
    assert [result["input"] for result in results] == sorted(values)
    x = np.stack([np.full((1, 6, 6), values[name] / 255, np.float32) for name in sorted(values)])
    for result, expected in zip(results, net.run(x), strict=True):
        top = sorted((row["index"], row["value"]) for row in result["outputs"]["softmax1"]["top"])
        np.testing.assert_allclose([value for _, value in top], expected, rtol=1e-6)
    one_by_one = report(cnndsl(*line, "--batch", "1"))["results"]
    assert [result["input"] for result in one_by_one] == sorted(values)


@pytest.mark.parametrize("batch", [1, 2, 5, 9])
def test_arrays_run_a_batch_at_a_time(cnndsl, net, folder, batch):
    x = np.random.default_rng(0).random((5, 1, 6, 6))
    np.save("x.npy", x)
    np.savez("x.npz", anything=x)
    out = folder / "out.npz"
    for name in ("x.npy", "x.npz"):
        shown = report(cnndsl("run", "grey.cnn", "--input", name, "--batch", batch, "--out", out, "--format", "json"))
        assert [result["input"] for result in shown["results"]] == [f"{name}[{index}]" for index in range(5)]
        with np.load(out) as archive:
            assert archive.files == ["softmax1"]
            np.testing.assert_allclose(archive["softmax1"], net.run(x), rtol=1e-5)


def test_several_inputs_and_outputs(cnndsl, folder):
    (folder / "pair.cnn").write_text(
        "input 4 as left\ninput 3 as right\nfrom left -> dense 3 as a\nadd { from a; from right } as b\noutput a b\n"
    )
    left, right = np.ones((2, 4), np.float32), np.full((2, 3), 2, np.float32)
    np.savez("both.npz", right=right, left=left)
    results = report(cnndsl("run", "pair.cnn", "--input", "both.npz", "--format", "json"))["results"]
    values = package.load("pair.cnn").run({"left": left, "right": right})
    for result, a, b in zip(results, values["a"], values["b"], strict=True):
        assert list(result["outputs"]) == ["a", "b"]
        assert [result["outputs"][name]["max"] for name in "ab"] == [a.max(), b.max()]
    np.savez("one.npz", left=left)
    assert "lacks right" in complaint(cnndsl("run", "pair.cnn", "--input", "one.npz"), 1, "input-names")
    np.savez("unequal.npz", left=left, right=right[:1])
    message = complaint(cnndsl("run", "pair.cnn", "--input", "unequal.npz"), 1, "input-shape")
    assert "left has 2, right has 1" in message
    Image.new("L", (6, 6)).save("digit.png")
    assert "2" in complaint(cnndsl("run", "pair.cnn", "--input", "digit.png"), 1, "input-names")
    assert report(cnndsl("run", "pair.cnn", "--input", "random", "--format", "json"))["results"]


def test_kept_layers(cnndsl, net, pixels, folder):
    line = ["run", "grey.cnn", "--input", "digit.png", "--out", "out.npz"]
    status, out, err = cnndsl(*line, "--layers", "conv1, flatten1")
    assert (status, err) == (0, "cnndsl: wrote out.npz\n")
    assert "  conv1 (2x4x4): min " in out and "  flatten1 (32): min " in out
    y, kept = net.run(pixels, keep=["conv1", "flatten1"])
    with np.load("out.npz") as archive:
        assert set(archive.files) == {"softmax1", "conv1", "flatten1"}
        np.testing.assert_array_equal(archive["softmax1"], y)
        np.testing.assert_array_equal(archive["conv1"], kept["conv1"])
    assert cnndsl(*line, "--layers", "all").status == 0
    with np.load("out.npz") as archive:
        assert set(archive.files) == set(net.layers)


def test_values_that_are_not_finite(cnndsl, folder):
    (folder / "root.cnn").write_text("input 3\nidentity\n")
    np.save("odd.npy", np.array([[np.nan, 2, -np.inf]], np.float32))
    status, out, err = cnndsl("run", "root.cnn", "--input", "odd.npy")
    assert (status, err) == (0, "")
    assert out.splitlines()[2].split() == ["nan", "2", "-inf"]
    ranked = cnndsl("run", "root.cnn", "--input", "odd.npy", "--top", "3").out.splitlines()
    assert [line.split()[0] for line in ranked[2:]] == ["2", "-inf", "nan"]
    (result,) = report(cnndsl("run", "root.cnn", "--input", "odd.npy", "--format", "json"))["results"]
    assert [row["value"] for row in result["outputs"]["identity1"]["top"]] == [2, None, None]


@pytest.mark.parametrize(
    ("line", "status", "code", "words"),
    [
        ("--input missing.png", 2, "input-file", "there is no file `missing.png`"),
        ("--input missing.npy", 2, "input-file", "there is no file `missing.npy`"),
        ("--input missing", 2, "input-file", "there is no file `missing`"),
        ("--input 1,2,x", 2, "input-file", "numbers have spaces or commas between them"),
        ("--input zeros --labels one,two", 2, "file-unreadable", "in a text file, one a line"),
        ("--input grey.cnn", 2, "input-file", "grey.cnn"),
        ("--input empty", 2, "input-file", "there are no images in `empty`"),
        ("--input zeros --weights missing.npz", 2, "weights-file", "No such file"),
        ("--input zeros --weights missing.safetensors", 2, "weights-file", "No such file"),
        ("--input zeros --weights grey.cnn", 2, "weights-file", ".safetensors or .npz"),
        ("--input zeros --weights empty", 2, "weights-file", ".safetensors or .npz"),
        ("--input zeros --layers conv3", 1, "unknown-layer", "did you mean `conv1`?"),
        ("--input zeros --layers ,", 1, "unknown-layer", "no layer"),
        ("--input zeros --labels missing.txt", 2, "file-unreadable", "missing.txt"),
        ("--input zeros --labels digit.png", 2, "not-utf8", "digit.png"),
        ("--input zeros --labels three.txt", 1, "labels-mismatch", "3 labels"),
        ("--input zeros --out out.npy", 2, "bad-setting", ".npz"),
        ("--input wrong.npy", 1, "input-shape", "(N, 1, 6, 6), got (2, 6, 6, 1)"),
        ("--input one.npy", 1, "input-shape", "add the batch axis"),
        ("--input none.npy", 1, "input-shape", "no examples"),
        ("--input scalar.npy", 1, "input-shape", "got ()"),
        ("--input words.npy", 1, "input-dtype", "must hold numbers"),
        ("--input pickled.npy", 2, "input-file", "pickled"),
        ("--input pickled.npz", 2, "input-file", "pickled"),
        ("--input zeros --weights pickled.npz", 2, "weights-file", "pickled"),
        ("--input rgb.png", 1, "image-channels", "3 channels (RGB)"),
        ("--input large.png", 1, "image-size", "8x7 (height x width)"),
        ("--input cut.png", 2, "input-file", "cut.png"),
        ("--input cut.npy", 2, "input-file", "cut.npy"),
        ("--input cut.npz", 2, "input-file", "cut.npz"),
        ("--input zeros --weights cut.npz", 2, "weights-file", "cut.npz"),
        ("--input zeros --weights cut.safetensors", 2, "weights-file", "cut.safetensors"),
        ("--input zeros --weights nan.npz", 2, "weights-file", "conv1.weight, dense1.bias"),
        ("--input zeros --weights nan.safetensors", 2, "weights-file", "conv1.weight, dense1.bias"),
        ("--input zeros --weights half.npz", 1, "weights-mismatch", "conv1.weight is float16, but must be float32"),
    ],
)
def test_what_can_be_wrong(cnndsl, net, folder, line, status, code, words):
    (folder / "empty").mkdir()
    (folder / "three.txt").write_text("a\nb\nc\n")
    np.save("wrong.npy", np.zeros((2, 6, 6, 1)))
    np.save("one.npy", np.zeros((1, 6, 6)))
    np.save("none.npy", np.zeros((0, 1, 6, 6)))
    np.save("scalar.npy", 3.0)
    np.save("words.npy", np.full((1, 1, 6, 6), "word"))
    np.save("pickled.npy", np.array([None, {}]), allow_pickle=True)
    np.savez("pickled.npz", **{"conv1.weight": np.array([None, {}])})
    Image.new("RGB", (6, 6)).save("rgb.png")
    Image.new("L", (7, 8)).save("large.png")
    np.save("full.npy", np.zeros((1, 1, 6, 6)))
    for name in ("digit.png", "full.npy", "grey.npz", "grey.safetensors"):
        content = (folder / name).read_bytes()
        (folder / f"cut.{name.split('.')[1]}").write_bytes(content[: len(content) * 2 // 3])
    broken = net.weights()
    broken["conv1.weight"][0, 0, 0, 0] = np.nan
    broken["dense1.bias"][0] = np.inf
    save_weights(broken, "nan.npz")
    save_weights(broken, "nan.safetensors")
    np.savez("half.npz", **{key: value.astype(np.float16) for key, value in net.weights().items()})
    before = set(folder.iterdir())
    assert words in complaint(cnndsl("run", "grey.cnn", *line.split()), status, code)
    assert set(folder.iterdir()) == before


def test_all_misfits_of_the_weights_in_one_message(cnndsl, net):
    weights = net.weights()
    del weights["conv1.bias"]
    weights["dense1.weight"] = weights["dense1.weight"].T.copy()
    weights["extra.weight"] = np.zeros(3, np.float32)
    for name in ("other.npz", "other.safetensors"):
        save_weights(weights, name)
        line = ["run", "grey.cnn", "--input", "zeros", "--weights", name]
        message = complaint(cnndsl(*line), 1, "weights-mismatch")
        assert "conv1.bias (2) is missing" in message
        assert "dense1.weight is 32x4, but the network needs 4x32" in message
        assert "`extra.weight` is not in the network" in message


def test_results_that_cannot_be_written(cnndsl, net, folder):
    line = ["run", "grey.cnn", "--input", "zeros", "--format", "json", "--out"]
    assert "missing/out.npz" in complaint(cnndsl(*line, "missing/out.npz"), 2, "file-unwritable")
    (folder / "out.npz").mkdir()
    assert "Is a directory" in complaint(cnndsl(*line, "out.npz"), 2, "file-unwritable")
    assert not list(folder.glob(".out*"))


def test_labels_need_a_vector(cnndsl, folder):
    (folder / "map.cnn").write_text("input 1@4x4\nconv 2 3x3\n")
    (folder / "two.txt").write_text("a\nb\n")
    line = ["run", "map.cnn", "--input", "zeros", "--labels", "two.txt"]
    assert "2@2x2" in complaint(cnndsl(*line), 1, "labels-mismatch")


def test_word_numbers(cnndsl, folder):
    (folder / "words.cnn").write_text("input 3 dtype=int64\nslice 0 2\nembedding 10 4\n")
    for values, status in ([[0, 9, 99]], 0), ([[0, 10, 0]], 1), ([[0, -1, 0]], 1):
        np.save("words.npy", np.array(values))
        outcome = cnndsl("run", "words.cnn", "--input", "words.npy")
        if status:
            message = complaint(outcome, 1, "input-range")
            assert "0 to 9" in message and f"got {values[0][1]}" in message
        else:
            assert outcome.status == 0
    np.save("words.npy", np.array([[0.5, 1, 2]]))
    complaint(cnndsl("run", "words.cnn", "--input", "words.npy"), 1, "input-dtype")


def test_a_decompression_bomb(cnndsl, net, folder):
    """A PNG of a few hundred bytes that says it is 100,000 pixels high and wide."""
    buffer = io.BytesIO()
    Image.new("L", (6, 6)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (folder / "bomb.png").write_bytes(content)
    assert "too large" in complaint(cnndsl("run", "grey.cnn", "--input", "bomb.png"), 2, "input-file")


def header_of(elements):
    return {"descr": "<f4", "fortran_order": False, "shape": (elements, 1, 6, 6)}


def huge_archive(elements, claimed):
    """An .npz of some 200 bytes with an array of many elements that are not there; ``claimed`` lies about its size."""
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, header_of(elements))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("conv1.weight.npy", member.getvalue())
    content = bytearray(buffer.getvalue())
    if claimed:
        directory = content.rindex(b"PK\x01\x02")
        content[directory + 20 : directory + 28] = struct.pack("<II", claimed, claimed)
    return bytes(content)


@pytest.mark.parametrize("elements", [20_833_333, 10**12, 10**30])
@pytest.mark.parametrize("lie", [False, True])
def test_an_array_that_is_not_there_takes_no_memory(cnndsl, net, folder, elements, lie):
    import tracemalloc

    (folder / "huge.npz").write_bytes(huge_archive(elements, claimed=3_000_000_128 if lie else 0))
    with open("huge.npy", "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header_of(elements))
    tracemalloc.start()
    try:
        complaint(cnndsl("run", "grey.cnn", "--input", "huge.npz"), 2, "input-file")
        complaint(cnndsl("run", "grey.cnn", "--input", "huge.npy"), 2, "input-file")
        complaint(cnndsl("run", "grey.cnn", "--input", "zeros", "--weights", "huge.npz"), 2, "weights-file")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_a_failure_in_the_last_image_leaves_no_file(cnndsl, net, folder):
    images = folder / "images"
    images.mkdir()
    Image.new("L", (6, 6)).save(images / "a.png")
    Image.new("L", (7, 6)).save(images / "b.png")
    line = ["run", "grey.cnn", "--input", "images", "--out", "out.npz", "--format", "json"]
    assert "b.png" in complaint(cnndsl(*line), 1, "image-size")
    assert not (folder / "out.npz").exists()


def test_a_file_is_needed_for_several_networks(cnndsl, folder):
    (folder / "two.cnn").write_text("network A { input 8; relu }\nnetwork B { input 9; tanh }\n")
    message = complaint(cnndsl("run", "two.cnn", "--input", "zeros"), 1, "several-networks")
    assert "A, B" in message and "--network" in message
    assert report(cnndsl("run", "two.cnn", "--input", "zeros", "--network", "B", "--format", "json"))["network"] == "B"


def test_errors_and_warnings_of_the_text(cnndsl, folder):
    (folder / "bad.cnn").write_text("input 8\nrelo\n")
    complaint(cnndsl("run", "bad.cnn", "--input", "zeros"), 1, "unknown-operator")
    (folder / "warned.cnn").write_text("input 1@8x8\nmaxpool 3x3 stride=3\n")
    status, out, err = cnndsl("run", "warned.cnn", "--input", "zeros")
    assert status == 0 and out.startswith("zeros 0\n") and err.startswith("warning[unread-pixels]")


def test_arrays_are_judged_by_their_headers(cnndsl, net, folder, monkeypatch):
    """Nothing of a large array is read that does not fit the input or the memory."""
    for name, side in (("odd.npz", 20), ("fitting.npz", 6)):
        header = {"descr": "<f4", "fortran_order": False, "shape": (600_000, 1, side, side)}
        with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
            np.lib.format.write_array_header_1_0(member, header)
            for _ in range(600):
                member.write(bytes(1000 * 4 * side * side))

    def refused(name, code):
        tracemalloc.start()
        try:
            message = complaint(cnndsl("run", "grey.cnn", "--input", name), 1, code)
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()
        return message

    cnndsl("run", "grey.cnn", "--input", "digit.png")  # everything is loaded
    assert "(600000, 1, 20, 20)" in refused("odd.npz", "input-shape")
    monkeypatch.setattr("cnndsl.runtime.memory_limit.free_memory", lambda: 100_000_000)
    assert "takes 86,400,000 bytes" in refused("fitting.npz", "memory-limit")
