"""What a text says about training.

- ``reading``: the lines of ``train { }`` become settings.
- ``options``: the same lines from outside: ``--optimizer "sgd lr=0.1"`` and the keywords of the API.
"""
