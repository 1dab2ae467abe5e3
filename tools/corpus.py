"""What tools/fuzz.py starts from: sound and broken texts, networks as JSON, and files of every kind that is read."""

import io
import re
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

import cnndsl
from cnndsl.runtime.data.weights import save_weights

ROOT = Path(__file__).resolve().parent.parent

FILES = {
    "blocks.cnn": "let wide = 64\nblock Unit(width=8) { conv width 3x3 pad=1 -> relu }\nnetwork Other { input 3 }",
    "loop.cnn": 'import "loop.cnn"',
    "broken.cnn": "block {",
}
SMALL = "input 1@8x8; conv 2 3x3 as a -> batchnorm; flatten; dense 3 bias=[1,2,3]"
MODELS = (
    "input 2@8x8; conv 4 3x3 pad=same stride=2 -> relu; add { identity; conv 4 1x1 }; global_avgpool; flatten; dense 3",
    "input 2@8x8; conv_transpose 2 2x2 stride=2; maxpool 2x2 ceil_mode=true; lrn 3; resize [5, 5]; pad 1; crop 1",
    "input 6 dtype=int64; embedding 9 4; flatten -> dense 2 -> softmax",
)


@cache
def texts() -> Sequence[str]:
    """Every example, every case of the tests and every block of the docs."""
    files = [*sorted((ROOT / "examples").rglob("*.cnn")), *sorted((ROOT / "tests" / "cases").glob("*.cnn"))]
    found = [path.read_text(encoding="utf-8") for path in files]
    for page in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]:
        found += re.findall(r"^```(?:cnn)?\n((?:.*\n)*?)```$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [*found, *(f'import "{name}"\nnetwork Net {{ input 3@9x9; Unit }}' for name in FILES)]


@cache
def graphs() -> Sequence[str]:
    """The JSON of the smaller networks of those texts."""
    networks = [network for text in texts() for network in cnndsl.check(text).networks]
    return [network.to_json() for network in networks if len(network.graph.layers) < 60]


@cache
def small() -> cnndsl.Network:
    return cnndsl.loads(SMALL)


@cache
def weights(suffix: str) -> Sequence[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"w{suffix}"
        save_weights(small().weights(), path)
        return [path.read_bytes()]


@cache
def arrays(suffix: str) -> Sequence[bytes]:
    found = []
    for array in (np.ones((2, 1, 8, 8), np.float32), np.arange(8), np.zeros((0, 3), "<U4")):
        stream = io.BytesIO()
        if suffix == ".npz":
            np.savez(stream, input=array)
            np.savez_compressed(stream, input=array)
        else:
            np.save(stream, array)
        found.append(stream.getvalue())
    return found


@cache
def images(suffix: str) -> Sequence[bytes]:
    kinds = {".jpg": "JPEG", ".tif": "TIFF", ".pgm": "PPM"}
    modes = ("RGB", "L") if suffix in (".jpg", ".pgm", ".webp") else ("1", "L", "P", "RGB")
    modes += ("LA", "RGBA", "I;16") if suffix in (".png", ".tif") else ()
    found = []
    for mode in modes:
        stream = io.BytesIO()
        Image.new(mode, (8, 8), 1).save(stream, kinds.get(suffix, suffix[1:].upper()))
        found.append(stream.getvalue())
    return found


@cache
def models(suffix: str) -> Sequence[bytes]:
    """ONNX files."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for text in (SMALL, *MODELS):
            path = Path(folder) / f"m{suffix}"
            cnndsl.loads(text).to_onnx(path)
            found.append(path.read_bytes())
    return found
