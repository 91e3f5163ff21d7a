"""What real agents sent: nothing is found in it but the address that was in it."""

from __future__ import annotations

import gzip
from pathlib import Path

from agenteval.errors import RequestError
from agenteval.telemetry.otlp import decode_logs, decode_traces
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import RedactRules

KEPT = RedactRules(ip="mask")


def test_order_numbers_ids_amounts_and_times_of_real_agents_stay(shared: Path) -> None:
    redactor = Redactor(KEPT)
    seen, marked = 0, 0
    for path in sorted((shared / "captures").glob("*/wire/*.pb.gz")):
        body = gzip.decompress(path.read_bytes())
        try:
            before = (
                decode_logs(body) if ".logs." in path.name else decode_traces(body) if ".traces." in path.name else []
            )
        except RequestError:
            continue
        after, counts = redactor.logs(before) if ".logs." in path.name else redactor.spans(before)
        assert set(counts) <= {"email"}, path
        for old, new in zip(before, after, strict=True):
            expected = repr(old).replace("ada@example.com", "[redacted:email]")
            found = new.attributes.get("agenteval.redacted")
            marked += found is not None
            bare = (
                repr(new)
                .replace(f", 'agenteval.redacted': {found!r}", "")
                .replace(f"'agenteval.redacted': {found!r}", "")
            )
            assert bare == expected
        seen += len(before)
    assert (seen > 1000, marked > 400) == (True, True)
