"""Schedules, losses, splits and random changes, beside PyTorch's own or worked out by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest

import cnndsl
from cnndsl.training import augment, chance
from cnndsl.training.data.split import split
from cnndsl.training.history import Epoch, from_csv, to_csv
from cnndsl.training.losses import Objective, learning_graph
from cnndsl.training.schedules import factor, is_over, stalls
from cnndsl.training_settings import Augment, Loss, Schedule, Stop

torch = pytest.importorskip("torch")
functional = torch.nn.functional
schedulers = torch.optim.lr_scheduler


@pytest.mark.parametrize("kind", ["constant", "step", "cosine", "one_cycle"])
def test_schedules_are_those_of_pytorch(kind: str) -> None:
    steps, epochs = 7, 9
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = {
        "constant": lambda: schedulers.ConstantLR(optimizer, 1.0),
        "step": lambda: schedulers.StepLR(optimizer, 2 * steps, 0.3),
        "cosine": lambda: schedulers.CosineAnnealingLR(optimizer, steps * epochs),
        "one_cycle": lambda: schedulers.OneCycleLR(optimizer, 1.0, steps * epochs, cycle_momentum=False),
    }[kind]()
    schedule = Schedule(kind=kind, every=2, factor=0.3)
    for step in range(steps * epochs):
        assert factor(schedule, step, steps, epochs) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9, abs=1e-9)
        optimizer.step()
        theirs.step()


def test_plateau_is_that_of_pytorch() -> None:
    losses = [3.0, 2.0, 2.5, 2.5, 2.1, 2.2, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 2.0, 2.0, 2.0]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = schedulers.ReduceLROnPlateau(optimizer, factor=0.1, patience=2, threshold=0)
    for count, loss in enumerate(losses, 1):
        theirs.step(loss)
        assert 0.1 ** stalls(losses[:count], 2) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_warmup_rises_to_the_first_rate() -> None:
    rates = [factor(Schedule(kind="cosine", warmup=1.5), step, 4, 5) for step in range(20)]
    assert rates[:6] == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert rates[6] == 1 and all(a > b for a, b in pairwise(rates[6:])) and rates[-1] > 0


def test_when_it_is_over() -> None:
    losses = [3, 2, 2, 1.99, 1.98]
    assert [is_over(losses[:n], Stop(patience=2)) for n in range(6)] == [False] * 6
    assert [is_over(losses[:n], Stop(patience=2, min_delta=0.1)) for n in range(6)] == [False] * 4 + [True] * 2
    assert not is_over([1.0] * 99, Stop())


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", ["none", "balanced", (1.0, 2.0, 0.5)])
def test_cross_entropy_in_two_parts_is_that_of_pytorch(smoothing: float, weights: object) -> None:
    graph = cnndsl.loads("input 4\ndense 3 -> softmax").graph
    labels = np.array([0, 1, 1, 2, 2, 2])
    objective = Objective(Loss(label_smoothing=smoothing, class_weights=weights), graph, labels, "cpu")
    outputs, y = torch.randn(6, 3, generator=torch.Generator().manual_seed(1)), torch.from_numpy(labels)
    factors = {"none": None, "balanced": torch.tensor([2.0, 1.0, 2 / 3])}.get(str(weights), torch.tensor([1, 2, 0.5]))
    expected = functional.cross_entropy(outputs, y, weight=factors, label_smoothing=smoothing)
    found = (objective.sum(outputs[:2], y[:2]) + objective.sum(outputs[2:], y[2:])) / objective.weight(y)
    torch.testing.assert_close(found, expected)


def test_what_the_loss_does_itself_is_left_out() -> None:
    net = cnndsl.loads("block Head { dense 3 -> softmax }\ninput 4\nHead")
    cut = learning_graph(net.graph, Loss())
    assert [node.op.operator for node in cut.layers] == ["dense"] and cut.outputs == (cut.layers[-1].name,)
    assert learning_graph(net.graph, Loss(kind="mse")) is net.graph
    assert list(cut.all_weights()) == list(net.graph.all_weights())


def test_every_class_is_held_out() -> None:
    y = np.repeat([0, 1, 2, 3], [40, 20, 2, 1])
    parts = split(y, 0.25, 7)
    assert np.bincount(y[parts.validation], minlength=4).tolist() == [10, 5, 1, 0]
    assert sorted([*parts.training, *parts.validation]) == list(range(63))
    assert split(y, 0.25, 7).validation.tolist() == parts.validation.tolist()
    assert split(y, 0.25, 8).validation.tolist() != parts.validation.tolist()
    assert len(split(y, 0.0, 7).validation) == 0


def changed(x: np.ndarray, changes: augment.Changes) -> np.ndarray:
    return np.asarray(augment.apply(torch.from_numpy(x), changes, np.arange(len(x))))


def test_shifts_leave_nothing_behind() -> None:
    x = np.random.default_rng(0).random((20, 2, 5, 6), np.float32)
    changes = augment.draw(Augment(shift=2), x.shape, chance.generator(0, "augment"))
    assert set(np.unique(changes.shift)) == {-2, -1, 0, 1, 2}
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    for image, (down, right), found in zip(padded, changes.shift, changed(x, changes), strict=True):
        np.testing.assert_array_equal(found, image[:, 2 - down : 7 - down, 2 - right : 8 - right])


def test_flips_half_of_them() -> None:
    x = np.random.default_rng(0).random((200, 1, 3, 4), np.float32)
    changes = augment.draw(Augment(flip=True), x.shape, chance.generator(0, "augment"))
    found = changed(x, changes)
    mirrored = np.array([np.array_equal(a, b[:, :, ::-1]) for a, b in zip(found, x, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(found, x, strict=True)])
    assert (mirrored ^ same).all() and 70 < mirrored.sum() < 130


def test_a_quarter_turn() -> None:
    """The geometry is that of pixels: 90 degrees turn a square picture as NumPy turns it."""
    x = np.random.default_rng(0).random((1, 1, 6, 6), np.float32)
    angle = math.pi / 2
    turn = np.array([[[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]]], np.float32)
    found = changed(x, augment.Changes(affine=turn))
    np.testing.assert_allclose(found[0, 0], np.rot90(x[0, 0], 1), atol=1e-5)
    drawn = augment.draw(Augment(rotate=90.0), (500, 1, 6, 12), chance.generator(0, "augment")).affine
    stretched = drawn[:, :, :2] * np.array([[1, 12 / 6], [6 / 12, 1]])  # in pixels a rotation
    np.testing.assert_allclose(stretched @ stretched.transpose(0, 2, 1), np.tile(np.eye(2), (500, 1, 1)), atol=1e-5)


def test_erases_rectangles() -> None:
    x = np.ones((300, 1, 10, 12), np.float32)
    found = changed(x, augment.draw(Augment(erase=0.5), x.shape, chance.generator(0, "augment")))[:, 0] == 0
    erased = found.any(axis=(1, 2))
    assert 120 < erased.sum() < 180
    for image in found[erased]:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert image.sum() == len(rows) * len(columns) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert image.sum() <= 0.5 * image.size


def test_brightness_contrast_and_noise() -> None:
    x = np.random.default_rng(0).random((400, 1, 8, 8), np.float32)
    settings = Augment(brightness=0.2, contrast=0.3, noise=0.05)
    changes = augment.draw(settings, x.shape, chance.generator(0, "augment"))
    bright = x * changes.brightness[:, None, None, None]
    mean = bright.mean(axis=(1, 2, 3), keepdims=True)
    expected = mean + (bright - mean) * changes.contrast[:, None, None, None] + changes.noise
    np.testing.assert_allclose(changed(x, changes), expected, atol=1e-5)
    for factors, share in ((changes.brightness, 0.2), (changes.contrast, 0.3)):
        assert 1 - share <= factors.min() < 1 - 0.9 * share and 1 + 0.9 * share < factors.max() <= 1 + share
    assert changes.noise.std() == pytest.approx(0.05, rel=0.02)


def test_history_comes_back() -> None:
    rows = (Epoch(1, 0.1 + 0.2, None, 1e-17, 0.5, 1e-3, 2.5), Epoch(2, 1.0, 0.25, None, None, 0.0, 1.0))
    assert from_csv(to_csv(rows)) == rows
    with pytest.raises(ValueError, match="no history"):
        from_csv("a,b\n1,2\n")
