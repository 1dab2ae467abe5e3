"""A model passes the check exactly when it can be imported and the text that is written passes."""

from random import Random

import pytest

from cnndsl import api
from cnndsl.errors import CnnError
from tools import model_mutations

PARTS = 8
MODELS = 25


def text_passes(path):
    """What `cnndsl import` and then `cnndsl check` of its text say."""
    try:
        text, _ = api.from_onnx(path).decompiled()
    except CnnError:
        return False
    return api.check(text).ok


@pytest.mark.parametrize("part", range(PARTS))
def test_changed_models(part, tmp_path):
    passed = []
    for number in range(MODELS):
        data, _ = model_mutations.mutated(Random(f"{part} {number}"))
        path = tmp_path / "model.onnx"
        path.write_bytes(data)
        try:
            passes = api.check_file(path).ok
        except CnnError:
            passes = False
        assert passes == text_passes(path), (part, number)
        passed.append(passes)
    assert 3 <= sum(passed) <= MODELS - 3
