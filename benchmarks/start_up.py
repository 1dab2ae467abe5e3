"""How long `cnndsl check` takes as a process, beside one that only imports its two largest libraries.

Both are started in turns, 20 times each; the medians and their ratio are printed. Exit status 1 if the ratio is above
the bar.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECK = ["-m", "cnndsl", "check", str(ROOT / "examples" / "lenet.cnn")]
IMPORT = ["-c", "import lark; from pydantic import BaseModel"]
ROUNDS = 20
BAR = 1.45


def seconds(arguments: list[str], environment: dict[str, str]) -> float:
    """The time of a whole process, from before it starts until it has ended."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    # Compiled modules are what users have: they must be written, and once before the first round.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    for arguments in (CHECK, IMPORT):
        seconds(arguments, environment)
    times = [(seconds(CHECK, environment), seconds(IMPORT, environment)) for _ in range(ROUNDS)]
    check, libraries = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = check / libraries
    print(f"cnndsl check examples/lenet.cnn  {check * 1000:6.0f} ms")
    print(f"import lark, pydantic.BaseModel  {libraries * 1000:6.0f} ms")
    print(f"ratio {ratio:.2f} (at most {BAR})")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
