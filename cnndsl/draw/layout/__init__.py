"""A layered layout (Sugiyama, Tagawa, Toda 1981): where boxes stand in ranks along the flow, and how lines run.

- ``layered``: the whole, groups inside their frames. ``level``: one group with what stands in it.
- ``ordering``: ranks, lanes, and the order inside every rank.
- ``columns``: where items stand from left to right.
- ``routing``: lines between two ranks, each with a track of its own.
"""
