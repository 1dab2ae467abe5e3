"""Codes about arguments and the values of expressions."""

from cnndsl.codes.code import Code

CODES = (
    Code(
        "missing-argument",
        "an operator or block without an argument that it needs",
        "Some parameters have no default: the filters and the kernel of a convolution, the units of a dense layer, "
        "the rate of dropout. The message names what is missing and shows an example.",
        "input 3@32x32\nconv 8",
        "input 3@32x32\nconv 8 3x3",
    ),
    Code(
        "too-many-arguments",
        "more arguments by position than the operator takes",
        "Only the parameters that are nearly always given are taken by position; all others are written "
        "`name=value`, so that a line can be read without a manual.",
        "input 3@33x33\nconv 8 3x3 2",
        "input 3@33x33\nconv 8 3x3 stride=2",
    ),
    Code(
        "repeated-argument",
        "the same thing given twice",
        "A parameter has one value: giving it by position and again by keyword leaves open which was meant. The same "
        "holds for a value that is named twice as an `output`, for a setting of `train { }`, and for that itself.",
        "input 3@32x32\nconv 8 3x3 kernel=5x5",
        "input 3@32x32\nconv 8 3x3",
    ),
    Code(
        "bad-argument",
        "an argument that the parameter does not accept",
        "Every parameter says what it takes: a positive whole number, a size, true or false, one of some words. The "
        "message tells what was wanted and what was given. Negative numbers stand in parentheses: `clip (-1) 1`.",
        "input 3@32x32\ndropout 50",
        "input 3@32x32\ndropout 0.5",
    ),
    Code(
        "wrong-arguments",
        "a function called with the wrong number of arguments",
        "`min` and `max` take any number of values or one list; `abs`, `ceil`, `floor`, `round` and `len` take one; "
        "`range` one to three; `make_divisible` a value and, if it is not 8, a divisor.",
        "input 3@32x32\nlet width = round(64/3, 1)\nconv width 3x3",
        "input 3@32x32\nlet width = round(64/3)\nconv width 3x3",
    ),
    Code(
        "wrong-type",
        "a value of another kind than is needed here",
        "Expressions know numbers, truth values, strings, lists and shapes, and turn none into another: a number is "
        "no condition, a string is no number, and a number never equals a string.",
        "let stride = 2\ninput 3@32x32\nif stride { maxpool 2x2 }",
        "let stride = 2\ninput 3@32x32\nif stride > 1 { maxpool 2x2 }",
    ),
    Code(
        "not-whole",
        "a fraction where a whole number is needed",
        "`/` is exact: 7/2 is seven halves, not 3. Where a number of layers, an index or a dimension is wanted, write "
        "`//` to round down, or `ceil`, `floor` or `round`.",
        "let depth = 7\ninput 3@32x32\nrepeat depth/2 { conv 8 3x3 -> relu }",
        "let depth = 7\ninput 3@32x32\nrepeat depth//2 { conv 8 3x3 -> relu }",
    ),
    Code(
        "bad-index",
        "an index outside a list, or outside the turns of a loop",
        "Elements are counted from 0, so a list of three has the elements 0, 1 and 2; -1 is the last one. The turns of "
        "a loop, whose values are `name[0]`, `name[1]`, …, are counted alike.",
        "let widths = [8, 16, 32]\ninput 3@32x32\nconv widths[3] 3x3",
        "let widths = [8, 16, 32]\ninput 3@32x32\nconv widths[2] 3x3",
    ),
    Code(
        "division-by-zero",
        "a division by zero",
        "The right-hand side of `/`, `//` or `%` is 0, or 0 is raised to a negative power. A condition can choose "
        "another way: `a // b if b != 0 else 1`.",
        "param groups = 0\ninput 8@32x32\nconv (8//groups) 3x3",
        "param groups = 2\ninput 8@32x32\nconv (8//groups) 3x3",
    ),
    Code(
        "ragged-literal",
        "nested lists whose rows differ in length",
        "The numbers of `weight=` form a tensor: all lists at the same depth have the same length.",
        "input 1@8x8\nconv 1 3x3 weight=[[0, 1, 0], [1, 4], [0, 1, 0]]",
        "input 1@8x8\nconv 1 3x3 weight=[[0, 1, 0], [1, 4, 1], [0, 1, 0]]",
    ),
)
