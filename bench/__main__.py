"""Every benchmark, one after the other: `python -m bench`, or `python -m bench NAME…`; options are for the last one.

Each prints ratios against a yardstick that is measured in the same run, because machines differ and are noisy. What
`planted` measures is the same on every machine: what the checks of the shipped suites find. `fuzz`, `kills` and
`others` run only where they are named.
"""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "startup",
    "harness",
    "concurrency",
    "many",
    "scoring",
    "store_append",
    "ingest",
    "assembling",
    "find",
    "sandbox",
    "planted",
    "redact",
)
WHEN_NAMED = ("fuzz", "kills", "others")  # they take many minutes, or need what is not installed


def main() -> None:
    """Run what was named, or all."""
    given = sys.argv[1:]
    names = next((place for place, word in enumerate(given) if word.startswith("-")), len(given))
    chosen, options = given[:names] or NAMES, given[names:]
    unknown = [name for name in chosen if name not in NAMES + WHEN_NAMED]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]}; there are: {', '.join(NAMES + WHEN_NAMED)}")
    for name in chosen:
        sys.argv = [name, *(options if name == chosen[-1] else ())]
        print(f"== {name}")
        importlib.import_module(f"bench.{name}").main()
        print()


if __name__ == "__main__":
    main()
