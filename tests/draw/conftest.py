"""Networks that pictures are tested on."""

import json

import pytest

from cnndsl.api import Network, from_json, loads

NAMES = {
    "input": "]]>$x^2$ \u202e\U0001f600日本 \\N",
    "first": "<script>alert(1)</script>",
    "second": "a\"b'&c &lt; \\",
    "relu1": '"];-->`x` %%{init}%%\x1b\n#quot; end',
    "dense1": "javascript:url(http://x.invalid/)",
}


@pytest.fixture(scope="session")
def hostile() -> Network:
    """A network from elsewhere whose names mean something in every format."""
    network = loads(
        "input 3@8x8\nconv 4 3x3 as first -> relu\nadd { conv 4 1x1 as second; identity }\nflatten -> dense 2"
    )
    graph = json.loads(network.to_json())
    graph["name"] = "<script>alert(1)</script> %%{init}%%\n---\n\"&'"
    for value in (*graph["inputs"], *graph["layers"]):
        value["name"] = NAMES.get(value["name"], value["name"])
    for layer in graph["layers"]:
        layer["inputs"] = [NAMES.get(name, name) for name in layer["inputs"]]
    graph["outputs"] = [NAMES.get(name, name) for name in graph["outputs"]]
    return from_json(json.dumps(graph))
