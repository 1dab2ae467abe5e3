"""Where files come from: what cnndsl wrote it may replace, and weights and a text that were written together know it.

The mark of a text is a comment in its first line, that of weights is metadata of the ``.safetensors`` file.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from cnndsl.errors import CnnError, quoted
from cnndsl.files import require_regular
from cnndsl.ir import Graph, operator_to_json, shape_to_json

MARK = re.compile(r"# written by cnndsl (?:import|export), text ([0-9a-f]{16})(?:, network ([0-9a-f]{16}))?\n")
NETWORK = "cnndsl.network"
"""The key of the metadata: weights have the digest of the network that they were written with."""


def marked(text: str, command: str, network: str = "") -> str:
    """The text with its mark; ``network`` is the digest of what the weights beside it are for."""
    beside = f", network {network}" if network else ""
    return f"# written by cnndsl {command}, text {digest(text.encode())}{beside}\n{text}"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def network_digest(network: Graph) -> str:
    """A digest of what a network computes with given weights: equal for equal layers, wherever they are written."""
    inputs = [(value.name, shape_to_json(value.shape), value.dtype) for value in network.inputs]
    layers = [(node.name, operator_to_json(node.op), node.inputs, node.share) for node in network.layers]
    return digest(json.dumps([inputs, layers, network.outputs], sort_keys=True).encode())


def is_own_text(path: Path) -> bool:
    """Whether a file is a text that cnndsl wrote and nobody has changed since."""
    try:
        require_regular(path)
        text = path.read_bytes().decode().replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return False
    mark = MARK.match(text)
    return mark is not None and mark[1] == digest(text[mark.end() :].encode())


def is_own_weights(path: Path) -> bool:
    """Whether a file has weights that cnndsl wrote beside a text."""
    return written_with(path) is not None


def written_with(path: Path) -> str | None:
    """The digest of the network that weights were written with; None where the file does not say."""
    from safetensors import SafetensorError, safe_open

    try:
        require_regular(path)
        with safe_open(path, framework="numpy") as tensors:
            metadata = tensors.metadata() or {}
    except (OSError, SafetensorError):
        return None
    found = metadata.get(NETWORK)
    return found if isinstance(found, str) else None


def require_pair(sources: Mapping[str, str], weights: Path) -> None:
    """Raises CnnError ``weights-pair`` where a text and weights both say with what they were written, and disagree.

    ``sources`` are the texts of a network, the one first loaded first.
    """
    file, text = next(iter(sources.items()), ("", ""))
    mark = MARK.match(text)
    if mark is None or not mark[2] or weights.suffix.lower() != ".safetensors":
        return
    written = written_with(weights)
    if written is not None and written != mark[2]:
        raise CnnError.of(
            "weights-pair",
            f"the weights in {quoted(str(weights))} were written with another text than {quoted(file)}",
            "import the model again; or, if they belong together after all, delete the first line of the text",
        )
