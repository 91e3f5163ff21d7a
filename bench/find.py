"""How long `find` takes in a large store against a small one: 95th percentile over a mix of queries, pages of 20.

The mix asks for every kind of condition: names that nearly all trajectories have, that some have and that one has,
sizes, times, words and phrases of any frequency, several together, first pages and later ones; each asked for with
values drawn at random. Both stores are made the same way, of trajectories of 15 spans. Asked: at most 3 times. SQLite
works in the asking thread, so that its processor time is what counts there; of PostgreSQL it is the time that passes.

    python -m bench find                            20 thousand spans against 100 thousand
    python -m bench find --spans 1000000 --in DIR   against a million, kept in DIR for the next time (some minutes)
    python -m bench find --postgres URL             the same in two new schemas of a PostgreSQL database
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from agenteval.core.find import Find, parse
from agenteval.core.message import text_message
from agenteval.core.outcome import Finding
from agenteval.core.ports import TraceStore
from agenteval.core.span import Span
from agenteval.core.trajectory import Content, ModelCall, Step, ToolCall, Trajectory, Usage
from agenteval.store import open_store

SMALL = 20_000
SPANS_EACH = 15
ASKED = 3.0
REPEATS = 12  # of each query, with other values
ROUNDS = 4
AT_ONCE = 200  # trajectories in one transaction
NOW_NS = 1_790_000_000 * 10**9
MINUTE_NS = 60 * 10**9
WORDS = ["".join(random.Random(n).choices("etaoinshrdlucm", k=3 + n % 8)) for n in range(20_000)]
TOOLS = [f"tool_{n}" for n in range(40)]
QUERIES = (
    "",
    "agent:agent-0",
    "agent:agent-3 status:error",
    "tool:{tool}",
    "tool:{tool} tool:{tool}",
    "-tool:{tool}",
    "model:m-1 cost>{cost}",
    "cost>{cost}",
    "cost>40",
    "tokens<{tokens}",
    "duration>{seconds}s",
    "user:user-{user}",
    "session:session-{number}",
    "trace:{trace}",
    "since:{days}d until:{days}d",
    "since:{days}d tool:{tool}",
    "{common}",
    "{word}",
    '"{common} {common}"',
    "{word} {common} agent:agent-1",
    "status:error {word}",
    "finding:refunded=fail",
    "finding:refunded=fail tool:{tool} since:{days}d",
    "verdict:fail -agent:agent-0 cost>{cost} {common}",
    "nowhere",
    "agent:nobody",
)


def trajectory(number: int) -> Trajectory:
    """One of 15 steps: what is in it depends on its number alone."""
    chance = random.Random(number)
    began = NOW_NS - number * MINUTE_NS + chance.randint(0, 10 * MINUTE_NS)

    def said(size: int) -> str:
        return " ".join(WORDS[min(int(chance.paretovariate(0.6)), len(WORDS) - 1)] for _ in range(size))

    steps: list[Step] = []
    for place in range(SPANS_EACH):
        content: Content
        if place % 3 == 0:
            content = text_message("user", said(20))
        elif place % 3 == 1:
            usage = Usage(input_tokens=chance.randint(100, 9_000), cost_usd=chance.lognormvariate(-3, 1.5))
            content = ModelCall(model=f"m-{number % 6}", usage=usage)
        else:
            tool = TOOLS[min(int(chance.paretovariate(0.8)) - 1, len(TOOLS) - 1)]
            failed = chance.random() < 0.02
            content = ToolCall(name=tool, arguments={"q": said(4)}, result=said(12), error="no" if failed else None)
        at = began + place * 10**8
        steps.append(
            Step(id=f"s{place}", index=place, content=content, start_ns=at, end_ns=at + chance.randint(1, 10**9))
        )
    return Trajectory(
        id=f"{number:032x}",
        conversation_id=f"session-{number // 3}",
        trace_ids=(f"{number:032x}",),
        steps=tuple(steps),
        agent=f"agent-{min(int(chance.paretovariate(1.0)) - 1, 5)}",
        attributes={"agenteval.user": f"user-{chance.randint(0, number // 4)}"},
    )


def spans(number: int) -> Iterator[Span]:
    """The spans of one, as small as they can be: `find` does not read them."""
    for place in range(SPANS_EACH):
        yield Span(
            trace_id=f"{number:032x}", span_id=f"{place + 1:016x}", name="chat", start_ns=place + 1, end_ns=place + 2
        )


def fill(store: TraceStore, count: int) -> None:
    """Fill a store with trajectories of so many spans, and make their facts."""
    began = time.perf_counter()
    for start in range(0, count // SPANS_EACH, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count // SPANS_EACH))
        with store.batch():
            store.append([span for number in numbers for span in spans(number)])
            for number in numbers:
                store.keep(trajectory(number))
                verdict = "fail" if number % 50 == 7 else "pass"
                found = Finding(check="refunded", verdict=verdict, reason_code="held", reason="")
                store.record("r", f"{number:032x}", [found], None)
        store.find(Find(), limit=1)
    print(f"{count} spans kept and made to be found in {time.perf_counter() - began:.0f} s")


def asked(count: int) -> list[tuple[str, Find]]:
    """Every query of the mix, several times, each time with other values."""
    chance = random.Random(3)
    made: list[tuple[str, Find]] = []
    trajectories = count // SPANS_EACH
    for query in QUERIES:
        for _ in range(REPEATS):
            days = chance.randint(1, max(2, trajectories // 1_440))
            number = chance.randrange(trajectories)
            text = query.format(
                tool=chance.choice(TOOLS),
                cost=round(chance.lognormvariate(-1, 1), 3),
                tokens=chance.randint(8_000, 40_000),
                seconds=chance.randint(1, 3),
                user=chance.randint(0, trajectories // 4),
                number=number // 3,
                trace=f"{number:032x}",
                days=days,
                common=WORDS[chance.randint(1, 5)],
                word=chance.choice(WORDS),
            )
            made.append((query, parse(text, now_ns=NOW_NS)))
    return made


def measure(store: TraceStore, count: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Milliseconds of each query with its second page, by its form: the best of some rounds, as others are at work."""
    queries = asked(count)
    best = [float("inf")] * len(queries)
    for _ in range(ROUNDS):
        for place, (_, values) in enumerate(queries):
            began = clock()
            page = store.find(values)
            if page.after is not None:
                store.find(values, after=page.after)
            best[place] = min(best[place], (clock() - began) * 1e3)
    taken: dict[str, list[float]] = {query: [] for query in QUERIES}
    for (query, _), milliseconds in zip(queries, best, strict=True):
        taken[query].append(milliseconds)
    return taken


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def main() -> None:
    """Print both, form by form and together."""
    options = argparse.ArgumentParser("find")
    options.add_argument("--spans", type=int, default=100_000)
    options.add_argument("--in", dest="folder", type=Path)
    options.add_argument("--postgres", metavar="URL")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        taken: dict[int, dict[str, list[float]]] = {}
        for count in (SMALL, given.spans):
            name = str(folder / f"find-{count}.db")
            there = Path(name).exists()
            if given.postgres:
                name, there = in_schema(given.postgres, f"find_{count}")
            store = open_store(name, assembler="1")
            if not there:
                fill(store, count)
            taken[count] = measure(store, count, time.perf_counter if given.postgres else time.thread_time)
            store.close()
    small, large = taken[SMALL], taken[given.spans]
    print(f"{'p95 in ms':60} {SMALL:>10} {given.spans:>10}")
    for query in QUERIES:
        print(f"{query or '(everything)':60} {p95(small[query]):10.2f} {p95(large[query]):10.2f}")
    whole = [p95([one for times in of.values() for one in times]) for of in (small, large)]
    print(f"{'all together':60} {whole[0]:10.2f} {whole[1]:10.2f}")
    print(f"ratio of p95  {whole[1] / whole[0]:.2f} (asked: at most {ASKED})")


def in_schema(url: str, schema: str) -> tuple[str, bool]:
    """The address of a schema, which is made where it is missing, and whether it was there."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
        if there is None:
            connection.execute(f'CREATE SCHEMA "{schema}"')
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-c search_path={schema}')}", there is not None


if __name__ == "__main__":
    main()
