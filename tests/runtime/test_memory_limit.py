"""Memory: what a run takes is known, and refused where it is too much, before anything is allocated."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import cnndsl
from cnndsl import CnnError, Limits, cli
from cnndsl.runtime.memory_limit import (
    SCRATCH_BYTES,
    free_memory,
    packed_weight_bytes,
    peak_run_bytes,
    require_memory,
)


def test_what_is_needed_is_weights_values_and_scratch() -> None:
    graph = cnndsl.loads("input 3@10x10\nconv 8 1x1 bias=false\n").graph
    weights, values, inputs = 8 * 3 * 4, (3 + 8) * 100 * 4, 3 * 100 * 4
    assert peak_run_bytes(graph, 1) == 2 * weights + values + inputs + SCRATCH_BYTES
    assert peak_run_bytes(graph, 5) == 2 * weights + 5 * (values + inputs) + SCRATCH_BYTES


def test_kernels_of_3x3_are_packed_as_36_numbers() -> None:
    graph = cnndsl.loads("input 3@10x10\nconv 8 3x3 bias=false\n").graph
    assert packed_weight_bytes(graph) == 8 * 3 * 36 * 4


def test_free_memory_is_what_the_system_says() -> None:
    free = free_memory()
    assert free is None or 1 << 20 < free < 1 << 50


def test_a_run_beyond_the_limit_is_refused_with_the_number() -> None:
    net = cnndsl.loads("input 3@10x10\nconv 8 1x1\n")
    limit = peak_run_bytes(net.graph, 2)
    run = net.runner(limits=Limits(run_bytes=limit))
    assert run(np.zeros((2, 3, 10, 10), np.float32))["conv1"].shape == (2, 8, 10, 10)
    with pytest.raises(CnnError) as caught:
        run(np.zeros((3, 3, 10, 10), np.float32))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "memory-limit"
    assert f"{peak_run_bytes(net.graph, 3):,}" in diagnostic.message and f"{limit:,}" in diagnostic.message


def test_huge_weights_are_refused_before_they_are_made() -> None:
    net = cnndsl.loads("input 2000000\ndense 2000000\n")
    tracemalloc.start()
    with pytest.raises(CnnError, match="memory-limit"):
        net.run(np.zeros((1, 2_000_000), np.float32))
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


def test_the_default_is_three_quarters_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = cnndsl.loads("input 3@10x10\nrelu\n").graph
    wanted = peak_run_bytes(graph, 1)
    monkeypatch.setattr("cnndsl.runtime.memory_limit.free_memory", lambda: wanted * 4 // 3 + 4)
    require_memory(graph, 1)
    monkeypatch.setattr("cnndsl.runtime.memory_limit.free_memory", lambda: wanted * 4 // 3 - 4)
    with pytest.raises(CnnError, match="memory-limit"):
        require_memory(graph, 1)
    monkeypatch.setattr("cnndsl.runtime.memory_limit.free_memory", lambda: None)
    require_memory(graph, 1_000_000)


@pytest.mark.parametrize("free", [1 << 34, None])
@pytest.mark.parametrize(
    "layer", ["parameter 2147483647@2147483647", "flatten -> dense 2147483647 -> dense 2147483647"]
)
def test_weights_that_no_machine_holds(layer: str, free: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.runtime.memory_limit.free_memory", lambda: free)
    net = cnndsl.loads(f"input 3@8x8\n{layer}\n")
    with pytest.raises(CnnError, match="memory-limit"):
        net.weights()


@pytest.mark.parametrize(
    "line", ["export net.cnn -o net.onnx", "verify net.cnn", "filters net.cnn dense1 -o dense1.png"]
)
def test_commands_that_make_such_weights(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.cnn").write_text("input 2147483647\ndense 2147483647\n")
    assert cli.main(line.split()) in (1, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["net.cnn"]
