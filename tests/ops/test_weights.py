"""Names and layouts of weights against the state dicts of PyTorch's modules."""

import pytest

from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.ops.base import Weight


def compiled(text: str) -> Graph:
    (network,) = compile_text(text).networks
    return network


def weights_of(text: str) -> dict[str, Weight]:
    network = compiled(text)
    return network.weights(network.layers[-1])


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("input 4@9\nconv 6 3", "Conv1d(4, 6, 3)"),
        ("input 4@9x9\nconv 6 3x2 bias=false", "Conv2d(4, 6, (3, 2), bias=False)"),
        ("input 4@9x9x9\nconv 6 3 groups=2", "Conv3d(4, 6, 3, groups=2)"),
        ("input 4@9x9\ndepthwise 3 multiplier=2", "Conv2d(4, 8, 3, groups=4)"),
        ("input 4@9\nconv_transpose 6 3", "ConvTranspose1d(4, 6, 3)"),
        ("input 4@9x9\nconv_transpose 6 3x2 groups=2", "ConvTranspose2d(4, 6, (3, 2), groups=2)"),
        ("input 4@9x9x9\nconv_transpose 6 2 bias=false", "ConvTranspose3d(4, 6, 2, bias=False)"),
        ("input 7\ndense 5", "Linear(7, 5)"),
        ("input 7\ndense 5 bias=false", "Linear(7, 5, bias=False)"),
        ("input 7 dtype=int64\nembedding 100 5", "Embedding(100, 5)"),
        ("input 4@9x9\nbatchnorm", "BatchNorm2d(4)"),
        ("input 4@9x9\nbatchnorm affine=false", "BatchNorm2d(4, affine=False)"),
        ("input 7\nbatchnorm", "BatchNorm1d(7)"),
        ("input 4@9x8\nlayernorm", "LayerNorm((4, 9, 8))"),
        ("input 4@9x8\nlayernorm axes=channel", "LayerNorm(4)"),
        ("input 4@9x8\nlayernorm affine=false", "LayerNorm((4, 9, 8), elementwise_affine=False)"),
        ("input 4@9x8\ngroupnorm 2", "GroupNorm(2, 4)"),
        ("input 4@9x8\ninstancenorm", "InstanceNorm2d(4)"),
        ("input 4@9x8\ninstancenorm affine=true", "InstanceNorm2d(4, affine=True)"),
        ("input 4@9x8\nprelu", "PReLU(4)"),
    ],
)
def test_layouts_against_pytorch(text: str, module: str) -> None:
    nn = pytest.importorskip("torch.nn")
    layer = eval(f"nn.{module}", {"nn": nn})
    state = {name: tuple(value.shape) for name, value in layer.state_dict().items() if name != "num_batches_tracked"}
    weights = weights_of(text)
    assert {name: weight.shape for name, weight in weights.items()} == state
    assert {name for name, weight in weights.items() if weight.buffer} == state.keys() & dict(layer.named_buffers())


@pytest.mark.parametrize(
    ("text", "fans"),
    [
        ("input 4@9x9\nconv 6 3x2", "Conv2d(4, 6, (3, 2))"),
        ("input 7\ndense 5", "Linear(7, 5)"),
    ],
)
def test_fans_against_pytorch(text: str, fans: str) -> None:
    """PyTorch's initialisers read the fans off the layout."""
    nn = pytest.importorskip("torch.nn")
    layer = eval(f"nn.{fans}", {"nn": nn})
    weight = weights_of(text)["weight"]
    assert (weight.fan_in, weight.fan_out) == nn.init._calculate_fan_in_and_fan_out(layer.weight)


def test_fans_count_the_links_of_one_unit() -> None:
    """Links into one output and out of one input, counted in a grouped, a depthwise and a transposed convolution."""
    grouped = weights_of("input 4@9x9\nconv 6 3x3 groups=2")["weight"]
    assert (grouped.fan_in, grouped.fan_out) == (2 * 9, 3 * 9)
    depthwise = weights_of("input 4@9x9\ndepthwise 3x3 multiplier=2")["weight"]
    assert (depthwise.fan_in, depthwise.fan_out) == (9, 2 * 9)
    transposed = weights_of("input 4@9x9\nconv_transpose 6 3x3 groups=2")["weight"]
    assert (transposed.fan_in, transposed.fan_out) == (2 * 9, 3 * 9)


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("input 4@9x9\nbatchnorm", {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}),
        ("input 4@9x9\nlayernorm", {"weight": 1, "bias": 0}),
        ("input 4@9x9\nscale init=1e-6", {"weight": 1e-6}),
        ("input 4@9x9\nscale init=2 bias=true", {"weight": 2, "bias": 0}),
        ("input 4@9x9\nbias", {"bias": 0}),
        ("input 4@9x9\nprelu", {"weight": 0.25}),
        ("input 4@9x9\nparameter 4@1x9", {"weight": 0}),
        ("input 4@9x9\nparameter 4@1x9 init=-0.5", {"weight": -0.5}),
        ("input 4@8x8\nsubsample 2x2", {"weight": 0.25, "bias": 0}),
    ],
)
def test_constants_to_start_from(text: str, starts: dict[str, float]) -> None:
    weights = weights_of(text)
    assert {name: weight.fill for name, weight in weights.items()} == starts
    assert {weight.init for weight in weights.values()} == {"constant"}


@pytest.mark.parametrize(
    ("text", "init"),
    [
        ("input 4@9x9\nconv 8 3x3", "kernel"),
        ("input 4@9x9\ndepthwise 3x3", "kernel"),
        ("input 4@9x9\nconv_transpose 8 3x3", "kernel"),
        ("input 7\ndense 5", "kernel"),
        ("input 7 dtype=int64\nembedding 100 5", "normal"),
    ],
)
def test_how_weights_start(text: str, init: str) -> None:
    assert weights_of(text)["weight"].init == init


def test_a_weight_is_a_tensor_of_zeros_with_one_link_unless_it_is_said() -> None:
    assert Weight((3,)) == Weight(
        (3,), "constant", fill=0.0, buffer=False, fan_in=1, fan_out=1, links=None, literal=None
    )


def test_the_centres_of_rbf_are_a_buffer_of_signs() -> None:
    (centers,) = weights_of("input 84\nrbf 10").values()
    assert (centers.shape, centers.init, centers.buffer) == ((10, 84), "signs", True)


def test_literal_weights_keep_their_numbers() -> None:
    literal = weights_of("input 1@8x8\nconv 1 2x3 weight=[[0, 1, 2], [3, 4, 5]] bias=[0.5]")
    assert literal["weight"].literal == ((1, 1, 2, 3), (0, 1, 2, 3, 4, 5))
    assert literal["bias"].literal == ((1,), (0.5,))
    (learned,) = weights_of("input 9\nparameter 1@2x3 weight=[[0, 1, 2], [3, 4, 5]]").values()
    assert learned.literal == ((1, 2, 3), (0, 1, 2, 3, 4, 5))
