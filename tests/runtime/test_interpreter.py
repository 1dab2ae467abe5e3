"""Execution: inputs, outputs, kept values, batches; literal, shared and partly connected weights."""

import itertools

import numpy as np
import pytest

import cnndsl
from cnndsl.errors import CnnError


def code(error):
    (diagnostic,) = error.value.diagnostics
    return diagnostic.code, diagnostic.message


def random_array(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_bump_detector():
    net = cnndsl.loads("input 1@8\nconv 1 3 weight=[-1, 2, -1] bias=[0] as d")
    assert net.run([[[0, 0, 0, 1, 1, 0, 0, 0]]]).tolist() == [[[0, -1, 1, 1, -1, 0]]]
    net = cnndsl.loads("input 1@8\nconv 1 3 weight=[-1, 2, -1] bias=[0] -> relu")
    assert net.run([[[0, 0, 0, 1, 1, 0, 0, 0]]]).tolist() == [[[0, 0, 1, 1, 0, 0]]]


def test_a_line_detector():
    net = cnndsl.loads("input 1@8x8\nconv 1 3x3 weight=[[0, 1, 0], [0, 1, 0], [0, 1, 0]] bias=[0]")
    image = np.zeros((1, 1, 8, 8))
    image[..., 3:5] = 1
    assert net.run(image).tolist() == [[[[0, 0, 3, 3, 0, 0]] * 6]]


def test_shared_weights_are_one_tensor():
    net = cnndsl.loads(
        "input 5 as left\ninput 5 as right\nfrom left -> dense 3 as a\nfrom right -> dense 3 share=a as b\n"
        "sub { from a; from b }"
    )
    assert net.params == 18 and set(net.weights()) == {"a.weight", "a.bias"}
    x = random_array(2, 5)
    assert (net.run({"left": x, "right": x}) == 0).all()
    weights = net.weights()
    y = random_array(2, 5, seed=1)
    np.testing.assert_allclose(net.run({"left": x, "right": y}), (x - y) @ weights["a.weight"].T, rtol=1e-4, atol=1e-6)


def test_a_connection_table_is_a_masked_convolution():
    torch = pytest.importorskip("torch")
    table = [[0, 1, 2], [1, 2, 3], [3], [0, 1, 2, 3]]
    net = cnndsl.loads(f"input 4@9x9\nconv 4 5x5 connect={table} as c")
    mask = torch.zeros(4, 4, 1, 1)
    for row, channels in enumerate(table):
        mask[row, channels] = 1
    dense = torch.randn(4, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    bias, x = torch.arange(4.0), torch.from_numpy(random_array(2, 4, 9, 9))
    expected = torch.nn.functional.conv2d(x, dense * mask, bias)
    ours = net.run(x.numpy(), weights={"c.weight": (dense * mask).numpy(), "c.bias": bias.numpy()})
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-4)


TEXT = "input 2@9x9\nconv 4 3x3 as c -> relu\nadd { identity; conv 4 3x3 pad=1 as d } as sum\nflatten\ndense 3 as e"


def test_a_batch_is_its_examples():
    net = cnndsl.loads(TEXT)
    x = random_array(5, 2, 9, 9)
    together = net.run(x)
    np.testing.assert_allclose(
        together, np.concatenate([net.run(x[i : i + 1]) for i in range(5)]), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(together, np.concatenate([net.run(x[:3]), net.run(x[3:])]), rtol=1e-4, atol=1e-5)
    assert net.run(x[:0]).shape == (0, 3)


def test_kept_values():
    net = cnndsl.loads(TEXT)
    x = random_array(2, 2, 9, 9)
    plain = net.run(x)
    y, kept = net.run(x, keep=["sum", "input", "c", "e", "relu1"])
    assert list(kept) == ["sum", "input", "c", "e", "relu1"]
    np.testing.assert_array_equal(y, plain)
    np.testing.assert_array_equal(kept["e"], plain)
    np.testing.assert_array_equal(kept["input"], x)
    np.testing.assert_array_equal(kept["relu1"], np.maximum(kept["c"], 0))
    everything = net.run(x, keep=list(net.layers))[1]
    assert {name: value.shape[1:] for name, value in everything.items()} == {
        name: layer.shape.dimensions for name, layer in net.layers.items()
    }
    weights = net.weights()
    expected = everything["flatten1"] @ weights["e.weight"].T + weights["e.bias"]
    np.testing.assert_allclose(plain, expected, rtol=1e-4, atol=1e-5)


def test_an_unknown_layer_to_keep():
    with pytest.raises(CnnError) as error:
        cnndsl.loads(TEXT).run(random_array(1, 2, 9, 9), keep=["summ"])
    assert code(error)[0] == "unknown-layer"


@pytest.mark.parametrize("text", ["identity", "flatten", "reshape (18)", "dropout 0.5", "slice 0 1"])
def test_results_share_no_memory_with_the_input_or_each_other(text):
    net = cnndsl.loads(f"input 2@3x3\nidentity as before\n{text} as after")
    x = random_array(2, 2, 3, 3)
    original = x.copy()
    y, kept = net.run(x, keep=["before", "input"])
    arrays = [x, y, kept["before"], kept["input"]]
    assert not any(np.shares_memory(one, other) for one, other in itertools.combinations(arrays, 2))
    y += 1
    np.testing.assert_array_equal(x, original)
    np.testing.assert_array_equal(kept["input"], original)


def test_several_outputs_and_inputs():
    net = cnndsl.loads(
        "input 3 as a\ninput 3 as b\nadd { from a; from b } as sum\nmul { from a; from b } as product\n"
        "output product sum a"
    )
    a, b = random_array(2, 3), random_array(2, 3, seed=1)
    result = net.run({"b": b, "a": a})
    assert list(result) == ["product", "sum", "a"]
    np.testing.assert_allclose(result["sum"], a + b)
    np.testing.assert_allclose(result["product"], a * b)
    np.testing.assert_array_equal(result["a"], a)


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int64, np.uint8, bool])
def test_numbers_of_any_type_become_float32(kind):
    net = cnndsl.loads("input 3\ndense 2 weight=[[1, 2, 3], [4, 5, 6]] bias=false")
    result = net.run(np.array([[1, 0, 1]], kind))
    assert result.dtype == np.float32 and result.tolist() == [[4, 10]]


def test_arrays_of_any_layout():
    net = cnndsl.loads(TEXT)
    x = random_array(3, 2, 9, 9)
    for given in (np.asfortranarray(x), x[:, :, ::-1][:, :, ::-1], x.tolist()):
        np.testing.assert_allclose(net.run(given), net.run(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        (np.zeros((2, 9, 9)), "input-shape", "must have the shape (N, 2, 9, 9), got (2, 9, 9)"),
        (np.zeros((1, 9, 9, 2)), "input-shape", "got (1, 9, 9, 2)"),
        (np.zeros((1, 2, 9, 8)), "input-shape", "got (1, 2, 9, 8)"),
        (0.5, "input-shape", "got ()"),
        ([[1, 2], [3]], "input-shape", "differ in length"),
        (np.array(["a"]), "input-dtype", "must hold numbers"),
        (np.zeros((1, 2, 9, 9), complex), "input-dtype", "complex128"),
        (np.array([None]), "input-dtype", "object"),
        ({}, "input-names", "given are none"),
        ({"inputs": np.zeros((1, 2, 9, 9))}, "input-names", "inputs are input; given are inputs"),
        ({"input": np.zeros((1, 2, 9, 9)), "more": 1}, "input-names", "given are input, more"),
    ],
)
def test_inputs_that_do_not_fit(given, expected, words):
    with pytest.raises(CnnError) as error:
        cnndsl.loads(TEXT).run(given)
    found, message = code(error)
    assert found == expected and words in message


def test_inputs_of_unequal_batches_and_without_names():
    net = cnndsl.loads("input 3 as a\ninput 3 as b\nadd { from a; from b }")
    with pytest.raises(CnnError) as error:
        net.run({"a": np.zeros((2, 3)), "b": np.zeros((1, 3))})
    assert code(error) == ("input-shape", "the inputs differ in batch size: a has 2, b has 1")
    with pytest.raises(CnnError) as error:
        net.run(np.zeros((2, 3)))
    assert code(error) == ("input-names", "the network has 2 inputs: give a mapping with a, b")


WORDS = "input 4 dtype=int64\n{}\nembedding 10 3 as words"


@pytest.mark.parametrize("between", ["", "identity", "slice 0 2", "reshape (2@2)\nflatten", "reshape (4)"])
def test_word_numbers(between):
    net = cnndsl.loads(WORDS.format(between))
    table = net.weights()["words.weight"]
    x = np.array([[0, 9, 3, 3], [1, 1, 2, 2]])
    read = x[:, :2] if "slice" in between else x
    np.testing.assert_array_equal(net.run(x), table[read].transpose(0, 2, 1))
    np.testing.assert_array_equal(net.run(x.astype(np.int32)), net.run(x))
    for unknown in (10, -1, 2**40):
        with pytest.raises(CnnError) as error:
            net.run(np.array([[0, unknown, 0, 0]]))
        found, message = code(error)
        assert found == "input-range" and "0 to 9" in message and str(unknown) in message
    with pytest.raises(CnnError) as error:
        net.run(x.astype(np.float32))
    assert code(error)[0] == "input-dtype"


def test_a_runner_is_used_many_times():
    net = cnndsl.loads(TEXT)
    run = net.runner(seed=3, keep=["c"])
    for seed in range(3):
        x = random_array(2, 2, 9, 9, seed=seed)
        values = run(x)
        assert set(values) == {"e", "c"}
        np.testing.assert_array_equal(values["e"], net.run(x, seed=3))


def test_a_runner_keeps_its_weights():
    net = cnndsl.loads("input 2\ndense 1 bias=false")
    weights = {"dense1.weight": np.float32([[1, 2]])}
    run = net.runner(weights=weights)
    assert run([[1, 1]])["dense1"].tolist() == [[3]]
    assert net.run([[1, 1]], weights={"dense1.weight": np.float32([[5, 5]])}).tolist() == [[10]]
    assert run([[1, 1]])["dense1"].tolist() == [[3]]


def test_nothing_is_said_about_infinities(recwarn):
    net = cnndsl.loads("input 2\nnormalize mean=0 std=[1, 2]\nsoftmax")
    result = net.run(np.array([[np.inf, -np.inf], [np.nan, 1]], np.float32))
    assert result.shape == (2, 2) and not recwarn.list
