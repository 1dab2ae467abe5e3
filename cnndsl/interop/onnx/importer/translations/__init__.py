"""What becomes of each ONNX operator: a function from a node to the value (or values) that it gives.

- ``operators``: the table of all of them.
- ``windows``: convolutions, pooling, dense layers, normalisation. ``elements``: activations, arithmetic, merges.
- ``shaping``: what moves, cuts, joins or resizes. ``affine``: constants that are added or multiplied.
"""
