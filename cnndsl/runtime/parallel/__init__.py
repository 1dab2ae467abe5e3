"""Threads that compute a run together. NumPy lets others run during matrix products and long loops.

- ``team``: the threads, and how they share out strip after strip.
- ``events``: where a thread waits, awake or asleep, for another.
- ``affinity``: the cores of helpers, off that of their caller.
- ``blas``: BLAS held to one thread while a run shares out its work.
"""
