"""What the words of the language mean, a line each, for hovers and completion."""

KEYWORDS = {
    "network": "a network: `network Name { ... }`",
    "block": "a part that is used by its name: `block Name(a, b=1) { ... }`",
    "input": "what flows in: `input 3@224x224`, `input 3@HxW as image`",
    "output": "the values that the network gives: `output a b`; without it the last one",
    "param": "a number that can be set from outside: `param classes = 1000`",
    "let": "a name for a value: `let width = 2 * filters`",
    "symbol": "an extent that is known only when the network is used: `symbol H = 224, W = 224`",
    "assume": "what holds for the symbols: `assume H % 32 == 0`",
    "repeat": "a body several times: `repeat 3 { ... }`, `repeat n as i { ... }`",
    "for": "a body for every element of a list: `for [filters, stride] in rows { ... }`",
    "in": "the value that flows here, as in `in.channels`; or what a `for` goes over",
    "if": "a body, or a value, if a condition holds: `if stride > 1 { ... } else { ... }`",
    "else": "what holds otherwise",
    "as": "gives a value a name: `conv 64 3x3 as stem`",
    "from": "goes on from a named value: `from stem -> relu`",
    "import": 'brings in blocks, networks and constants of another file: `import "blocks.cnn"`',
    "expect": "what must hold here: a shape, or a condition: `expect 64@56x56`, `expect params == 61_706`",
    "train": "how the network is trained, at its end: `train { ... }`",
    "true": "the truth value",
    "false": "the truth value",
    "and": "both conditions hold",
    "or": "one of the conditions holds",
    "not": "the condition does not hold",
}
STATEMENTS = ("input", "output", "param", "let", "symbol", "assume", "repeat", "for", "if", "from", "expect", "train")
ON_TOP = ("network", "block", "import")
FUNCTIONS = {
    "min": "the least of some numbers, or of a list",
    "max": "the largest of some numbers, or of a list",
    "abs": "a number without its sign",
    "ceil": "the next whole number above",
    "floor": "the next whole number below",
    "round": "the nearest whole number",
    "len": "how many elements a list has",
    "range": "the list 0, 1, ... below a number",
    "make_divisible": "the nearest multiple of a divisor, as MobileNet rounds numbers of filters",
}
MEASURES = {
    "params": "trainable parameters",
    "buffers": "numbers that are stored, not trained, such as running means",
    "macs": "multiply-accumulates for one example",
    "connections": "connections in LeCun's sense",
    "layers": "layers",
    "receptive_field": "input positions that one output position sees, on each axis",
    "rf_stride": "how far apart the receptive fields of neighbours are",
    "activation_bytes": "bytes of all values of one example",
    "peak_bytes": "bytes of the values that are alive at once, at most",
    "weight_bytes": "bytes of the weights",
}
ATTRIBUTES = {
    "channels": "its channels",
    "height": "its rows",
    "width": "its columns",
    "depth": "its planes",
    "length": "its extent along the only axis",
    "features": "the length of a vector",
    "shape": "its shape",
}
