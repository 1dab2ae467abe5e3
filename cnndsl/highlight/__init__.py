"""Colours of the language in editors and pages, for tools that read it without understanding it.

- ``kinds``: what there is to colour, and what TextMate and Pygments call it.
- ``rules``: how to tell it, as patterns, made from the tables of the language. ``scan``: a text by these rules.
- ``textmate``: the rules as a TextMate grammar. ``pygments_lexer``: the same for Pygments.
"""
