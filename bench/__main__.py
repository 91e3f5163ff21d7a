"""Every benchmark, one after the other: `python -m bench`, or `python -m bench NAME…`.

Each prints ratios against a yardstick that is measured in the same run, because machines differ and are noisy.
"""

from __future__ import annotations

import importlib
import sys

NAMES = ("startup", "harness", "concurrency", "many", "scoring", "store_append", "sandbox")


def main() -> None:
    """Run what was named, or all."""
    chosen = sys.argv[1:] or NAMES
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]}; there are: {', '.join(NAMES)}")
    for name in chosen:
        print(f"== {name}")
        importlib.import_module(f"bench.{name}").main()
        print()


if __name__ == "__main__":
    main()
