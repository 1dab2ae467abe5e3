"""Short pages about the language, for ``cnndsl explain TOPIC``; the reference says the same at length."""

from typing import NamedTuple


class Topic(NamedTuple):
    """A page: its title, some words, and a text that checks without a warning; ``about`` are words of the language."""

    title: str
    words: str
    example: str
    about: tuple[str, ...] = ()


TOPICS: dict[str, Topic] = {
    "lines": Topic(
        "how a text is put together",
        "One line is one layer: an operator, then its arguments, by position or as `name=value`. `->` or a new line "
        'is "then": a layer reads what the one before it gives. The first layer reads the `input`. A comment begins '
        "with `#`. Every layer has a name, `conv1` or one given by `as`.",
        "input 1@28x28\nconv 6 5x5 pad=2 -> tanh   # 6 filters of 5x5\navgpool 2x2 as halved\nflatten -> dense 10 -> "
        "softmax",
        ("network",),
    ),
    "shapes": Topic(
        "channels first: 3@32x32",
        "`3@32x32` are 3 channels of 32 rows and 32 columns; a sequence is `8@100`, a volume `1@16x64x64`, and a "
        "vector has its number of features alone: `10`. A window of size K with stride S and padding P on both sides "
        "makes (W - K + 2*P)/S + 1 of W positions, rounded down. `expect` fails where a shape is another than you "
        "think.",
        "input 3@32x32\nconv 16 3x3 pad=1 -> relu\nmaxpool 2x2\nexpect 16@16x16",
        ("input", "expect", "padding", "channels"),
    ),
    "training": Topic(
        "train { }: how a network is trained",
        "At its end a network may say how it is trained: `data`, `validate`, `augment`, `loss`, `optimizer`, "
        "`schedule`, `batch`, `epochs`, `stop`, `clip` and `seed`, each on a line. All have defaults, and none changes "
        "a shape or a count. The parts of a setting are written by keyword: `optimizer sgd lr=0.1 momentum=0.9`.",
        "input 1@8x8\nconv 16 3x3 pad=1 -> relu -> maxpool 2x2\nflatten -> dropout 0.3 -> dense 10\ntrain {\n"
        "  loss cross_entropy\n  optimizer adamw lr=2e-3\n  epochs 60\n}",
        ("train", "optimizer", "loss", "epochs"),
    ),
    "counts": Topic(
        "parameters, MACs, connections, receptive field",
        "Parameters are learnt numbers, those of a norm included, its running statistics not. A MAC is one "
        "multiplication with its addition, without the bias, for one example; FLOPs are twice as many. Connections "
        "count, as LeCun did, what every output reads, bias included, pooling too. The receptive field is how much of "
        "the input one output can see; `/4` behind it says how far those of neighbours are apart. `cnndsl explain "
        "FILE LAYER` works them out.",
        "input 1@28x28\nconv 6 5x5 -> relu\nexpect params == 6 * (25 + 1)\nexpect macs == 6 * 24 * 24 * 25",
        ("params", "parameters", "macs", "flops", "connections", "receptive_field"),
    ),
    "merges": Topic(
        "branches: add, concat and others",
        "In the braces of `add`, `concat`, `mul`, `sub`, `div`, `maximum`, `minimum` and `average` every line is a "
        "branch of its own; all read what stands before the merge. `identity` is the branch that changes nothing. What "
        "goes on in one branch is joined by `->`.",
        "input 64@8x8\nadd {\n  conv 64 3x3 pad=1 -> relu -> conv 64 3x3 pad=1\n  identity\n}\nrelu",
        ("branch", "branches", "residual", "skip", "shortcut"),
    ),
    "names": Topic(
        "as, from, share and output",
        "`as name` names what a line gives; `from name` goes on there, or is a branch of a merge. `share=name` uses "
        "the weights of another layer. `output a b` says which values the network gives; without it, the last one.",
        "input 8@32x32\nconv 8 3x3 pad=1 as early -> relu\nconv 8 3x3 pad=1 share=early\nconcat { identity; from "
        "early }",
        ("as", "from", "share", "output"),
    ),
    "blocks": Topic(
        "block: what is used several times",
        "A block is written once and used like an operator, with parameters that may have defaults. `in` is what it "
        'is applied to, as in `in.channels`. `import "file.cnn"` brings the blocks of another file.',
        "block Unit(width, stride=1) {\n  conv width 3x3 stride=stride pad=1 bias=false -> batchnorm -> relu\n}\n"
        "input 3@33x33\nUnit 16\nUnit 32 stride=2",
        ("block", "import", "in"),
    ),
    "loops": Topic(
        "repeat, for, if, let",
        "`repeat 3 { ... }` writes its body three times, `for width in [64, 128] { ... }` once for each; ranges are "
        "`range(4)`. `if` chooses, `let` names a number. All of it is expanded before anything is computed.",
        "input 3@32x32\nfor [width, depth] in [[16, 1], [32, 2]] {\n  repeat depth { conv width 3x3 pad=1 -> relu }\n"
        "  maxpool 2x2\n}",
        ("repeat", "for", "if", "else", "let"),
    ),
    "settings": Topic(
        "param: numbers that the command line changes",
        "`param classes = 10` is a number with a default; `--set classes=100` gives another. `check --input 3@64x64` "
        "replaces the shape of the input.",
        "param classes = 10\ninput 1@28x28\nflatten -> dense classes -> softmax",
        ("param",),
    ),
    "weights": Topic(
        "where weights come from",
        "`--weights` takes `.safetensors`, `.npz` and `.onnx` files whose tensors have the names that `cnndsl check` "
        "shows, as in a PyTorch state dict: `conv1.weight`, `conv1.bias`. Without it weights are initial ones of "
        "`--seed`, and the command says so. A layer may have its numbers in the text, too.",
        "input 1@8x8\nconv 1 3x3 weight=[[[[1, 0, -1], [2, 0, -2], [1, 0, -1]]]] bias=false",
    ),
}
"""Every topic by its name."""


def topic_about(word: str) -> str | None:
    """The topic of that name, or about that word of the language."""
    small = word.lower()
    return small if small in TOPICS else next((name for name, topic in TOPICS.items() if small in topic.about), None)
