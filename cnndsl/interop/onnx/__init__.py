"""ONNX: ``exporter`` writes models, ``importer`` reads them, ``runtime`` has ONNX Runtime compute them.

Each direction has one table from operator to translation: ``exporter/operators.py`` and ``importer/operators.py``. An
operator that is added gets a row in both.
"""
