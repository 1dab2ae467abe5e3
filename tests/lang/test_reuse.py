"""What a change leaves as it was is not expanded again, and nothing else is kept."""

import pytest

from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.recording import Recording

TEXT = """param width = 8
let unused = 2
block Cell(c) {
  conv c 3x3
  relu
}
block Other(c) { conv c 5x5 }
network A {
  input 3@32x32
  Cell width
}
network B {
  input 3@32x32
  Other width
  Cell 4
}
"""


def recorded(
    text: str, before: Recording | None = None, files: dict[str, str] | None = None
) -> tuple[Recording, Compiled]:
    recording = Recording(before)
    return recording, compile_text(text, "net.cnn", (files or {}).__getitem__, recording=recording)


def kept(before: str, after: str, files: tuple[dict[str, str], dict[str, str]] = ({}, {})) -> list[str]:
    """The networks that are not expanded again; what is found is what a check without a past finds."""
    first, _ = recorded(before, None, files[0])
    second, found = recorded(after, first, files[1])
    fresh, expected = recorded(after, None, files[1])
    assert found == expected
    assert {span: result.shapes for span, result in second.results.items()} == {
        span: result.shapes for span, result in fresh.results.items()
    }
    assert second.before.keys() == fresh.before.keys()
    for one, other in zip(second.networks, fresh.networks, strict=True):
        assert one.name == other.name and one.graph == other.graph
        assert (one.measured and one.measured.cost) == (other.measured and other.measured.cost)
    return [one.name for one in second.networks if any(one is other for other in first.networks)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Cell width", "Cell width # eight", "AB"),
        ("Cell width", "Cell width  ", "AB"),
        ("Cell width", "Cell 9", "B"),
        ("Cell width", "Cell (", "B"),
        ("Cell width", "Cll width", "B"),
        ("Cell width", "Cell width\n  relu", ""),
        ("  Cell 4", "  Cell 4\n  relu", "A"),
        ("5x5", "7x7", "A"),
        ("conv c 3x3", "conv c 1x1", ""),
        ("width = 8", "width = 7", ""),
        ("block Cell(c)", "block Cel(c)", ""),
        ("block Other(c)", "block Othr(c)", "A"),
        ("  Cell 4\n", "", "A"),
    ],
)
def test_what_is_kept(old: str, new: str, expected: str) -> None:
    assert kept(TEXT, TEXT.replace(old, new, 1)) == list(expected)


def test_a_network_without_a_name() -> None:
    text = "input 3@8x8\nconv 4 3x3  # four\nrelu"
    assert kept(text, text.replace("four", 'a string: "')) == ["net"]
    assert kept(text, text.replace("relu", "tanh")) == []


def test_what_stands_in_strings_counts() -> None:
    text = 'import "a.cnn#1"\nnetwork N {\n  input 3@8x8\n  Cell\n}'
    files = {"a.cnn#1": "block Cell { relu }", "a.cnn#2": "block Cell { tanh }"}
    assert kept(text, text.replace("#1", "#2"), (files, files)) == []


def test_other_files_count() -> None:
    text = 'import "a.cnn"\nnetwork N {\n  input 3@8x8\n  Cell\n}'
    files = {"a.cnn": "block Cell { relu }"}
    assert kept(text, f"{text} # end", (files, files)) == ["N"]
    assert kept(text, text, (files, {"a.cnn": "block Cell { tanh }"})) == []
    gone = recorded(text, recorded(text, None, files)[0], {})[1]
    assert [one.code for one in gone.diagnostics] == ["import-not-found"] and not gone.networks


def test_what_an_error_above_makes_unknown() -> None:
    """A name of the file that an error in one network casts doubt on is in doubt in the next one."""
    text = f'param wide = "text"\n{TEXT}'
    assert kept(text, text.replace("  Cell width", "  conv wide 3x3")) == []
    assert kept(text, text.replace("  Cell width", "  conv 0 3x3")) == ["B"]


def test_warnings_are_told_again() -> None:
    text = TEXT.replace("conv c 3x3\n  relu", "relu\n  relu")
    first, found = recorded(text)
    again = recorded(f"{text}# end", first)[1]
    assert found.diagnostics == again.diagnostics and any(one.severity == "warning" for one in found.diagnostics)


def test_networks_that_are_gone_are_forgotten() -> None:
    first, _ = recorded(TEXT)
    second, _ = recorded(TEXT.replace("network B", "network C"), first)
    assert set(second.sound) == {"A", "C"}
