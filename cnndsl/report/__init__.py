"""What people see, and what other programs read, of networks, findings and values.

- ``annotations``: messages, one line each, for editors and GitHub. ``sarif``: for code scanning. ``as_json``: the
  report as JSON.
- ``operators``: what an operator takes and gives. ``table``: the layer table. ``summaries``: it in other looks, and as
  CSV.
- ``explained``: the arithmetic behind a layer's numbers. ``trace``: one output value worked out; ``worked``: it as a
  figure.
- ``sizes``: the sizes that a network takes. ``values``: numbers laid out as they lie.
- ``plots``: feature maps and weights as figures. ``curves``: a training as charts; ``live``: while it goes on.
- ``page``: the HTML report. ``notebook``: what Jupyter shows. ``markup``: what everything that writes HTML needs.
"""
