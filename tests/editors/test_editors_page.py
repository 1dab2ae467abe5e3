"""docs/editors.md: what it says of the language, of the settings and of the grammar holds."""

import plistlib
import re
from pathlib import Path

from cnndsl.highlight.rules import KEYWORDS
from cnndsl.highlight.textmate import grammar
from tests.editors.test_extension import CONTRIBUTES


def page(root: Path) -> str:
    return (root / "docs" / "editors.md").read_text(encoding="utf-8")


def test_emacs_knows_every_keyword(root: Path) -> None:
    (lines,) = re.findall(r"'\(\"#\"\)\n  '\((.*?)\)", page(root), re.DOTALL)
    assert sorted(re.findall(r'"(\w+)"', lines)) == sorted(KEYWORDS)


def test_settings_are_those_of_the_extension(root: Path) -> None:
    for name in ("inlayHints", "codeLens"):
        setting = CONTRIBUTES["configuration"]["properties"][f"cnndsl.{name}"]
        (row,) = re.findall(rf"^\| `{name}` \| (.*?) \| .*?`([^`]*)` by default", page(root), re.MULTILINE)
        values = setting.get("enum", ["true", "false"])
        assert re.findall(r"`([^`]+)`", row[0]) == values and row[1] == str(setting["default"]).lower()


def test_the_grammar_is_a_property_list_too() -> None:
    assert plistlib.loads(plistlib.dumps(grammar())) == grammar()
