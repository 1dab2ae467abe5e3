"""Networks as ONNX models.

- ``model``: the whole, with its inputs, outputs, weights and metadata, built or written.
- ``operators``: the table from operator to the function that emits its nodes.
- ``windows``: those of convolutions and pooling. ``layer``: what they all work with.
"""
