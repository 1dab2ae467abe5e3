"""What the source of a framework is made of, whichever it is.

- ``hierarchy``: the layers as a tree of modules. ``step``: a part of one, with what makes it. ``classes``: modules that
  are built alike become one class; ``unify``: its arguments, and the conditions of steps that only some of them have.
  ``network``: the classes of a network, with its params.
- ``runs``: steps that repeat become loops, ``stages``: loops of loops; ``columns``: numbers that differ from turn to
  turn.
- ``site`` is what translations work with, ``calls`` what they give. ``layout``: lines as ruff breaks them.
"""
