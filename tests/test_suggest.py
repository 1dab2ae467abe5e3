"""Did you mean: every slip of one letter in every name of the language."""

import string
from collections.abc import Callable, Iterable, Iterator

import pytest

from cnndsl import ops
from cnndsl.lang.synonyms import operator_meant, parameter_meant
from cnndsl.suggest import Suggestion, distance, suggest


def slips(word: str) -> Iterator[str]:
    """Every word that one insertion, deletion, substitution or swap of neighbours makes."""
    for i in range(len(word) + 1):
        yield from (word[:i] + letter + word[i:] for letter in string.ascii_lowercase)
        yield from (word[:i] + letter + word[i + 1 :] for letter in string.ascii_lowercase)
        yield word[:i] + word[i + 1 :]
        if i + 1 < len(word):
            yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def share_right(words: Iterable[str], known: set[str], meant: Callable[..., Suggestion | None]) -> float:
    wrong = right = 0
    for word in words:
        for slip in sorted(set(slips(word)) - known - {""})[::5]:
            found = meant(slip, known)
            right += found is not None and found.word == word
            wrong += found is None or found.word != word
    return right / (right + wrong)


def test_slips_in_operators() -> None:
    assert share_right(ops.NAMES, set(ops.NAMES), operator_meant) >= 0.95


def test_slips_in_parameters() -> None:
    for name in ("conv", "conv_transpose", "maxpool", "resize", "lrn", "embedding", "normalize"):
        known = set(ops.operator(name).parameters())
        assert share_right(known, known, parameter_meant) >= 0.95, name


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("Conv2d", "conv"),
        ("Conv2DTranspose", "conv_transpose"),
        ("fc", "dense"),
        ("Linear", "dense"),
        ("InnerProduct", "dense"),
        ("bn", "batchnorm"),
        ("GlobalAveragePooling2D", "global_avgpool"),
        ("LeakyReLU", "leaky_relu"),
        ("RELU", "relu"),
        ("Linera", "dense"),
    ],
)
def test_words_of_other_libraries(foreign: str, ours: str) -> None:
    found = operator_meant(foreign, ops.NAMES)
    assert found is not None and found.word == ours and found.sure


def test_every_synonym_leads_to_an_operator_or_parameter() -> None:
    from cnndsl.lang import synonyms
    from cnndsl.training_settings import Training

    assert synonyms._OPERATORS.keys() <= set(ops.NAMES)
    parameters = {name for operator in ops.NAMES for name in ops.operator(operator).parameters()} | {"share"}
    parts = [Training.options(name) for name in Training.model_fields]
    parameters |= {name for part in parts if part is not None for name in part.model_fields}
    assert synonyms._PARAMETERS.keys() <= parameters
    assert synonyms._SETTINGS.keys() <= Training.words().keys()


@pytest.mark.parametrize(
    ("a", "b", "slips_apart"),
    [("", "abc", 3), ("conv", "conv", 0), ("cnov", "conv", 1), ("ca", "abc", 3), ("kitten", "sitting", 3)],
)
def test_distance(a: str, b: str, slips_apart: int) -> None:
    assert distance(a, b) == distance(b, a) == slips_apart


def test_nothing_is_suggested_for_what_is_far_from_everything() -> None:
    assert suggest("xyzzy", ops.NAMES) is None
    assert suggest("c" * 100_000, ops.NAMES) is None
