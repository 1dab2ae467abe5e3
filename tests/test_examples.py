"""Every example loads, keeps its promises, and means what its comment says."""

from pathlib import Path

import numpy as np
import pytest

import cnndsl

NUMBERS = [
    # file, network, parameters, output
    ("lenet.cnn", "lenet", 61_706, "10"),
    ("lenet5_1998.cnn", "LeNet5", 60_000, "10"),
    ("bump_detector.cnn", "bump_detector", 3 + 1, "1@6"),
    ("line_detectors.cnn", "VerticalLine", 9 + 1, "1@6x6"),
    ("line_detectors.cnn", "HorizontalLine", 9 + 1, "1@6x6"),
    ("line_detectors.cnn", "BothLines", 2 * (9 + 1), "2@6x6"),
    ("line_detectors.cnn", "EitherLine", 2 * (9 + 1), "1@6x6"),
    ("crash_course.cnn", "crash_course", 260 + 392_200, "200"),
    ("cifar10.cnn", "cifar10", 4_210_090, "10"),
    ("sliding_window.cnn", "Stride1", 9 + 1, "1@5x5"),
    ("sliding_window.cnn", "Stride2", 9 + 1, "1@3x3"),
    ("sliding_window.cnn", "Stride3", 9 + 1, "1@2x2"),
    ("sliding_window.cnn", "Padded", 8 * (3 * 25 + 1), "8@32x32"),
    ("sliding_window.cnn", "Unpadded", 8 * (3 * 49 + 1), "8@26x26"),
    ("sliding_window.cnn", "MaxPooled", 0, "1@2x2"),
    ("sliding_window.cnn", "AveragePooled", 0, "1@2x2"),
    ("sliding_window.cnn", "NormPooled", 0, "1@2x2"),
    ("two_3x3_or_5x5.cnn", "Two3x3", 18_496, "32@64x64"),
    ("two_3x3_or_5x5.cnn", "One5x5", 25_632, "32@64x64"),
    ("grey.cnn", "grey", 3, "1@224x224"),
    ("video.cnn", "video", 64 * (3 * 27 + 1) + 128 * (64 * 27 + 1) + 10 * (128 + 1), "10"),
    ("sentence.cnn", "sentence", 96 * (64 * 3 + 1) + 96 * (96 * 3 + 1) + 2 * (96 + 1), "2"),
    ("resnet50.cnn", "ResNet50", 25_557_032, "1000"),
    ("inception.cnn", "TwoInceptions", 163_328 + 368 + 388_096 + 640 + 10 * (480 + 1), "10"),
    ("squeeze_excite.cnn", "Weighed", 1_792 + 580 + 73_856 + 128 * 16 + 16 + 16 * 128 + 128 + 1_290, "10"),
    ("tiny_unet.cnn", "TinyUNet", 160 + 2_320 + 4_640 + 9_248 + 18_496 + 36_928 + 8_224 + 18_464 + 9_248 + 2_064
     + 4_624 + 2_320 + 34, "2@64x64"),
]  # fmt: skip


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "examples").glob("*.cnn"))


NAMES = files(Path(__file__).resolve().parent.parent)


def test_every_network_of_every_example_has_its_numbers(examples: Path) -> None:
    found = {(name, network.name) for name in NAMES for network in cnndsl.check_file(examples / name).networks}
    assert found == {(file, network) for file, network, _, _ in NUMBERS}


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_sound(examples: Path, name: str) -> None:
    result = cnndsl.check_file(examples / name)
    codes = [diagnostic.code for diagnostic in result.diagnostics]
    assert codes == (["unread-pixels"] if name == "sliding_window.cnn" else [])
    assert result.networks


@pytest.mark.parametrize("name", NAMES)
def test_examples_say_what_they_teach(examples: Path, name: str) -> None:
    first, second, *_ = text = (examples / name).read_text(encoding="utf-8").splitlines()
    assert first.startswith(f"# {name}: ") and second.startswith("# ")
    assert any(line.lstrip().startswith("expect ") for line in text)
    assert max(map(len, text)) <= 104  # fits a README


@pytest.mark.parametrize(("file", "network", "params", "output"), NUMBERS)
def test_numbers(examples: Path, file: str, network: str, params: int, output: str) -> None:
    loaded = cnndsl.load(examples / file, network=network)
    assert loaded.params == params
    assert [str(shape) for shape in loaded.outputs.values()] == [output]


def test_the_intended_warning_stands_at_its_stride(examples: Path) -> None:
    (warning,) = cnndsl.check_file(examples / "sliding_window.cnn").diagnostics
    assert warning.severity == "warning" and warning.span is not None
    line = (examples / "sliding_window.cnn").read_text(encoding="utf-8").splitlines()[warning.span.line - 1]
    assert line[warning.span.column - 1 : warning.span.end_column - 1] == "stride=3"
    assert "1 row and 1 column" in warning.message and "2.33" in warning.message


def test_crash_course_connections(examples: Path) -> None:
    layers = cnndsl.load(examples / "crash_course.cnn").layers
    assert [layers[name].connections for name in ("filters", "hidden")] == [203_840, 392_200]
    assert [layers[name].params for name in ("filters", "hidden")] == [260, 392_200]
    assert str(layers["maxpool1"].shape) == "10@14x14"


def test_cifar10_layers(examples: Path) -> None:
    layers = cnndsl.load(examples / "cifar10.cnn").layers.values()
    assert [layer.params for layer in layers if layer.params] == [896, 9_248, 4_194_816, 5_130]


@pytest.mark.parametrize("network", ["Two3x3", "One5x5"])
def test_two_small_kernels_see_what_a_large_one_sees(examples: Path, network: str) -> None:
    for channels in (1, 32, 64):
        loaded = cnndsl.load(examples / "two_3x3_or_5x5.cnn", network=network, channels=channels)
        (output,) = loaded.graph.outputs
        assert loaded.layers[output].receptive_field == (5, 5)


def test_the_bump_detector_finds_the_bump(examples: Path) -> None:
    signal = np.array([[[0, 0, 0, 1, 1, 0, 0, 0]]], np.float32)
    assert cnndsl.load(examples / "bump_detector.cnn").run(signal).tolist() == [[[0, 0, 1, 1, 0, 0]]]


def test_line_detectors_answer_their_own_direction(examples: Path) -> None:
    image = np.zeros((1, 1, 8, 8), np.float32)
    image[..., 4] = 1  # a vertical line
    run = {
        name: cnndsl.load(examples / "line_detectors.cnn", network=name).run(image)[0]
        for name in ("VerticalLine", "HorizontalLine", "BothLines", "EitherLine")
    }
    assert run["VerticalLine"][0, 2].tolist() == [0, 0, 0, 3, 0, 0]
    assert run["HorizontalLine"][0, 2].tolist() == [0, 0, 1, 1, 1, 0]
    assert np.array_equal(run["BothLines"], np.concatenate([run["VerticalLine"], run["HorizontalLine"]]))
    assert np.array_equal(run["EitherLine"], run["VerticalLine"] + run["HorizontalLine"])


def test_grey_is_the_luma_of_bt_601(examples: Path) -> None:
    image = np.random.default_rng(3).random((1, 3, 224, 224), np.float32)
    grey = cnndsl.load(examples / "grey.cnn").run(image)
    expected = 0.299 * image[:, :1] + 0.587 * image[:, 1:2] + 0.114 * image[:, 2:]
    np.testing.assert_allclose(grey, expected, rtol=1e-6)


def test_pools_of_the_sliding_window(examples: Path) -> None:
    image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    windows = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    expected = {
        "MaxPooled": [max(window) for window in windows],
        "AveragePooled": [sum(window) / 4 for window in windows],
        "NormPooled": [sum(x * x for x in window) ** 0.5 for window in windows],
    }
    for name, values in expected.items():
        y = cnndsl.load(examples / "sliding_window.cnn", network=name).run(image)
        np.testing.assert_allclose(y.ravel(), values, rtol=1e-6, err_msg=name)


def test_resnet50_takes_another_number_of_classes(examples: Path) -> None:
    network = cnndsl.load(examples / "resnet50.cnn", classes=10)
    assert network.params == 25_557_032 - 990 * 2_049
