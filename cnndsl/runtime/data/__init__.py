"""What goes into a run and comes out of it.

- ``images``: inputs from files. ``preparation``: images converted, resized and cropped as asked for.
- ``numbers``: inputs written as numbers. ``made``: made-up ones.
- ``weights``: ``.safetensors`` and ``.npz``, read and written.
- ``initial_weights``: the same bytes for the same seed on any machine.
- ``npz_stream``: arrays that arrive a batch at a time, written without ever holding them all.
"""
