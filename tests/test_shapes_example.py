"""examples/shapes: the program draws the same images again, of every class, and the network takes them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnndsl

CLASSES = ["arrow", "circle", "crescent", "heart", "hexagon", "plus", "ring", "square", "star", "triangle"]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    program = Path(__file__).resolve().parent.parent / "examples" / "shapes" / "make_shapes.py"
    for name, each, seed in (("a", 3, 0), ("b", 2, 0), ("c", 2, 1)):
        command = [sys.executable, str(program), str(folder / name), "--each", str(each), "--seed", str(seed)]
        subprocess.run(command, check=True, timeout=240)
    return folder


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_images_depend_on_the_seed_alone(shapes: Path) -> None:
    assert sorted(path.name for path in (shapes / "a").iterdir()) == CLASSES
    for name in CLASSES:
        first, again = (pixels(shapes / folder / name / "0001.png") for folder in "ab")
        assert first.shape == (64, 64, 3) and (first == again).all()
        assert (first != pixels(shapes / "c" / name / "0001.png")).mean() > 0.5
        assert (first != pixels(shapes / "a" / name / "0000.png")).mean() > 0.5


def test_the_network_takes_them(shapes: Path, examples: Path) -> None:
    result = cnndsl.check_file(examples / "shapes" / "shapes.cnn")
    assert result.ok and result.network is not None
    found = cnndsl.evaluate(result.network, shapes / "a")
    assert found.examples == 30 and [one.name for one in found.classes] == CLASSES
