"""The networks of Keras for ``make wild``, with random weights, as ``Model.export`` writes them with PyTorch below."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tools.wild_networks import Exported, quietly

KERAS = """
MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large DenseNet121 DenseNet169 ResNet50 ResNet101 ResNet50V2
ResNet101V2 EfficientNetB0 EfficientNetB3 EfficientNetV2B0 EfficientNetV2S InceptionV3 InceptionResNetV2 VGG16 VGG19
Xception ConvNeXtTiny NASNetMobile
"""
SIDES = {"MobileNet": 128}
"""Images that are no smaller for a network; others are of 96x96."""
RANGES = {"gamma": (0.5, 1.5), "beta": (-0.2, 0.2), "moving_mean": (-0.2, 0.2), "moving_variance": (0.5, 1.5)}
"""Of random numbers in norms, by the ends of their names."""
UNSTEADY = ("EfficientNetV2B0", "EfficientNetV2S")
"""Networks whose values grow by such statistics until rounding decides: theirs are those of random images."""


@cache
def library() -> Any:
    """Keras, which chooses what computes when it is imported."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    return keras


def exported(source: str, name: str, folder: Path) -> Iterator[Exported]:
    """The network, from ``folder`` where it is there. Its parameters are the trainable ones; its channels are last."""
    side = SIDES.get(name, 96)
    path = folder / f"keras.{name}.onnx"
    note = path.with_suffix(".json")
    if not note.exists():
        parameters, problem = 0, ""
        try:
            with quietly():
                parameters = written(name, side, path)
        except Exception as error:  # whatever Keras raises: its own matter
            problem = f"not exported: {type(error).__name__}: {str(error).splitlines()[0][:80]}"
        note.write_text(json.dumps([parameters, problem]), encoding="utf-8")
    parameters, problem = json.loads(note.read_text(encoding="utf-8"))
    yield Exported(source, name, "Keras", path, parameters, (side, side, 3), problem)


def written(name: str, side: int, path: Path) -> int:
    """Writes a network whose norms are not ones and zeros, and counts its parameters."""
    keras = library()
    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3))
    random = np.random.default_rng(0)
    for variable in network.variables:
        bounds = RANGES.get(variable.path.rpartition("/")[2])
        if bounds:
            variable.assign(random.uniform(*bounds, variable.shape))
    if name in UNSTEADY:
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        network(random.normal(size=(8, side, side, 3)).astype(np.float32), training=True)
    network(np.zeros((2, side, side, 3), np.float32))  # Keras exports what was called
    network.export(str(path), format="onnx", verbose=False)
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
