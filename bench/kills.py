"""Kills `agenteval serve` with SIGKILL while clients send, again and again (`--kills N`, twenty unless given).

After each kill every span that was acknowledged is in the store once, and a request without an answer is there whole
or not at all. Half of what was acknowledged, and all that was not, is sent again to the next receiver. At the end each
of them is there once, and nothing else is.

    python -m bench kills                   a new SQLite file
    python -m bench kills --postgres URL    a new schema of a PostgreSQL database
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from agenteval import open_store
from agenteval.core.span import Span
from agenteval.telemetry.otlp import encode_traces
from bench.find import in_schema
from bench.ingest import HEADERS, Serving

EACH = 20
CLIENTS = 6
WAITS = (0.02, 1.5)  # seconds of load before a kill, at least and at most
READ_AT_ONCE = 500


def body(number: int) -> bytes:
    """The request of a number: spans of one trace."""
    spans = [
        Span(
            trace_id=f"{number:032x}",
            span_id=f"{place:016x}",
            name="chat",
            start_ns=place,
            end_ns=place + 1,
            attributes={"said": f"{number} {place} " * 100},
        )
        for place in range(1, EACH + 1)
    ]
    return gzip.compress(encode_traces(spans), 1)


class Load:
    """Clients that send one request after the other until the receiver is gone."""

    def __init__(self, serving: Serving, numbers: Iterator[int]) -> None:
        self._serving = serving
        self._numbers = numbers
        self._lock = threading.Lock()
        self.acknowledged: set[int] = set()
        self.sent: set[int] = set()
        self._threads = [threading.Thread(target=self._send) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all of them noticed."""
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        connection = self._serving.connect()
        try:
            while True:
                with self._lock:
                    number = next(self._numbers)
                    self.sent.add(number)
                connection.request("POST", "/v1/traces", body=body(number), headers=HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    with self._lock:
                        self.acknowledged.add(number)
        except (OSError, http.client.HTTPException):
            connection.close()


def stored(url: str, numbers: Sequence[int]) -> Counter[int]:
    """How many spans of each request are in the store."""
    store = open_store(url)
    try:
        waiting, found = iter(numbers), Counter[int]()
        while some := list(islice(waiting, READ_AT_ONCE)):
            spans, _ = store.read([f"{number:032x}" for number in some])
            found.update(int(span.trace_id, 16) for span in spans)
            assert len({(span.trace_id, span.span_id) for span in spans}) == len(spans), "a span is there twice"
        return found
    finally:
        store.close()


def send_again(serving: Serving, numbers: Sequence[int]) -> None:
    """Deliver requests once more."""
    connection = serving.connect()
    for number in numbers:
        connection.request("POST", "/v1/traces", body=body(number), headers=HEADERS)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    connection.close()


def main() -> None:
    """Kill and look, then tell what was found."""
    options = argparse.ArgumentParser(prog="kills", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--postgres", metavar="URL")
    given = options.parse_args()
    chance, numbers = random.Random(given.seed), count(1)
    known: set[int] = set()
    sent_again = lost_answers = 0
    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "store.db")
        if given.postgres:
            url, _ = in_schema(given.postgres, f"kills_{time.time_ns()}")
        again: list[int] = []
        for _ in range(given.kills):
            serving = Serving(Path(folder), url)
            send_again(serving, again)
            load = Load(serving, numbers)
            time.sleep(chance.uniform(*WAITS))
            serving.process.kill()
            serving.process.wait()
            load.join()
            known |= load.acknowledged | set(again)
            found = stored(url, sorted(load.sent | known))
            short = {number: found[number] for number in known if found[number] != EACH}
            assert not short, f"acknowledged and not there: {short}"
            halves = {number: found[number] for number in load.sent if found[number] not in (0, EACH)}
            assert not halves, f"there in part: {halves}"
            unanswered = load.sent - load.acknowledged
            lost_answers += sum(found[number] == EACH for number in unanswered)
            again = sorted({*unanswered, *(number for number in load.acknowledged if number % 2)})
            sent_again += len(again)
        serving = Serving(Path(folder), url)
        send_again(serving, again)
        assert serving.counted("conflicting_spans_total") == 0
        serving.end()
        every = list(range(1, next(numbers)))
        found = stored(url, every)
        assert all(found[number] == EACH for number in every), "not each of them is there once"
    print(f"{given.kills} kills: {len(every)} requests of {EACH} spans, {sent_again} sent again")
    print(f"  stored but not answered {lost_answers}; lost 0, in part 0, twice 0")


if __name__ == "__main__":
    main()
