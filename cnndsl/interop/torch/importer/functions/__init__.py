"""What becomes of each function of PyTorch, by its name.

- ``windows``: convolutions, pooling, dense layers and normalisations.
- ``elements``: activations, arithmetic and reductions.
- ``shaping``: what moves, cuts, joins or resizes.
- ``table``: all of them by name. ``aten``: the same under the signatures of PyTorch's exporter.
"""
