"""Training by PyTorch, an extra: what is learned, and the folder that it is kept in.

- ``data``: examples with what is to be learned of them. ``augment``: their random changes. ``chance``: what draws them.
- ``losses``: what is made small. ``schedules``: the learning rate. ``model``: the network as a module that learns.
- ``evaluation``: how good it is on examples.
- ``processes``: several of them, under torchrun. ``history``: what the epochs gave.
- ``run_folder``: what is written, and read to go on. ``loop``: epochs and steps. ``run``: all of it together.
- ``request``: what is asked for.
"""
