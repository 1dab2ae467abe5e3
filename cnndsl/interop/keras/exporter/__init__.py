"""Networks as Keras 3 source, from the parts of ``cnndsl.interop.codegen``: functional, channels last.

- ``source``: the file; ``model``: what it defines, with weights. ``functions``: a block as a function of its value;
  ``shared``: the layers that two functions use; ``unread``: those that no Keras model has.
- ``layers``: the table from operator to what it is in Keras; ``windows``: those that slide; ``literals``: weights that
  stand in the text. ``helpers``: the layers that Keras lacks.
- ``loading``: how the file reads weights. ``names``: what layers and functions may be called.
"""
