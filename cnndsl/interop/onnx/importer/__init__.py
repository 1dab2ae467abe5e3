"""ONNX models as networks, with their weights.

- ``file``: models that may come from anywhere, read with bounded memory.
- ``model``: the whole, at several sizes where those of the inputs are open. ``walk``: one walk over the nodes.
- ``graph``: what a translation works with: values, layers, one node at a time.
- ``translations``: what becomes of each operator.
- ``attributes``: those of nodes. ``gains``: parameters, and weights that are computed from two.
- ``batch``: a symbolic batch is no 1.
- ``constant_folding``: computing what depends on no input; ``constant_layers``: layers that stand on constants.
- ``patterns``: layers that exporters write as several nodes, as formulas; ``groups``: what becomes of each.
- ``simplify``: what several layers say that the language says in one.
- ``names``: what layers are called, and the modules around them.
- ``layout``: channels that are last in a model and first in the language.
- ``beside``: what a model has for a network that is there already: weights, and how its arrays lie.
- ``writable``: whether a text can say what was read.
"""
