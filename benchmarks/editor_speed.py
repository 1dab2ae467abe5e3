"""How long an editor waits for diagnostics and hints behind a key press, with the server measured from outside.

A comment and a stage are typed and taken away, and a word misspelt and mended, in the middle of a file of 600 lines, of
one of 600 lines put together from the zoo, and of one of 10,000 lines. After each key the time is taken until both
the diagnostics and the hints of the 60 lines on the screen are there, as editors ask for them. Exit status 1 if the
95th percentile is above its bar, or the memory of the server grows.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.check_speed import long_file

ROOT = Path(__file__).resolve().parent.parent
SCREEN = 60
MEMORY_BAR = 10


class Server:
    """A language server in its own process."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "cnndsl", "lsp"]
        self._process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin and self._process.stdout
        self._out: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._number = 0
        capabilities = {"textDocument": {"publishDiagnostics": {}}}
        number = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        self.read_until(lambda message: message.get("id") == number)
        self.say("initialized", {})

    def say(self, method: str, params: object, number: int | None = None) -> None:
        content = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(content if number is None else {**content, "id": number}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def ask(self, method: str, params: object) -> int:
        self._number += 1
        self.say(method, params, self._number)
        return self._number

    def read_until(self, *wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The first message that each is satisfied with."""
        found: list[dict[str, Any] | None] = [None] * len(wanted)
        while None in found:
            length = int(self._out.readline().split(b":")[1])
            while self._out.readline().strip():
                pass
            message = json.loads(self._out.read(length))
            for index, fits in enumerate(wanted):
                if found[index] is None and fits(message):
                    found[index] = message
        return [message for message in found if message]

    def resident(self) -> float:
        """MB of memory; 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def end(self) -> None:
        number = self.ask("shutdown", None)
        self.read_until(lambda message: message.get("id") == number)
        self.say("exit", None)
        self._process.wait(timeout=30)


def pressed(server: Server, uri: str, version: int, line: int, text: str) -> float:
    """Seconds from a key press in a line, which gives ``text``, to its diagnostics and hints."""
    begin = time.perf_counter()
    document = {"uri": uri, "version": version}
    server.say("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})
    first = max(line - SCREEN // 2, 0)
    shown = {"start": {"line": first, "character": 0}, "end": {"line": first + SCREEN, "character": 0}}
    number = server.ask("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": shown})
    _, hints = server.read_until(
        lambda message: message.get("method") == "textDocument/publishDiagnostics",
        lambda message: message.get("id") == number,
    )
    if not hints.get("result"):
        raise SystemExit(f"no hints: {hints}")
    return time.perf_counter() - begin


def measured(name: str, text: str, presses: int, bar: float) -> bool:
    """Types into a text; whether it was quick enough and took no memory."""
    server = Server()
    uri = "file:///tmp/editor_speed.cnn"
    item = {"uri": uri, "languageId": "cnn", "version": 0, "text": text}
    server.say("textDocument/didOpen", {"textDocument": item})
    server.read_until(lambda message: message.get("method") == "textDocument/publishDiagnostics")
    lines = text.split("\n")
    fitting = [index for index, content in enumerate(lines) if content.lstrip().startswith("conv ")]
    line = min(fitting, key=lambda index: abs(index - len(lines) // 2))
    end = len(lines[line])
    times: list[float] = []
    version = 0
    before = 0.0
    while len(times) < presses:
        # A comment and a stage are typed behind a line, key by key, and taken away; an operator is misspelt and mended.
        contents = []
        for whole in (lines[line] + " # of 3x3", lines[line] + " -> relu"):
            typed_so_far = [whole[:length] for length in range(end, len(whole) + 1)]
            contents += [*typed_so_far, *typed_so_far[::-1]]
        contents += [lines[line].replace("conv", "con", 1), lines[line]]
        for content in contents:
            version += 1
            typed = "\n".join([*lines[:line], content, *lines[line + 1 :]])
            times.append(pressed(server, uri, version, line, typed))
        if not before and len(times) >= presses // 3:
            before = server.resident()
    after = server.resident()
    server.end()
    times.sort()
    middle, high = (1000 * times[int(share * (len(times) - 1))] for share in (0.5, 0.95))
    good = high <= bar and after - before <= MEMORY_BAR
    print(
        f"{name:<28} {len(lines):>6,} lines  {len(times):>4} keys  median {middle:6.0f} ms"
        f"  95 % {high:6.0f} ms (at most {bar:,.0f})  {before:5.0f} → {after:.0f} MB"
    )
    return good


def of_the_zoo(lines: int) -> str:
    """So many lines of the zoo, each of its files a network or several; their blocks and names are kept apart."""
    parts: list[str] = []
    for path in sorted((ROOT / "examples" / "zoo").glob("*.cnn")):
        text = path.read_text(encoding="utf-8")
        if "import " in text or "network " not in text:
            continue
        names = {word for kind in ("block", "network", "param", "let") for word in _defined(text, kind)}
        parts.append(_renamed(text, names, path.stem))
        if sum(part.count("\n") for part in parts) >= lines:
            break
    return "".join(parts)


def _defined(text: str, kind: str) -> list[str]:
    found = []
    for line in text.split("\n"):
        words = line.replace("(", " ").replace("=", " ").split()
        if len(words) > 1 and words[0] == kind and not line.startswith(" "):
            found.append(words[1])
    return found


def _renamed(text: str, names: set[str], suffix: str) -> str:
    import re

    return re.sub(r"[A-Za-z_]\w*", lambda word: f"{word[0]}_{suffix}" if word[0] in names else word[0], text)


def main() -> int:
    good = measured("alternating layers", long_file(600), 200, 50)
    good &= measured("networks of the zoo", of_the_zoo(600), 60, 50)
    good &= measured("alternating layers", long_file(10_000), 40, 1000)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
