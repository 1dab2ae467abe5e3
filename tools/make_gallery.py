"""Draws every network of the zoo for ``docs/gallery.md``, and writes the part of the page that shows them.

    python -m tools.make_gallery [--check]

``--check`` writes nothing and exits with 1 where the page or a picture is stale.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cnndsl import draw
from cnndsl.api import Network, check_file
from cnndsl.draw.page import ANY_PAGE, Page, page_of

ROOT = Path(__file__).resolve().parents[1]
ZOO = ROOT / "examples" / "zoo"
PAGE = ROOT / "docs" / "gallery.md"
FOLDER = "gallery"

BEGIN = "<!-- begin gallery: python -m tools.make_gallery writes this part -->"
END = "<!-- end gallery -->"


class Special(NamedTuple):
    """A figure that is not the usual one: what the page says of it, and how it is asked for."""

    words: str
    file: str
    network: str
    options: str
    style: draw.Style
    depth: int | None = None
    page: Page = ANY_PAGE


SPECIALS = (
    Special("LeNet-5 in the look of its paper", "lenet", "LeNet5", "--style sheets", "sheets"),
    Special(
        "An Inception module opened, on a page 16 cm wide",
        "googlenet",
        "GoogLeNet",
        "--style volumes --depth 2 --width 16cm",
        "volumes",
        2,
        page_of("16cm"),
    ),
    Special("ResNet-50 as a graph", "resnet", "ResNet50", "", "graph"),
    Special(
        "VGG-16 on a page 16 cm wide", "vgg", "VGG16", "--style volumes --width 16cm", "volumes", None, page_of("16cm")
    ),
)


def networks(file: Path) -> Sequence[Network]:
    return check_file(file, ignore=("all",)).networks


def pictures() -> Iterator[tuple[str, bytes, str]]:
    """The name of every picture's file, the picture, and what the page says of it."""
    for special in SPECIALS:
        (network,) = (one for one in networks(ZOO / f"{special.file}.cnn") if one.name == special.network)
        name = f"{special.network}_{special.style}{'_page' if special.page.width else ''}.svg"
        picture = draw.render(network, "svg", special.style, special.depth, page=special.page)
        command = f"cnndsl draw examples/zoo/{special.file}.cnn --network {special.network} {special.options}".rstrip()
        yield (
            name,
            picture,
            f"### {special.words}\n\n`{command} -o figure.svg`\n\n![{special.words}]({FOLDER}/{name})\n",
        )
    for file in sorted(ZOO.glob("*.cnn")):
        for index, network in enumerate(networks(file)):
            name = f"{network.name}.svg"
            heading = f"### {file.stem}\n\n" if index == 0 else ""
            shown = f"![{network.name} as volumes]({FOLDER}/{name})"
            facts = f"{network.name}, {len(network.layers):,} layers, {network.params:,} parameters"
            yield name, draw.render(network, "svg", "volumes"), f"{heading}{facts}:\n\n{shown}\n"


def made() -> tuple[str, Mapping[str, bytes]]:
    """The page with its figures, and their files."""
    found = list(pictures())
    parts = [words for _, _, words in found]
    parts.insert(len(SPECIALS), "## Every network of the zoo\n")
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    text = f"{before}{BEGIN}\n\n" + "\n".join(parts) + f"\n{END}" + rest.split(END)[1]
    return text, {name: picture for name, picture, _ in found}


def stale(text: str, files: Mapping[str, bytes]) -> list[str]:
    """What differs from what is stored."""
    folder = PAGE.parent / FOLDER
    stored = {path.name: path.read_bytes() for path in folder.glob("*")}
    names = [name for name in {**stored, **files} if stored.get(name) != files.get(name)]
    return names + ([PAGE.name] if text != PAGE.read_text(encoding="utf-8") else [])


def main(arguments: Sequence[str] | None = None) -> int:
    text, files = made()
    if "--check" in (sys.argv[1:] if arguments is None else arguments):
        found = stale(text, files)
        print("\n".join(found), file=sys.stderr)
        return 1 if found else 0
    folder = PAGE.parent / FOLDER
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*"):
        if path.name not in files:
            path.unlink()
    for name, picture in files.items():
        (folder / name).write_bytes(picture)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
