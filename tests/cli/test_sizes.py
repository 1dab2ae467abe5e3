"""``cnndsl sizes``: its answers as text and JSON, and the same from programs."""

import json
from pathlib import Path

import pytest

import cnndsl
from cnndsl.cli import main
from cnndsl.errors import CnnError

ZOO = Path(__file__).parents[2] / "examples" / "zoo"


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["sizes", *map(str, words)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_unet(capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are those of Ronneberger et al.: 572 gives 388, and tiles must be even before every pooling."""
    unet = ZOO / "unet.cnn"
    text = answer(capsys, unet)
    assert "input 1@HxW: H and W: 188, 204, 220, ... (16k + 12, at least 188)" in text
    assert "H % 16 == 12 and W % 16 == 12" in text and "unet.cnn:29" in text
    assert "output 2@(H - 184)x(W - 184)" in text
    assert answer(capsys, unet, "--near", 500) == "H: 492 below, 508 above\nW: 492 below, 508 above\n"
    assert answer(capsys, unet, "--near", "492x500").startswith("H: 492\n")
    assert answer(capsys, unet, "--out", 388) == "H: 572\nW: 572\n"
    assert answer(capsys, unet, "--out", "388x20") == "H: 572\nW: 204\n"
    assert answer(capsys, unet, "--list", "180..230") == "H: 188, 204, 220\nW: 188, 204, 220\n"
    found = json.loads(answer(capsys, unet, "--format", "json", "--list", "1..200"))
    (network,) = found["networks"]
    assert network["listed"] == {"H": [188], "W": [188]}
    height = network["symbols"][0]
    assert {name: height[name] for name in ("name", "default", "minimum", "period", "residues", "also")} == {
        "name": "H",
        "default": 572,
        "minimum": 188,
        "period": 16,
        "residues": [12],
        "also": [],
    }
    assert [one["text"] for one in height["conditions"]] == ["H >= 188", "H % 16 == 12"]


def test_exact_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    vgg = (ZOO / "vgg.cnn", "--network", "VGG16")
    assert "every pixel is read (no remainder in any division): H and W: multiples of 32\n" in answer(capsys, *vgg)
    assert answer(capsys, *vgg, "--exact") == "H: multiples of 32\nW: multiples of 32\n"
    assert answer(capsys, *vgg, "--exact", "--list", "30..100") == "H: 32, 64, 96\nW: 32, 64, 96\n"


def test_ties(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    turned = tmp_path / "turned.cnn"
    turned.write_text("input 3@8x8 as x\npermute [0, 2, 1] as y\nadd { from x; from y }\n", encoding="utf-8")
    assert answer(capsys, turned).splitlines()[:2] == ["input 3@HxW: H and W: any size", "  H == W"]
    joined = tmp_path / "joined.cnn"
    joined.write_text("input 3@9 as a; input 3@9 as b\nconcat { from a -> maxpool 3; from b -> maxpool 3 }\n", "utf-8")
    assert "  a.L == b.L" in answer(capsys, joined).splitlines()


def test_several_extents_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, ZOO / "dcgan.cnn", "--network", "Discriminator")
    assert "output (floor(H/16) - 3)*(floor(W/16) - 3)\n" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--list", "1..x"), "--list takes a range such as 1..700"),
        (("--list", "9..3"), "--list takes a range"),
        (("--list", "1..900000"), "a list of sizes has at most 100,000"),
        (("--near", "0"), "--near takes whole numbers from 1 on"),
        (("--near", "1x2x3"), "--near has 3 sizes, but the network has 2 symbols"),
        (("--out", "1x2x3"), "no output has 3 spatial axes: 2@388x388"),
    ],
)
def test_what_cannot_be_asked(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sizes", str(ZOO / "unet.cnn"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("error[") == 1


def test_from_programs() -> None:
    net = cnndsl.load(ZOO / "unet.cnn", network="UNet")
    sizes = net.sizes()
    assert net.symbols == {"H": 572, "W": 572} and [one.name for one in sizes.symbols] == ["H", "W"]
    assert sizes.allows(H=204) and not sizes.allows(H=205) and sizes.allows({"H": 188, "W": 1004})
    assert sizes.values("H", 1, 220) == [188, 204, 220]
    assert sizes.near(H=500) == {"H": (492, 508)} and sizes.near(W=3) == {"W": (None, 188)}
    assert sizes.outputs == {"map": "2@(H - 184)x(W - 184)"} and sizes.shape(net.graph.inputs[0].name) == "1@HxW"
    assert repr(sizes).startswith("<NetworkSizes UNet: H: 188, 204")
    other = net.at(H=188, W=204)
    assert str(other.outputs["map"]) == "2@4x20" and other.params == net.params and other.macs < net.macs
    for call in (
        lambda: sizes.allows(X=3),
        lambda: net.at(H=0),
        lambda: sizes.values("Q", 1, 2),
        lambda: net.at(H=189),
    ):
        with pytest.raises(CnnError):
            call()
    with pytest.raises(CnnError, match="concat: the branches differ"):
        net.at(H=189)
