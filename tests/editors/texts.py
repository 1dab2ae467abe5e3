"""Texts to colour: every network of the examples, and every one in the docs that has no mistakes."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^( *)```cnn(?! wrong)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

UNUSUAL = """\
# every part of the language that the examples leave out; a "#" in a string is none
import "blocks.cnn";  import "a#b.cnn" # two on a line
param words = "a\\"b\\\\c\\n\\u00e9"; let while_ = not true and false or 1 != 2
symbol H = 224, W = (200 + 24), D
input 3@HxW dtype=int64 as image
assume H % 32 == 0 and W % 32 == 0
let conv = 3
let rows = [
  [1, 2.5, 1_000, 62K, 1e-5],  # a list over several lines
  conv,
  max(1, 2) // 3 ** -1,
]
block Stage(width, skip, pad=max(2, 3),
  depth = 2) { if(depth>1) { conv width 3x3 pad=same pad_mode=reflect->relu } else { identity } }
block plain { reduce axes=[1] by=mean; { resize mode=linear; upsample 2 mode = nearest } }
repeat 2 as i { for x in range(3) { Stage 8 image as level } }
for [a,
  b] in [[1, 2]] { from level[0][-1] -> conv (a + b) 3x3 share=level }
expect (level[0].channels
  == params) and macs >= 2 if layers < 3 else receptive_field == 3x3
expect 64@[H//4, W//4]; expect layers.params == in.shape
output image level[0]
train { data "x"; augment flip erase=0.5; loss class_weights=balanced binary_cross_entropy
  schedule step every=2
  optimizer lr=step nesterov sgd
  validate 0.2
}
"""


@cache
def texts() -> dict[str, str]:
    """Texts without mistakes of syntax, by a name for each."""
    found = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "examples").rglob("*.cnn"))}
    networks = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
    left_out = "...\n"  # what a page does not show
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(BLOCK.finditer(text), start=1):
            if block[2] != left_out:
                networks[f"{page.name}#{number}"] = re.sub(f"^{block[1]}", "", block[2], flags=re.MULTILINE)
    return {**networks, "unusual": UNUSUAL}
