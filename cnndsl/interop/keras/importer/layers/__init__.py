"""What becomes of each class of layer, operation and activation, by its name.

- ``windows``: convolutions, pooling, dense layers and embeddings. ``norms``: normalisations.
- ``elements``: activations, arithmetic and reductions.
- ``shaping``: what moves, cuts, joins or resizes.
- ``dealing``: vectors that become maps.
- ``table``: all of them by name.
"""
