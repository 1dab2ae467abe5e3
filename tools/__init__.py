"""What makes and measures the project, run from its folder as ``python -m tools.NAME``; nothing here is installed.

``make_docs`` writes the generated pages of docs/, of which ``command_docs`` and ``training_docs`` make tables,
``make_tables`` the parser's tables, ``make_tutorial`` the tutorial's
pictures and outputs. ``architecture`` knows who may import whom, and how large everything is. ``fuzz`` feeds broken
input, which ``corpus`` and ``mutations`` make. ``mutants`` changes the code and asks whether a test fails.
``conformance`` runs ONNX's own tests, ``compare_with_onnxruntime`` the demo beside ONNX Runtime.
``kill_writers`` and ``kill_training`` kill commands, and look what is lost.
"""
