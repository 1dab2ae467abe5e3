"""Whatever is named at length, and wherever, what is said about it stays short."""

import re
from pathlib import Path

import pytest

import cnndsl
from cnndsl import ops

CASES = sorted((Path(__file__).parents[1] / "cases").rglob("*.cnn"))
LONG, SHORT = 3_000, 600


def own_words(text: str) -> list[str]:
    return sorted(set(re.findall(r"[A-Za-z_]\w*", re.sub(r"#.*", "", text))) - set(ops.NAMES))


@pytest.mark.parametrize("path", [path for path in CASES if path.stat().st_size < 2_000], ids=lambda path: path.stem)
def test_messages_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for word in own_words(text):
        longer = re.sub(rf"(?<!\w){word}(?!\w)", word * (LONG // len(word)), text)
        for found in cnndsl.check(longer, select=["all"]).diagnostics:
            said = (found.message, *found.help, *(label.message for label in found.labels))
            said += tuple(fix.title for fix in found.fixes)
            assert max(map(len, said)) < SHORT, (word, found.code)
