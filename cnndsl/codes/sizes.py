"""Codes of symbols: sizes that are known when the network is used."""

from cnndsl.codes.code import Code

CODES = (
    Code(
        "symbol-decides",
        "a symbol decides what must be known beforehand",
        "A `symbol` is a size that is known when the network is used. It may stand in the extents of inputs and in "
        "arguments that are extents (`crop`, `pad`, `resize`, `slice`, `reshape`, `adaptive_avgpool`), where it meets "
        "`+ - * // %`. It decides neither which layers there are (`if`, `repeat`, `for`) nor their weights. A number "
        "or a `param` does, and `--set H=256` makes a number of a symbol.",
        "symbol H = 64\ninput 3@[H, H]\nconv H 3x3",
        "param width = 64\nsymbol H = 64\ninput 3@[H, H]\nconv width 3x3",
    ),
    Code(
        "symbol-weights",
        "weights that would have another shape for another size",
        "The weights of a network are the same for every size that it is used with. A `dense` layer behind the "
        "`flatten` of a map whose size is a symbol would need others for each. A global pool, or an adaptive one to a "
        "fixed size, makes the map the same for every size.",
        "symbol H = 32\ninput 3@[H, 32]\nconv 8 3x3 pad=1 -> relu\nflatten -> dense 10",
        "symbol H = 32\ninput 3@[H, 32]\nconv 8 3x3 pad=1 -> relu\nadaptive_avgpool 4x4 -> flatten -> dense 10",
    ),
    Code(
        "unbound-symbol",
        "a symbol that no input has",
        "What a symbol is when the network is used is told by its inputs, so one of them must have it as an extent. "
        "A number that is chosen when the network is written is a `param`.",
        "symbol margin = 4\ninput 3@32x32\ncrop margin",
        "param margin = 4\ninput 3@32x32\ncrop margin",
    ),
    Code(
        "assumption",
        "a size that the network is not made for",
        "`assume` says which sizes a network is used with. The default of a symbol, what `--set` or `--input` make of "
        "it, and what a run is given must be among them.",
        "symbol H = 100\ninput 3@[H, 32]\nassume H % 32 == 0\nconv 8 3x3",
        "symbol H = 96\ninput 3@[H, 32]\nassume H % 32 == 0\nconv 8 3x3",
    ),
    Code(
        "impossible-assumption",
        "assumptions that no size meets",
        "Every `assume` must hold at once, and no size meets these.",
        "symbol H = 32\ninput 3@[H, 32]\nassume H % 32 == 0\nassume H < 20\nconv 8 3x3",
        "symbol H = 32\ninput 3@[H, 32]\nassume H % 32 == 0\nassume H >= 20\nconv 8 3x3",
    ),
)
