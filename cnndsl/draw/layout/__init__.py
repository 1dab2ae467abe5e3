"""A layered layout (Sugiyama, Tagawa, Toda 1981): where boxes stand in ranks along the flow, and how lines run.

- ``pages``: boxes on a page: in one run, in several, or as a U. ``u_shape``: networks with skips across a bottleneck,
  ``u_columns``: the same of boxes that are read from above to below.
- ``layered``: runs side by side. ``run``: consecutive boxes, groups inside their frames. ``level``: one group with what
  stands in it.
- ``ordering``: ranks, lanes, and the order inside every rank.
- ``columns``: where items stand from left to right.
- ``routing``: lines between two ranks, each with a track of its own.
"""
