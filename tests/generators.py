"""Random layers and random networks as text, for the tests that compare with an independent implementation.

Every layer is drawn from a ``random.Random`` of its own, seeded with words, so that a seed names a text and no
operator's draws depend on which others there are. A layer may not fit its input (a kernel too large, a divisor
missing); whoever draws asks the compiler and draws again.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from cnndsl import ops
from cnndsl.lang.compile import compile_text
from cnndsl.shapes import Shape

LARGEST = {0: 60, 1: 24, 2: 12, 3: 6}
"""The largest extent of an axis by the number of spatial axes; for a vector its features."""

ELEMENTS = 6_000
"""The most elements of a value of a random network."""


class Draw:
    """Arguments for a layer on an input of a shape.

    ``inside`` a network there are no windows on padding alone, whose maximum is -inf, and no norms that blow up the
    rounding errors of a constant map: both would hide what the other layers do.
    """

    def __init__(self, random: Random, shape: Shape, inside: bool = False) -> None:
        self.random = random
        self.shape = shape
        self.rank = len(shape.spatial)
        self.inside = inside

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def one_of(self, *texts: str) -> str:
        return self.random.choice(texts)

    def integer(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def number(self, low: float, high: float) -> float:
        return round(self.random.uniform(low, high), 3)

    def flag(self) -> str:
        return self.one_of("true", "false")

    def divisor(self, number: int) -> int:
        return self.random.choice([n for n in range(1, number + 1) if number % n == 0])

    def sizes(self, low: int, high: int, count: int | None = None) -> str:
        """One number for all axes, or a list with one for each."""
        if count is None and self.chance(40):
            return str(self.integer(low, high))
        return str([self.integer(low, high) for _ in range(count or self.rank)])

    def option(self, percent: int, text: Callable[[], str]) -> str:
        return f" {text()}" if self.chance(percent) else ""

    def padding(self, most: int = 2) -> str:
        """Any form of ``pad=``, or nothing."""
        forms = ["", "pad=same", "pad=same_lower", "pad=valid", f"pad={self.sizes(0, most)}"]
        forms += [f"pad={self.sizes(0, most, 2 * self.rank)}"] * 2 + (["pad=causal"] if self.rank == 1 else [])
        return self.random.choice(forms)

    def window(self, dilation: int = 3) -> str:
        """Kernel, stride, padding and dilation."""
        stride = self.option(60, lambda: f"stride={self.sizes(1, 3)}")
        spread = self.option(35, lambda: f"dilation={self.sizes(1, dilation)}") if dilation > 1 else ""
        return f"{self.sizes(1, 4)}{stride} {self.padding()}{spread}"


def conv(draw: Draw) -> str:
    channels = draw.shape.channels
    groups = draw.divisor(channels) if draw.chance(40) else 1
    filters = groups * draw.integer(1, 3)
    text = f"{filters} {draw.window()}"
    text += draw.option(40, lambda: f"pad_mode={draw.one_of('zeros', 'reflect', 'edge', 'circular')}")
    text += draw.option(40, lambda: draw.one_of("bias=false", f"bias={[draw.number(-1, 1) for _ in range(filters)]}"))
    if groups > 1:
        return f"{text} groups={groups}"
    links = [sorted(draw.random.sample(range(channels), draw.integer(1, channels))) for _ in range(filters)]
    return text + draw.option(20, lambda: f"connect={links}")


def depthwise(draw: Draw) -> str:
    return f"{draw.window()} multiplier={draw.integer(1, 3)}" + draw.option(30, lambda: "bias=false")


def conv_transpose(draw: Draw) -> str:
    groups = draw.divisor(draw.shape.channels) if draw.chance(40) else 1
    text = f"{groups * draw.integer(1, 3)} {draw.window()} groups={groups}"
    return text + draw.option(40, lambda: f"output_pad={draw.sizes(0, 2)}") + draw.option(30, lambda: "bias=false")


def avgpool(draw: Draw) -> str:
    return f"{draw.window(dilation=1)} ceil_mode={draw.flag()} count_include_pad={draw.flag()}"


def lppool(draw: Draw) -> str:
    return f"{draw.window(dilation=1)} ceil_mode={draw.flag()} p={draw.integer(1, 3)}"


def subsample(draw: Draw) -> str:
    return draw.sizes(1, 3) + draw.option(50, lambda: f"stride={draw.sizes(1, 3)}")


def parameter(draw: Draw) -> str:
    """A value of the input's shape, some axes of size 1."""
    channels, *sizes = (1 if draw.chance(30) else size for size in draw.shape.dimensions)
    shape = f"({channels}@{sizes})" if sizes else f"({channels})"
    return shape + draw.option(50, lambda: f"init={draw.number(-1, 1)}")


def reshape(draw: Draw) -> str:
    """The elements dealt out to 0 to 3 spatial axes."""
    rest, sizes = draw.shape.elements, []
    for _ in range(draw.integer(0, 3)):
        sizes.append(draw.divisor(rest))
        rest //= sizes[-1]
    return f"({rest}@{sizes})" if sizes else f"({rest})"


def permute(draw: Draw) -> str:
    return str(draw.random.sample(range(draw.rank + 1), draw.rank + 1))


def pad(draw: Draw) -> str:
    size = draw.one_of(draw.sizes(0, 3), draw.sizes(0, 3, 2 * draw.rank))
    modes = [f"mode={mode}" for mode in ("zeros", "reflect", "edge", "circular")]
    return f"{size} {draw.one_of('', f'value={draw.number(-2, 2)}', *modes)}"


def crop(draw: Draw) -> str:
    return draw.one_of(draw.sizes(0, 2), draw.sizes(0, 3, 2 * draw.rank))


SMOOTH = ("linear", "cubic")


def resize(draw: Draw) -> str:
    size = draw.sizes(1, 2 * LARGEST[draw.rank])
    smooth = f" mode={draw.one_of(*SMOOTH)}"
    return size + draw.one_of("", smooth, f"{smooth} align_corners=true")


def cut(draw: Draw) -> str:
    axis = draw.integer(0, draw.rank)
    begin, end = sorted(draw.random.sample(range(draw.shape.dimensions[axis] + 1), 2))
    return f"{begin} {end} axis={axis}"


def affine(draw: Draw) -> str:
    # Over a single cell ONNX Runtime subtracts x/sqrt(eps) from itself, and what remains is rounding.
    if draw.inside or draw.shape.positions == 1:
        return f"affine={draw.flag()} eps={draw.number(0.1, 1)}"
    return f"affine={draw.flag()}" + draw.option(50, lambda: f"eps={draw.number(0.001, 0.1)}")


def lrn(draw: Draw) -> str:
    factors = f"alpha={draw.number(0.01, 1)} beta={draw.number(0.3, 1)} k={draw.number(0.5, 2)}"
    return f"{draw.integer(1, 7)} {factors}"


def normalize(draw: Draw) -> str:
    def constants(low: float, high: float) -> str:
        if draw.chance(50):
            return str(draw.number(low, high))
        return str([draw.number(low, high) for _ in range(draw.shape.channels)])

    return f"mean={constants(-1, 1)} std={constants(0.3, 2)}"


def numbers(draw: Draw, fields: Sequence[str]) -> str:
    return " ".join(f"{field}={draw.number(0.05, 1.5)}" for field in fields if draw.chance(70))


ARGUMENTS: dict[str, Callable[[Draw], str]] = {
    "conv": conv,
    "depthwise": depthwise,
    "conv_transpose": conv_transpose,
    "avgpool": avgpool,
    "lppool": lppool,
    "subsample": subsample,
    "global_lppool": lambda draw: f"p={draw.integer(1, 3)}",
    "reduce": lambda draw: f"by={draw.one_of('sum', 'mean', 'max', 'min', 'norm')} axis={draw.integer(0, draw.rank)}",
    "adaptive_avgpool": lambda draw: draw.sizes(1, 9),
    "adaptive_maxpool": lambda draw: draw.sizes(1, 9),
    "dense": lambda draw: str(draw.integer(1, 20)) + draw.option(30, lambda: "bias=false"),
    "rbf": lambda draw: str(draw.integer(1, 8)),
    "embedding": lambda draw: f"9 {draw.integer(1, 6)}",
    "parameter": parameter,
    "reshape": reshape,
    "permute": permute,
    "pad": pad,
    "crop": crop,
    "upsample": lambda draw: draw.sizes(1, 3) + draw.option(60, lambda: f"mode={draw.one_of(*SMOOTH)}"),
    "resize": resize,
    "slice": cut,
    "channel_shuffle": lambda draw: str(draw.divisor(draw.shape.channels)),
    "pixel_shuffle": lambda draw: str(draw.integer(1, 3)),
    "space_to_depth": lambda draw: str(draw.integer(1, 3)),
    "batchnorm": affine,
    "layernorm": lambda draw: f"axes={draw.one_of('all', 'channel')} {affine(draw)}",
    "groupnorm": lambda draw: f"{draw.divisor(draw.shape.channels)} {affine(draw)}",
    "instancenorm": affine,
    "lrn": lrn,
    "normalize": normalize,
    "dropout": lambda draw: str(draw.number(0, 0.9)),
    "spatial_dropout": lambda draw: str(draw.number(0, 0.9)),
    "gelu": lambda draw: f"approximate={draw.one_of('none', 'tanh')}",
    "scale": lambda draw: draw.option(50, lambda: "bias=true"),
    "clip": lambda draw: draw.one_of(
        f"({draw.number(-2, 0)}) {draw.number(0, 2)}", f"min={draw.number(-2, 2)}", f"max={draw.number(-2, 2)}"
    ),
    "pow": lambda draw: f"({draw.one_of('-1', '2', '3', str(draw.number(-2, 3)))})",
    "concat": lambda draw: f"axis={draw.integer(0, draw.rank)}",
}
"""The arguments of operators as text, drawn for an input of a shape; those of others follow from their parameters."""


def arguments(name: str, draw: Draw) -> str:
    """Arguments of any operator: of those without a row, a pool's window and numbers that may be left out."""
    if name in ARGUMENTS:
        return ARGUMENTS[name](draw)
    fields = ops.operator(name).model_fields
    if fields.keys() - {"dilation"} == {"kernel", "stride", "pad", "ceil_mode"}:
        window = draw.window(dilation=3 if "dilation" in fields and not draw.inside else 1)
        return window + draw.option(50, lambda: "ceil_mode=true")
    undrawn = [field for field, value in fields.items() if value.is_required() or not isinstance(value.default, float)]
    assert not undrawn, f"{name} has no row in ARGUMENTS, and {undrawn} take more than a number"
    return numbers(draw, list(fields))


WIDE = {"conv": 8, "conv_transpose": 6, "maxpool": 6, "avgpool": 6, "depthwise": 4, "lppool": 4, "resize": 3, "pad": 3}
"""Operators with much to vary, and how much more often to draw them."""

LIKELY = {"dense": 6, "flatten": 2, "add": 2, "mul": 2, "sub": 2, "maximum": 2, "average": 2, "concat": 4, "lppool": 2}
"""How often to draw some operators in a network, beside WIDE."""

GUARDS = {
    "square": "clip (-3) 3",
    "sqrt": "clip min=0.1",
    "exp": "clip max=3",
    "log": "clip min=0.1",
    "sin": "clip (-9) 9",
    "pow": "clip 0.3 3",
    "div": "clip min=0.3",
}
"""What stands before some functions in a network (for div, before what divides), so that errors do not grow, and values
neither: NaN and infinity would hide what the other layers do."""

VECTORS_ONLY = {"dense", "rbf", "embedding"}
PLANES_ONLY = {"pixel_shuffle", "space_to_depth"}


def shape_for(random: Random, name: str) -> Shape:
    """An input for an operator; not every operator takes every one."""
    rank = 0 if name in VECTORS_ONLY else 2 if name in PLANES_ONLY else random.randint(0, 3)
    if rank == 0 and (ops.family(name) in ("conv", "pool") or random.randrange(2)) and name not in VECTORS_ONLY:
        rank = random.randint(1, 3)
    if rank == 0:
        return Shape(random.randint(1, LARGEST[0]))
    channels = 4 * random.randint(1, 3) if name == "pixel_shuffle" else random.randint(1, 8)
    return Shape(channels, tuple(random.randint(1, LARGEST[rank]) for _ in range(rank)))


def written(shape: Shape) -> str:
    return f"{shape.channels}@{list(shape.spatial)}" if shape.spatial else str(shape.channels)


def layer_text(random: Random, name: str) -> str:
    """A network of one layer of an operator, with one input for each of its branches."""
    shape = shape_for(random, name)
    given = arguments(name, Draw(random, shape))
    if name not in ops.MERGES:
        dtype = " dtype=int64" if name == "embedding" else ""
        return f"input {written(shape)}{dtype}\n{name} {given}\n"
    branches = [shape] * (ops.operator(name).arity[1] or random.randint(2, 4))
    branches = [varied(random, branch, given if name == "concat" else None) for branch in branches]
    inputs = "".join(f"input {written(branch)} as x{index}\n" for index, branch in enumerate(branches))
    return f"{inputs}{name} {given} {{ {'; '.join(f'from x{index}' for index in range(len(branches)))} }}\n"


def varied(random: Random, shape: Shape, joined: str | None) -> Shape:
    """A branch beside others of ``shape``: some axes shrunk to 1, or for concat another size along its axis."""
    sizes = list(shape.dimensions)
    if joined is not None:
        sizes[int(joined.removeprefix("axis="))] = random.randint(1, 6)
    else:
        sizes = [1 if random.randrange(4) == 0 else size for size in sizes]
    return Shape(sizes[0], tuple(sizes[1:]))


class Value(NamedTuple):
    """A named value of a network that is being written."""

    name: str
    shape: Shape


class Shareable(NamedTuple):
    """A convolution whose weights another layer may use, and the shape that it reads."""

    name: str
    text: str
    shape: Shape


def network_text(seed: object, layers: int, names: Sequence[str] = ops.NAMES) -> str:
    """A graph of at most ``layers`` layers: branches, merges, skips and shared weights, one to three outputs.

    At every place each operator draws a layer and a priority from seeds of its own, and of those that fit the first
    wins: one operator more in ``names`` changes what it wins, and nothing else. The network ends early where nothing
    fits.
    """
    random = Random(f"{seed}/inputs")
    inputs = [Value(f"x{index}", shape_for(random, "relu")) for index in range(random.choice([1, 1, 1, 2]))]
    lines = [f"input {written(value.shape)} as {value.name}" for value in inputs]
    if random.randrange(6) == 0:
        words, size = random.randint(1, 20), random.randint(1, 6)
        lines += [f"input {words} dtype=int64 as words", f"embedding 9 {size} as vectors"]
        inputs.append(Value("vectors", Shape(size, (words,))))
    values = list(inputs)
    shared: list[Shareable] = []
    for index in range(layers - ("vectors" in lines[-1])):
        for name in by_priority(f"{seed}/{index}", names):
            random = Random(f"{seed}/{index}/{name}")
            source = values[-1] if random.randrange(4) else random.choice(values)
            text = branching(random, name, values) if name in ops.MERGES else continued(random, name, source, shared)
            line = f"{text} as v{index}"
            shape = shape_of("\n".join([*lines, line])) if text else None
            if shape is not None and shape.elements <= ELEMENTS:
                break
        else:
            break
        lines.append(line)
        values.append(Value(f"v{index}", shape))
        if name == "conv" and "share=" not in line and "bias=[" not in line:
            shared.append(Shareable(f"v{index}", text.partition(" -> ")[2], source.shape))
    computed = [value.name for value in values[len(inputs) :]]
    results = sorted({computed[-1], *Random(f"{seed}/outputs").sample(computed, min(2, len(computed)))})
    return "\n".join([*lines, f"output {' '.join(results)}", ""])


SETTINGS = {
    "data": ['"digits"', '"a \\"folder\\" \\\\ é"', '"tab\\t"'],
    "validate": ["0", "0.15", "1/3"],
    "augment": ["shift=2", "rotate=12.5 flip", "scale=0.1 erase=1 crop=0.3", "flip=true noise=1e-3 mixup=0.2"],
    "loss": [
        *("cross_entropy label_smoothing=0.1", "class_weights=balanced", "class_weights=[1, 2.5, 1/3, 4]"),
        *("mse", "l1"),
    ],
    "optimizer": [
        *("sgd", "sgd nesterov momentum=0.8", "adam lr=1e-4", "adamw weight_decay=0", "lr=0.5"),
        *("rmsprop momentum=0", "rmsprop weight_decay=5e-4"),
    ],
    "schedule": ["constant", "step every=3 factor=0.5", "warmup=2.5", "one_cycle", "plateau patience=2 factor=0.3"],
    "batch": ["1", "64", "8*4"],
    "epochs": ["1", "1_000"],
    "stop": ["patience=8", "patience=3 min_delta=1e-4"],
    "clip": ["0", "1", "0.25"],
    "seed": ["0", "12345678901234567890 % 2**40"],
}
"""What may stand behind each word of ``train { }``, for a network of four classes."""


def training_text(random: Random) -> str:
    """A ``train { }`` of any settings in any order, over lines or on one."""
    words = random.sample(sorted(SETTINGS), random.randint(0, len(SETTINGS)))
    single = ("validate", "batch", "seed")  # an operator stands in parentheses where a value has no name
    lines = [
        f"{word} ({value})" if word in single else f"{word} {value}"
        for word in words
        for value in [random.choice(SETTINGS[word])]
    ]
    return f"train {{ {'; '.join(lines)} }}" if random.random() < 0.3 else "\n  ".join(["train {", *lines]) + "\n}"


def by_priority(seed: str, names: Sequence[str]) -> list[str]:
    """The operators in a random order; those of LIKELY and WIDE are sooner first (Efraimidis and Spirakis 2006)."""

    def priority(name: str) -> float:
        return Random(f"{seed}/{name} first").random() ** (1 / LIKELY.get(name, WIDE.get(name, 1)))

    return sorted((name for name in names if name != "embedding"), key=priority, reverse=True)


def continued(random: Random, name: str, source: Value, shared: list[Shareable]) -> str:
    """One layer behind a value; sometimes a convolution with the weights of an earlier one."""
    fitting = [layer for layer in shared if layer.shape == source.shape]
    if name == "conv" and fitting and random.randrange(2):
        owner = random.choice(fitting)
        return f"from {source.name} -> {owner.text} share={owner.name}"
    guard = f"{GUARDS[name]} -> " if name in GUARDS else ""
    return f"from {source.name} -> {guard}{name} {arguments(name, Draw(random, source.shape, inside=True))}".rstrip()


def branching(random: Random, name: str, values: list[Value]) -> str | None:
    """A merge of values that fit together, or None if there are no two."""
    anchor = random.choice(values)
    given = arguments(name, Draw(random, anchor.shape, inside=True))
    axis = int(given.removeprefix("axis=")) if name == "concat" else None
    mates = [value for value in values if value != anchor and together(anchor.shape, value.shape, axis)]
    if not mates:
        return None
    others = random.sample(mates, 1 if ops.operator(name).arity[1] == 2 else random.randint(1, min(3, len(mates))))
    branches = [f"from {value.name}" for value in random.sample([anchor, *others], len(others) + 1)]
    if name in GUARDS:
        branches[1] += f" -> {GUARDS[name]}"
    return f"{name} {given} {{ {'; '.join(branches)} }}"


def together(first: Shape, other: Shape, axis: int | None) -> bool:
    """Whether two shapes can be merged: equal but for the axis of a concat, or for axes of size 1."""
    pairs = list(zip(first.dimensions, other.dimensions, strict=False))
    if len(first.spatial) != len(other.spatial):
        return False
    if axis is None:
        return all(a == b or 1 in (a, b) for a, b in pairs)
    return all(a == b for index, (a, b) in enumerate(pairs) if index != axis)


def shape_of(text: str) -> Shape | None:
    """The shape of a network's last value, or None if the text has errors."""
    networks = compile_text(text).networks
    return networks[0].layers[-1].shape if networks and networks[0].layers else None


def sound_layer(random: Random, name: str) -> str:
    """A network of one layer of an operator that fits its input."""
    return next(text for text in iter(lambda: layer_text(random, name), None) if compile_text(text).networks)
