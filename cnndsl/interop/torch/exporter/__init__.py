"""Networks as PyTorch source, from the parts of ``cnndsl.interop.codegen``.

- ``source``: the file; ``module``: what it defines, with weights. ``initial``: what makes its
  modules, ``forward``: what it computes.
- ``layers``: the table from operator to what it is in PyTorch; ``windows``: those that slide. ``helpers``: the modules
  that PyTorch lacks. ``names``: what modules may be called.
"""
