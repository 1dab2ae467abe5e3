"""What is taken for numbers on the command line; what they become is tested with the commands."""

import pytest

import cnndsl
from cnndsl.runtime.data.numbers import is_written, written_array

MANY = 1_000_000
"""Characters, which a search that goes back over them would take hours for."""


@pytest.mark.parametrize("text", ["1 2", "-1e3", "0,1,0", "[[0, 1], [1, 0]]", " [1]", "[[1, 2", "[a]", "1" * MANY])
def test_numbers(text: str) -> None:
    assert is_written(text)


@pytest.mark.parametrize(
    "text", ["", "-", "...", "e", "image.png", "1.png", "1" * MANY + "x", "e" * MANY, " " * MANY + "x", "." * MANY]
)
def test_names_of_files(text: str) -> None:
    assert not is_written(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [("[" * 100_000, "more than 10 brackets"), ("[a]", "`a` stands where a number belongs"), ("[1, 2", "not closed")],
)
def test_brackets_that_are_not_numbers(text: str, says: str) -> None:
    (value,) = cnndsl.loads("input 2\nrelu").graph.inputs
    with pytest.raises(cnndsl.CnnError, match=says):
        written_array(text, value)
