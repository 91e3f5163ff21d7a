"""Files of every format are redacted before anything of them is stored, and told so; attributes are named as configured."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agenteval
from agenteval.core import semconv
from agenteval.core.ports import Query, TraceStore
from agenteval.core.traces import TraceQuery
from agenteval.core.trajectory import ToolCall, Trajectory
from agenteval.experiment.importing import import_files
from agenteval.experiment.naming import namings
from agenteval.experiment.stores import reassemble
from agenteval.intake.files import FORMATS
from agenteval.intake.serving import ServeNaming
from agenteval.telemetry.conversations import Naming
from agenteval.telemetry.otlp import decode_traces, encode_traces
from agenteval.telemetry.redact.redactor import Redactor
from agenteval.telemetry.redact.rules import CustomRule, RedactRules

REPO = Path(__file__).parents[2]
CASES = sorted(
    path
    for path in (REPO / "traces" / "conversion").glob("*/*/*")
    if path.is_file() and path.name not in {"case.yaml", "expected.json", "spans.json"}
)
WORD = re.compile(r"\b[tT]he\b")
WIRE = REPO / "traces" / "captures" / "langfuse_observe" / "wire"


def rules(**more: Any) -> RedactRules:
    return RedactRules(custom=[CustomRule(name="word", pattern=r"\b[tT]he\b")], **more)


def kept(store: TraceStore) -> str:
    """All that a store holds of what files said."""
    spans, logs = store.read([seen.trace_id for seen in store.traces(TraceQuery(limit=10_000))])
    trials = [trial for run in store.runs() for trial in store.trials(Query(run=run.id))]
    return repr([spans, logs, trials, [label.note for label in store.labels(Query())]])


@pytest.fixture
def store() -> Iterator[TraceStore]:
    made = agenteval.open_store("memory:")
    yield made
    made.close()


def test_each_format_has_a_case() -> None:
    formats = {json.loads(line)["format"] for line in _formats()}
    assert formats >= FORMATS.keys()


def _formats() -> Iterator[str]:
    for path in CASES:
        store = agenteval.open_store("memory:")
        import_files([path], store)
        text = kept(store)
        for name in FORMATS:
            if f"'import:{name}'" in text or path.parent.parent.name == name:
                yield json.dumps({"format": name})
        store.close()


@pytest.mark.parametrize("path", CASES, ids=lambda path: "-".join(path.parts[-3:]))
def test_every_format_is_redacted_before_anything_is_stored(path: Path, store: TraceStore) -> None:
    plain = agenteval.open_store("memory:")
    before = import_files([path], plain)
    said = WORD.search(kept(plain)) is not None
    plain.close()
    summary = import_files([path], store, redactor=Redactor(rules()))
    assert WORD.search(kept(store)) is None
    assert (summary.redacted["word"] > 0) == said
    assert (summary.imported, summary.tool_calls, len(summary.refused)) == (
        before.imported,
        before.tool_calls,
        len(before.refused),
    )


def test_without_content_what_happened_is_left_and_nothing_that_was_said(store: TraceStore) -> None:
    path = REPO / "traces" / "samples" / "support.jsonl"
    summary = import_files([path], store, redactor=Redactor(RedactRules(content="drop")))
    said = {text for text in re.findall(r"[A-Za-z][A-Za-z ,.']{24,}", path.read_text()) if " " in text.strip()}
    assert len(said) > 5
    assert {text for text in said if text in kept(store)} == set()
    assert summary.tool_calls == 10
    calls = [(step, call) for _, whole in store.trajectories(Query()) for step, call in whole.of(ToolCall)]
    assert {step.missing["arguments"].partition(":")[0] for step, _ in calls} == {"redacted"}
    checks = agenteval.parse_checks([{"never": {name: {"x": 1}}} for name in sorted({call.name for _, call in calls})])
    found = [finding for _, whole in store.trajectories(Query()) for finding in agenteval.evaluate(whole, checks)]
    assert {finding.verdict for finding in found if finding.reason_code != "held"} == {"unknown"}
    assert "redacted" in {finding.reason_code for finding in found}


def test_a_trajectory_without_spans_is_refused_where_it_cannot_be_redacted(store: TraceStore, tmp_path: Path) -> None:
    other = agenteval.open_store(tmp_path / "a.db")
    run = import_files([REPO / "traces" / "samples" / "support.jsonl"], other).run
    other.close()
    done = _cli(tmp_path, "export", run.id, "--store", "a.db", "-o", "all.jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    for line in lines:
        line["traces"] = {}
    (tmp_path / "bare.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert import_files([tmp_path / "bare.jsonl"], agenteval.open_store("memory:")).imported == len(lines)
    summary = import_files([tmp_path / "bare.jsonl"], store, redactor=Redactor(rules()))
    assert (summary.imported, len(summary.refused)) == (0, len(lines))
    assert "--no-redact" in summary.refused[0].why


def test_what_a_rater_noted_is_redacted_and_what_he_said_stays(store: TraceStore, tmp_path: Path) -> None:
    other = agenteval.open_store(tmp_path / "a.db")
    import_files([REPO / "traces" / "samples" / "support.jsonl"], other)
    for label in other.labels(Query()):
        other.put_label(replace(label, note="write to ada@example.com"))
    values = [label.value for label in other.labels(Query())]
    other.close()
    assert _cli(tmp_path, "export", "--store", "a.db", "-o", "all.jsonl").returncode == 0
    import_files([tmp_path / "all.jsonl"], store, redactor=Redactor(RedactRules()))
    labels = list(store.labels(Query()))
    assert {label.note for label in labels} == {"write to [redacted:email]"}
    assert [label.value for label in labels] == values


# --- the command


def _cli(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agenteval", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "HOME": str(folder), **environment},
    )


def test_the_command_redacts_by_the_table_or_as_it_is_told(tmp_path: Path) -> None:
    sample = "sample:support.jsonl"
    untold = _cli(tmp_path, "import", sample, "--store", "a.db", "--json")
    assert json.loads(untold.stdout)["redacted"] is None
    told = _cli(tmp_path, "import", "--redact", sample, "--store", "b.db")
    assert re.search(r"^redacted before anything was stored: \d+ email$", told.stdout, re.MULTILINE), told.stdout
    (tmp_path / "agenteval.toml").write_text('[redact]\nemail = "pseudonym"\n')
    no_key = _cli(tmp_path, "import", sample, "--store", "c.db")
    assert no_key.returncode == 2
    assert "[redact] email: a pseudonym needs a key" in no_key.stderr
    assert not (tmp_path / "c.db").exists()
    keyed = _cli(tmp_path, "import", sample, "--store", "c.db", "--json", AGENTEVAL_REDACT_KEY="a key for tests only")
    assert json.loads(keyed.stdout)["redacted"].keys() == {"email"}
    off = _cli(tmp_path, "import", "--no-redact", sample, "--store", "d.db", "--json")
    assert json.loads(off.stdout)["redacted"] is None
    (tmp_path / "agenteval.toml").write_text("[redact]\noff = true\n")
    assert json.loads(_cli(tmp_path, "import", sample, "--store", "e.db", "--json").stdout)["redacted"] is None
    asked = _cli(tmp_path, "import", "--redact", sample, "--store", "f.db", "--json")
    assert json.loads(asked.stdout)["redacted"].keys() == {"email"}


# --- naming


def _named(tmp_path: Path, **attributes: str) -> Path:
    spans = [
        span
        for path in sorted(WIRE.glob("*.traces.pb.gz"))
        for span in decode_traces(gzip.decompress(path.read_bytes()))
    ]
    path = tmp_path / "traces.pb"
    path.write_bytes(encode_traces([replace(span, attributes={**span.attributes, **attributes}) for span in spans]))
    return path


def test_an_import_names_sessions_and_users_as_the_receiver_does(store: TraceStore, tmp_path: Path) -> None:
    path = _named(tmp_path, **{"app.chat": "c-9", "app.customer": "ada", "app.tenant": "north"})
    known = namings([ServeNaming(project="lib", session=("app.chat",), user=("app.customer",))])
    import_files([path], store, project="lib", naming=known["lib"])
    (trial,) = store.trials(Query())
    whole = store.trajectory(trial.trajectory or "")
    assert (trial.scenario, whole.conversation_id) == ("c-9", "c-9")
    assert _people(whole) == ("ada", None)
    assert {seen.project for seen in store.traces(TraceQuery())} == {"lib"}
    reassemble(store, Query())
    assert store.trajectory(trial.trajectory or "") == whole
    later = {"lib": Naming(session=("app.customer",), user=("app.chat",), tenant=("app.tenant",))}
    reassemble(store, Query(), naming=later)
    again = store.trajectory(trial.trajectory or "")
    assert (again.conversation_id, _people(again)) == ("c-9", ("c-9", "north"))  # the conversation stays what it was


def test_the_command_names_them_by_the_table_of_the_project(tmp_path: Path) -> None:
    path = _named(tmp_path, **{"app.chat": "c-9", "app.customer": "ada"})
    (tmp_path / "agenteval.toml").write_text(
        'store = "kept.db"\n[[serve.naming]]\nproject = "lib"\nsession = ["app.chat"]\n'
        '[[serve.naming]]\nuser = ["app.customer"]\n'
    )
    for project in ("lib", "other"):
        done = _cli(tmp_path, "import", "--project", project, str(path), "--json", "--store", f"{project}.db")
        assert done.returncode == 0, done.stderr
    assert _only(tmp_path / "lib.db").conversation_id == "c-9"
    other = _only(tmp_path / "other.db")
    assert (other.conversation_id, _people(other)[0]) == ("reading-room-7", "ada")
    (tmp_path / "other.db").rename(tmp_path / "kept.db")
    (tmp_path / "agenteval.toml").write_text('store = "kept.db"\n[[serve.naming]]\nuser = ["app.chat"]\n')
    done = _cli(tmp_path, "reassemble", "--json")
    assert json.loads(done.stdout)["assembled"] == 1
    assert _people(_only(tmp_path / "kept.db"))[0] == "c-9"


def _only(path: Path) -> Trajectory:
    store = agenteval.open_store(path)
    try:
        (trial,) = store.trials(Query())
        return store.trajectory(trial.trajectory or "")
    finally:
        store.close()


def _people(whole: Trajectory) -> tuple[Any, Any]:
    return whole.attributes.get(semconv.USER), whole.attributes.get(semconv.TENANT)


def test_a_session_of_which_nothing_is_left_is_none(store: TraceStore, tmp_path: Path) -> None:
    """Two conversations whose names are one mask must not become one."""
    first = _named(tmp_path, **{"app.chat": "ada@example.com"})
    spans = decode_traces(first.read_bytes())
    second = [
        replace(span, trace_id=f"{int(span.trace_id, 16) ^ 1:032x}", start_ns=span.start_ns + 10**12) for span in spans
    ]
    second = [replace(span, attributes={**span.attributes, "app.chat": "bob@example.com"}) for span in second]
    path = tmp_path / "two.pb"
    path.write_bytes(encode_traces([*spans, *second]))
    naming = Naming(session=("app.chat",))
    for action, conversations in (("mask", {"reading-room-7"}), ("pseudonym", 2)):
        redactor = Redactor(RedactRules(email=action), b"a key for tests only")
        held = agenteval.open_store("memory:")
        import_files([path], held, redactor=redactor, naming=naming)
        names = Counter(trial.scenario for trial in held.trials(Query()))
        assert names.keys() == conversations if action == "mask" else len(names) == conversations
        held.close()
