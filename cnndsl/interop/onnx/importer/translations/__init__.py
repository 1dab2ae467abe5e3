"""What becomes of each ONNX operator: a function from a node to the value (or values) that it gives.

- ``operators``: the table of all of them.
- ``windows``: convolutions, pooling, dense layers, normalisation. ``elements``: activations, arithmetic, merges.
- ``reductions``: axes that become one cell. ``resizing``: axes that grow or shrink.
- ``shaping``: what moves, cuts or joins. ``affine``: constants that are added or multiplied.
"""
