"""From a graph and its weights to steps bound to memory, once for each batch size.

- ``planner``: the whole. ``step``: what a step is.
- ``fusion``: which layers are computed together. ``bias_shifts``: where their biases are added.
- ``precision``: which must err no more than a plain product.
- ``cost_model``: by which algorithm, in how many parts. ``kernel_selection``: with which kernel; ``linear``: those of
  convolutions and dense layers.
- ``memory``: where values live. ``barriers``: where threads wait for each other.
"""
