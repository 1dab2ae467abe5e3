"""Data of every format, and everything that may be wrong with it."""

import gzip
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnndsl
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.training.data import cache as cache_module
from cnndsl.training.data import folders as folders_module
from cnndsl.training.data.cache import FOLDER
from cnndsl.training.data.load import load_examples
from cnndsl.training_settings import Loss

NET = cnndsl.loads("input 1@8x8\nflatten -> dense 3 -> softmax").graph
LEVELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)


def folders(root: Path, names: str = "one two three", each: int = 2) -> Path:
    """Images of LEVELS, in turns."""
    for index, name in enumerate(names.split()):
        (root / name).mkdir(parents=True)
        for number in range(each):
            Image.fromarray(LEVELS[(index * each + number) % 6]).save(root / name / f"{number}.png")
    return root


def idx(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


def test_folders_are_classes(tmp_path: Path) -> None:
    found = load_examples(folders(tmp_path / "data"), NET, Loss())
    assert found.class_names == ("one", "three", "two") and found.y.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(found.x, LEVELS[[0, 1, 4, 5, 2, 3], None])
    assert found.x.dtype == np.uint8


def test_folders_of_numbers_are_in_their_order(tmp_path: Path) -> None:
    graph = cnndsl.loads("input 1@8x8\nflatten -> dense 11 -> softmax").graph
    found = load_examples(folders(tmp_path / "data", " ".join(map(str, range(11)))), graph, Loss())
    assert found.class_names == tuple(map(str, range(11)))


def test_images_are_what_run_makes_of_them(tmp_path: Path) -> None:
    """A colour picture of another size, and one with 16 bits, which levels cannot hold."""
    from cnndsl.runtime.data.images import read_image

    root = folders(tmp_path / "data")
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(root / "one" / "deep.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)).save(root / "one" / "wide.png")
    preparation = Preparation("grey", (), True)
    found = load_examples(root, NET, Loss(), preparation)
    files = [*sorted((root / "one").iterdir()), *sorted((root / "three").iterdir()), *sorted((root / "two").iterdir())]
    expected = np.concatenate([read_image(path, NET.inputs[0], preparation) for path in files])
    assert found.x.dtype == np.float32 and len(found.x) == 8
    np.testing.assert_array_equal(found.x, expected)


def test_images_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnndsl.training.data import folders as module

    monkeypatch.setenv("CNNDSL_CACHE", str(tmp_path / "cache"))
    root = folders(tmp_path / "data")
    first = load_examples(root, NET, Loss())
    read = module.read_image
    calls: list[Path] = []
    monkeypatch.setattr(module, "read_image", lambda path, *others: calls.append(path) or read(path, *others))
    again = load_examples(root, NET, Loss())
    assert not calls and isinstance(again.x, np.memmap) and again.digest() == first.digest()
    np.testing.assert_array_equal(again.x, first.x)
    Image.fromarray(LEVELS[5]).save(root / "one" / "new.png")
    assert len(load_examples(root, NET, Loss()).x) == 7 and len(calls) == 7
    assert len(list((tmp_path / "cache").iterdir())) == 2  # the first one's are gone
    (array,) = (tmp_path / "cache").glob("*.raw")
    array.write_bytes(array.read_bytes()[:100])
    assert len(load_examples(root, NET, Loss()).x) == 7


def test_arrays_with_the_names_of_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=LEVELS[:, None], y=[0, 1, 2] * 2, classes=["a", "b", "c"])
    found = load_examples(tmp_path / "a.npz", NET, Loss())
    assert found.class_names == ("a", "b", "c") and found.x.dtype == np.uint8 and found.y.dtype == np.int64
    np.savez(tmp_path / "last.npz", x=LEVELS[..., None] / 255, y=[0, 1, 2] * 2)
    last = load_examples(tmp_path / "last.npz", NET, Loss(), channels_last=True)
    np.testing.assert_allclose(last.x, LEVELS[:, None] / 255, atol=1e-7)


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_mnist(tmp_path: Path, packed: bool) -> None:
    for name, array in (("images-idx3", LEVELS), ("labels-idx1", np.array([0, 1, 2] * 2))):
        for kind in ("train", "t10k"):
            content = idx(array if kind == "train" else array[:2])
            path = tmp_path / f"{kind}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)
    found = load_examples(tmp_path, NET, Loss())
    np.testing.assert_array_equal(found.x, LEVELS[:, None])
    assert found.y.tolist() == [0, 1, 2, 0, 1, 2]
    held = load_examples(tmp_path / f"t10k-images-idx3-ubyte{'.gz' if packed else ''}", NET, Loss())
    assert len(held.x) == 2


@pytest.mark.parametrize("lead", [1, 2])
def test_files_of_cifar(tmp_path: Path, lead: int) -> None:
    graph = cnndsl.loads("input 3@32x32\nflatten -> dense 3 -> softmax").graph
    images = np.random.default_rng(2).integers(0, 256, (6, 3, 32, 32), np.uint8)
    rows = [bytes([9] * (lead - 1) + [label % 3]) + image.tobytes() for label, image in enumerate(images)]
    (tmp_path / "data_batch_1.bin").write_bytes(b"".join(rows[:4]))
    (tmp_path / "data_batch_2.bin").write_bytes(b"".join(rows[4:]))
    (tmp_path / "test_batch.bin").write_bytes(rows[0])
    (tmp_path / ("batches.meta.txt" if lead == 1 else "fine_label_names.txt")).write_text("a\nb\nc\n\n")
    found = load_examples(tmp_path, graph, Loss())
    np.testing.assert_array_equal(found.x, images)
    assert found.y.tolist() == [0, 1, 2, 0, 1, 2] and found.class_names == ("a", "b", "c")


def empty(root: Path) -> Path:
    root.mkdir()
    return root


def no_images(root: Path) -> Path:
    (folders(root) / "four").mkdir()
    return root


def one_class(root: Path) -> Path:
    return folders(root, "alone", 6)


def twelve(root: Path) -> Path:
    return folders(root, " ".join(f"c{number}" for number in range(12)))


def text(root: Path) -> Path:
    (folders(root) / "one" / "notes.png").write_text("not a picture")
    return root


def two_sizes(root: Path) -> Path:
    Image.fromarray(np.zeros((9, 10), np.uint8)).save(folders(root) / "two" / "large.png")
    return root


def colour(root: Path) -> Path:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folders(root) / "two" / "red.png")
    return root


def truncated(root: Path) -> Path:
    file = folders(root) / "two" / "1.png"
    file.write_bytes(file.read_bytes()[:70])
    return root


def arrays(**changed: object) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        held = {"x": LEVELS[:, None] / 255, "y": np.arange(6) % 3, **changed}
        np.savez(root.with_suffix(".npz"), **{name: value for name, value in held.items() if value is not None})
        return root.with_suffix(".npz")

    return make


def with_nan() -> np.ndarray:
    x = LEVELS[:, None] / 255
    x[[2, 4], 0, 3, 3] = np.nan
    return x


def written(name: str, content: str) -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        (root.parent / name).write_text(content, encoding="utf-8")
        return root.parent / name

    return make


def half_of_mnist(root: Path) -> Path:
    root.mkdir()
    (root / "train-images-idx3-ubyte").write_bytes(idx(LEVELS)[:-9])
    (root / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(6) % 3))
    return root


BAD: dict[str, tuple[Callable[[Path], Path], str, tuple[str, ...]]] = {
    "nothing": (lambda root: root, "train-data", ("there is no file or folder",)),
    "empty": (empty, "train-data", ("no folders of classes",)),
    "an empty class": (no_images, "train-data", ("no images", "four")),
    "one class": (one_class, "train-classes", ("one class", "alone")),
    "12 folders for 3": (twelve, "train-classes", ("12 classes", "3 outputs")),
    "text as png": (text, "train-files", ("1 file of 7", "one/notes.png", "cannot identify")),
    "two sizes": (two_sizes, "train-files", ("two/large.png", "9x10", "--resize")),
    "grey and colour": (colour, "train-files", ("two/red.png", "3 channels", "--convert grey")),
    "damaged": (truncated, "train-files", ("two/1.png",)),
    "label 3 of 3": (arrays(y=[0, 1, 2, 3, 0, 1]), "train-classes", ("example 3", "label 3", "0 to 2")),
    "label -1": (arrays(y=[0, 1, 2, -1, 0, 1]), "train-classes", ("label -1",)),
    "label 0.5": (arrays(y=[0, 1, 2, 0.5, 0, 1]), "train-data", ("whole numbers",)),
    "one label": (arrays(y=[1] * 6), "train-classes", ("one class",)),
    "too few labels": (arrays(y=[0, 1]), "train-data", ("6 examples", "2 labels")),
    "no labels": (arrays(y=None), "train-data", ("lacks y", "`x`")),
    "one-hot": (arrays(y=np.eye(3)[[0, 1, 2] * 2]), "train-data", ("(6, 3)", "(6)")),
    "no numbers": (arrays(x=np.full((6, 1, 8, 8), "a")), "train-data", ("must hold numbers",)),
    "NaN": (arrays(x=with_nan()), "train-data", ("NaN", "2 examples: 2, 4")),
    "another shape": (arrays(x=LEVELS[:, None, :7]), "train-data", ("(N, 1, 8, 8)", "(6, 1, 7, 8)")),
    "no examples": (arrays(x=np.zeros((0, 1, 8, 8)), y=np.zeros(0, int)), "train-data", ("has no examples",)),
    "no archive": (written("a.npz", "hello"), "train-files", ("cannot read",)),
    "a text": (written("a.txt", "hello"), "train-data", ("is no data to train on",)),
    "short rows": (written("a.csv", "1,2,a\n3,4,b\n"), "train-files", ("line 1 has 3 values", "line 2")),
    "half a file of MNIST": (half_of_mnist, "train-files", ("damaged",)),
    "no file of CIFAR": (written("a.bin", "hello"), "train-files", ("5 bytes",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data(name: str, tmp_path: Path) -> None:
    make, code, words = BAD[name]
    with pytest.raises(cnndsl.CnnError) as caught:
        load_examples(make(tmp_path / "data"), NET, Loss())
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("cache", ["cache", ""])
@pytest.mark.parametrize("bits", [8, 16])
def test_images_need_not_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str, bits: int
) -> None:
    """What is decoded is in a file, mapped; one image of 16 bits among the others makes numbers of all levels."""
    monkeypatch.setenv(FOLDER, str(tmp_path / cache) if cache else "")
    monkeypatch.setattr(folders_module, "AHEAD_BYTES", 1 << 19)
    monkeypatch.setattr(cache_module, "CHUNK_BYTES", 1 << 16)
    net = cnndsl.loads("input 1@128x128\nconv 1 128x128\nflatten -> dense 2 -> softmax").graph
    levels = np.random.default_rng(3).integers(0, 256, (120, 128, 128), np.uint8)
    for index, image in enumerate(levels):
        (tmp_path / "data" / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "data" / "ab"[index % 2] / f"{index:03}.png")
    if bits == 16:
        fine = np.full((128, 128), 12_345, np.uint16)
        Image.fromarray(fine).save(tmp_path / "data" / "b" / "117.png")
    tracemalloc.start()
    try:
        found = load_examples(tmp_path / "data", net, Loss())
        found.digest()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found.x, np.memmap) and most < found.x.nbytes * (0.9 if bits == 8 else 0.3)
    wanted = levels[[*range(0, 120, 2), *range(1, 120, 2)], None]
    if bits == 8:
        np.testing.assert_array_equal(found.x, wanted)
    else:
        np.testing.assert_array_equal(np.delete(found.x, 118, 0), np.delete(wanted, 118, 0) / np.float32(255))
        np.testing.assert_allclose(found.x[118], 12_345 / 65_535, rtol=1e-6)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    root = folders(tmp_path / "data")
    (root / "two").chmod(0)
    with pytest.raises(cnndsl.CnnError, match=r"cannot read .*two.*Permission denied"):
        load_examples(root, NET, Loss())
    (root / "two").chmod(0o700)


def test_bad_files_are_named_at_once_and_can_be_left_out(tmp_path: Path) -> None:
    root = folders(tmp_path / "data", each=8)
    for number in range(12):
        (root / "one" / f"bad{number:02}.png").write_bytes(b"?")
    with pytest.raises(cnndsl.CnnError, match="12 files of 36") as caught:
        load_examples(root, NET, Loss())
    assert str(caught.value).count("one/bad") == 10 and "and 2 more" in str(caught.value)
    found = load_examples(root, NET, Loss(), skip_bad=True)
    assert len(found.x) == 24 and len(found.left_out) == 12


def test_what_the_loss_needs() -> None:
    graph = cnndsl.loads("input 1@8x8\nflatten -> dense 1 -> sigmoid").graph
    pair = (LEVELS[:, None], np.arange(6) % 2)
    assert load_examples(pair, graph, Loss(kind="binary_cross_entropy")).y.dtype == np.int64
    assert load_examples(pair, graph, Loss(kind="mse")).y.shape == (6, 1)
    with pytest.raises(cnndsl.CnnError, match="label 2"):
        load_examples((LEVELS[:, None], np.arange(6) % 3), graph, Loss(kind="binary_cross_entropy"))
    with pytest.raises(cnndsl.CnnError, match="mse needs"):
        load_examples((LEVELS[:, None], np.zeros((6, 2))), graph, Loss(kind="mse"))
    pair_net = cnndsl.loads("input 4 as a\ninput 4 as b\nadd { from a; from b }").graph
    with pytest.raises(cnndsl.CnnError, match="2 inputs"):
        load_examples(pair, pair_net, Loss())
    with pytest.raises(cnndsl.CnnError, match="a pair of arrays, not int"):
        load_examples(3, graph, Loss())
