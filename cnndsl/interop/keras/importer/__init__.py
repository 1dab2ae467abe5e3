"""Keras's models as networks, with their weights.

- ``model``: a model in, a network out.
- ``walk``: one walk over a model's graph. ``call``: what a translation works with: one call at a time.
- ``layers``: what becomes of each class of layer, operation and activation.
- ``traced``: the calls in a layer or a function that somebody wrote, as a graph.
- ``exported``: models that can be read by way of ONNX alone.
- ``load``: files that Keras saved, which may come from anywhere.
"""
