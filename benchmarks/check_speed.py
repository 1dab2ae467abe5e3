"""How long `cnndsl check` takes for long files and for deep networks, printing included.

One file of 10,000 written layers, then 1,000, 10,000 and 100,000 layers by `repeat`. The growth exponent is the slope
between the last two on logarithmic scales: 1 is linear. Exit status 1 if the file or the exponent is above its bar.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = 10_000
REPEATED = (1_000, 10_000, 100_000)
SECONDS_BAR = 2.5
EXPONENT_BAR = 1.2
LAYERS = ("conv 8 3x3 pad=1 bias=false", "batchnorm", "relu", "maxpool 3x3 stride=1 pad=1")


def long_file(layers: int) -> str:
    """A line a layer, no two neighbours alike."""
    lines = [
        f"conv {8 + index % 7} 3x3 pad=1 bias=false" if index % 4 == 0 else LAYERS[index % 4] for index in range(layers)
    ]
    return "input 3@32x32\n" + "\n".join(lines) + "\n"


def deep_network(layers: int) -> str:
    return f"input 8@32x32\nrepeat {layers // len(LAYERS)} {{ {'; '.join(LAYERS)} }}\n"


def seconds(text: str, layers: int) -> float:
    """The best of three runs of the whole process; its output must name the last layer and the count."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "net.cnn")
        file.write_text(text, encoding="utf-8")
        times = []
        for _ in range(3):
            start = time.perf_counter()
            command = [sys.executable, "-m", "cnndsl", "check", str(file)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            times.append(time.perf_counter() - start)
            if f"maxpool{layers // 4}" not in done.stdout or f"{layers} layers" not in done.stdout:
                raise SystemExit("the table is not complete")
    return min(times)


def main() -> int:
    written = seconds(long_file(WRITTEN), WRITTEN)
    print(f"{WRITTEN:>9,} layers, a line each  {written:6.2f} s (at most {SECONDS_BAR})")
    repeated = {layers: seconds(deep_network(layers), layers) for layers in REPEATED}
    for layers, duration in repeated.items():
        print(f"{layers:>9,} layers by repeat    {duration:6.2f} s")
    *_, before, last = REPEATED
    exponent = math.log(repeated[last] / repeated[before]) / math.log(last / before)
    print(f"growth exponent {exponent:.2f} (at most {EXPONENT_BAR})")
    return 0 if written <= SECONDS_BAR and exponent <= EXPONENT_BAR else 1


if __name__ == "__main__":
    sys.exit(main())
