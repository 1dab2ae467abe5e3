"""From an outline to a scene or to the text of another tool.

- ``graph``: operators as boxes in the order of the flow. ``volumes``: every value as a cuboid of its size, which
  ``cuboid`` projects.
- ``mermaid``, ``dot``: text for programs that lay out themselves. ``captions``: what units are called there.
"""
