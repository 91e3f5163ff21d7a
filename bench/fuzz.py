"""Broken telemetry in, for as long as one likes: the decoder, what undoes codings, and the assembler must bear it all.

Bodies of real agents are broken at random, as bytes, as JSON and as spans (`--seconds N`, ten minutes unless given);
then come shapes that no agent has: a chain of a hundred thousand spans, all of them roots, a circle, and so on, each at
three sizes, so that what grows faster than its input shows. Told: cases, time, the slowest case, and peak memory.
What is found ends with a traceback, after the seed that finds it again; so does a case of more than a minute. Whatever
is refused must say why.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import signal
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agenteval.core.span import LogRecord, Span, SpanEvent
from agenteval.telemetry.answers import Refused
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.otlp import JSON, PROTOBUF, encode_logs, encode_traces
from agenteval.telemetry.receive import Limits, receive

ROOT = Path(__file__).parents[1]
PLACES = (ROOT / "traces" / "captures", ROOT.parent / "shared" / "captures")
SIZES = (25_000, 50_000, 100_000)
SMALL_BODY = 300_000
LONGEST = 60  # seconds
LIMITS = Limits(body_bytes=8 * 2**20)
WORDS: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 2**64, 1.5, float("nan"), float("inf"), "", "x", "\0", "\ud800", "٣",
    "[", "{", '{"a": ', "null", "NaN", "[]", "{}", '"x"', b"", b"\xff", [], {}, [None], {"": None}, [[[[[]]]]],
    "9" * 5000, '[{"role": "tool"}]', '{"messages": [[[]]]}', '[{"type": "tool_call", "arguments": "{"}]',
    "[" * 3000, '{"role": 3}',
)  # fmt: skip


# --- what is broken


def bodies(place: Path) -> list[tuple[str, bytes]]:
    """The bodies of captures that are small enough to be broken many times, by signal."""
    return [
        (file.name.split(".")[1], body)
        for file in sorted(place.glob("*/wire/*.pb.gz"))
        if len(body := gzip.decompress(file.read_bytes())) < SMALL_BODY
    ]


def broken_bytes(chance: random.Random, body: bytes, other: bytes) -> bytes:
    """A body with some of its bytes changed, lost, moved, repeated, or those of another in between."""
    broken = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at, to = sorted(chance.randrange(len(broken) + 1) for _ in range(2))
        way = chance.randrange(7)
        if way == 0 and broken:
            broken[at % len(broken)] ^= 1 << chance.randrange(8)
        elif way == 1 and broken:
            broken[at % len(broken)] = chance.choice((0, 0x7F, 0x80, 0xFF))
        elif way == 2:
            del broken[at : min(to, at + chance.choice((1, 10, 10_000)))]
        elif way == 3:
            broken[at:at] = broken[at : min(to, at + 10_000)]
        elif way == 4:
            broken[at:at] = chance.randbytes(chance.choice((1, 4, 64)))
        elif way == 5:
            start = chance.randrange(len(other) + 1)
            broken[at:at] = other[start : start + chance.choice((10, 1_000))]
        else:
            del broken[to:]
    return bytes(broken)


def broken_json(chance: random.Random, value: Any) -> Any:
    """A JSON value with some of what it holds exchanged for something else."""
    if chance.random() < 0.003:
        return chance.choice([word for word in WORDS if not isinstance(word, bytes)])
    if isinstance(value, dict):
        return {
            chance.choice((key, key, key, "x")) if chance.random() < 0.003 else key: broken_json(chance, held)
            for key, held in value.items()
        }
    if isinstance(value, list):
        return [broken_json(chance, held) for held in value for _ in range(2 if chance.random() < 0.003 else 1)]
    return value


def broken_spans(chance: random.Random, spans: Sequence[Span]) -> list[Span]:
    """Spans of which some are lost, doubled, other people's children, of other times, or say something else."""
    ids = [span.span_id for span in spans] or ["0" * 16]
    return [
        broken_span(chance, span, ids) if chance.random() < 0.3 else span
        for span in chance.sample(list(spans), len(spans))
        for _ in range(chance.choices((1, 0, 2), (30, 1, 1))[0])
    ]


def broken_span(chance: random.Random, span: Span, ids: Sequence[str]) -> Span:
    """A span that says something else somewhere."""
    way = chance.randrange(6)
    if way == 0:
        return replace(span, parent_id=chance.choice((*ids, None, "f" * 16)))
    if way == 1:
        return replace(span, start_ns=chance.choice((0, 2**64 - 1, span.end_ns + 1)))
    if way == 2:
        return replace(span, name=chance.choice(("", "\ud800", "x" * 5000, "execute_tool ", "chat")))
    if way == 3 and span.events:
        return replace(span, events=tuple(chance.choices(span.events, k=chance.randrange(4))))
    if way == 4:
        kept = {key: value for key, value in span.attributes.items() if chance.random() < 0.7}
        return replace(span, attributes=kept)
    changed = {
        key: broken_value(chance, value) if chance.random() < 0.2 else value for key, value in span.attributes.items()
    }
    return replace(span, attributes=changed)


def broken_value(chance: random.Random, value: Any) -> Any:
    """Another value, or what is left of a text; within the JSON of a text, too."""
    if not isinstance(value, str) or chance.random() < 0.4:
        return chance.choice(WORDS)
    if chance.random() < 0.5 and value[:1] in ("[", "{"):
        try:
            return json.dumps(broken_json(chance, json.loads(value)))
        except (ValueError, RecursionError):
            return value[: len(value) // 2]
    return value[: chance.randrange(len(value) + 1)]


# --- what must bear it


CODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


def one_case(chance: random.Random, known: Sequence[tuple[str, bytes]]) -> str:
    """Break one body, read it, and assemble what was read; gives what became of it."""
    (signal, body), (_, other) = chance.choice(known), chance.choice(known)
    way = chance.choice(("bytes", "coded", "json", "spans"))
    if way == "bytes":
        return f"{way}: {told(signal, broken_bytes(chance, body, other), PROTOBUF)}"
    if way == "coded":
        coding = chance.choice((*CODERS, "zstd"))
        coded = CODERS[coding](body) if coding in CODERS else b"\x28\xb5\x2f\xfd" + body[:500]
        return f"{way}: {told(signal, broken_bytes(chance, coded, other), PROTOBUF, coding)}"
    read = receive("POST", f"/v1/{signal}", {"content-type": PROTOBUF}, body, LIMITS)
    if way == "json":
        text = encode_traces(read.spans, JSON) if signal == "traces" else encode_logs(read.logs, JSON)
        broken = json.dumps(broken_json(chance, json.loads(text))).encode()
        if chance.random() < 0.2:
            broken = broken_bytes(chance, broken, other)
        return f"{way}: {told(signal, broken, JSON)}"
    used(broken_spans(chance, read.spans), read.logs)
    return f"{way}: assembled"


def told(signal: str, body: bytes, kind: str, coding: str = "identity") -> str:
    """Read a request, and assemble what it brought."""
    headers = {"content-type": kind, "content-encoding": coding}
    try:
        received = receive("POST", f"/v1/{signal}", headers, body, LIMITS)
    except Refused as refused:
        if not refused.message or refused.kind.http not in (400, 413):
            raise AssertionError(f"refused with {refused.kind}: {refused.message}") from refused
        return "refused"
    used(received.spans, received.logs)
    return "assembled"


def used(spans: Sequence[Span], logs: Sequence[LogRecord] = ()) -> None:
    """Assemble spans, and look at every step."""
    for trajectory in assemble(spans, logs):
        for step in trajectory.steps:
            assert step.id


# --- shapes that no agent has


def many(n: int, parent: Callable[[int], int | None], **attributes: Any) -> list[Span]:
    """Spans of one trace, of which each has the parent that it is given."""
    return [
        Span(
            trace_id="ab" * 16,
            span_id=f"{number + 1:016x}",
            parent_id=None if (above := parent(number)) is None else f"{above + 1:016x}",
            name="chat m",
            start_ns=number,
            end_ns=2 * n - number,
            attributes={key: value(number) if callable(value) else value for key, value in attributes.items()},
        )
        for number in range(n)
    ]


CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "look",
    "gen_ai.tool.call.arguments": lambda number: f'{{"n": {number}}}',
}
OPENINFERENCE = {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 1}


def asking(n: int) -> str:
    """A message that asks for many tool calls."""
    calls = [{"type": "tool_call", "name": "look", "arguments": {"n": number}} for number in reversed(range(n))]
    return json.dumps([{"role": "assistant", "parts": calls}])


def event(number: int) -> SpanEvent:
    """An event of a producer that says everything by events."""
    return SpanEvent(name="gen_ai.user.message", at_ns=number, attributes={"content": f"said {number}"})


def logs(n: int) -> list[LogRecord]:
    """Log records of one span."""
    return [
        LogRecord(
            trace_id="ab" * 16, span_id=f"{1:016x}", at_ns=number, name="gen_ai.user.message", body={"content": "said"}
        )
        for number in range(n)
    ]


SHAPES: dict[str, Callable[[int], tuple[list[Span], list[LogRecord]]]] = {
    "roots": lambda n: (many(n, lambda _: None, **CHAT), []),
    "a chain of model calls": lambda n: (many(n, lambda at: at - 1 if at else None, **CHAT), []),
    "a chain of agents": lambda n: (many(n, lambda at: at - 1 if at else None, **AGENT), []),
    "a chain of tool calls": lambda n: (many(n, lambda at: at - 1 if at else None, **TOOL), []),
    "a chain of OpenInference": lambda n: (many(n, lambda at: at - 1 if at else None, **OPENINFERENCE), []),
    "a chain of nothing known": lambda n: (many(n, lambda at: at - 1 if at else None), []),
    "a circle": lambda n: (many(n, lambda at: (at - 1) % n, **CHAT), []),
    "each its own parent": lambda n: (many(n, lambda at: at, **AGENT), []),
    "all beneath one": lambda n: (many(n, lambda at: 0 if at else None, **TOOL), []),
    "all orphans": lambda n: (many(n, lambda at: n + at, **CHAT), []),
    "a comb": lambda n: (many(n, lambda at: (at - 2 if at % 2 == 0 else at - 1) if at else None, **AGENT), []),
    "one span again and again": lambda n: (many(1, lambda _: None, **CHAT) * n, []),
    "one id, other contents": lambda n: ([replace(span, span_id="cd" * 8) for span in many(n, lambda _: None)], []),
    "traces of one session": lambda n: (
        [
            replace(span, trace_id=f"{at + 1:032x}")
            for at, span in enumerate(many(n, lambda _: None, **CHAT, **{"session.id": "s"}))
        ],
        [],
    ),
    "many attributes": lambda n: (many(1, lambda _: None, **CHAT, **{f"k{at}": at for at in range(n)}), []),
    "many messages by index": lambda n: (
        many(1, lambda _: None, **OPENINFERENCE, **{f"llm.input_messages.{at}.message.role": "x" for at in range(n)}),
        [],
    ),
    "many events": lambda n: ([replace(many(1, lambda _: None, **CHAT)[0], events=tuple(map(event, range(n))))], []),
    "many log records": lambda n: (many(1, lambda _: None, **CHAT), logs(n)),
    "many requests and calls": lambda n: (  # without ids
        [
            *many(1, lambda _: None, **CHAT, **{"gen_ai.output.messages": asking(n)}),
            *[replace(span, span_id=f"{at + 10:016x}") for at, span in enumerate(many(n, lambda _: None, **TOOL))],
        ],
        [],
    ),
    "a huge text": lambda n: (many(1, lambda _: None, **CHAT, **{"gen_ai.input.messages": "x" * (n * 500)}), []),
    "a huge text of brackets": lambda n: (many(1, lambda _: None, **CHAT, **{"gen_ai.input.messages": "[{" * n}), []),
    "a cut JSON text": lambda n: (many(1, lambda _: None, **CHAT, **{"gen_ai.output.messages": asking(n)[:-9]}), []),
}


def grown(name: str, sizes: Sequence[int]) -> list[float]:
    """Seconds of processor time that a shape takes at each size."""
    taken: list[float] = []
    for n in sizes:
        spans, records = SHAPES[name](n)
        began = time.process_time()
        used(spans, records)
        taken.append(time.process_time() - began)
    return taken


# --- the run


def cases(seed: int) -> Iterator[tuple[int, random.Random]]:
    """Sources of chance without end, each known by its seed."""
    while True:
        yield seed, random.Random(seed)
        seed += 1


def main() -> None:
    """Break bodies for some time, then try the shapes."""
    options = argparse.ArgumentParser(prog="fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--shape", choices=SHAPES, action="append", help="this shape alone; may be repeated")
    given = options.parse_args()
    if not given.shape:
        break_bodies(given.seconds, given.seed)
    for name in given.shape or SHAPES:
        taken = grown(name, SIZES)
        growth = taken[-1] / max(taken[0], 0.01)
        print(f"{name:28}" + "".join(f"{seconds:8.2f} s" for seconds in taken) + f"   {growth:5.1f} times", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def too_long(number: int, frame: Any) -> None:
    """End a case that takes too long where it is."""
    raise TimeoutError(f"a case takes more than {LONGEST} s")


def break_bodies(seconds: float, seed: int) -> None:
    """Break bodies for so long, and tell what became of them."""
    known = [body for place in PLACES for body in bodies(place)]
    outcomes: Counter[str] = Counter()
    slowest = (0.0, seed)
    signal.signal(signal.SIGALRM, too_long)
    began = time.monotonic()
    for number, chance in cases(seed):
        if time.monotonic() - began > seconds:
            break
        at = time.process_time()
        signal.alarm(LONGEST)
        try:
            outcomes[one_case(chance, known)] += 1
        except BaseException:
            print(f"seed {number}: python -m bench fuzz --seconds 1 --seed {number}", file=sys.stderr)
            raise
        signal.alarm(0)
        slowest = max(slowest, (time.process_time() - at, number))
    print(f"{outcomes.total()} cases of {len(known)} bodies in {time.monotonic() - began:.0f} s")
    for name, times in sorted(outcomes.items()):
        print(f"  {name:20} {times:8}")
    print(f"slowest {slowest[0]:.2f} s (seed {slowest[1]})")


if __name__ == "__main__":
    main()
