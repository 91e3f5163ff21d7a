"""Assembly of others' spans is a function of their set: order, split and repetition make no difference."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenteval import open_store
from agenteval.core.message import Message
from agenteval.core.span import LogRecord, Span
from agenteval.intake.captures import captures_in, read_capture
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.drafts import Draft, in_order
from agenteval.telemetry.otlp import decode_logs, decode_traces
from agenteval.telemetry.understood import understood

OURS = Path(__file__).parents[2] / "traces" / "captures"
SHARED = Path(__file__).parents[3] / "shared" / "captures"
FOLDERS = [folder for root in (OURS, SHARED) if root.is_dir() for folder in captures_in(root)]


def read(folder: Path) -> tuple[list[Span], list[LogRecord]]:
    spans = [
        s for file in folder.glob("wire/*.traces.pb.gz") for s in decode_traces(gzip.decompress(file.read_bytes()))
    ]
    logs = [one for file in folder.glob("wire/*.logs.pb.gz") for one in decode_logs(gzip.decompress(file.read_bytes()))]
    return spans, logs


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_any_order_and_repetition_give_the_same_trajectories(folder: Path, chance: random.Random) -> None:
    spans, logs = read(folder)
    mixed = spans + chance.choices(spans, k=len(spans))
    mixed_logs = logs + (chance.choices(logs, k=len(logs)) if logs else [])
    chance.shuffle(mixed)
    chance.shuffle(mixed_logs)
    assert assemble(mixed, mixed_logs) == assemble(spans, logs)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_any_split_into_requests_gives_the_same_trajectories(folder: Path) -> None:
    chance = random.Random(folder.name)
    spans, logs = read(folder)
    store = open_store("memory:")
    left: list[Span | LogRecord] = [*spans, *logs]
    chance.shuffle(left)
    while left:
        size = chance.randint(1, len(left))
        some, left = left[:size], left[size:]
        store.append(
            [one for one in some if isinstance(one, Span)], [one for one in some if isinstance(one, LogRecord)]
        )
    kept = store.read(sorted({one.trace_id for one in (*spans, *logs)}))
    assert assemble(*kept) == assemble(spans, logs)
    store.close()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_part_of_the_spans_makes_no_call_that_the_whole_does_not_have(folder: Path) -> None:
    chance = random.Random(folder.name)
    capture = read_capture(folder)

    def calls(spans: list[Span]) -> int:
        return sum(step.content.kind == "tool_call" for one in assemble(spans, capture.logs) for step in one.steps)

    whole = calls(list(capture.spans))
    for _ in range(3):
        assert calls([span for span in capture.spans if chance.random() > 0.1]) <= whole + 1  # the record may end early


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_was_understood_adds_up(folder: Path) -> None:
    capture = read_capture(folder)
    result = understood(capture.spans, capture.logs)
    distinct = {(span.trace_id, span.span_id) for span in capture.spans}
    assert sum(dialect.spans for dialect in result.dialects.values()) == len(distinct)
    assert result.attributes - result.used == sum(result.unused.values())
    assert any(name != "unknown" for name in result.dialects)


def test_steps_that_nothing_tells_apart_keep_the_order_in_which_they_were_made() -> None:
    def draft() -> Draft:
        said = Message(role="user", parts=())
        return Draft(id="s", content=said, start_ns=1, end_ns=1, rank=0, node=None, run=None, scope="")

    first, *followers = drafts = [draft() for _ in range(4)]
    for follower in followers:
        follower.after.append(first)
    assert in_order(drafts) == drafts
