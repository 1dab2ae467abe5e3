"""docs/security.md quotes the limits of the code."""

import re

import cnndsl
from cnndsl.interop.keras.importer import load
from cnndsl.interop.onnx.importer import constant_folding, file
from cnndsl.shapes import MAX_RANK


def test_the_limits_are_those_of_the_code(root):
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", text, re.MULTILINE)
    bounds = cnndsl.Limits()._asdict()
    assert bounds.pop("run_bytes") is None
    assert {name: int(number.replace(",", "")) for name, number in rows} == bounds
    words = " ".join(text.split())
    assert f"{constant_folding.GENERATED_BYTES:,} bytes at the most" in words
    assert f"{constant_folding.WORKED_BYTES:,} bytes, and {constant_folding.WORKED_PER_STORED_BYTE} for each" in words
    assert f"at most {MAX_RANK} spatial axes" in words
    assert file.NODES_PER_LAYER == 4
    assert f"{load.EXPANSION} bytes for each that it holds, its weights too, and {load.CONFIG_BYTES:,} for" in words
