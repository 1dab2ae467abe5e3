"""Codes about how statements fit together, and about expectations that fail."""

from cnndsl.codes.code import Code

CODES = (
    Code(
        "no-network",
        "a file without a network",
        "The file is empty, or holds comments only. A file with blocks or constants and no network is a library: it "
        "can be checked and imported, but not run.",
        "# to be done: a network for digits",
        "# a network for digits\ninput 1@28x28\nflatten -> dense 10",
    ),
    Code(
        "no-input",
        "a layer that nothing flows into",
        "A pipeline starts with an `input`, or with `from name` at a value named above. Before that there is nothing "
        "that a layer could read.",
        "network Net {\n  conv 8 3x3\n}",
        "network Net {\n  input 3@32x32\n  conv 8 3x3\n}",
    ),
    Code(
        "misplaced",
        "a statement where it does not belong",
        "`param` and `output` belong at the top of a network (a `param` also at the top of a file), `input` to a "
        "network and not to a block, `train` to the end of a network. In a file that only defines networks, blocks "
        "and constants, layers stand inside a `network`.",
        "input 3@32x32\nrepeat 2 {\n  param width = 8\n  conv width 3x3 -> relu\n}",
        "param width = 8\ninput 3@32x32\nrepeat 2 {\n  conv width 3x3 -> relu\n}",
    ),
    Code(
        "train-mismatch",
        "settings of training that do not fit the network, or each other",
        "Training takes a network with one input, one output and weights to learn. `cross_entropy` needs an output for "
        "each class, `binary_cross_entropy` a `sigmoid` at the end or a single output, `class_weights` a number for "
        "each class; what turns pictures needs rows and columns.",
        "input 1@8x8\nflatten -> dense 10\ntrain {\n  loss binary_cross_entropy\n}",
        "input 1@8x8\nflatten -> dense 10\ntrain {\n  loss cross_entropy\n}",
    ),
    Code(
        "loss-from-logits",
        "a loss that is computed from the values before the last layer",
        "Cross-entropy of a softmax, or of a sigmoid, is exact for large values only where it is computed from what "
        "stands before it (Goodfellow, Bengio, Courville 2016, section 6.2.2.3). Training does so; the last layer "
        "stays in the network, for those who use it. There is nothing to mend: without the layer the network gives "
        "logits.",
        "input 1@8x8\nflatten -> dense 10 -> softmax\ntrain { epochs 20 }",
        "input 1@8x8\nflatten -> dense 10\ntrain { epochs 20 }",
        severity="note",
    ),
    Code(
        "missing-branches",
        "a merge without branches",
        "`add`, `mul`, `sub`, `div`, `concat`, `maximum`, `minimum` and `average` join the branches in the body "
        "behind them; each statement of the body is one branch, fed by the value that enters the merge. `identity` "
        "is that value itself, `from name` a value named above.",
        "input 8@32x32 as start\nconv 8 3x3 pad=1\nadd",
        "input 8@32x32 as start\nconv 8 3x3 pad=1\nadd { identity; from start }",
    ),
    Code(
        "branch-count",
        "a merge with too many branches",
        "`sub` takes the second branch from the first and `div` divides the first by the second, so they have exactly "
        "two. The other merges take any number. A newline ends a branch: layers of one branch are joined by `->` or "
        "grouped by `{ }`.",
        "input 3@32x32\nsub {\n  identity\n  avgpool 3x3 stride=1 pad=1\n  relu\n}",
        "input 3@32x32\nsub {\n  identity\n  avgpool 3x3 stride=1 pad=1 -> relu\n}",
    ),
    Code(
        "body-without-merge",
        "a body behind an operator or block that takes none",
        "Only merges have a body of branches. Braces that only group layers stand on a line of their own.",
        "input 3@32x32\nrelu { conv 8 3x3 }",
        "input 3@32x32\nconv 8 3x3 -> relu",
    ),
    Code(
        "recursion",
        "a block that uses itself",
        "Blocks are expanded where they are used, so one that uses itself, directly or through others, would never "
        "end. What repeats is written with `repeat` or `for`.",
        "block Tower(width) {\n  conv width 3x3 pad=1 -> relu\n  Tower width\n}\ninput 3@32x32\nTower 8",
        "block Tower(width, depth) {\n  repeat depth { conv width 3x3 pad=1 -> relu }\n}\ninput 3@32x32\nTower 8 4",
    ),
    Code(
        "expect-failed",
        "an expectation that does not hold",
        "`expect` checks what the author believes: a shape is compared with the value at that place, a condition must "
        "be true. The message tells what was found; for a shape it also shows the window rule, "
        "(W - K + P)/S + 1, with the numbers put in.",
        "input 1@32x32\nconv 1 7x7\nexpect 1@28x28",
        "input 1@32x32\nconv 1 7x7 pad=1\nexpect 1@28x28",
    ),
)
