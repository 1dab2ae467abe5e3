"""From the statements of a network to its graph.

- ``lower``: one network: inputs, statements, outputs, expectations. ``expand``: stages: operators, blocks, loops.
  ``expansion``: the state of that: the graph so far, diagnostics, places.
- ``bind``: arguments become an instance of the operator's class. ``blocks``: a block with its arguments.
- ``infer``: one walk that adds layers, each with its shape or a diagnostic.
- ``sizes``: the symbols of a network: what they decide, and what follows from them.
- ``naming``: how layers get their names. ``work_bound``: the least work that a body asks for, before any is done.
- For messages: ``blame`` finds the argument that a wrong value came from, ``provenance`` the lines that made a shape,
  ``whereabouts`` the place where an unknown name is given, ``follow_up_errors`` what is doubtful behind an error and
  stays silent, ``slips`` and ``stage_words`` what was meant by arguments and words that are of another tool,
  ``branch_lines`` which lines of a merge were meant to be one branch.
"""
