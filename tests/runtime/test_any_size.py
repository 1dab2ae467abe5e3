"""Networks whose symbols are open, run at the sizes of their inputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cnndsl
from cnndsl.analysis.readings import values_of
from cnndsl.analysis.sizes import with_symbols
from cnndsl.errors import CnnError
from cnndsl.interop.verify import Difference, Verification, sizes_compared, together
from cnndsl.ir import Assumption, Graph, Input, Symbol
from cnndsl.network import Backend, Network
from cnndsl.runtime import any_size
from cnndsl.runtime.data.images import read_image

UNET = Path(__file__).parents[2] / "examples" / "tiny_unet.cnn"


def general(text: str) -> Network:
    return Network(with_symbols(cnndsl.loads(text).graph))


def unet() -> Network:
    return Network(with_symbols(cnndsl.load(UNET).graph))


def images(height: int, width: int, batch: int = 2) -> Any:
    return np.random.default_rng(height * width).random((batch, 1, height, width), np.float32)


@pytest.mark.parametrize("backend", ["numpy", "reference", "onnxruntime"])
def test_every_size_gives_what_the_network_of_that_size_gives(backend: Backend) -> None:
    if backend == "onnxruntime":
        pytest.importorskip("onnxruntime")
    network = unet()
    run = network.runner(backend=backend)
    for height, width in [(64, 64), (36, 40), (4, 128)]:
        fixed = cnndsl.load(UNET, H=height, W=width)
        given = images(height, width)
        (wanted,) = fixed.runner(weights=network.weights(), backend="reference")(given).values()
        (found,) = run(given).values()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_plans_of_the_last_sizes_are_kept() -> None:
    made: list[tuple[int, ...]] = []

    def make(graph: Graph) -> Any:
        made.append(graph.inputs[0].shape.spatial)
        return lambda given: {}

    run = any_size.AnySize(with_symbols(cnndsl.loads("input 1@8\nrelu").graph), make)
    for size in (1, 2, 3, 4, 1, 5, 1, 2):
        run(np.zeros((1, 1, size)))
    assert made == [(1,), (2,), (3,), (4,), (5,), (2,)]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 37, 40), "H = 37, W = 40: concat: the branches differ in more than axis 0: 16@37x40 and 16@36x40"),
        ((1, 3, 36, 40), "must have the shape (N, 1, H, W), got (1, 3, 36, 40)"),
        ((36, 40), "must have the shape (N, 1, H, W), got (36, 40)"),
        ((), "must have the shape (N, 1, H, W), got ()"),
    ],
)
def test_a_size_that_is_not_taken(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(CnnError) as caught:
        unet().run(np.zeros(shape, np.float32))
    assert message in str(caught.value)


def test_other_weights_are_refused_before_anything_is_computed() -> None:
    network = general("input 1@8x8\nflatten -> dense 3")
    with pytest.raises(CnnError, match="H = 9, W = 8: `dense1` has a weight of 3 x 64"):
        network.run(np.zeros((1, 1, 9, 8), np.float32))


def test_assumptions_are_promises() -> None:
    network = unet()
    assumed = Network(network.graph.model_copy(update={"assumptions": (Assumption(text="H % 8 == 0"),)}))
    with pytest.raises(CnnError, match="H = 36, W = 40: the network assumes `H % 8 == 0`"):
        assumed.run(images(36, 40))


def with_extents(*texts: str, **defaults: int) -> Graph:
    graph = cnndsl.loads("input 3@12x9 as x\nrelu").graph
    value = Input(name="x", shape=cnndsl.Shape(3, (12, 9)), extents=("3", *texts))
    symbols = tuple(Symbol(name=name, default=size) for name, size in defaults.items())
    return graph.model_copy(update={"inputs": (value,), "symbols": symbols})


def test_values_of_symbols() -> None:
    graph = with_extents("2*H + 2", "W - 1", H=5, W=10)
    assert values_of(graph, {"x": (3, 20, 9)}) == {"H": 9, "W": 10}
    assert values_of(with_extents("2*H + 2", "H + 4", H=5), {"x": (3, 99, 14)}) == {"H": 10}
    assert values_of(with_extents("H//2", "9", H=24), {"x": (3, 12, 9)}) == {"H": 24}
    with pytest.raises(CnnError, match=r"an axis of 21 where the network has 2\*H \+ 2: H would be no whole number"):
        values_of(graph, {"x": (3, 21, 9)})
    with pytest.raises(CnnError, match="H would be no whole number of 1 or more"):
        values_of(graph, {"x": (3, 2, 9)})


def test_axes_that_do_not_agree() -> None:
    network = Network(with_extents("2*H + 2", "H + 4", H=5))
    assert network.run(np.zeros((1, 3, 22, 14), np.float32)).shape == (1, 3, 22, 14)
    with pytest.raises(CnnError, match=r"must have the shape \(N, 3, 22, 14\), got \(1, 3, 20, 14\)"):
        network.run(np.zeros((1, 3, 20, 14), np.float32))


def test_an_image_keeps_its_size(tmp_path: Path) -> None:
    Image.new("L", (40, 36)).save(tmp_path / "x.png")
    (value,) = unet().graph.inputs
    assert read_image(tmp_path / "x.png", value).shape == (1, 1, 36, 40)
    (fixed,) = cnndsl.load(UNET, H=64, W=64).graph.inputs
    with pytest.raises(CnnError, match="is 36x40"):
        read_image(tmp_path / "x.png", fixed)


def test_a_value_at_a_place_of_another_size() -> None:
    text = general("input 1@4x4\nconv 1 3x3 weight=[[1, 0, 0], [0, 0, 0], [0, 0, 0]] bias=false")
    assert "= 7" in text.explain("conv1", at=(0, 4, 4), x=np.full((1, 1, 7, 7), 7.0))
    with pytest.raises(CnnError):
        text.explain("conv1", at=(0, 4, 4), x=np.full((1, 1, 4, 4), 7.0))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("input 1@64x64\nmaxpool 2x2\nupsample 2", [(64, 64), (2, 2), (3, 3)]),
        ("input 1@64x64\nadd { identity; maxpool 2x2 -> upsample 2 }", [(64, 64), (2, 2), (4, 4)]),
        ("input 1@8x8\nadd { identity; permute [0, 2, 1] }", [(8, 8), (1, 1)]),
        ("input 1@8x8\nflatten -> dense 2", [(8, 8)]),
    ],
)
def test_sizes_that_are_compared(text: str, wanted: list[tuple[int, int]]) -> None:
    found = sizes_compared(general(text).graph)
    assert [tuple(size.values()) for size in found][: len(wanted)] == wanted
    for size in found:
        any_size.at_sizes(general(text).graph, size)


def test_verify_at_several_sizes() -> None:
    pytest.importorskip("onnxruntime")
    found = unet().verify()
    assert found.ok
    assert [tuple(size.values()) for size in found.sizes] == [(64, 64), (4, 4), (8, 8)]
    assert cnndsl.load(UNET, H=64, W=64).verify().sizes == ()


def test_the_worst_of_several_sizes() -> None:
    good = Verification((Difference("y", 0.0, 0.0),), None, 1e-4, (Difference("y", 0.0, 0.5),))
    bad = Verification((Difference("y", 1.0, 1.0),), Difference("conv", 1.0, 2.0), 1e-4, (Difference("y", 0.0, 0.0),))
    found = together([({"H": 8}, good), ({"H": 1}, bad)])
    assert not found.ok
    assert found.first == bad.first
    assert found.optimised[0].relative == 0.5
    assert found.sizes == ({"H": 8}, {"H": 1})
