"""Networks as ONNX models.

- ``model``: the whole, with its inputs, outputs, weights and metadata, built or written.
- ``operators``: the table from operator to the function that emits its nodes.
- ``windows``: those of convolutions and pooling. ``resizing``: those of maps at other sizes.
- ``layer``: what they all work with. ``sizes``: what symbols leave open.
"""
