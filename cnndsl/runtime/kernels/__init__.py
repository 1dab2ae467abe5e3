"""Kernels: arrays and resolved integers in, arrays out.

They know NumPy and no other part of this package: no network, no operator class, no diagnostic. Arrays are laid out
(N, C, *spatial) with one to three spatial axes, or (N, features). Results have the dtype of the first argument, float32
in a network, float64 when an evaluation serves as reference. Inputs are never modified; results of
:mod:`~cnndsl.runtime.kernels.shaping` may be views of them. Output sizes are computed by the caller.

Infinities and NaN pass through as IEEE 754 says. Activations and normalisations do so silently; around convolutions,
sums and products a caller that expects them sets :func:`numpy.errstate`.
"""

from cnndsl.runtime.kernels import activation, convolution, dense, merge, normalization, pooling, shaping

__all__ = ["activation", "convolution", "dense", "merge", "normalization", "pooling", "shaping"]
