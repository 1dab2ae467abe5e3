"""Codes about names: unknown ones, and ones that are in use already."""

from cnndsl import ops
from cnndsl.codes.code import Code

_TWO_NETWORKS = (
    "network Small {\n  param classes = 10\n  input 64\n  dense classes\n}\n"
    "network Large {\n  input 64\n  dense 100 -> relu -> dense 10\n}"
)

_KINDS = {
    "windowed": ("conv", "pool"),
    "dense": ("dense",),
    "shape": ("shape",),
    "normalisation": ("norm",),
    "activations": ("activation",),
    "merges": ("merge",),
}


def _operators() -> str:
    """Every operator by its kind."""
    return "; ".join(
        f"{kind}: {', '.join(name for name in ops.NAMES if ops.family(name) in families)}"
        for kind, families in _KINDS.items()
    )


CODES = (
    Code(
        "unknown-operator",
        "a word that is neither an operator nor a block",
        "The first word of a stage is the name of an operator or of a block defined in this file or one it imports. "
        f"Capitals count. The operators are, {_operators()}. `cnndsl explain conv` describes conv.",
        "input 1@28x28\ncnov 6 5x5",
        "input 1@28x28\nconv 6 5x5",
    ),
    Code(
        "unknown-name",
        "a name that nothing here defines",
        "Names come from `param`, `let`, loops, the arguments of a block, and `as`. A name is visible from its "
        "definition to the end of the body that it stands in. A block sees its own arguments and the constants of "
        "the file; it sees nothing of the place where it is used: pass it as an argument.",
        "param width = 64\ninput 3@32x32\nconv widht 3x3",
        "param width = 64\ninput 3@32x32\nconv width 3x3",
    ),
    Code(
        "unknown-function",
        "a function that expressions do not have",
        "The functions of expressions are `min`, `max`, `abs`, `ceil`, `floor`, `round`, `len`, `range` and "
        "`make_divisible(v, 8)`, MobileNet's rounding to a multiple of 8.",
        "input 3@32x32\nconv maximum(8, 16) 3x3",
        "input 3@32x32\nconv max(8, 16) 3x3",
    ),
    Code(
        "unknown-attribute",
        "an attribute that a value does not have",
        "A map has `channels` and, by its number of spatial axes, `length` (1), `height` and `width` (2), or `depth`, "
        "`height` and `width` (3). A vector has `features`. Both have `shape`. Inside `expect`, a named layer also "
        "has `params`, `buffers`, `macs`, `connections`, `layers`, `receptive_field`, `rf_stride`, `activation_bytes`, "
        "`peak_bytes` and `weight_bytes`.",
        "input 3@32x32\nconv (2*in.features) 3x3",
        "input 3@32x32\nconv (2*in.channels) 3x3",
    ),
    Code(
        "unknown-parameter",
        "an argument that the operator or block does not take",
        "Every operator has a fixed list of parameters; the message shows it, and `cnndsl explain conv` explains "
        "those of conv. Other tools may call the same thing by another name: `padding`, `strides`, `out_channels` and "
        "`use_bias` are `pad`, `stride`, `filters` and `bias` here.",
        "input 3@32x32\nconv 8 3x3 padding=1",
        "input 3@32x32\nconv 8 3x3 pad=1",
    ),
    Code(
        "unknown-network",
        "a network of that name does not exist",
        "A network is picked by its name; a file without a `network` statement holds one network with the name of "
        "the file.",
        "cnndsl check pair.cnn --network Smal",
        "cnndsl check pair.cnn --network Small",
        language="sh",
        files={"pair.cnn": _TWO_NETWORKS},
    ),
    Code(
        "several-networks",
        "a file with several networks where one is wanted",
        "A file may hold several networks, and `check` shows all of them. To run or export one, pick it with "
        "`--network`, or in Python with `network=`.",
        "cnndsl run pair.cnn --input zeros",
        "cnndsl run pair.cnn --input zeros --network Small",
        language="sh",
        files={"pair.cnn": _TWO_NETWORKS},
    ),
    Code(
        "unknown-layer",
        "a layer of that name does not exist",
        "Layers have the name that `as` gives them, otherwise the name of their operator with a number: `conv1`. "
        "Inside blocks the name of the block's instance stands before it: `bottleneck3.conv1`. `cnndsl check` lists "
        "all names.",
        "cnndsl run net.cnn --input zeros --layers conv2",
        "cnndsl run net.cnn --input zeros --layers conv1",
        language="sh",
        files={"net.cnn": "input 3@8x8\nconv 8 3x3 -> relu"},
    ),
    Code(
        "unknown-setting",
        "a setting from outside that fits nothing in the file",
        "`--set name=value` overrides a `param` of the file, and `--input name=shape` the shape of one of its inputs. "
        "A `let` cannot be set from outside.",
        "cnndsl check pair.cnn --set clases=100",
        "cnndsl check pair.cnn --set classes=100",
        language="sh",
        files={"pair.cnn": _TWO_NETWORKS},
    ),
    Code(
        "unknown-train-setting",
        "a setting that training does not have",
        "The lines of `train { }` are settings: a word such as `optimizer` or `epochs`, and what it is set to. What "
        "belongs to a setting stands on its line: `optimizer sgd lr=0.1`. `cnndsl explain training` names them all.",
        "input 1@8x8\nflatten -> dense 10\ntrain {\n  optimiser sgd\n}",
        "input 1@8x8\nflatten -> dense 10\ntrain {\n  optimizer sgd\n}",
    ),
    Code(
        "name-taken",
        "a name that is in use already",
        "Names are never reassigned: within one body, each is defined once. An inner body may use a name of an outer "
        "one again. Blocks cannot have the name of an operator, and two imported files cannot bring in different "
        "things of the same name.",
        "input 3@32x32\nlet width = 8\nlet width = 16\nconv width 3x3",
        "input 3@32x32\nlet width = 8\nlet wider = 16\nconv width 3x3 -> relu -> conv wider 3x3",
    ),
    Code(
        "not-a-value",
        "a layer where a number is wanted, or the other way round",
        "`as` names a layer and the value that it gives; `let`, `param` and loops name numbers, lists and strings. "
        "`from` and `output` take the first kind, expressions the second, the arguments of a block both, as the block "
        "uses them. What an expression may ask of a layer are its attributes: `stem.channels`, `stem.shape`. What a "
        "loop named is one value for each turn: `level[0]`, `level[-1]`.",
        "input 3@32x32\nconv 8 3x3 -> relu as stem\nconv (2*stem) 3x3",
        "input 3@32x32\nconv 8 3x3 -> relu as stem\nconv (2*stem.channels) 3x3",
    ),
)
