"""Keras.

- ``importer``: models as networks, with their weights.
- ``exporter``: networks as Keras source.
"""
