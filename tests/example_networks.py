"""Every network of ``examples/``, for tests that go through all of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import cnndsl

EXAMPLES = Path(__file__).parents[1] / "examples"


def networks() -> Iterator[tuple[Path, str | None]]:
    """Files with the names of their networks; None where the file itself is one."""
    for path in sorted(EXAMPLES.glob("**/*.cnn")):
        for name in re.findall(r"^network (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE) or [None]:
            yield path, name


def loaded(path: Path, name: str | None) -> cnndsl.Network:
    return cnndsl.load(path, network=name) if name else cnndsl.load(path)
