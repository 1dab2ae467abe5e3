"""`cnndsl evaluate`: its numbers beside those worked out by hand, its pictures, and what can be wrong."""

import json

import numpy as np
import pytest

import cnndsl as package
from cnndsl.runtime.data.weights import CLASSES, save_weights, weights_writer

NAMES = [f"shape {letter}" for letter in "ABCDEFG"]
NET = "input 2@3x3\nconv 4 3x3 -> relu\nflatten -> dense 7 -> softmax\n"


@pytest.fixture
def seven(folder):
    """A network of seven classes, its weights, and forty examples; their logits by NumPy alone."""
    (folder / "seven.cnn").write_text(NET)
    weights = {
        name: value * 3 for name, value in package.loads(NET).weights(seed=5).items()
    }  # surer than initial weights
    save_weights(weights, folder / "w.npz")
    random = np.random.default_rng(1)
    x, y = random.integers(0, 256, (40, 2, 3, 3)).astype(np.uint8), random.integers(0, 6, 40)
    np.savez(folder / "d.npz", x=x, y=y, classes=np.array(NAMES))
    kernels, pixels = weights["conv1.weight"].astype(np.float64), x.astype(np.float64) / 255
    hidden = np.maximum(np.einsum("nchw,fchw->nf", pixels, kernels) + weights["conv1.bias"], 0)
    return y, hidden @ weights["dense1.weight"].astype(np.float64).T + weights["dense1.bias"]


def by_hand(y, logits):
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.mean([np.log(row[label]) for row, label in zip(probabilities, y, strict=True)])
    ranked = [np.argsort(-row).tolist() for row in probabilities]
    confusion = [
        [sum(1 for a, r in zip(y, ranked, strict=True) if (a, r[0]) == (i, j)) for j in range(7)] for i in range(7)
    ]
    top5 = np.mean([label in row[:5] for label, row in zip(y, ranked, strict=True)])
    return loss, np.mean([row[0] == label for label, row in zip(y, ranked, strict=True)]), top5, confusion


@pytest.mark.parametrize("backend", ["numpy", "onnxruntime", "reference"])
def test_all_numbers_are_those_of_the_hand(cnndsl, folder, seven, backend):
    y, logits = seven
    loss, accuracy, top5, confusion = by_hand(y, logits)
    line = ["evaluate", "seven.cnn", "--weights", "w.npz", "--data", "d.npz", "--format", "json", "--batch", "7"]
    done = cnndsl(*line, "--backend", backend)
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert 0 < accuracy < top5 < 1
    assert (found["accuracy"], found["top5"], found["examples"]) == (accuracy, top5, 40)
    assert found["confusion"] == confusion
    assert [one["name"] for one in found["classes"]] == NAMES
    for index, one in enumerate(found["classes"]):
        of_class, given = sum(confusion[index]), sum(row[index] for row in confusion)
        assert (one["examples"], one["given"], one["right"]) == (of_class, given, confusion[index][index])
        assert one["recall"] == (confusion[index][index] / of_class if of_class else None)
        assert one["precision"] == (confusion[index][index] / given if given else None)
    assert found["classes"][6]["recall"] is None  # a class without examples
    assert found["version"] == 1 and found["network"] == "seven" and found["initial_weights"] is None


def test_text_says_the_same(cnndsl, folder, seven):
    y, logits = seven
    loss, accuracy, top5, confusion = by_hand(y, logits)
    done = cnndsl("evaluate", "seven.cnn", "--weights", "w.npz", "--data", "d.npz")
    first, _, heading, *rows = done.out.splitlines()
    assert first == f"40 examples, loss {loss:.4f}, accuracy {accuracy:.2%}, top-5 {top5:.2%}"
    assert heading.split() == ["class", "examples", "recall", "precision"]
    assert rows[6].split() == ["shape", "G", "0", "–", f"{0:.2%}" if any(row[6] for row in confusion) else "–"]
    pairs = {(i, j): confusion[i][j] for i in range(7) for j in range(7) if i != j}
    (i, j), most = max(pairs.items(), key=lambda pair: pair[1])
    assert rows[-1].startswith(f"most often confused: {NAMES[i]} taken for {NAMES[j]} ({most})")


def test_held_out_are_the_examples_that_training_holds_out(cnndsl, folder, seven):
    from cnndsl.training.data.split import split

    y, logits = seven
    rows = split(y, 0.4, 3).validation
    line = ("evaluate", "seven.cnn", "--weights", "w.npz", "--data", "d.npz", "--format", "json", "--held-out")
    found = json.loads(cnndsl(*line, "--validate", "0.4", "--seed", "3").out)
    assert found["examples"] == len(rows) < 40
    assert found["loss"] == pytest.approx(by_hand(y[rows], logits[rows])[0], rel=1e-5)
    assert "no example is held out" in cnndsl(*line, "--validate", "0").err


def test_the_text_says_which_data_and_which_loss(cnndsl, folder, seven):
    (folder / "seven.cnn").write_text(NET + 'train { data "d.npz"; loss cross_entropy label_smoothing=0.2 }\n')
    y, logits = seven
    found = json.loads(cnndsl("evaluate", "seven.cnn", "--weights", "w.npz", "--format", "json").out)
    logarithms = np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    wanted = np.full((40, 7), 0.2 / 7)
    wanted[np.arange(40), y] += 0.8
    assert found["loss"] == pytest.approx(-(wanted * logarithms).sum() / 40, rel=1e-5)


def test_mistakes_are_those_of_the_hand_surest_first(folder, seven):
    y, logits = seven
    given = logits.argmax(axis=1)
    sure = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).max(axis=1)
    wrong = sorted(np.flatnonzero(given != y), key=lambda index: -sure[index])
    found = package.evaluate(package.load("seven.cnn"), "d.npz", "w.npz").mistakes
    assert [(one.example, one.true, one.given) for one in found] == [(i, y[i], given[i]) for i in wrong]
    np.testing.assert_allclose([one.probability for one in found], sure[wrong], rtol=1e-5)
    x = np.load("d.npz")["x"]
    assert all((one.x == x[one.example]).all() for one in found)


def test_yes_and_no_by_one_output(folder):
    net = package.loads("input 3\ndense 1 -> sigmoid\n")
    weights = {"dense1.weight": np.array([[1, -2, 0.5]], np.float32), "dense1.bias": np.array([0.25], np.float32)}
    random = np.random.default_rng(2)
    x, y = random.normal(size=(30, 3)).astype(np.float32), random.integers(0, 2, 30)
    found = package.evaluate(net, (x, y), weights, loss="binary_cross_entropy")
    p = 1 / (1 + np.exp(-(x.astype(np.float64) @ [1, -2, 0.5] + 0.25)))
    assert found.loss == pytest.approx(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p))), rel=1e-5)
    given = p > 0.5
    assert found.accuracy == np.mean(given == y) and found.top5 is None
    assert found.confusion.tolist() == [[int(((y == i) & (given == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    assert [one.probability for one in found.mistakes] == pytest.approx(sorted(np.maximum(p, 1 - p)[given != y])[::-1])


def test_several_answers_and_numbers(folder):
    net = package.loads("input 3\ndense 2 -> sigmoid\n")
    weights = {"dense1.weight": np.eye(2, 3, dtype=np.float32), "dense1.bias": np.zeros(2, np.float32)}
    x = np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0]], np.float32)
    y = np.array([[1, 0], [1, 0], [1, 0]])
    found = package.evaluate(net, (x, y), weights, loss="binary_cross_entropy", batch=2)
    assert [one[1:] for one in found.classes] == [(3, 2, 2), (0, 1, 0)]
    assert found.accuracy == 4 / 6 and not found.confusion.size and not found.mistakes
    linear = package.loads("input 3\ndense 2\n")
    for loss, mean in (("mse", (0 + 1 + 0 + 1 + 4 + 1) / 6), ("l1", (0 + 1 + 0 + 1 + 2 + 1) / 6)):
        found = package.evaluate(linear, (x, y), weights, loss=loss)
        assert found.loss == pytest.approx(mean)
        assert (found.accuracy, found.top5, found.classes, found.mistakes) == (None, None, (), ())


def test_a_class_for_every_position_and_weights_of_classes(folder):
    torch = pytest.importorskip("torch")
    net = package.loads("input 2@3x4\nconv 6 1x1\n")
    random = np.random.default_rng(3)
    x, y = random.normal(size=(5, 2, 3, 4)).astype(np.float32), random.integers(0, 6, (5, 3, 4))
    weights = net.weights(seed=1)
    found = package.evaluate(
        net, (x, y), weights, loss="cross_entropy label_smoothing=0.1 class_weights=[1, 2, 3, 4, 5, 6]", batch=2
    )
    logits = torch.from_numpy(net.run(x, weights=weights)).double()
    factors = torch.tensor([1.0, 2, 3, 4, 5, 6], dtype=torch.float64)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y), factors, label_smoothing=0.1)
    assert found.loss == pytest.approx(float(loss), rel=1e-6)
    assert found.accuracy == float((logits.argmax(1).numpy() == y).mean())
    assert found.confusion.sum() == 60 and found.examples == 5 and not found.mistakes


def test_classes_are_known_by_the_names_that_the_weights_have(cnndsl, folder, seven):
    from PIL import Image

    weights = dict(np.load("w.npz"))
    (folder / "grey.cnn").write_text(NET.replace("2@3x3", "1@3x3"))
    grey = {**weights, "conv1.weight": weights["conv1.weight"][:, :1]}
    weights_writer(grey, {CLASSES: json.dumps([*"gfedcba"])})("grey.safetensors")
    for name in "ac":
        (folder / "part" / name).mkdir(parents=True)
        Image.new("L", (3, 3), 99).save(folder / "part" / name / "1.png")
    line = ("evaluate", "grey.cnn", "--data", "part", "--weights", "grey.safetensors", "--format", "json")
    found = json.loads(cnndsl(*line).out)
    assert {one["name"]: one["examples"] for one in found["classes"] if one["examples"]} == {"a": 1, "c": 1}
    assert [one["name"] for one in found["classes"]] == [*"gfedcba"]
    (folder / "part" / "c").rename(folder / "part" / "z")
    done = cnndsl(*line)
    assert done.status == 1 and "classes that the network has not learned: `z`" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no data is given"),
        (["--data", "no.npz"], "there is no file or folder `no.npz`"),
        (["--data", "empty.npz"], "`empty.npz` has no examples"),
        (["--data", "labels.npz"], "example 3 has the label 9, but labels go from 0 to 6"),
        (["--data", "eight.npz"], "`eight.npz` has 8 classes, but the network has 7 outputs"),
        (["--data", "d.npz", "--weights", "no.safetensors"], "no.safetensors"),
        (["--data", "d.npz", "--loss", "mse"], "mse needs"),
        (["--data", "d.npz", "--loss", "cross"], "cross"),
        (["--data", "d.npz", "--plot", "a.gif"], "pictures are"),
        (["--data", "d.npz", "--mistakes", "a.png"], "a sheet of mistakes is for grey or RGB images"),
        (["--data", "d.npz", "--plot", "seven.cnn"], "pictures are"),
    ],
)
def test_what_is_wrong_is_said_once(cnndsl, folder, seven, arguments, said):
    x = np.load("d.npz")["x"][:10]
    np.savez("empty.npz", x=x[:0], y=np.arange(0))
    np.savez("labels.npz", x=x, y=np.array([0, 1, 2, 9, 4, 5, 6, 0, 1, 2]))
    np.savez("eight.npz", x=x, y=np.arange(10) % 8, classes=np.array([*"abcdefgh"]))
    weights = [] if "--weights" in arguments else ["--weights", "w.npz"]
    done = cnndsl("evaluate", "seven.cnn", *weights, *arguments)
    assert done.status in (1, 2) and done.out == ""
    assert done.err.startswith("error[") and said in done.err and done.err.count("error[") == 1


def test_one_example_is_enough_and_initial_weights_are_said(cnndsl, folder, seven, capsys):
    np.savez("one.npz", x=np.load("d.npz")["x"][:1], y=np.array([3]))
    from cnndsl.cli import main

    assert main(["evaluate", "seven.cnn", "--data", "one.npz"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("1 example, loss ") and err.startswith("cnndsl: initial weights, seed 0")


def test_the_pictures_show_what_was_found(cnndsl, folder):
    from cnndsl.report.plots.judged import confusion, mistakes

    net = package.loads("input 1@2x2\nflatten -> dense 4 -> softmax\n")
    weights = {"dense1.weight": np.eye(4, dtype=np.float32) * 9, "dense1.bias": np.zeros(4, np.float32)}
    x = np.eye(4, dtype=np.uint8).reshape(4, 1, 2, 2)[[0, 1, 2, 3, 3]] * 255
    found = package.evaluate(net, (x, np.array([0, 1, 2, 2, 3])), weights)
    figure = confusion(found, "four")
    (image,) = figure.axes[0].images
    assert np.asarray(image.get_array()).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]]
    assert [text.get_text() for text in figure.axes[0].texts if text.get_text() in {"1", "2"}].count("1") == 7
    sheet = mistakes(found, "four")
    (image,) = sheet.axes[0].images
    assert image.get_label() == "example 3"
    assert np.asarray(image.get_array())[..., 0].tolist() == [[0, 0], [0, 1]]
    assert "2 → 3" in [text.get_text() for text in sheet.axes[0].texts]
    np.savez("four.npz", x=x, y=np.array([0, 1, 2, 2, 3]))
    (folder / "four.cnn").write_text("input 1@2x2\nflatten -> dense 4 -> softmax\n")
    line = ("evaluate", "four.cnn", "--data", "four.npz", "--plot", "c.png", "--mistakes", "m.svg")
    assert cnndsl(*line).err == "cnndsl: wrote c.png and m.svg\n"
    assert (folder / "c.png").read_bytes()[:4] == b"\x89PNG" and b"<svg" in (folder / "m.svg").read_bytes()


def test_what_cannot_be_drawn_is_said(folder):
    from cnndsl.errors import CnnError
    from cnndsl.report.plots.judged import confusion, mistakes

    net = package.loads("input 3\ndense 2\n")
    found = package.evaluate(net, (np.zeros((2, 3), np.float32), np.zeros((2, 2))), loss="mse")
    for draw, words in ((confusion, "no confusion matrix"), (mistakes, "no sheet of mistakes")):
        with pytest.raises(CnnError, match=words):
            draw(found, "")


def test_mnist_and_cifar_are_judged_by_their_test_files(folder):
    for part, count in (("train", 3), ("t10k", 2)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            bytes([0, 0, 8, 3, *(0, 0, 0, count), *(0, 0, 0, 1) * 2]) + bytes(count)
        )
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, count]) + bytes(range(count)))
    net = package.loads("input 1@1x1\nflatten -> dense 10\n")
    assert package.evaluate(net, str(folder)).examples == 2
    (folder / "cifar").mkdir()
    for name, count in (("data_batch_1", 3), ("test_batch", 2)):
        (folder / "cifar" / f"{name}.bin").write_bytes(b"".join(bytes([index]) + bytes(3072) for index in range(count)))
    net = package.loads("input 3@32x32\nmaxpool 32x32 -> flatten -> dense 10\n")
    assert package.evaluate(net, folder / "cifar").examples == 2


def test_it_needs_no_torch(folder, seven):
    import subprocess
    import sys

    code = "import sys; sys.modules['torch'] = None; from cnndsl.cli import main; sys.exit(main(sys.argv[1:]))"
    line = [sys.executable, "-c", code, "evaluate", "seven.cnn", "--weights", "w.npz", "--data", "d.npz"]
    done = subprocess.run(line, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("40 examples")
