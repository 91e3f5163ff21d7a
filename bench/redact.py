"""Redaction of spans with every rule on, as a share of the time that decoding the same bodies takes, in the same run.

Data: OTLP bodies of real agents in the folder that AGENTEVAL_BENCH_CAPTURES names, else ../shared/captures. The same is
printed where nothing is left to find, and megabytes a second for the slowest texts that we know.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from agenteval.core.span import Span
from agenteval.errors import RequestError
from agenteval.telemetry.otlp import decode_traces
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules

ROUNDS = 15
KNOWN = Path(__file__).resolve().parents[1].parent / "shared" / "captures"
RULES = RedactRules(ip="mask")
SLOWEST = {
    "e-mail addresses": "ada@example.com ",
    "numbers like cards": "4111 1111 1111 1112 ",
    "numbers like telephone numbers": "+49 170 12345 ",
    "keys named password": '"password": "x", ',
    "escapes": "\\u0041",
    "letters": "a",
}


def bodies() -> list[bytes]:
    """The bodies of every capture that can be decoded."""
    folder = Path(os.environ.get("AGENTEVAL_BENCH_CAPTURES", KNOWN))
    found = [gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("*/wire/*.traces.pb.gz"))]
    if not found:
        sys.exit(f"no bodies at {folder}: name a folder of captures with AGENTEVAL_BENCH_CAPTURES")
    return [body for body in found if _decodes(body)]


def _decodes(body: bytes) -> bool:
    try:
        decode_traces(body)
    except RequestError:
        return False
    return True


def seconds(work: Callable[[], object]) -> float:
    """The time of a processor that it takes, which depends little on what else runs."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print the ratios."""
    sent = bodies()
    batches = [decode_traces(body) for body in sent]
    left = [Redactor(RULES).spans(batch)[0] for batch in batches]
    count = sum(map(len, batches))
    decoding, redacting, again = [], [], []
    for _ in range(ROUNDS):
        decoding.append(seconds(lambda: [decode_traces(body) for body in sent]))
        for into, given in ((redacting, batches), (again, left)):
            redactor = Redactor(RULES)  # compiled before the clock starts, and nothing remembered
            into.append(seconds(lambda given=given, redactor=redactor: [redactor.spans(batch) for batch in given]))
    marked = sum("agenteval.redacted" in span.attributes for batch in left for span in batch)
    print(f"{count} spans, {sum(map(len, sent)) / count / 1000:.1f} kB each; something was found in {marked}")
    _line("decoding", decoding, count, decoding)
    _line("redacting", redacting, count, decoding)
    _line("redacting where nothing is left", again, count, decoding)
    for name, text in SLOWEST.items():
        _slow(name, text)


def _line(name: str, times: list[float], count: int, yardstick: list[float]) -> None:
    ratio = statistics.median(one / other for one, other in zip(times, yardstick, strict=True))
    print(f"{name:34} {count / min(times):9,.0f} spans/s at best; {ratio:.2f} of the time of decoding (median)")


def _slow(name: str, text: str) -> None:
    large = [text * (100_000 // len(text)) for _ in range(10)]
    spans = [
        Span(trace_id="0" * 32, span_id="0" * 16, name="", start_ns=0, end_ns=0, attributes={"a": one}) for one in large
    ]
    taken = min(seconds(lambda: Redactor(RULES).spans(spans)) for _ in range(3))
    print(f"{name:34} {sum(map(len, large)) / taken / 1e6:9.1f} MB/s in texts of 100 kB")


if __name__ == "__main__":
    main()
