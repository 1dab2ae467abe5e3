"""Recovery: every syntax mistake of a file in one run, each once, in the order of the text."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import check
from cnndsl.errors import CnnError, Diagnostic
from cnndsl.lang.text.parser import parse
from cnndsl.lang.text.syntax_errors import MISTAKES
from cnndsl.limits import DEFAULT_LIMITS, Limits
from tests.work import calls


def found(text: str, limits: Limits = DEFAULT_LIMITS) -> list[Diagnostic]:
    """What parsing a text says against it."""
    try:
        parse(text, limits=limits)
    except CnnError as error:
        return list(error.diagnostics)
    return []


def lines(text: str) -> list[int]:
    """The lines of the diagnostics of a text."""
    return [diagnostic.span.line for diagnostic in found(text) if diagnostic.span]


# --- several mistakes -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv(8)\nrelu\nconv 8 -1\nlet x =\n", [1, 3, 4]),
        ("conv(8); conv(9)", [1, 1]),
        ("network A {\n  conv(8)\n}\nnetwork B {\n  relu)\n}\n", [2, 5]),
        ("add {\n  relu ->\n  conv 8, 3\n}\nlet 3 = x", [2, 3, 5]),
        ("repeat 3 x {\n  conv(8)\n  relu\n}\nlet x", [1, 2, 5]),
        ("if a b {\n  conv(8)\n} else {\n  relu)\n}\nlet x", [1, 2, 4, 6]),
        ("if a b {\n  relu\n}\nelse {\n  relu)\n}\nlet x", [1, 5, 7]),
        ("block B(a {\n  conv(8)\n}\nnetwork C {\n  let x\n}", [1, 2, 5]),
        ('conv 8 3×3\nconv 8 3x3y\nimport "a\nlet x = 1 2', [1, 2, 3, 4]),
        ('import "a\\qb"\nlet x = 111111111111111111111111\nlet y = [1, 1e99]\nlet', [1, 2, 3, 4]),
        ("let train = 1\nlet x = max(1, 2\nlet y = (1, 2)\nrelu as input", [1, 2, 3, 4]),
        ("relu\x00\nconv(8)\n# \x1b\x1b\n", [1, 2, 3]),
        ("network A {\n  let x =", [1, 2]),
    ],
)
def test_every_mistake_is_reported_once_on_its_line(text: str, expected: list[int]) -> None:
    assert lines(text) == expected


def alone(example: str) -> bool:
    """Whether an example is a mistake wherever it stands, and leaves nothing open."""
    return "else" not in example and not example.startswith(("import", "network", "block", "->"))


@given(st.lists(st.sampled_from([e for m in MISTAKES for e in m.examples if alone(e)]), min_size=1, max_size=8))
def test_known_mistakes_in_a_row_are_all_explained(examples: list[str]) -> None:
    separated = "\ntanh\n".join(examples)
    messages = {example: mistake.message for mistake in MISTAKES for example in mistake.examples}
    assert [diagnostic.message for diagnostic in found(separated + "\ntanh")] == [messages[e] for e in examples]


def test_everything_else_is_checked_where_there_are_syntax_errors() -> None:
    result = check("input 1@28x28\nrelo\nconv(8)\nlet x =\n")
    found = [(d.code, d.span.line) for d in result.diagnostics if d.span]
    assert found == [("unknown-operator", 2), ("syntax", 3), ("syntax", 4)]


# --- no cascades ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "block B {\n  if a {\n    relu\n  } norm {\n    tanh\n  }\n}\nblock C { relu }",
        "network A {\n  add from c -> conv 8; upsample 2 } as m\n  relu\n}\nnetwork B { relu }",
        "network A {\n  repeat 3 { Block 8 -1 }\n  relu\n}",
        "let t = [\n  [1, 2],\n  3, 4],\n  [5, 6],\n]\nrelu",
        "let t = [[1, 2], [3 4],\n  [5, 6], [7, 8]]\nrelu",
        "conv 8 pad=max(1 2)\n  -> relu\n  -> tanh\nrelu",
        "conv(8,\n  3)\nrelu",
        'import "a{b\nrelu',
        "if a {\n  relu\n} tanh # {",
        "network A\n  input 1\n  repeat 3 { relu }\n}\nnetwork B { relu }",
        "network A {\n  if a\n    relu\n  }\n  relu\n}",
        "network\n  relu\n}\nrelu",
        "for x xs {\n  add { relu; tanh }\n}",
        "if a { relu } else\n  relu\n}",
    ],
)
def test_one_mistake_gives_one_diagnostic(text: str) -> None:
    assert len(found(text)) == 1


# --- brackets, by the indentation -------------------------------------------------------------------------------------
NESTED = """\
network A {
  input 1@8x8
  add {
    conv 8 3x3 pad=1
    identity
  }
  repeat 2 {
    relu
  }
}

network B {
  input 1
}
"""


@pytest.mark.parametrize(
    ("line", "reported_if_empty", "reported_if_gone", "opener"),
    [(6, 6, 5, 3), (9, 9, 8, 7), (10, 10, 10, 1), (14, 12, 12, None)],
)
def test_a_missing_closing_brace(line: int, reported_if_empty: int, reported_if_gone: int, opener: int | None) -> None:
    damaged = NESTED.splitlines(keepends=True)
    for rest, reported in (("\n", reported_if_empty), ("", reported_if_gone)):
        damaged[line - 1] = rest
        [diagnostic] = found("".join(damaged))
        assert diagnostic.span and diagnostic.span.line == reported
        if opener:
            assert diagnostic.message == "a `}` is missing here"
            assert diagnostic.labels[0].span.line == opener
        else:
            assert diagnostic.message == "this `{` is never closed"


@pytest.mark.parametrize("line", [1, 3, 7, 12])
def test_a_missing_opening_brace(line: int) -> None:
    damaged = NESTED.splitlines()
    damaged[line - 1] = damaged[line - 1].replace(" {", "")
    assert lines("\n".join(damaged)) == [line]


@pytest.mark.parametrize("line", [2, 5, 8])
def test_a_closing_brace_too_many(line: int) -> None:
    damaged = NESTED.splitlines()
    damaged[line - 1] += " }"
    assert lines("\n".join(damaged)) == [line]


def test_several_missing_braces_are_all_named() -> None:
    body = "  add {\n    relu\n  tanh\n  repeat 3 {\n    relu\n  conv 8\n"
    text = f"network A {{\n{body}}}\nnetwork B {{\n  relu\n\nlet x = 1\n"
    assert [(d.span.line, d.labels[0].span.line) for d in found(text) if d.span] == [(3, 2), (6, 5), (11, 9)]


@pytest.mark.parametrize(
    ("text", "line", "opener"),
    [
        ("let t = [[1, 2], [3, 4,\n         [5, 6]]\nrelu", 1, (1, 18)),
        ("for [a, b] in [\n  [1, 2,\n  [3, 4],\n] {\n  relu\n}", 2, (2, 3)),
        ("let t = max(1,\n  2\nconv 8", 2, (1, 12)),
        ("let t = [1,\n  2\n\n\nconv 8", 3, (1, 9)),
    ],
)
def test_a_missing_closing_bracket(text: str, line: int, opener: tuple[int, int]) -> None:
    [diagnostic] = found(text)
    assert diagnostic.span and diagnostic.span.line == line
    assert (diagnostic.labels[0].span.line, diagnostic.labels[0].span.column) == opener


def test_a_comma_missing_at_the_end_of_a_line_is_missing_there() -> None:
    [diagnostic] = found("let t = [\n  [1, 2]\n  [3, 4],\n]")
    assert diagnostic.message == "expected `,` or `]`, found `[`"
    assert diagnostic.span and (diagnostic.span.line, diagnostic.span.column) == (2, 9)


def test_without_indentation_the_bracket_itself_is_named() -> None:
    [diagnostic] = found("network A {\nadd {\nrelu\n}")
    assert diagnostic.message == "this `{` is never closed"
    assert diagnostic.span and diagnostic.span.line == 1


# --- limits -----------------------------------------------------------------------------------------------------------
def test_the_number_of_diagnostics_is_limited() -> None:
    text = "conv -8\n" * 500
    diagnostics = found(text, Limits(diagnostics=7))
    assert [diagnostic.code for diagnostic in diagnostics] == ["syntax"] * 7 + ["diagnostic-limit"]
    assert found("conv -8\n" * 7, Limits(diagnostics=7)) == diagnostics[:7]
    checked = check(text, limits=Limits(diagnostics=7))
    assert list(checked.diagnostics) == diagnostics
    invisible = found("\x00\n" * 500, Limits(diagnostics=7))
    assert [diagnostic.code for diagnostic in invisible] == ["bad-character"] * 7 + ["diagnostic-limit"]


GARBAGE = [
    "conv(8)\n",
    "a { )\n",
    "}\n",
    "]\n",
    "[\n",
    '"{\n',
    "}{",
    "{}",
    "} else {\n",
    "network A {\n",
    "network A\n x\n",
    "a { ) ",
    "} x ",
    "conv(8);",
    "\x00\n",
    "2 ** ",
    "a if b else ",
]


MOST_CALLS = 3_000_000
"""Of Python functions, for a text of any length: two seconds of work at most."""


@pytest.mark.parametrize("start", ["", "let x = ", "network A {\n"])
@pytest.mark.parametrize("unit", GARBAGE)
def test_a_megabyte_of_garbage_ends_soon(start: str, unit: str) -> None:
    text = (start + unit * 2**20)[: 2**20]
    said: list[Diagnostic] = []
    assert calls(lambda: said.extend(found(text)), builtins=False) < MOST_CALLS
    assert said


def test_a_megabyte_of_soup_ends_soon() -> None:
    words = ["conv", "(", ")", "{", "}", "[", "]", "\n", " ", "8", "3x3", "->", ";", "if", "else", "block", '"', "="]
    text = "".join(random.Random(5).choices(words, k=2**19))
    said: list[Diagnostic] = []
    assert calls(lambda: said.extend(found(text)), builtins=False) < MOST_CALLS
    assert said
