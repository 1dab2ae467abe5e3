"""PyTorch.

- ``exporter``: networks as PyTorch source.
"""
