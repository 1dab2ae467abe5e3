"""The loop beside one written by hand, and runs that are interrupted."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnndsl
from cnndsl.training import chance
from cnndsl.training.data.split import split
from cnndsl.training.loop import batches
from tests.training.conftest import Data

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def by_hand(net: cnndsl.Network, data: Data, epochs: int, batch: int) -> dict[str, np.ndarray]:
    """AdamW with PyTorch's own cosine on a module of PyTorch's, which drops nothing."""
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Flatten(), torch.nn.Linear(256, 3))
    keys = ["conv1.weight", "conv1.bias", "dense1.weight", "dense1.bias"]
    weights = net.weights(3)
    with torch.no_grad():
        for parameter, key in zip(module.parameters(), keys, strict=True):
            parameter.copy_(torch.from_numpy(weights[key]))
    x, y = torch.from_numpy(data.x).float() / 255, torch.from_numpy(data.y)
    rows = split(data.y, 0.2, 3).training
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-2, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(rows) // batch))
    for epoch in range(epochs):
        for part in torch.from_numpy(rows[chance.order(len(rows), 3, epoch)]).split(batch):
            optimizer.zero_grad()
            loss = functional.cross_entropy(module(x[part]), y[part], label_smoothing=0.1)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
            optimizer.step()
            schedule.step()
    return {key: parameter.detach().numpy() for key, parameter in zip(keys, module.parameters(), strict=True)}


def test_the_loop_is_the_one_that_anybody_would_write(data: Data) -> None:
    net = cnndsl.loads("input 1@8x8\nconv 4 3x3 pad=1\nflatten -> dense 3 -> softmax")
    settings: dict[str, Any] = {
        "optimizer": "adamw lr=1e-2 weight_decay=0.1",
        "loss": "cross_entropy label_smoothing=0.1",
    }
    seen: list[dict[str, Any]] = []
    result = cnndsl.train(
        net, (data.x, data.y), epochs=3, batch=16, seed=3, validate=0.2, clip=0.5, report=seen.append, **settings
    )
    assert [row.epoch.epoch for row in seen] == [1, 2, 3] and result.best.epoch == 3
    for key, expected in by_hand(net, data, 3, 16).items():
        np.testing.assert_allclose(result.weights[key], expected, rtol=0, atol=1e-6)


def test_history_says_what_the_network_does(net: cnndsl.Network, data: Data) -> None:
    """Loss and accuracy of validation, computed again by the interpreter."""
    result = cnndsl.train(net, (data.x, data.y), epochs=6)
    held = split(data.y, 0.15, 0).validation
    probabilities = result.network.run(data.x[held].astype(np.float32) / 255)
    best = result.best
    loss = -np.log(probabilities[np.arange(len(held)), data.y[held]]).mean()
    assert best.validation_loss == pytest.approx(loss, abs=1e-5)
    assert best.validation_accuracy == np.mean(probabilities.argmax(axis=1) == data.y[held])
    assert result.history[-1].loss < result.history[0].loss
    assert best == min(result.history, key=lambda row: row.validation_loss)


@pytest.mark.parametrize("augment", ["", "shift=1 rotate=10 flip noise=0.1 mixup=0.4"])
def test_interrupted_in_the_middle_of_an_epoch(
    net: cnndsl.Network, data: Data, tmp_path: Path, augment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is the same, bit for bit."""
    from cnndsl.training.model import Learner

    settings: dict[str, Any] = {"augment": augment} if augment else {}
    whole = cnndsl.train(net, (data.x, data.y), **settings)
    step = Learner.step
    calls = 0

    def interrupted(self: Learner, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 8:  # of 5 an epoch
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    monkeypatch.setattr(Learner, "step", interrupted)
    first = cnndsl.train(net, (data.x, data.y), out=tmp_path / "run", **settings)
    assert first.interrupted and calls == 8 and len(first.history) == 1
    last = cnndsl.train(net, (data.x, data.y), resume=tmp_path / "run")
    assert not last.interrupted and calls == 20
    assert [row[:-1] for row in last.history] == [row[:-1] for row in whole.history]  # but for the seconds
    for key, value in whole.weights.items():
        np.testing.assert_array_equal(last.weights[key], value)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_goes_on_for_more_epochs(net: cnndsl.Network, data: Data, tmp_path: Path) -> None:
    first = cnndsl.train(net, (data.x, data.y), out=tmp_path / "run", epochs=2, schedule="constant")
    more = cnndsl.train(net, (data.x, data.y), resume=tmp_path / "run", epochs=4)
    whole = cnndsl.train(net, (data.x, data.y), epochs=4, schedule="constant")
    assert [row[:-1] for row in more.history] == [row[:-1] for row in whole.history]
    assert more.history[:2] == first.history


def test_stops_early(net: cnndsl.Network, data: Data) -> None:
    result = cnndsl.train(net, (data.x, data.y), epochs=50, stop="patience=2", optimizer="sgd lr=1e-9", batch=90)
    assert result.stopped_early and len(result.history) < 50


def test_a_loss_that_is_no_number(net: cnndsl.Network, data: Data, tmp_path: Path) -> None:
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.train(net, (data.x, data.y), out=tmp_path / "run", optimizer="sgd lr=1e30")
    (found,) = caught.value.diagnostics
    assert found.code == "train-diverged" and "of epoch 1" in found.message
    np.testing.assert_array_equal(
        net.weights_from(tmp_path / "run" / "last.safetensors", 0)["conv1.weight"], net.weights(0)["conv1.weight"]
    )


@pytest.mark.parametrize(
    ("count", "size", "processes", "sizes"),
    [(10, 4, 1, [4, 4, 2]), (9, 4, 1, [4, 5]), (1, 4, 1, [1]), (8, 4, 1, [4, 4]), (11, 4, 2, [4, 7])],
)
def test_batches(count: int, size: int, processes: int, sizes: list[int]) -> None:
    found = batches(count, size, processes)
    assert [end - start for start, end in found] == sizes
    assert [start for start, _ in found[1:]] == [end for _, end in found[:-1]] and found[-1][1] == count


@pytest.mark.parametrize(
    ("line", "loss"),
    [("conv 1 3x3 pad=1 -> sigmoid", "binary_cross_entropy"), ("conv 1 3x3 pad=1", "mse"), ("conv 1 3x3 pad=1", "l1")],
)
def test_values_for_each_pixel(line: str, loss: str, data: Data) -> None:
    """Which pixels are bright."""
    wanted = (data.x > 100).astype(np.uint8)
    net = cnndsl.loads(f"input 1@8x8\n{line}")
    result = cnndsl.train(net, (data.x, wanted), loss=loss, epochs=8, batch=8, optimizer="adamw lr=0.05")
    assert result.history[-1].loss < 0.5 * result.history[0].loss
    assert (result.history[-1].accuracy is None) == (loss != "binary_cross_entropy")


def test_words(tmp_path: Path) -> None:
    """Whether the word 3 is in a sentence, from a table with names of classes."""
    random = np.random.default_rng(1)
    rows = random.integers(0, 8, (60, 5))
    table = tmp_path / "words.csv"
    lines = [",".join(map(str, row)) + (",yes" if 3 in row else ",no") for row in rows]
    table.write_text("a,b,c,d,e,answer\n" + "\n".join(lines) + "\n", encoding="utf-8")
    net = cnndsl.loads(
        "input 5 dtype=int64\nembedding 8 4\nconv 8 1 -> relu -> global_maxpool\nflatten -> dense 2 -> softmax"
    )
    result = cnndsl.train(net, table, epochs=25, batch=8, optimizer="adamw lr=0.03")
    assert result.class_names == ("no", "yes")
    assert result.history[-1].accuracy > 0.9
