"""Whether a run fits into memory, decided before anything is allocated."""

from cnndsl.analysis.memory import BYTES, memory, size_of
from cnndsl.errors import CnnError
from cnndsl.ir import Graph

SHARE = 0.75
"""A run may take this part of the memory that is free."""

SCRATCH = 64 << 20
"""What kernels use beside the values, at the most."""


def free_memory() -> int | None:
    """Bytes that programs can still have; None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def needed(network: Graph, batch: int) -> int:
    """Bytes that a run takes at its peak: weights as given and packed, live values, inputs, the kernels' buffers."""
    facts = memory(network, batch)
    return facts.weight + packed(network) + facts.peak + sum(map(size_of, network.inputs)) * batch + SCRATCH


def packed(network: Graph) -> int:
    """Bytes of weights in the form that kernels read, at the most: 36 numbers for a 3x3 kernel's 9 (Winograd)."""
    elements = 0
    for _, _, weight in network.all_weights():
        elements += weight.elements * (4 if weight.shape[2:] == (3, 3) else 1)
    return elements * BYTES["float32"]


def require_memory(network: Graph, batch: int, limit: int | None = None) -> None:
    """Raises CnnError where a run would take more than ``limit`` bytes, or than three quarters of what is free."""
    free = free_memory()
    allowed = limit if limit is not None else None if free is None else int(free * SHARE)
    wanted = needed(network, batch)
    if allowed is not None and wanted > allowed:
        of_what = "the limit" if limit is not None else f"three quarters of the free {free or 0:,}"
        raise CnnError.of(
            "memory-limit",
            f"running {network.name} on {batch:,} example{'' if batch == 1 else 's'} takes {wanted:,} bytes, more than "
            f"{of_what}: {allowed:,}",
            "run fewer examples at a time (--batch), a smaller input, or a machine with more memory",
        )
