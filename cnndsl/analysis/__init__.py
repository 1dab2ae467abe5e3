"""What can be said about a network without running it.

- ``costs``: parameters, buffers, MACs and connections. ``memory``: bytes of outputs, weights, and values alive at once.
- ``receptive``: the receptive field of a value with respect to an input.
- ``measured``: a network together with all these numbers, for reports and the facade.
- ``arithmetic``: how every number of a layer comes about. ``terms`` are whole numbers that remember how they were
  computed, ``symbolic`` puts them into operators, ``lines`` are the lines of an explanation, ``growth`` those of the
  receptive field.
- ``sizes``: which sizes a network takes along one axis, and what comes out for each; ``network_sizes``: along all.
  ``resized``: a graph at another size. ``proof``: whether what it says of its symbols holds. ``polynomials``: its
  counts in symbols. ``readings``: the values of symbols, read off inputs.
- ``training``: whether settings of training fit the network.
- ``lint``: rules about what is well-formed but rarely meant.
"""
