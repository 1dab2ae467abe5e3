"""Examples to learn from.

- ``examples``: what they are, and what is wrong with them. ``load``: the format that a name means.
- ``folders``: a folder of images for each class; ``cache``: they are decoded once. ``binary``: the files of MNIST and
  CIFAR. ``arrays``: ``.npz``, ``.csv``, and arrays in memory.
- ``split``: which examples are held out.
"""
