"""Codes about training: its data, and runs."""

from cnndsl.codes.code import Code

_NET = {"net.cnn": "input 1@8x8\nconv 4 3x3 -> relu\nflatten -> dense 10 -> softmax"}
_GIVEN = "digits.npz has the arrays x, uint8 of the shape (20, 1, 8, 8), and y, twenty labels from 0 to 9"
_TRAIN = "cnndsl train net.cnn --epochs 1 --data digits.npz"

CODES = (
    Code(
        "train-data",
        "data that nothing can be learned from",
        "The data is a folder with a folder of images for each class, an `.npz` with the arrays `x` and `y`, a `.csv` "
        "with a row for each example and its label last, or the files in which MNIST and CIFAR come. Its examples "
        "have the shape of the network's input, and all their numbers are finite. Numbers of the type uint8 are "
        "levels from 0 to 255, which the network sees as 0 to 1, as it sees images.",
        "cnndsl train net.cnn --epochs 1 --data unlabelled.npz",
        _TRAIN,
        language="sh",
        files=_NET,
        given=f"{_GIVEN}; unlabelled.npz has x alone.",
    ),
    Code(
        "train-files",
        "files of the data that cannot be used",
        "All of them are named, up to ten, and counted before training begins: images that are damaged or no images "
        "at all, of another size or with other channels than the network's input, lines of a `.csv` that do not fit. "
        "`--resize`, `--crop` and `--convert` make images fit, as they do for `run`; `--skip-bad` goes on without "
        "those that are bad.",
        "cnndsl train net.cnn --epochs 1 --data bad",
        "cnndsl train net.cnn --epochs 1 --data bad --skip-bad",
        language="sh",
        files=_NET,
        given="bad has ten folders with two grey images of 8x8 pixels each, and in one of them notes.png, a text.",
    ),
    Code(
        "train-classes",
        "classes that the outputs do not fit",
        "A network that tells classes apart has an output for each. Folders of classes are counted, and labels are "
        "numbers from 0 on, below the number of outputs; with `binary_cross_entropy` and one output they are 0 and 1. "
        "One class alone leaves nothing to tell apart.",
        "cnndsl train net.cnn --epochs 1 --data twelve.npz",
        _TRAIN,
        language="sh",
        files=_NET,
        given=f"{_GIVEN}; in twelve.npz they go from 0 to 11.",
    ),
    Code(
        "train-diverged",
        "a loss that is no number any more",
        "Where steps are too large, weights grow without end, and the loss becomes infinite or not a number (NaN). "
        "Training stops at that step; the folder of the run keeps the weights of the last epoch that was sound. "
        "A smaller learning rate, a `schedule` with `warmup`, and `clip`, which bounds the gradient, help.",
        f'{_TRAIN} --optimizer "sgd lr=1e30"',
        f'{_TRAIN} --optimizer "sgd lr=0.01"',
        language="sh",
        files=_NET,
        given=f"{_GIVEN}.",
    ),
    Code(
        "train-run",
        "a run that cannot go on",
        "`--resume` takes the folder of a run, and goes on with the network, the data and the settings that it began "
        "with, so that the end is that of a run that was never interrupted. Only `epochs`, `stop` and the place of "
        "the data may be others.",
        "cnndsl train net.cnn --resume somewhere",
        "cnndsl train net.cnn --resume runs/1",
        language="sh",
        files=_NET,
        given="runs/1 is the folder of a run of net.cnn; there is none called somewhere.",
    ),
)
