"""The tests, and what several share: ``generators`` makes random networks, ``pytorch_layers`` computes in PyTorch."""
