"""Names: of layers, of block instances, and the words that cannot be names."""

import re
from pathlib import Path

import pytest

from cnndsl.lang.elaborate.naming import KEYWORDS, instance_name, snake_case
from cnndsl.lang.text.lexer import RESERVED


def test_keywords_are_those_of_the_grammar(root: Path) -> None:
    grammar = (root / "grammar" / "cnn.lark").read_text(encoding="utf-8")
    rules = "\n".join(line for line in grammar.splitlines() if not line.lstrip().startswith("//"))
    assert set(re.findall(r'"([a-z]+)"', rules)) | set(RESERVED) == KEYWORDS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bottleneck", "bottleneck"),
        ("DenseBlock", "dense_block"),
        ("SE", "se"),
        ("SEBlock", "se_block"),
        ("block", "block"),
        ("Stage2", "stage2"),
    ],
)
def test_block_instances_are_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_the_number_of_an_instance_is_kept_apart_from_a_digit() -> None:
    assert instance_name("Stage2") == "stage2_"
    assert instance_name("Stage") == "stage"
