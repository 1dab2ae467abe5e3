"""From an outline to a scene or to the text of another tool.

- ``graph``: operators as boxes in the order of the flow. ``volumes``: every value as a cuboid of its size, which
  ``cuboid`` projects. ``sheets``: every value as its maps. ``values`` and ``value_glyph`` are what both have in common.
- ``mermaid``, ``dot``: text for programs that lay out themselves. ``captions``: what units are called there.
"""
