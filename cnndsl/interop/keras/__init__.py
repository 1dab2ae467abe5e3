"""Keras.

- ``importer``: models as networks, with their weights.
"""
