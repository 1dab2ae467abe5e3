"""Draws a data set of shapes: ten classes, RGB images of 64x64 pixels, a folder for each class.

    python make_shapes.py shapes --each 200 --seed 0
    python make_shapes.py shapes_test --each 50 --seed 1

Every shape has its own place, size, angle and colour, on a background of two other colours that run into each other; a
second, small thing of no meaning lies about, and noise is over all of it. The same numbers draw the same images.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64
FINER = 4
"""Images are drawn so many times larger, and made small smoothly."""

Points = list[tuple[float, float]]


def regular(corners: int, inner: float = 1.0) -> Points:
    """The corners of a regular polygon around (0, 0); with ``inner`` below 1 those of a star."""
    radii = [1.0] if inner == 1 else [1.0, inner]
    count = corners * len(radii)
    found: Points = []
    for index, angle in enumerate(np.arange(count) * 2 * np.pi / count):
        radius = radii[index % len(radii)]
        found.append((radius * np.sin(angle), -radius * np.cos(angle)))
    return found


def round_points(start: float, end: float, radius: float = 1.0) -> Points:
    """Points on a circle from one angle to another, in degrees."""
    return [(radius * np.cos(a), radius * np.sin(a)) for a in np.radians(np.linspace(start, end, 60))]


def crescent() -> Points:
    return round_points(-70, 250) + [(0.85 * x, 0.85 * y - 0.5) for x, y in round_points(235, -55)]


def plus(width: float = 0.3) -> Points:
    quarter = [(-width, -1.0), (width, -1.0), (width, -width)]
    found: Points = []
    for _ in range(4):
        found += quarter
        quarter = [(-y, x) for x, y in quarter]
    return found


OUTLINES: dict[str, Callable[[], list[Points]]] = {
    "arrow": lambda: [[(0, -1), (0.8, -0.1), (0.3, -0.1), (0.3, 1), (-0.3, 1), (-0.3, -0.1), (-0.8, -0.1)]],
    "circle": lambda: [round_points(0, 360)],
    "crescent": lambda: [crescent()],
    "heart": lambda: [
        [
            (16 * np.sin(t) ** 3 / 17, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 17)
            for t in np.linspace(0, 2 * np.pi, 80)
        ]
    ],
    "hexagon": lambda: [regular(6)],
    "plus": lambda: [plus()],
    "ring": lambda: [round_points(0, 360), round_points(0, 360, 0.55)],
    "square": lambda: [regular(4)],
    "star": lambda: [regular(5, 0.42)],
    "triangle": lambda: [regular(3)],
}
"""The outlines of every class, around (0, 0) with the radius 1; a second one is a hole."""


def draw(name: str, random: np.random.Generator) -> Image.Image:
    """One image of a shape."""
    large = SIDE * FINER
    background, other, colour, clutter = colours(random)
    across = np.linspace(-0.5, 0.5, SIDE)
    angle = random.uniform(0, 2 * np.pi)
    blend = np.clip(0.5 + across[None] * np.cos(angle) + across[:, None] * np.sin(angle), 0, 1)[..., None]
    surface = Image.fromarray((background * (1 - blend) + other * blend).astype(np.uint8))
    image = surface.resize((large, large), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    x, y, size = random.uniform(0.1, 0.9) * large, random.uniform(0.1, 0.9) * large, random.uniform(0.03, 0.07) * large
    pen.line([x - size, y - size, x + size, y + size], fill=tuple(clutter), width=3 * FINER)
    mask = Image.new("L", (large, large))
    pen = ImageDraw.Draw(mask)
    radius = random.uniform(0.2, 0.38) * large
    x, y = random.uniform(radius, large - radius, 2)
    turn = random.uniform(-np.pi / 5, np.pi / 5)
    for hole, outline in enumerate(OUTLINES[name]()):
        turned = [(px * np.cos(turn) - py * np.sin(turn), px * np.sin(turn) + py * np.cos(turn)) for px, py in outline]
        pen.polygon([(x + radius * px, y + radius * py) for px, py in turned], fill=0 if hole else 255)
    image.paste(tuple(colour), mask=mask)
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    noisy = pixels + random.normal(0, random.uniform(4, 24), pixels.shape)
    return Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def colours(random: np.random.Generator) -> np.ndarray:
    """Two for the background, one for the shape that differs enough from both, and one for what lies about."""
    while True:
        found = random.integers(0, 256, (4, 3))
        if min(np.abs(found[2] - found[0]).sum(), np.abs(found[2] - found[1]).sum()) > 180:
            return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws ten classes of shapes as images.")
    parser.add_argument("folder", type=Path, help="the folder to make, with a folder for each class")
    parser.add_argument("--each", type=int, default=1200, help="images of each class")
    parser.add_argument("--seed", type=int, default=0, help="other images for another number")
    options = parser.parse_args()
    for label, name in enumerate(OUTLINES):
        (options.folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(options.each):
            random = np.random.default_rng([options.seed, label, index])
            draw(name, random).save(options.folder / name / f"{index:04}.png")


if __name__ == "__main__":
    main()
