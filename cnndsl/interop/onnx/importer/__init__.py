"""ONNX models as networks, with their weights.

- ``file``: models that may come from anywhere, read with bounded memory.
- ``model``: one walk over the nodes. ``graph``: what a translation works with: values, layers, one node at a time.
- ``operators``: the table from ONNX operator to translation; these are in ``windows`` (convolutions, pooling, dense
  layers, normalisation), ``elements`` (activations, arithmetic, merges), ``shaping`` and ``affine`` (constants that are
  added or multiplied).
- ``constant_folding``: computing what depends on no input.
- ``patterns``: layers that exporters write as several nodes, as formulas; ``groups``: what becomes of each.
- ``simplify``: what several layers say that the language says in one. ``names``: what layers are called.
"""
