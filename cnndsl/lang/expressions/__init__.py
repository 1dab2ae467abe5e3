"""Expressions: exact, bounded arithmetic.

- ``values``: what expressions evaluate to, how that is shown, and the budget of work.
- ``scope``: names, and what an expression may ask of the place where it stands.
- ``names``: what names stand for, elements of lists and of loops, attributes of values.
- ``evaluate``: from the syntax tree to a value. ``functions``: the built-in functions.
- ``coerce``: values as the numbers, dimensions and truths that a place needs.
- ``symbols``: numbers that follow from symbols. ``assumptions``: conditions on them. ``definitions``: what ``let``,
  ``param`` and ``symbol`` put into scope.
"""
