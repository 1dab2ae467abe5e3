"""What is seen of a training while it goes on, in a shell of IPython, on a terminal, and nowhere."""

import io
import sys
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import cnndsl
from cnndsl.report.curves import HELD_OUT, LEARNED, MOST_POINTS, charts, svg
from cnndsl.training.history import Epoch
from tests.training.conftest import Data

SVG = "{http://www.w3.org/2000/svg}"


def curves(picture: str) -> dict[tuple[str, int], np.ndarray]:
    """The points of every curve, by its colour and the number of its chart."""
    found = {}
    for number, chart in enumerate(xml.fromstring(picture).findall(f"{SVG}g")):
        for line in chart.findall(f"{SVG}polyline"):
            points = [point.split(",") for point in line.attrib["points"].split()]
            found[line.attrib["stroke"], number] = np.array(points, float)
    return found


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell that keeps what it shows in ``published``, beside showing it."""
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    published: list[tuple[dict[str, str], dict[str, Any]]] = []
    publish = shell.display_pub.publish

    def kept(data: dict[str, str], **named: Any) -> None:
        published.append((data, named))
        publish(data, **named)

    monkeypatch.setattr(shell.display_pub, "publish", kept)
    shell.user_ns["published"] = published
    yield shell
    InteractiveShell.clear_instance()


def test_curves_grow_in_a_notebook(
    shell: InteractiveShell, net: cnndsl.Network, data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    """One output, drawn again after each epoch; a shell that shows no HTML prints a line."""
    pytest.importorskip("torch")
    shell.user_ns.update(net=net, x=data.x, y=data.y)
    shell.run_cell("import cnndsl\nresult = cnndsl.train(net, (x, y), epochs=4)", silent=True).raise_error()
    published, history = shell.user_ns["published"], shell.user_ns["result"].history
    assert [named["update"] for _, named in published] == [False, True, True, True]
    assert len({named["transient"]["display_id"] for _, named in published}) == 1
    for number, (shown, _) in enumerate(published, 1):
        assert shown["text/plain"].startswith(f"epoch {number}/4  loss {history[number - 1].loss:.4f}")
        html = shown["text/html"]
        found = curves(html[html.index("<svg") : html.index("</svg>") + 6])
        # the last point twice: a curve of one is a dot
        assert {key: len(points) for key, points in found.items()} == dict.fromkeys(
            [(LEARNED, 0), (HELD_OUT, 0), (LEARNED, 1), (HELD_OUT, 1)], number + 1
        )
    said = capsys.readouterr()
    assert said.out.count("epoch") == 4 and not said.err


def test_a_terminal_gets_a_line_for_each_epoch(
    net: cnndsl.Network, data: Data, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    cnndsl.train(net, (data.x, data.y), epochs=2)
    assert capsys.readouterr() == ("", "")  # nobody looks
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    cnndsl.train(net, (data.x, data.y), epochs=2)
    assert [line[:9] for line in terminal.getvalue().splitlines()] == ["epoch 1/2", "epoch 2/2"]


def rows(count: int, accuracy: bool = True, validation: bool = True) -> list[Epoch]:
    return [
        Epoch(
            epoch,
            2 / epoch,
            1 - 0.5 / epoch if accuracy else None,
            3 / epoch if validation else None,
            1 - 0.8 / epoch if accuracy and validation else None,
            1e-3,
            1.0,
        )
        for epoch in range(1, count + 1)
    ]


def test_the_picture_is_true_to_the_numbers() -> None:
    """Points lie as far apart as their numbers do, the lowest number of a chart at its lower end."""
    history = rows(5)
    found = curves(svg(history, 9))
    loss, held = found[LEARNED, 0], found[HELD_OUT, 0]
    np.testing.assert_allclose(np.diff(loss[:5, 0]), np.diff(loss[:2, 0])[0], atol=0.1)
    np.testing.assert_array_equal(loss[:, 0], held[:, 0])
    heights = np.concatenate([loss[:5, 1], held[:5, 1]])
    values = np.array([row.loss for row in history] + [row.validation_loss or 0 for row in history])
    slope, top = np.polyfit(values, heights, 1)
    np.testing.assert_allclose(heights, slope * values + top, atol=0.1)
    assert slope < 0 and heights.min() == held[0, 1]


def test_charts_of_what_there_is() -> None:
    assert [chart.name for chart in charts(rows(3))] == ["loss", "accuracy"]
    (loss,) = charts(rows(3, accuracy=False))
    assert loss.name == "loss" and (loss.low, loss.high) == (0, 3)
    assert [name for name, _, _ in loss.curves()] == ["training", "validation"]
    assert [name for name, _, _ in charts(rows(3, validation=False))[0].curves()] == ["training"]
    (empty,) = charts([])
    assert not list(empty.curves()) and xml.fromstring(svg([], 5)) is not None


def test_long_trainings_stay_light() -> None:
    found = curves(svg(rows(5_000), 5_000))
    assert all(len(points) <= MOST_POINTS + 1 for points in found.values())
    assert found[LEARNED, 0][-1, 0] == max(found[LEARNED, 0][:, 0])
