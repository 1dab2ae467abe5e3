"""From a scene to a file: shapes, colours, fonts.

- ``scene``: a picture as plain shapes with roles, before it becomes SVG, PDF or PNG.
- ``theme``: how roles look, on light and dark backgrounds.
- ``strokes``: lines with rounded corners, and arrow heads. ``text_metrics``: how wide a text is. ``fonts``: the fonts
  of PDF and PNG.
- ``svg``: a scene as SVG. ``matplotlib``: a scene as PDF or PNG, by the library of that name.
"""
