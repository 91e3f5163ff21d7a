"""What real agents sent: nothing is found in it but the address that was in it, and it is assembled as before."""

from __future__ import annotations

import gzip
import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import ModelCall, Trajectory, Usage
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.otlp import decode_logs, decode_traces
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules


def test_order_numbers_ids_amounts_and_times_of_real_agents_stay(shared: Path) -> None:
    redactor = Redactor(RedactRules(ip="mask", phone_regions=["US", "DE"]))
    seen, marked = 0, 0
    for folder in captures(shared):
        spans, logs = sent(folder)
        left, counts = redactor.spans(spans)
        records, more = redactor.logs(logs)
        assert {*counts, *more} <= {"email"}, folder.name
        for old, new in zip([*spans, *logs], [*left, *records], strict=True):
            found = f"'agenteval.redacted': {new.attributes.get('agenteval.redacted')!r}"
            marked += found in repr(new)
            bare = repr(new).replace(f", {found}", "").replace(found, "")
            assert bare == repr(old).replace("ada@example.com", "[redacted:email]")
        seen += len(spans) + len(logs)
    assert (seen > 1000, marked > 400) == (True, True)


def test_trajectories_of_pseudonyms_are_those_of_the_values(shared: Path) -> None:
    key = b"a key of the tests, not secret"
    redactor = Redactor(RedactRules(email="pseudonym"), key)
    mark = f"[email:{hmac.new(key, b'email' + bytes(1) + b'ada@example.com', hashlib.sha256).hexdigest()[:16]}]"
    for folder in captures(shared):
        spans, logs = sent(folder)
        before = assemble(spans, logs)
        after = assemble(redactor.spans(spans)[0], redactor.logs(logs)[0])
        expected = [repr([step.content for step in one.steps]).replace("ada@example.com", mark) for one in before]
        assert [repr([step.content for step in one.steps]) for one in after] == expected, folder.name


def test_without_content_the_calls_are_there_and_nothing_that_was_said(shared: Path) -> None:
    redactor = Redactor(RedactRules(content="drop"))
    for folder in captures(shared):
        spans, logs = sent(folder)
        left, records = redactor.spans(spans)[0], redactor.logs(logs)[0]
        for said in ("ada@example.com", "A-1002", "TRK-9", "notebook"):
            assert said not in repr(left) + repr(records), folder.name
        before, after = assemble(spans, logs), assemble(left, records)
        assert _models(before) == _models(after), folder.name


def _models(trajectories: Sequence[Trajectory]) -> Counter[tuple[str | None, int | None, int | None]]:
    """What was asked of models, in any order: without content, bare calls are not known to belong together.

    Cached tokens are not compared, which some senders tell only beside the answer.
    """
    calls = [step.content for one in trajectories for step in one.steps if isinstance(step.content, ModelCall)]
    usages = [call.usage or Usage(input_tokens=None, output_tokens=None) for call in calls]
    return Counter((call.model, use.input_tokens, use.output_tokens) for call, use in zip(calls, usages, strict=True))


def captures(shared: Path) -> list[Path]:
    found = sorted(path.parent for path in (shared / "captures").glob("*/wire"))
    assert len(found) > 40
    return found


def sent(folder: Path) -> tuple[list[Span], list[LogRecord]]:
    bodies = {path.name: gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("wire/*.pb.gz"))}
    spans = [span for name, body in bodies.items() if ".traces." in name for span in decode_traces(body)]
    return spans, [record for name, body in bodies.items() if ".logs." in name for record in decode_logs(body)]
