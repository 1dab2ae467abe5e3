"""Threads that compute a run together. NumPy lets others run during matrix products and long loops.

- ``team``: the threads, and how they share out strip after strip.
- ``events``: gates, where a thread waits awake for another.
- ``blas``: BLAS held to one thread while a run shares out its work.
"""
