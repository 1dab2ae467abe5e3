"""Every network of ``examples/``, for tests that go through all of them."""

import json
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


def before_softmax(net: cnndsl.Network) -> cnndsl.Network:
    """The network without a softmax at its end: of large values that leaves the largest alone, and hides the others."""
    told = json.loads(net.to_json())
    last = told["layers"][-1]
    if net.layers[-1].operator != "softmax" or told["outputs"] != [last["name"]]:
        return net
    told["outputs"] = told["layers"].pop()["inputs"]
    told.pop("expectations", None)  # one may be of the softmax
    return cnndsl.from_json(json.dumps(told))


def loaded(path: Path, name: str | None) -> cnndsl.Network:
    return cnndsl.load(path, network=name) if name else cnndsl.load(path)
