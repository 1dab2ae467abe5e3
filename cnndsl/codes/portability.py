"""Warnings about other frameworks: what they mean by the same words. docs/frameworks.md holds all that is known."""

from cnndsl.codes.code import Code

_WHERE = (
    " Opt-in, by `cnndsl check --for {}` or `--select portability-{}`. Each difference was proved by running both "
    "(2026)."
)


def _code(target: str, name: str, meaning: str, bad: str, good: str) -> Code:
    code = f"portability-{target}"
    return Code(
        code,
        f"what differs in {name}",
        meaning + _WHERE.format(target, target),
        bad,
        good,
        severity="warning",
        select=code,
    )


CODES = (
    _code(
        "onnx",
        "ONNX",
        "An operator of ONNX has another default, or there is none that does the same. `cnndsl export` writes what is "
        "meant; this is for whoever writes or reads the model by other means.",
        "input 3@8x8\nsoftmax",
        "input 8\nsoftmax",
    ),
    _code(
        "torch",
        "PyTorch",
        "A layer of PyTorch with the same name and arguments computes something else, or takes other arguments. "
        "`cnndsl export --to torch` writes what is meant; this is for whoever types the network again.",
        "input 3@32x32\nconv 16 3x3 stride=2 pad=same",
        "input 3@32x32\nconv 16 3x3 stride=2 pad=1",
    ),
    _code(
        "keras",
        "Keras",
        "A layer of Keras with the same name and arguments computes something else, or takes other arguments. "
        "`cnndsl export --to keras` writes what is meant; this is for whoever types the network again.",
        "input 3@32x32\nconv 16 3x3 stride=2 pad=1",
        "input 3@32x32\nconv 16 3x3 stride=2 pad=same",
    ),
    _code(
        "onnxruntime",
        "ONNX Runtime",
        "ONNX has the operator, and ONNX Runtime no kernel for it with these arguments on the CPU. `cnndsl export` "
        "writes other operators that compute the same.",
        "input 8@16x16\nlrn 4",
        "input 8@16x16\nlrn 5",
    ),
    _code(
        "tflite",
        "TensorFlow Lite",
        "There is no built-in operator for the layer, or it means something else, so that a converter composes it of "
        "several, or needs operators that phones do not have.",
        "input 3@32x32\nconv 16 3x3 -> celu",
        "input 3@32x32\nconv 16 3x3 -> elu",
    ),
)
"""One code for each target of ``cnndsl check --for``."""
