"""Networks as PyTorch source.

- ``source``: the file; ``module``: what it defines, with weights. ``classes``: modules that are built alike become one
  class. ``runs``: steps that repeat become loops. ``forward``: what it computes.
- ``hierarchy``: the layers as a tree of modules. ``layout``: lines as ruff breaks them. ``names``: what modules may be
  called.
- ``layers``: the table from operator to what it is in PyTorch; ``windows``: those that slide. ``site`` is what they
  work with, ``calls`` what they give; ``helpers``: the modules that PyTorch lacks.
"""
