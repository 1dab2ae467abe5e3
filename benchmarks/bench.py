"""All benchmarks, one after the other. Exit status 1 if one misses its bar."""

import sys

from benchmarks import check_speed, start_up


def main() -> int:
    failed = False
    for benchmark in (start_up, check_speed):
        print(f"{benchmark.__name__.rpartition('.')[2]}:")
        failed = bool(benchmark.main()) or failed
        print()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
