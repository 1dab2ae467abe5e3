"""Inputs written as numbers."""

import numpy as np
import pytest

from cnndsl.errors import CnnError
from cnndsl.ir import Input
from cnndsl.runtime.data.numbers import is_written, written_array
from cnndsl.shapes import Shape

VECTOR, SEQUENCE, MAP = Shape(4), Shape(1, (4,)), Shape(1, (2, 2))
FLAT = [0, 1, 2, -3]


def an_input(shape, dtype="float32"):
    return Input(name="x", shape=shape, dtype=dtype)


@pytest.mark.parametrize("shape", [VECTOR, SEQUENCE, MAP, Shape(2, (2,)), Shape(1, (1, 2, 2))])
@pytest.mark.parametrize("text", ["0 1 2 -3", "0,1,2,-3", " 0, 1e0,\n2.0 -3. "])
def test_flat_numbers_fill_one_example(shape, text):
    array = written_array(text, an_input(shape))
    assert array.shape == (1, *shape.dimensions)
    assert array.ravel().tolist() == FLAT


@pytest.mark.parametrize(
    ("text", "shape", "batch"),
    [
        ("[0 1 2 -3]", VECTOR, 1),
        ("[[0, 1, 2, -3]]", VECTOR, 1),
        ("[0 1 2 -3]", SEQUENCE, 1),
        ("[[0, 1], [2, -3]]", MAP, 1),
        ("[0 1] [2 -3]", MAP, 1),
        ("[[[0 1][2 -3]]]", MAP, 1),
        ("[[[[0 1][2 -3]]]]", MAP, 1),
        ("[[0 1] [2 -3]]", Shape(2), 2),
        ("[[0 1] [2 -3]]", Shape(1, (2,)), 2),
        ("[[0 1] [2 -3]]", Shape(2, (2,)), 1),
    ],
)
def test_brackets_are_axes(text, shape, batch):
    array = written_array(text, an_input(shape))
    assert array.shape == (batch, *shape.dimensions)
    assert array.ravel().tolist() == FLAT


def test_word_numbers():
    assert written_array("3 1 4 1", an_input(VECTOR, "int64")).dtype == np.int64
    assert written_array("3 1 4 1.5", an_input(VECTOR, "int64")).dtype == np.float64  # and refused, as in an array


@pytest.mark.parametrize(
    ("text", "words"),
    [("0 1 2", "takes 4 numbers, not 3"), ("0 1 2 3 4 5 6 7", "takes 4 numbers, not 8"), ("[0 1", "not closed"),
     ("0 1 2 3]", "not opened"), ("[[0 1] [2]]", "differ in length"), ("0 1 [2 3]", "differ in length"),
     ("0 1 2 1-2", "`1-2` stands where"), ("[" * 2000 + "1", "more than 10 brackets")],
)  # fmt: skip
def test_what_is_no_input(text, words):
    with pytest.raises(CnnError) as error:
        written_array(text, an_input(VECTOR))
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "input-shape" and words in diagnostic.message and len(diagnostic.message) < 200


@pytest.mark.parametrize(
    ("text", "written"),
    [("1", True), ("[[1, 2]]", True), ("-1e-3", True), ("", False), ("[]", False), ("three.png", False),
     ("e", False), ("nan", False), ("1.png", False)],
)  # fmt: skip
def test_numbers_are_told_from_names(text, written):
    assert is_written(text) is written
