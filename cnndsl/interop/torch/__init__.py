"""PyTorch.

- ``exporter``: networks as PyTorch source.
- ``importer``: modules as networks, with their weights.
- ``made``: the network of a module that the first made, for the second.
"""
