"""PyTorch modules that cannot be read: one diagnostic for each reason, with the place in the code."""

import re
from pathlib import Path

import pytest

import cnndsl

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


def problems(module, *sizes):
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.from_torch(module, torch.zeros(sizes))
    return caught.value.diagnostics


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.pool = nn.FractionalMaxPool2d(2, output_size=3)

    def forward(self, x):
        x = self.conv(x)
        x = torch.cumsum(x, 1)
        words = x.flatten(2).transpose(1, 2)
        words, _ = self.attention(words, words, words)
        return self.pool(x) + words.mean()


def test_everything_is_listed_at_once_with_modules_and_places():
    found = problems(Attends(), 1, 3, 8, 8)
    assert [one.code for one in found] == ["import-unsupported"] * len(found)
    assert [one.message for one in found] == [
        "`cumsum`: the language has nothing for the function `cumsum`",
        "`attention`: the language has nothing for `torch.nn.MultiheadAttention`",
        "`pool`: the language has nothing for `torch.nn.FractionalMaxPool2d`",
    ]
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert [lines[one.span.line - 1].strip() for one in found] == [
        "x = torch.cumsum(x, 1)",
        "words, _ = self.attention(words, words, words)",
        "return self.pool(x) + words.mean()",
    ]
    assert {one.span.file for one in found} == {__file__}


def test_the_text_shows_the_line():
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.from_torch(Attends(), torch.zeros(1, 3, 8, 8))
    assert re.search(r"\d+ \|         x = torch.cumsum\(x, 1\)\n +\|         \^+", str(caught.value))


REFUSED = {
    "it keeps no running statistics": lambda: nn.BatchNorm2d(3, track_running_stats=False),
    "by running statistics": lambda: nn.InstanceNorm2d(3, track_running_stats=True),
    "its size 4 is even": lambda: nn.LocalResponseNorm(4),
    "its norm_type is 3": lambda: nn.LPPool2d(3, 2),
    "PyTorch scales the sums": lambda: nn.LPPool2d(2, 2, 2, ceil_mode=True),
    "its scale_factor gives no whole extents": lambda: nn.Upsample(scale_factor=1.3, mode="bilinear"),
    "its threshold is 5": lambda: nn.Softplus(threshold=5),
    "it gives 0 up to 1": lambda: nn.Threshold(1.0, 0.0),
    "nothing for `torch.nn.Hardshrink`": lambda: nn.Hardshrink(),
    "it works across the examples of the batch": lambda: nn.Softmax(0),
    "its result does not have the examples of the batch": lambda: nn.Flatten(0),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_means_something_else_is_refused(reason):
    (found,) = problems(nn.Sequential(nn.ReLU(), REFUSED[reason]()).eval(), 2, 3, 7, 7)
    assert found.code == "import-unsupported"
    assert reason in found.message
    assert found.message.startswith("`1`: ")


class Places(nn.Module):
    def forward(self, x):
        return F.adaptive_max_pool2d(x, 2, return_indices=True)[1].float()


def test_places_of_maxima_are_refused():
    (found,) = problems(Places(), 2, 3, 7, 7)
    assert "the places of the maxima are used" in found.message


def test_hooks_are_refused():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    module[0].register_forward_hook(lambda one, given, made: made * 2)
    (found,) = problems(module, 1, 3, 8, 8)
    assert found.message == "`0`: it has a hook, which may change what it gives"


def test_a_wrong_example_is_one_problem():
    (found,) = problems(nn.Conv2d(3, 4, 3), 1, 1, 8, 8)
    assert found.code == "python-object"
    assert found.message.startswith("the module does not take the example of 1x1x8x8: ")
    assert "torch.zeros(1, 3, 224, 224)" in found.help[0]


def test_an_example_without_a_batch_is_one_problem():
    (found,) = problems(nn.Sequential(nn.ReLU()), 7)
    assert (found.code, "it must have a batch" in found.message) == ("bad-setting", True)


@pytest.mark.parametrize(
    ("module", "example", "message"),
    [
        ("resnet50", None, "the module must be a torch.nn.Module, not `str`"),
        (nn.ReLU(), (1, 3, 8, 8), "the example must be a tensor, or a tuple of tensors, not `tuple`"),
        (nn.ReLU(), [], "the example must be a tensor, or a tuple of tensors, not `list`"),
        (nn.Linear(2, 2, device="meta"), torch.zeros(1, 2), "the module has parameters without numbers"),
    ],
)
def test_wrong_arguments(module, example, message):
    with pytest.raises(cnndsl.CnnError) as caught:
        cnndsl.from_torch(module, example)
    (found,) = caught.value.diagnostics
    assert found.code == "bad-setting"
    assert found.message.startswith(message)


def test_constants_alone_are_no_output():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.ones(1, 3)

    (found,) = problems(Constant(), 1, 3)
    assert "something else than tensors that depend on its inputs" in found.message


def test_what_depends_on_values_is_refused():
    class Decides(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    (found,) = problems(Decides(), 1, 3, 4, 4)
    assert found.code == "python-object"
    assert found.message == "PyTorch can neither trace nor export the module"
    assert [reason.partition(":")[0] for reason in found.help[:-1]] == ["torch.fx", "torch.export", "onnx"]
    assert "torch.where" in found.help[-1]


def test_constants_for_one_batch_are_refused():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("noise", torch.zeros(6))

        def forward(self, x):
            return x + self.noise.view(x.shape[0], -1, 1)[:, :, 0]

    (found,) = problems(Fixed(), 2, 3)
    assert found.message.startswith("`view`: it cannot be computed for a batch of any extent: ")


def test_many_problems_are_cut_short():
    found = problems(nn.Sequential(*(nn.Hardshrink() for _ in range(200))), 1, 3, 4, 4)
    assert found[-1].code == "diagnostic-limit"
    assert len(found) == cnndsl.Limits().diagnostics + 1
