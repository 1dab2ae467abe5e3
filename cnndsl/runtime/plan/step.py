"""What a step of a plan is: a fused layer, its algorithm, and how that is bound to memory."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from cnndsl.arrays import Array
from cnndsl.runtime.kernels.channels_last.gather import Outside
from cnndsl.runtime.kernels.channels_last.strips import Finish, Follower, Phases
from cnndsl.runtime.plan.cost_model import AlgorithmChoice
from cnndsl.runtime.plan.fusion import FusedLayer

Bind: TypeAlias = Callable[[Sequence[Array], Finish, Outside], Phases]
"""Takes the inputs (N, *spatial, C), the bound output, and what lies outside of values; gives tasks."""
Packed: TypeAlias = dict[tuple[str, str], Any]
"""Weights arranged for an algorithm, by layer and algorithm: batches of different sizes share them."""


class Step(NamedTuple):
    """A layer with its algorithm. ``scratch`` counts the float32 numbers that a thread needs beside the values.

    ``tables`` are the bytes of its tables of numbers, by what tells them from others'; ``temporary`` those that a
    kernel which is not planned in detail may allocate by itself.
    """

    layer: FusedLayer
    choice: AlgorithmChoice
    bind: Bind
    followers: tuple[Follower, ...]
    scratch: int = 0
    tables: Mapping[tuple[Any, ...], int] = MappingProxyType({})
    temporary: int = 0


Build: TypeAlias = Callable[[FusedLayer, int, frozenset[str], Packed], Step | None]
"""Makes the step for a layer and a batch size; None where only the general kernel can compute it."""
