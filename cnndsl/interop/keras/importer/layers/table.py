"""All layers and operations by the names of their classes."""

from cnndsl.interop.calls import Translation
from cnndsl.interop.keras.importer.layers import elements, norms, shaping, windows

LAYERS: dict[str, Translation] = {**windows.LAYERS, **norms.LAYERS, **elements.LAYERS, **shaping.LAYERS}
"""From a call, the layer and the arguments that it is called with to what it gives."""

OPERATIONS: dict[str, Translation] = {**elements.OPERATIONS, **shaping.OPERATIONS}
"""The same of keras.ops."""

AUGMENTATIONS = frozenset(
    [
        "AugMix",
        "CutMix",
        "MixUp",
        "RandAugment",
        "RandomBrightness",
        "RandomColorDegeneration",
        "RandomColorJitter",
        "RandomContrast",
        "RandomElasticTransform",
        "RandomErasing",
        "RandomFlip",
        "RandomGaussianBlur",
        "RandomGrayscale",
        "RandomHue",
        "RandomInvert",
        "RandomPerspective",
        "RandomPosterization",
        "RandomRotation",
        "RandomSaturation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "RandomZoom",
    ]
)
"""Layers that change images while training only."""

ANY_ORDER = frozenset({"Dense", "Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", "Identity"})
"""Layers that take the elements of a flattened map in any order; all of them but Dense give them in the same."""
