"""The files that commands write: of the right suffix, none of those that are read, none of somebody else's."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cnndsl.cli.terminal import complain
from cnndsl.errors import CnnError, quoted, visible
from cnndsl.files import is_stream, require_output

SUFFIXES = {
    "onnx": (".onnx",),
    "json": (".json", ".txt"),
    "cnn": (".cnn", ".txt"),
    "torch": (".py",),
    "keras": (".py",),
    "svg": (".svg",),
    "png": (".png",),
    "pdf": (".pdf",),
    "mmd": (".mmd", ".mermaid", ".txt"),
    "dot": (".dot", ".gv", ".txt"),
    "html": (".html", ".htm"),
    "text": (".txt", ".md"),
    "arrays": (".npz", ".npy"),
    "weights": (".safetensors", ".pt", ".pth"),
    "photograph": (".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
}
"""What names of files of each kind end in."""


WORDS = {"html": "a page of HTML", "text": "a text", "torch": "PyTorch source", "keras": "Keras source"}
"""What a format is called where that is not its suffix."""


def require_suffix(out: str, kind: str, *, asked: bool = False) -> None:
    """Raises CnnError for a suffix that does not fit what is written; where it was asked for, for that of another kind.

    Names without a suffix and pipes fit.
    """
    suffix = Path(out).suffix.lower()
    if out == "-" or not suffix or suffix in SUFFIXES[kind] or is_stream(out):
        return
    others = {other for kind in SUFFIXES for other in SUFFIXES[kind]}
    if not asked or suffix in others:
        advice = f"end the name in {' or '.join(SUFFIXES[kind])}, or write to standard output: -o -"
        what = WORDS.get(kind, f".{kind}")
        raise CnnError.of("bad-setting", f"{quoted(out)} is no name for {what}", advice)


def require_free(out: str | None, options: argparse.Namespace, network: Any) -> None:
    """Raises CnnError where a file to write is one that the command reads."""
    if out is not None and out != "-":
        require_output(out, read_files(options, network))


def read_files(options: argparse.Namespace, network: Any) -> Iterable[str | os.PathLike[str]]:
    """The files that a command reads: its network with imports, weights, labels and examples."""
    yield from (getattr(options, "file", None) or options.subject, *network.sources)
    yield from filter(None, (getattr(options, name, None) for name in ("weights", "labels")))
    for given in getattr(options, "input", None) or ():
        name, _, named = given.partition("=")
        what = named if name.strip() in network.inputs else given
        if os.path.isdir(what):
            yield from Path(what).iterdir()
        else:
            yield what


def require_own(out: Path, is_own: Callable[[Path], bool], force: bool) -> None:
    """Raises CnnError ``file-exists`` where a file is there that cnndsl did not write, unless that is forced."""
    if not force and out.is_file() and not is_stream(out) and not is_own(out):
        raise CnnError.of(
            "file-exists",
            f"{quoted(str(out))} is there already, and it is not as cnndsl wrote it",
            "choose another name with -o, or replace it with --force",
        )


def add_force(command: argparse.ArgumentParser) -> None:
    """The option that lets a command replace what it otherwise leaves alone."""
    force_help = "replaces files that cnndsl did not write, or that were changed since"
    command.add_argument("--force", action="store_true", help=force_help)


def wrote(*files: object) -> None:
    """Says on standard error what was written, if that is files."""
    sys.stdout.flush()
    names = [str(file) for file in files if file != "-" and not is_stream(str(file))]
    if names:
        complain(visible(f"wrote {' and '.join(names)}"))
