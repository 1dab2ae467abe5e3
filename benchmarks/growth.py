"""How the time for a construct grows with its size: seconds at three sizes, each twice the one before.

    python -m benchmarks.growth [NAME ...] [--size N]

The constructs are those of ``tests/test_growth.py``, which counts their calls. ``--size`` is the largest number of them
(default: four times the test's). Best of three runs in CPU time; with an exponent of 1 time follows the size.
"""

import argparse
import math
import time
from collections.abc import Callable
from functools import partial

from tests.test_growth import CONSTRUCTS

ROUNDS = 3


def seconds(prepare: Callable[[], Callable[[], object]]) -> float:
    """The least CPU time of a few runs, each on input of its own."""
    times = []
    for _ in range(ROUNDS):
        work = prepare()
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds by size.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="constructs (default: all)")
    parser.add_argument("--size", type=int, metavar="N", help="the largest size (default: four times the test's)")
    options = parser.parse_args()
    print(f"{'construct':44}{'n':>8}{'n/4':>9}{'n/2':>9}{'n':>9}  exponent")
    for name in options.names or CONSTRUCTS:
        construct = CONSTRUCTS[name]
        size = options.size or 4 * construct.least
        construct.prepare(construct.least)()
        small, middle, large = (seconds(partial(construct.prepare, n)) for n in (size // 4, size // 2, size))
        exponent = math.log2(max(large, 1e-9) / max(middle, 1e-9))
        print(f"{name:44}{size:8,}{small:9.3f}{middle:9.3f}{large:9.3f}  {exponent:8.2f}", flush=True)


if __name__ == "__main__":
    main()
