"""PyTorch.

- ``exporter``: networks as PyTorch source.
- ``importer``: modules as networks, with their weights.
"""
