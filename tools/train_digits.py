"""Train ``examples/digits/digits.cnn`` and write the weights and the held-out digits beside it.

Needs PyTorch and scikit-learn (``pip install -e '.[digits]'``) and some seconds of one core. Seeds, split and thread
count are fixed: on the same versions the same files come out, byte for byte.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "digits"
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SEED = 0
EPOCHS = 60
BATCH = 64


def digit_pixels() -> tuple[np.ndarray, np.ndarray]:
    """The digits as grey levels 0..255, uint8 (N, 1, 8, 8), and their classes, uint8 (N,).

    The data set counts 0..16; rounding to grey levels first makes an image file hold exactly what training sees.
    """
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return pixels[:, None], digits.target.astype(np.uint8)


def twin() -> nn.Sequential:
    """digits.cnn in PyTorch, up to the logits; layers carry the names that cnndsl gives them."""
    network = nn.Sequential()
    for name, layer in (
        ("conv1", nn.Conv2d(1, 16, 3, padding=1)),
        ("relu1", nn.ReLU()),
        ("conv2", nn.Conv2d(16, 32, 3, padding=1)),
        ("relu2", nn.ReLU()),
        ("maxpool1", nn.MaxPool2d(2)),
        ("conv3", nn.Conv2d(32, 64, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("maxpool2", nn.MaxPool2d(2)),
        ("flatten1", nn.Flatten()),
        ("dropout1", nn.Dropout(0.5)),
        ("dense1", nn.Linear(256, 10)),
    ):
        network.add_module(name, layer)
    return network


def shifted(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The batch moved by up to one pixel each way, all of it alike; the rim fills with background."""
    down, right = torch.randint(0, 3, (2,), generator=generator).tolist()
    return nn.functional.pad(images, (1, 1, 1, 1))[:, :, down : down + 8, right : right + 8]


def train(images: torch.Tensor, classes: torch.Tensor) -> nn.Sequential:
    """A network fitted to ``images`` (N, 1, 8, 8) in 0..1 and ``classes`` (N,) by Adam, one learning-rate cycle."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    network = twin()
    optimizer = torch.optim.Adam(network.parameters())
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images), generator=generator).split(BATCH):
            optimizer.zero_grad()
            logits = network(shifted(images[batch], generator))
            nn.functional.cross_entropy(logits, classes[batch]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def write_images(pixels: np.ndarray, classes: np.ndarray) -> None:
    """The first held-out digit of each class as a greyscale PNG: ``three_0007.png`` is held-out digit 7, a three."""
    folder = FOLDER / "held_out"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.png"):
        stale.unlink()
    for label, name in enumerate(CLASSES):
        index = int(np.flatnonzero(classes == label)[0])
        Image.fromarray(pixels[index, 0]).save(folder / f"{name}_{index:04d}.png", optimize=True)


def main() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    pixels, classes = digit_pixels()
    train_pixels, held_pixels, train_classes, held_classes = train_test_split(
        pixels, classes, test_size=0.2, stratify=classes, random_state=SEED
    )
    network = train(torch.from_numpy(train_pixels).float() / 255, torch.from_numpy(train_classes).long())
    with torch.no_grad():
        predicted = network(torch.from_numpy(held_pixels).float() / 255).argmax(dim=1).numpy()
    (FOLDER / "digits.safetensors").write_bytes(save(network.state_dict()))
    np.savez_compressed(FOLDER / "held_out.npz", x=held_pixels, y=held_classes)
    (FOLDER / "labels.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    write_images(held_pixels, held_classes)
    right = int((predicted == held_classes).sum())
    print(f"{right} of {len(held_classes)} held-out digits right: {right / len(held_classes):.2%}")


if __name__ == "__main__":
    main()
