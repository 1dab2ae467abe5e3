"""How layers change the receptive field, by hand: the rule that is shown, the numbers put in, and what words say."""

import pytest

import cnndsl
from cnndsl.analysis.arithmetic import arithmetic
from cnndsl.analysis.lines import FormulaLine


def lines_of_the_last(text: str) -> tuple[FormulaLine, ...]:
    """The lines on the receptive field of a network's last layer."""
    network = cnndsl.loads(text)
    sections = {section.key: section for section in arithmetic(network, list(network.layers)[-1]).sections}
    return sections["receptive_field"].lines


def by_topic(text: str) -> dict[str, tuple[str, str, int | None]]:
    return {line.topic: (line.rule, line.numbers, line.result) for line in lines_of_the_last(text)}


ONE, TWO, THREE = "input 1@40", "input 1@40\nconv 1 3 stride=2", "input 1@40\nconv 1 3 stride=3"
"""Fields of 1 cell and a jump of 1; of 3 and 2, 19 positions; of 3 and 3."""
NOTHING = "input 1@40\nconv_transpose 1 1 stride=2 -> slice 1 40 axis=1 -> conv 1 1 stride=2"
"""The places between the cells, where only the bias is."""
WHOLE, COPY = "every position reads the whole axis", "every position sees what one position of its input sees"
UNEVEN = "what it reads moves over the input in steps that are not alike"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            f"{TWO} -> conv 1 3 stride=3 pad=1",
            ["r + (K - 1)*j = 3 + (3 - 1)*2 = 7", "j*S = 2*3 = 6", "a - P*j = 0 - 1*2 = -2 2 cells into the padding"],
        ),
        (
            f"{TWO} -> conv 1 3 dilation=2",
            [
                "dilation*(K - 1) + 1 = 2*(3 - 1) + 1 = 5",
                "r + (Keff - 1)*j = 3 + (5 - 1)*2 = 11",
                "j*S = 2*1 = 2",
                "a - P*j = 0 - 0*2 = 0",
            ],
        ),
        (f"{TWO} -> maxpool 2", ["r + (K - 1)*j = 3 + (2 - 1)*2 = 5", "j*S = 2*2 = 4", "a - P*j = 0 - 0*2 = 0"]),
        (f"{TWO} -> global_avgpool", [f"r + (L - 1)*j = 3 + (19 - 1)*2 = 39 {WHOLE}"]),
        (f"{TWO} -> flatten", [f"r + (L - 1)*j = 3 + (19 - 1)*2 = 39 {WHOLE}"]),
        (f"{TWO} -> relu", ["r = 3 = 3 it sees what its input sees", "j = 2 = 2", "a = 0 = 0"]),
        (f"{TWO} -> crop [2, 1]", ["r = 3 = 3", "j = 2 = 2", "a - (-2)*j = 0 - (-2)*2 = 4"]),
        (f"{TWO} -> pad [2, 1]", ["r = 3 = 3", "j = 2 = 2", "a - 2*j = 0 - 2*2 = -4 4 cells into the padding"]),
        (f"{TWO} -> slice 3 9 axis=1", ["r = 3 = 3", "j = 2 = 2", "a - (-3)*j = 0 - (-3)*2 = 6"]),
        (f"{TWO} -> upsample 3", [f"r = 3 = 3 {COPY}", "None 2/3 cells on average", "0"]),
        (f"{TWO} -> upsample 2 mode=linear", ["r + (n - 1)*j = 3 + (2 - 1)*2 = 5", "1", "-2 2 cells into the padding"]),
        (f"{TWO} -> upsample 2 mode=cubic", ["r + (n - 1)*j = 3 + (4 - 1)*2 = 9", "1", "-4 4 cells into the padding"]),
        (
            f"{ONE}\nupsample 3 mode=cubic",
            [
                "4 positions see fields of 3 and 4 cells in turn: the largest counts",
                "None 1/3 cells on average",
                "-2 2 cells into the padding",
            ],
        ),
        (f"{TWO} -> conv_transpose 1 1 stride=2", ["3", "1", "0"]),
        (
            f"{TWO} -> conv_transpose 1 6 stride=2 pad=2",
            ["r + (n - 1)*j = 3 + (3 - 1)*2 = 7", "1", "-2 2 cells into the padding"],
        ),
        (
            f"{ONE}\nresize 60 mode=linear",
            ["r + (n - 1)*j = 1 + (2 - 1)*1 = 2", "None 2/3 cells on average", "-1 1 cell into the padding"],
        ),
        (
            f"{THREE} -> resize 52 mode=linear",
            ["r + (n - 1)*j = 3 + (2 - 1)*3 = 6", "None 3/4 cells on average", "-3 3 cells into the padding"],
        ),
        (
            f"{ONE}\nadaptive_avgpool 7",
            ["7 positions see fields of 6 and 7 cells in turn: the largest counts", "None 40/7 cells on average", "0"],
        ),
        (
            f"{ONE}\nresize 16 mode=linear -> conv_transpose 1 3 stride=2",
            [
                "5 positions see fields of 2 to 5 cells in turn: the largest counts",
                "None 5/4 cells on average",
                "-2 2 cells into the padding",
            ],
        ),
        (f"{ONE}\nresize 20 mode=linear", ["r + (n - 1)*j = 1 + (2 - 1)*1 = 2", "2", "0"]),
        (f"{ONE}\nupsample 2 -> maxpool 2", [f"1 {UNEVEN}", "1", "0"]),
        (
            f"{TWO} -> upsample 2 mode=linear -> relu",
            ["r = 5 = 5 it sees what its input sees", "1", "a = -2 = -2 2 cells into the padding"],
        ),
        (f"{NOTHING} -> conv 1 3 stride=2 pad=1", ["0", "j*S = 1*2 = 2", "0"]),
        (
            f"{ONE}\nmul {{ identity; conv 1 40 }}",
            ["max(r1, r2) = max(1, 40) = 40 `conv1` decides: it sees the most"],
        ),
        (
            f"{ONE}\nadd {{ slice 1 40 axis=1; slice 0 39 axis=1 }}",
            ["2 the branches see different cells, together more than any of them", "1", "0"],
        ),
        (f"{ONE}\nadd {{ conv 1 3; conv 1 3 }}", ["r1 = 3 = 3 all branches see equally much", "1", "0"]),
    ],
)
def test_how_fields_grow(text, lines):
    """By hand: the rule that is shown, the numbers put in, the result, and what words say of it."""
    found = []
    for line in lines_of_the_last(text):
        parts = [part for part in (line.rule, line.numbers, str(line.result)) if part]
        found.append(f"{' = '.join(parts)} {line.words}".strip())
    assert found == lines


def test_fields_of_planes_grow_along_both_axes():
    found = by_topic("input 1@36x36\nconv 1 2x2 stride=2 -> space_to_depth 3")
    assert found["height"] == found["width"] == ("r + 2*j", "2 + 2*2", 6)
    assert found["height, jump"] == ("j*3", "2*3", 6)
    found = by_topic("input 1@40x30\nconv 1 3 stride=2 -> global_avgpool")
    assert found["height"] == ("r + (H - 1)*j", "3 + (19 - 1)*2", 39)
    assert found["width"] == ("r + (W - 1)*j", "3 + (14 - 1)*2", 29)
    found = by_topic("input 6@9x9\npermute [1, 0, 2]")
    assert found == {
        "height": ("", "", 9),
        "width": ("r", "1", 1),
        "width, jump": ("j", "1", 1),
        "width, start": ("a", "0", 0),
    }


def test_fields_of_what_makes_maps_larger():
    """By hand: of 4 taps at stride 2 each output cell meets 2; of 2 taps, and of copies, 1. Before: fields of 3."""
    before = "input 1@16x16\nconv 1 3 stride=2"
    found = by_topic(f"{before} -> conv_transpose 1 4x2 stride=2 pad=[1, 0, 1, 0]")
    assert found["height"] == ("r + (n - 1)*j", "3 + (2 - 1)*2", 5)
    assert found["width"] == ("r", "3", 3)
    assert by_topic(f"{before} -> upsample 2")["height"] == ("r", "3", 3)
    # of 3 taps every other cell meets 2, the others 1
    found = by_topic(f"{before} -> conv_transpose 1 3 stride=2")
    assert found["height"] == ("", "", 5)


def test_fields_of_one_size_at_uneven_steps_are_not_called_different():
    """Two neighbours of a transposed convolution with stride 2 see the same cells, so the pool sees 1 jump in 2."""
    height = lines_of_the_last("input 1@16x16\nconv_transpose 1 4 stride=2 pad=1 -> maxpool 3 stride=1")[0]
    assert height.topic == "height"
    assert height.words == UNEVEN


def test_the_receptive_field_grows_by_the_jump():
    found = by_topic("input 1@32x32\nconv 1 3 stride=2 -> maxpool 2 -> conv 1 5 pad=2")
    assert found["height"] == ("r + (Kh - 1)*j", "5 + (5 - 1)*4", 21)
    assert found["height, start"] == ("a - P*j", "0 - 2*4", -8)


def test_maps_beside_each_other_are_read_whole():
    """The second of them is the one that sees the first input: 4 rows, not 6."""
    found = by_topic("input 3@4x5 as a\ninput 3@6x5 as b\nconcat axis=1 { from b; from a }")
    assert found == {"height": ("r + (H2 - 1)*j", "1 + (4 - 1)*1", 4), "width": ("r + (W - 1)*j", "1 + (5 - 1)*1", 5)}
