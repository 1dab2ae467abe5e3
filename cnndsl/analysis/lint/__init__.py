"""Rules that find what is well-formed but rarely meant. The table says which rules there are and which run by default.

A default rule is quiet on the networks that people cite: where a published architecture does the same on purpose, the
rule is opt-in. A rule about the graph is a function named like its code, in a module that loads when it first runs:
``windows`` (pixels that nobody reads), ``order`` (of layers), ``useless`` (layers that change nothing, or spoil what
they are given), ``sizes``, ``teach``, the advice of introductions, and ``portability``, to other frameworks. ``view``
is what all of them look at. Rules about the text are in :mod:`cnndsl.lang.review`. Every code's meaning and source
stand in :mod:`cnndsl.codes`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import NamedTuple

from cnndsl.analysis.lint.view import LayerText, LintView
from cnndsl.errors import CnnError, Diagnostic, quoted
from cnndsl.ir import Graph

RULES: dict[str, tuple[str, str]] = {
    "unread-pixels": ("default", ""),
    "skipped-pixels": ("default", "windows"),
    "padding-only": ("default", "windows"),
    "even-kernel": ("default", "windows"),
    "checkerboard": ("default", "windows"),
    "gridding": ("default", "windows"),
    "bias-before-norm": ("default", "order"),
    "dropout-before-norm": ("default", "order"),
    "linear-pair": ("default", "order"),
    "abrupt-bottleneck": ("default", "order"),
    "unused-value": ("default", "order"),
    "useless-activation": ("default", "useless"),
    "repeated-squashing": ("default", "useless"),
    "softmax-inside": ("default", "useless"),
    "softmax-of-one": ("default", "useless"),
    "pool-of-one": ("default", "useless"),
    "dropout-output": ("default", "useless"),
    "unused-block": ("default", ""),
    "unused-parameter": ("default", ""),
    "unused-let": ("default", ""),
    "unused-import": ("default", ""),
    "one-branch": ("default", ""),
    "broken-branch": ("default", ""),
    "bad-suppression": ("default", ""),
    "softmax-output": ("extra", "sizes"),
    "field-exceeds-input": ("extra", "sizes"),
    "small-field": ("extra", "sizes"),
    "heavy-dense": ("extra", "sizes"),
    "channels-of-8": ("extra", "sizes"),
    "large-kernel": ("teach", "teach"),
    "large-pool": ("teach", "teach"),
    "constant-filters": ("teach", "teach"),
    "falling-filters": ("teach", "teach"),
    "portability-onnx": ("portability", "portability"),
    "portability-torch": ("portability", "portability"),
    "portability-keras": ("portability", "portability"),
    "portability-onnxruntime": ("portability", "portability"),
    "portability-tflite": ("portability", "portability"),
    "unregularised": ("teach", "teach"),
    "growing-kernels": ("teach", "teach"),
    "pool-without-stride": ("teach", "teach"),
    "raw-images": ("teach", "teach"),
    "never-smaller": ("teach", "teach"),
}
"""Every warning by its code: its group, and the module of its function where it is a rule about the graph."""

GROUPS = {
    "default": "",
    "extra": "",
    "teach": "the advice of introductions",
    "portability": "what differs in other frameworks; `--for` asks about some",
    "all": "all of these",
}
"""Every group of warnings, and what is said of it in the docs."""


class RuleSelection(NamedTuple):
    """Codes and groups to add to the rules that run, and to take away from them."""

    select: Sequence[str] = ()
    ignore: Sequence[str] = ()


@cache
def members(group: str) -> frozenset[str]:
    """The codes of a group; of a code, itself. Raises KeyError for what is neither."""
    if group in RULES:
        return frozenset({group})
    if group not in GROUPS:
        raise KeyError(group)
    return frozenset(code for code, (own, _) in RULES.items() if group in (own, "all"))


def enabled(*choices: RuleSelection) -> frozenset[str]:
    """The codes that are reported: the default ones, changed by one choice after the other.

    Within a choice a code named itself counts more than a group, and ``ignore`` more than ``select``. Raises CnnError
    (``bad-setting``) for a word that is neither a code nor a group.
    """
    codes = members("default")
    for choice in choices:
        for named in (False, True):
            for words, add in ((choice.select, True), (choice.ignore, False)):
                for word in words:
                    if (word in RULES) is named:
                        codes = codes | _members(word) if add else codes - _members(word)
    return codes


def _members(word: str) -> frozenset[str]:
    try:
        return members(word)
    except KeyError:
        from cnndsl.suggest import nearest

        suggestion = nearest(word, (*RULES, *GROUPS))
        advice = f"did you mean {quoted(suggestion)}?" if suggestion else f"the groups are {', '.join(GROUPS)}"
        raise CnnError.of("bad-setting", f"there is no rule {quoted(word)}", advice) from None


def about_targets(targets: Sequence[str]) -> tuple[str, ...]:
    """The rules about some frameworks. Raises CnnError (``bad-setting``) for one that there are none about."""
    known = sorted(code.removeprefix("portability-") for code in members("portability"))
    for target in targets:
        if target not in known:
            from cnndsl.suggest import nearest

            suggestion = nearest(target, known)
            advice = f"did you mean {quoted(suggestion)}?" if suggestion else f"the targets are {', '.join(known)}"
            raise CnnError.of("bad-setting", f"nothing is known about the target {quoted(target)}", advice)
    return tuple(f"portability-{target}" for target in targets)


def findings(networks: Sequence[Graph], text: LayerText, codes: Collection[str]) -> Iterator[Diagnostic]:
    """What the rules about the graph find in sound networks that were made of a text."""
    rules = [_rule(module, code) for code, (_, module) in RULES.items() if module and code in codes]
    for network in networks if rules else ():
        view = LintView(network, text)
        for rule in rules:
            yield from rule(view)


@cache
def _rule(module: str, code: str) -> Callable[[LintView], Iterator[Diagnostic]]:
    function: Callable[[LintView], Iterator[Diagnostic]]
    function = getattr(import_module(f"cnndsl.analysis.lint.{module}"), code.replace("-", "_"))
    return function
