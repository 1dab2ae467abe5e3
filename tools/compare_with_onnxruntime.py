"""Run a network and its ONNX export on the same images, cnndsl beside ONNX Runtime, and print how far apart they are.

Exit status 1 if the largest difference exceeds 1e-4 of the largest value (max-norm): the agreement cnndsl promises.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import cnndsl

TOLERANCE = 1e-4


def read_images(folder: Path, channels: int) -> tuple[list[str], np.ndarray]:
    """The names of the folder's PNG images and their pixels, float32 (N, C, H, W) in 0..1."""
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise SystemExit(f"no PNG images in {folder}")
    arrays = []
    for path in paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), np.float32) / 255
        arrays.append(pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1))
    return [path.name for path in paths], np.stack(arrays)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help="the .cnn file")
    parser.add_argument("model", type=Path, help="its export, .onnx")
    parser.add_argument("images", type=Path, help="a folder of PNG images of the size the network takes")
    parser.add_argument("--weights", type=Path, required=True, help="the weights that the export holds")
    parser.add_argument("--labels", type=Path, required=True, help="class names, one a line")
    arguments = parser.parse_args()

    session = onnxruntime.InferenceSession(arguments.model, providers=["CPUExecutionProvider"])
    (model_input,) = session.get_inputs()
    names, images = read_images(arguments.images, channels=model_input.shape[1])
    ours = cnndsl.load(arguments.network).run(images, weights=arguments.weights)
    (theirs,) = session.run(None, {model_input.name: images})

    labels = arguments.labels.read_text(encoding="utf-8").splitlines()
    width = max(map(len, names))
    print(f"{'image':{width}}  {'cnndsl':>14}  {'ONNX Runtime':>14}  difference")
    for name, mine, other in zip(names, ours, theirs, strict=True):
        answers = "  ".join(f"{labels[row.argmax()]:>6} {row.max():7.2%}" for row in (mine, other))
        print(f"{name:{width}}  {answers}  {abs(mine - other).max():10.1e}")
    difference = float(abs(ours - theirs).max() / abs(theirs).max())
    print(f"largest difference: {difference:.1e} of the largest value (allowed: {TOLERANCE:.0e})")
    return 0 if difference <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
