"""Kernels: arrays and resolved integers in, arrays out.

Those here know NumPy and no other part of this package: no network, no operator class, no diagnostic. Arrays are laid
out (N, C, *spatial) with one to three spatial axes, or (N, features). Results have the dtype of the first argument,
float32 in a network, float64 when an evaluation serves as reference. Inputs are never modified; results of ``shaping``
may be views of them. Output sizes are computed by the caller.

Infinities and NaN pass through as IEEE 754 says. Activations and normalisations do so silently; around convolutions,
sums and products a caller that expects them sets :func:`numpy.errstate`.

``convolution``, ``pooling`` (both by ``windows``), ``dense``, ``normalization``, ``activation``, ``merge`` and
``shaping`` are one for each family of operators; ``arrays`` has their types. ``dispatch`` is the table from operator to
kernel, all geometry resolved. ``channels_last`` has the fast ones, which a plan prefers where it can.
"""

from cnndsl.runtime.kernels import activation, convolution, dense, merge, normalization, pooling, shaping

__all__ = ["activation", "convolution", "dense", "merge", "normalization", "pooling", "shaping"]
