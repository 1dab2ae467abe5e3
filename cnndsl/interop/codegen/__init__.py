"""What the source of a framework is made of, whichever it is.

- ``hierarchy``: the layers as a tree of modules. ``classes``: modules that are built alike become one class. ``runs``:
  steps that repeat become loops.
- ``site`` is what translations work with, ``calls`` what they give. ``layout``: lines as ruff breaks them.
"""
