"""Whether a run fits into memory, decided before anything is allocated."""

import os
import sys
from collections.abc import Callable

from cnndsl.analysis.memory import BYTES, memory, size_of
from cnndsl.errors import CnnError
from cnndsl.ir import Graph

USABLE_FRACTION = 0.75
"""Of the memory that is free, a run may take so much."""

SCRATCH_BYTES = 64 << 20
"""What kernels use beside the values, at the most."""


def free_memory() -> int | None:
    """Bytes that programs can still have, or all there are where only that is known; None where nothing is known."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:  # macOS
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    except (OSError, ValueError):
        return None


def peak_run_bytes(network: Graph, batch: int) -> int:
    """Bytes that a run takes at its peak: weights as given and packed, live values, inputs, the kernels' buffers."""
    facts = memory(network, batch)
    inputs = sum(map(size_of, network.inputs)) * batch
    return facts.weight + packed_weight_bytes(network) + facts.peak + inputs + SCRATCH_BYTES


def reference_run_bytes(network: Graph, batch: int) -> int:
    """The same for a run in float64, where a layer's input lives until its output is there."""
    facts = memory(network, batch)
    inputs = sum(map(size_of, network.inputs)) * batch
    return facts.weight * 2 + (2 * facts.peak + inputs) * 2 + SCRATCH_BYTES


def packed_weight_bytes(network: Graph) -> int:
    """Bytes of weights in the form that kernels read, at the most: 36 numbers for a 3x3 kernel's 9 (Winograd)."""
    elements = 0
    for _, _, weight in network.all_weights():
        elements += weight.elements * (4 if weight.shape[2:] == (3, 3) else 1)
    return elements * BYTES["float32"]


def require_memory(
    network: Graph, batch: int, limit: int | None = None, needed: Callable[[Graph, int], int] = peak_run_bytes
) -> None:
    """Raises CnnError where a run would take more than ``limit`` bytes, or than three quarters of what is free."""
    what = f"running {network.name} on {batch:,} example{'' if batch == 1 else 's'}"
    advice = "run fewer examples at a time (--batch), a smaller input, or a machine with more memory"
    require_bytes(needed(network, batch), what, advice, limit)


def require_bytes(wanted: int, what: str, advice: str, limit: int | None = None) -> None:
    """Raises CnnError where ``what`` would take more than ``limit`` bytes, or than three quarters of what is free.

    Where nothing is known of that, what the machine can address is the bound.
    """
    free = free_memory()
    allowed = limit if limit is not None else sys.maxsize if free is None else int(free * USABLE_FRACTION)
    if wanted > allowed:
        known = "what can be addressed" if free is None else f"three quarters of the free {free:,}"
        of_what = "the limit" if limit is not None else known
        message = f"{what} takes {wanted:,} bytes, more than {of_what}: {allowed:,}"
        raise CnnError.of("memory-limit", message, advice)
