"""The window rule, padding and broadcasting against definitions, brute force, NumPy and PyTorch."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product as every
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnndsl.shapes
from cnndsl.lang.compile import compile_text
from cnndsl.shapes import (
    Axis,
    Shape,
    ShapeError,
    broadcast,
    explicit_padding,
    per_axis,
    ratio,
    resolve_padding,
    transposed_output,
)

RANDOM_AXES = 10_000


def starts(axis: Axis) -> list[int]:
    """Where windows begin, in cells of the input, found by sliding: the definition of a valid convolution."""
    found = []
    start = -axis.begin
    while start + axis.dilation * (axis.kernel - 1) < axis.size + axis.end:
        found.append(start)
        start += axis.stride
    return found


def read(axis: Axis) -> set[int]:
    """The real cells that some tap of some window reads."""
    taps = (start + tap * axis.dilation for start in starts(axis) for tap in range(axis.kernel))
    return {cell for cell in taps if 0 <= cell < axis.size}


def random_axis(random: Random) -> Axis:
    return Axis(
        random.randint(1, 30),
        random.randint(1, 7),
        random.randint(1, 7),
        random.randint(1, 5),
        random.randint(0, 4),
        random.randint(0, 4),
    )


def test_windows_against_sliding() -> None:
    random = Random(1)
    fits = 0
    for _ in range(RANDOM_AXES):
        axis = random_axis(random)
        windows = starts(axis)
        assert axis.output == len(windows), axis
        if windows:
            fits += 1
            whole = (axis.size + axis.begin + axis.end - axis.dilation * (axis.kernel - 1) - 1) / axis.stride
            assert axis.exact == whole.is_integer(), axis
            assert axis.unread == axis.size - len(read(axis)), axis
    assert fits > RANDOM_AXES / 2


def test_trailing_against_sliding() -> None:
    """Cells behind the last window, unless they are fewer than the gap that the pattern leaves between windows."""
    random = Random(2)
    seen = 0
    for _ in range(RANDOM_AXES):
        axis = random_axis(random)
        windows = starts(axis)
        if not windows:
            continue
        last_cell = windows[-1] + axis.dilation * (axis.kernel - 1)
        behind = sum(cell > last_cell for cell in range(axis.size))
        gap = sum(cell > axis.dilation * (axis.kernel - 1) for cell in range(axis.stride))
        expected = behind if behind > gap else 0
        assert axis.trailing == expected, axis
        seen += expected > 0
    assert seen > 500


@pytest.mark.parametrize(
    "axis",
    [
        Axis(2**31 - 1, 2**31 - 1),
        Axis(2**31 - 1, 2**30, 2, 1),
        Axis(2**31 - 1, 2**30 - 1, 2, 2),
        Axis(2**31 - 1, 3, 1, 2**29),
        Axis(2**31 - 1, 30_000, 30_011, 30_013),
        Axis(2**31 - 1, 2**31 - 1, 1, 1, 2**31 - 1, 2**31 - 1),
    ],
    ids=str,
)
def test_unread_of_a_huge_axis_is_quick(axis: Axis) -> None:
    """Going through two thousand million cells would take hours."""
    assert 0 <= axis.unread <= axis.size


def test_unread_where_it_can_be_counted_by_hand() -> None:
    assert Axis(224, 7, 2, 1, 3, 3).unread == 0  # ResNet's stem: 112.5 windows, and every pixel is read
    assert Axis(7, 2, 2).unread == 1
    assert Axis(10, 1, 2).unread == 5
    assert Axis(9, 3, 1, 2).unread == 0
    assert Axis(2**31 - 1, 2**30 - 1, 2, 2).unread == 2**30 - 1  # every odd cell


def test_formula_has_the_numbers_in() -> None:
    assert Axis(7, 3, 3).formula() == "(7 - 3 + 2*0)/3 + 1 = 2.33"
    assert Axis(28, 5, 1, 2, 1, 0).formula() == "(28 - (2*(5 - 1) + 1) + 1 + 0)/1 + 1 = 21"
    assert [ratio(6, 3), ratio(7, 2), ratio(2, 3), ratio(2**60 + 1, 1)] == ["2", "3.5", "0.67", "1152921504606846977"]


def test_a_window_is_dense_and_unpadded_unless_it_is_said() -> None:
    assert Axis(7, 3) == Axis(7, 3, stride=1, dilation=1, begin=0, end=0, ceil=False)


def test_ceil_mode_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    compared = partly_outside = 0
    for size, kernel, stride, dilation in every(range(1, 12), range(1, 6), range(1, 6), (1, 2)):
        for pad in range(kernel // 2 + 1):
            axis = Axis(size, kernel, stride, dilation, pad, pad, ceil=True)
            try:
                pooled = torch.nn.functional.max_pool1d(
                    torch.zeros(1, 1, size), kernel, stride, pad, dilation, ceil_mode=True
                )
            except RuntimeError:
                assert axis.output == 0, axis
                continue
            assert axis.output == pooled.shape[2], axis
            compared += 1
            partly_outside += axis.room < 0
    assert compared > 1000 and partly_outside > 20


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_same_gives_the_size_over_the_stride_rounded_up(size: int, kernel: int, stride: int, dilation: int) -> None:
    ((begin, end),) = resolve_padding("same", (size,), (kernel,), (stride,), (dilation,))
    ((lower_begin, lower_end),) = resolve_padding("same_lower", (size,), (kernel,), (stride,), (dilation,))
    assert Axis(size, kernel, stride, dilation, begin, end).output == -(-size // stride)
    assert (lower_begin, lower_end) == (end, begin)
    assert end - begin in (0, 1)
    if begin or end:  # no more than needed
        assert Axis(size, kernel, stride, dilation, begin, end - 1).output < -(-size // stride)


@pytest.mark.parametrize("word", ["same", "same_lower"])
def test_same_against_onnx_runtime(word: str) -> None:
    """ONNX's SAME_UPPER and SAME_LOWER: a kernel of powers of two shows which cells each window holds."""
    import onnxruntime
    from onnx import TensorProto, helper

    old = tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 20)
    for size, kernel, stride in every((5, 6, 7, 8), (1, 2, 3, 4), (1, 2, 3)):
        if old and kernel < stride:
            continue  # which it pads by less than nothing
        node = helper.make_node(
            "Conv",
            ["x", "w"],
            ["y"],
            kernel_shape=[kernel],
            strides=[stride],
            auto_pad=word.upper() if word == "same_lower" else "SAME_UPPER",
        )
        floats = TensorProto.FLOAT
        graph = helper.make_graph(
            [node],
            "g",
            [
                helper.make_tensor_value_info("x", floats, [1, 1, size]),
                helper.make_tensor_value_info("w", floats, [1, 1, kernel]),
            ],
            [helper.make_tensor_value_info("y", floats, None)],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        x = 2.0 ** np.arange(size, dtype=np.float32)
        w = np.ones((1, 1, kernel), np.float32)
        (judged,) = session.run(None, {"x": x.reshape(1, 1, -1), "w": w})
        ((begin, end),) = resolve_padding(word, (size,), (kernel,), (stride,), (1,))
        windows = starts(Axis(size, kernel, stride, 1, begin, end))
        mine = [sum(x[cell] for cell in range(start, start + kernel) if 0 <= cell < size) for start in windows]
        assert mine == judged[0, 0].tolist(), (size, kernel, stride)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(1, 4))
def test_causal_windows_end_at_their_own_position(size: int, kernel: int, stride: int, dilation: int) -> None:
    ((begin, end),) = resolve_padding("causal", (size,), (kernel,), (stride,), (dilation,))
    axis = Axis(size, kernel, stride, dilation, begin, end)
    lasts = [start + dilation * (kernel - 1) for start in starts(axis)]
    assert lasts == [position * stride for position in range(axis.output)]
    assert axis.output == -(-size // stride)


def test_causal_is_for_sequences() -> None:
    with pytest.raises(ShapeError) as caught:
        resolve_padding("causal", (5, 5), (3, 3), (1, 1), (1, 1))
    assert (caught.value.code, caught.value.argument) == ("wrong-rank", "pad")


def test_forms_of_padding() -> None:
    sizes, ones = (9, 9), (1, 1)
    assert resolve_padding("valid", sizes, (3, 3), ones, ones) == ((0, 0), (0, 0))
    assert explicit_padding(2, 2) == ((2, 2), (2, 2))
    assert explicit_padding((1, 2), 2) == ((1, 1), (2, 2))
    assert explicit_padding((1, 2, 3, 4), 2) == ((1, 3), (2, 4))  # top, left, bottom, right
    assert explicit_padding((1, 2), 1) == ((1, 2),)
    with pytest.raises(ShapeError, match="3 numbers, but the input has 2"):
        explicit_padding((1, 2, 3), 2)


@pytest.mark.parametrize(("rank", "axes"), [(1, "1 spatial axis"), (2, "2 spatial axes"), (3, "3 spatial axes")])
def test_messages_count_axes(rank: int, axes: str) -> None:
    with pytest.raises(ShapeError, match=f"kernel has 4 numbers, but the input has {axes}$") as caught:
        per_axis((1,) * 4, rank, "kernel")
    advice = f"or {rank} numbers" if rank > 1 else "write one number, or give the input 4 axes"
    assert advice in caught.value.help[0]
    with pytest.raises(ShapeError, match=f"pad has 5 numbers, but the input has {axes}$") as caught:
        explicit_padding((1,) * 5, rank)
    assert f"{rank} (one for every axis), or {rank + rank} (all begins" in caught.value.help[0]


def test_one_number_stands_for_every_axis() -> None:
    assert per_axis(3, 3, "kernel") == (3, 3, 3)
    assert per_axis((1, 2), 2, "kernel") == (1, 2)
    with pytest.raises(ShapeError) as caught:
        per_axis((1,) * 100_000, 2, "kernel")
    assert caught.value.argument == "kernel" and len(caught.value.message) < 200


shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(lambda sizes: Shape(sizes[0], tuple(sizes[1:])))


@given(st.lists(shapes, min_size=1, max_size=4))
def test_broadcasting_against_numpy(drawn: list[Shape]) -> None:
    expected: Shape | None = None
    if len({len(shape.dimensions) for shape in drawn}) == 1:  # the language wants equal numbers of axes
        try:
            sizes = np.broadcast_shapes(*(shape.dimensions for shape in drawn))
            expected = Shape(sizes[0], tuple(sizes[1:]))
        except ValueError:
            pass
    assert broadcast(drawn) == expected


def test_transposed_output_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    cases = 0
    for size, kernel, stride, dilation, pad in every((1, 2, 5), (1, 2, 3, 4), (1, 2, 3), (1, 2, 3), (0, 1)):
        for extra in range(max(stride, dilation)):
            mine = transposed_output(size, kernel, stride, dilation, 2 * pad, extra)
            if mine < 1:
                continue
            layer = torch.nn.ConvTranspose1d(1, 1, kernel, stride, pad, extra, dilation=dilation)
            assert layer(torch.zeros(1, 1, size)).shape[2] == mine
            cases += 1
    assert cases > 200


def test_values_have_at_most_eight_spatial_axes() -> None:
    assert compile_text("input 2@1x1x1x1x1x1x1x1").networks
    assert not compile_text("input 2@1x1x1x1x1x1x1x1x1").networks


def test_shapes_print_as_they_are_written() -> None:
    assert (str(Shape(6, (28, 28))), str(Shape(120)), str(Shape(64, (128,)))) == ("6@28x28", "120", "64@128")
    assert (Shape(6, (4, 5)).elements, Shape(6, (4, 5)).positions, Shape(7).positions) == (120, 20, 1)


PLAIN = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)
SIGNS = {ast.Mod: "%", ast.Div: "/", ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>"}
FUNCTIONS = {"min", "max", "abs", "round", "pow", "divmod", "range", "float", "int", "hash"}
"""Builtins that take numbers; everything that ``math`` has counts too."""
NOT_ABOUT_SIZES = {"fields.py", "__init__.py"}
"""Modules of ops that read arguments and name operators."""


def operations(tree: ast.AST, of_math: frozenset[str], inside: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """What is done to numbers beyond ``+ - * //`` and comparisons, each with the function that does it.

    Unions of types are none, and neither is what only counts things by ``len``.
    """
    for node in ast.iter_child_nodes(tree):
        within = (*inside, node.name) if isinstance(node, ast.FunctionDef | ast.ClassDef) else inside
        if isinstance(node, ast.BinOp | ast.AugAssign) and not isinstance(node.op, (*PLAIN, ast.BitOr)):
            yield SIGNS.get(type(node.op), type(node.op).__name__), ".".join(within)
        if isinstance(node, ast.Call) and not all(map(counts_things, node.args)):
            name = ast.unparse(node.func).removeprefix("math.")
            if name in of_math or name in FUNCTIONS:
                yield name, ".".join(within)
        yield from operations(node, of_math, within)


def counts_things(argument: ast.expr) -> bool:
    if isinstance(argument, ast.BinOp):
        return counts_things(argument.left) and counts_things(argument.right)
    if isinstance(argument, ast.GeneratorExp):
        return counts_things(argument.elt)
    return isinstance(argument, ast.Constant) or ast.unparse(argument).startswith("len(")


def operations_of(source: str) -> dict[str, set[str]]:
    tree = ast.parse(source)
    of_math = frozenset(
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "math"
        for alias in node.names
    )
    found = defaultdict(set)
    for operation, where in operations(tree, of_math):
        found[operation].add(where)
    return found


def test_what_is_done_to_sizes_is_listed(root: Path) -> None:
    """The list in the docstring of shapes.py, which says what a symbolic size would have to answer."""
    listed = {
        operation: set(re.split(r",\s+", where.strip()))
        for operation, where in re.findall(
            r"^- ``(\S+)``: ((?:.+\n)(?:  .+\n)*)", cnndsl.shapes.__doc__ or "", re.MULTILINE
        )
    }
    found: dict[str, set[str]] = defaultdict(set)
    modules = [path for path in (root / "cnndsl" / "ops").glob("*.py") if path.name not in NOT_ABOUT_SIZES]
    for path in [root / "cnndsl" / "shapes.py", *modules]:
        for operation, functions in operations_of(path.read_text(encoding="utf-8")).items():
            found[operation] |= functions
    assert listed == found


def test_every_kind_of_operation_is_seen() -> None:
    source = (
        "from math import gcd\nclass A:\n def f(self, n):\n  n %= 2\n  return gcd(n, 3) ** (n >> 1), max(len(n), 1)\n"
        "def g(n: int | None) -> int:\n return -n + 2*n//3 - divmod(n, 2)[0] + min(n, 1)\n"
    )
    seen = {"%": {"A.f"}, "gcd": {"A.f"}, "**": {"A.f"}, ">>": {"A.f"}, "divmod": {"g"}, "min": {"g"}}
    assert operations_of(source) == seen
