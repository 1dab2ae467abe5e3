"""Codes about limits: what a text asks for is checked before any work is done."""

from cnndsl.codes.code import Code

_RAISE = " A program that embeds cnndsl can raise it with `Limits`."

CODES = (
    Code(
        "source-too-large",
        "a file of too many bytes",
        "A file is read only up to a limit, 1 MiB. Large tables of weights belong into a weights file." + _RAISE,
        "# a network for handwritten digits, after LeCun et al. 1998\ninput 1@28x28\nflatten",
        "input 1@28x28\nflatten",
        limits={"source_bytes": 40},
    ),
    Code(
        "nesting-too-deep",
        "brackets or expressions nested too deep",
        "Brackets inside brackets, and expressions inside expressions, may go 64 deep: far more than a reader could "
        "follow." + _RAISE,
        "input 1@28x28\nconv ((((8)))) 3x3",
        "input 1@28x28\nconv 8 3x3",
        limits={"nesting": 3},
    ),
    Code(
        "nesting-limit",
        "bodies and blocks nested too deep",
        "Bodies and uses of blocks may stand 64 deep in one another, counted while the file is expanded." + _RAISE,
        "block A { conv 8 3x3 pad=1 -> relu }\nblock B { A; A }\nblock C { B; B }\ninput 1@28x28\nC",
        "block A { conv 8 3x3 pad=1 -> relu }\nblock B { A; A }\ninput 1@28x28\nB; B",
        limits={"nesting": 3},
    ),
    Code(
        "number-too-long",
        "a number with too many digits",
        "A number is written with at most 20 digits and an exponent of at most 30: nothing in a network is larger."
        + _RAISE,
        "input 1@28x28\nconv 100000000000000000000000 3x3",
        "input 1@28x28\nconv 100 3x3",
    ),
    Code(
        "number-limit",
        "a computed number that is too large",
        "Expressions compute exactly, with numbers of at most 256 bits. Powers are where larger ones come from."
        + _RAISE,
        "let huge = 2 ** 1000\ninput 1@28x28\nconv 8 3x3",
        "let large = 2 ** 10\ninput 1@28x28\nconv large 3x3",
    ),
    Code(
        "list-limit",
        "a list with too many elements",
        "Lists, the elements of nested ones counted together, may hold 1,000,000 elements. Larger tables of weights "
        "belong into a weights file." + _RAISE,
        "input 1@28x28\nfor width in range(2M) { conv 8 3x3 -> relu }",
        "input 1@28x28\nfor width in range(2) { conv 8 3x3 -> relu }",
    ),
    Code(
        "dimension-limit",
        "a size that is too large",
        "A dimension, a kernel or a stride is at most 2^31 - 1, the largest size that tensor libraries take." + _RAISE,
        "input 3000000000\ndense 10",
        "input 3000\ndense 10",
    ),
    Code(
        "diagnostic-limit",
        "more findings than are reported",
        "Checking stops after 100 diagnostics, or where the same ones came up 2,000 times, as in blocks of blocks. "
        "The rest is mostly their consequence: mend the first ones and check again." + _RAISE,
        "input 1@28x28\nrelu 7",
        "input 1@28x28\nrelu",
        severity="note",
        limits={"diagnostics": 0},
    ),
    Code(
        "repeat-limit",
        "a loop that would give too many layers",
        "The turns of a loop, multiplied with those of the loops around it, are compared with the limit on layers "
        "(100,000) before the first of them is expanded." + _RAISE,
        "input 1@28x28\nrepeat 1000000000 { conv 8 3x3 pad=1 -> relu }",
        "input 1@28x28\nrepeat 10 { conv 8 3x3 pad=1 -> relu }",
    ),
    Code(
        "layer-limit",
        "a network with too many layers",
        "A network has at most 100,000 layers once its loops and blocks are expanded." + _RAISE,
        "block Four { conv 8 3x3; relu; conv 8 3x3; relu }\ninput 1@28x28\nFour; Four; Four",
        "block Four { conv 8 3x3; relu; conv 8 3x3; relu }\ninput 1@28x28\nFour; Four",
        limits={"layers": 10},
    ),
    Code(
        "step-limit",
        "an expansion that takes too many steps",
        "Every statement that is expanded is a step, also one that adds no layer; 400,000 are allowed. Loops around "
        "blocks that do nothing are how a short text could ask for more." + _RAISE,
        "input 1@28x28\nrepeat 10 { repeat 10 { let unused = 1 } }\nrelu",
        "input 1@28x28\nrelu",
        limits={"steps": 100},
    ),
    Code(
        "input-limit",
        "a network with too many inputs",
        "A network has at most 256 inputs." + _RAISE,
        "input 8 as a\ninput 8 as b\ninput 8 as c\nadd { from a; from b; from c }",
        "input 8 as a\ninput 8 as b\nadd { from a; from b }",
        limits={"inputs": 2},
    ),
    Code(
        "import-limit",
        "too many imports",
        "Imports may be nested 32 deep, and a file may bring in 256 others in all, of 1 MiB together." + _RAISE,
        'import "a.cnn"\ninput 1@28x28\nDouble',
        'import "b.cnn"\ninput 1@28x28\nDouble',
        files={"a.cnn": 'import "b.cnn"', "b.cnn": "block Double { repeat 2 { conv 8 3x3 -> relu } }"},
        limits={"import_depth": 1},
    ),
)
