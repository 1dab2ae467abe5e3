"""Extents that are not known: whole numbers that follow from one size, exactly.

- ``periodic``: sets of sizes that repeat from some size on. ``extent``: functions of a size that are a line plus a part
  that repeats; they meet ``+ - * // %`` and comparisons. ``cases``: what code that compares extents gives, and for
  which sizes.
- ``expression``: extents and conditions as text, in symbols. ``words``: extents and sets for readers.
"""
